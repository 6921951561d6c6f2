#include "config/options.hpp"
#include "protocol/auth/scram.hpp"
#include "proxy/admin/admin_api.hpp"
#include "proxy/command_line.hpp"
#include "rotation/audit.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/proxy/admin/control_plane_fake.hpp"
#include "tests/unit/proxy/admin/loop_thread.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

namespace rekey::proxy {
namespace {

struct Ran {
    int code = -1;
    std::string out, err;
};

Ran run(std::vector<std::string> arguments, std::string_view input = {}) {
    tests::TemporaryDirectory directory;
    auto file = directory / "input";
    tests::write_text(file, input);
    int saved = ::dup(STDIN_FILENO), fd = ::open(file.c_str(), O_RDONLY);
    ::dup2(fd, STDIN_FILENO);
    arguments.insert(arguments.begin(), "rekey");
    std::vector<const char*> argv;
    for (auto& argument : arguments)
        argv.push_back(argument.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Ran ran;
    ran.code = run_command_line(static_cast<int>(argv.size()), argv.data());
    ran.out = testing::internal::GetCapturedStdout();
    ran.err = testing::internal::GetCapturedStderr();
    ::dup2(saved, STDIN_FILENO);
    ::close(saved);
    ::close(fd);
    return ran;
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

constexpr std::string_view good_file = R"(
listeners: [{ name: pg, address: "127.0.0.1:6432" }]
users: [{ name: app, password: { value: secret } }]
credentials: [{ name: orders-app, source: { type: file, path: orders.json } }]
upstreams: [{ name: orders, hosts: ["127.0.0.1:5432"], credential: orders-app }]
routes: [{ listener: pg, database: "*", user: app, upstream: orders }]
)";

TEST(CommandLine, ExplainsItself) {
    auto help = run({"--help"});
    EXPECT_EQ(help.code, exit_done);
    for (std::string_view command : {"run", "check", "rotate", "status", "reload", "audit", "hash-password", "options"})
        EXPECT_TRUE(holds(help.out, command)) << command;
    auto version = run({"--version"});
    EXPECT_EQ(version.code, exit_done);
    EXPECT_TRUE(version.out.starts_with("rekey 0."));
}

TEST(CommandLine, AWrongCommandLineIsAUsageError) {
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {},
             {"dance"},
             {"run"},
             {"check"},
             {"check", "-c"},
             {"rotate"},
             {"rotate", "a"},
             {"rotate", "a", "--admin", "https://localhost:1"},
             {"rotate", "a", "--admin", "http://localhost:1", "--deadline", "30s"},
             {"rotate", "a", "--admin", "http://localhost:1", "--emergency", "--deadline", "soon"},
             {"rotate", "a", "--admin", "http://localhost:1", "--recover", "--dry-run"},
             {"status"},
             {"reload"},
             {"status", "--yaml"},
             {"audit"},
             {"audit", "verify"}}) {
        auto ran = run(wrong);
        EXPECT_EQ(ran.code, exit_usage) << testing::PrintToString(wrong);
        EXPECT_FALSE(ran.err.empty()) << testing::PrintToString(wrong);
    }
}

TEST(CommandLine, CheckSumsUpAGoodFile) {
    tests::TemporaryDirectory directory;
    tests::write_text(directory / "rekey.yaml", good_file);
    auto ran = run({"check", "-c", directory / "rekey.yaml"});
    EXPECT_EQ(ran.code, exit_done) << ran.err;
    EXPECT_TRUE(holds(ran.out, "ok: 1 listener, 1 user, 1 credential, 1 upstream, 1 route")) << ran.out;
}

TEST(CommandLine, CheckNamesEveryMistake) {
    tests::TemporaryDirectory directory;
    tests::write_text(directory / "rekey.yaml", std::string(good_file) + "worker: 2\nlimit: {}\n");
    auto ran = run({"check", "-c", directory / "rekey.yaml"});
    EXPECT_EQ(ran.code, exit_usage);
    EXPECT_TRUE(holds(ran.err, "rekey.yaml:7")) << ran.err;
    EXPECT_TRUE(holds(ran.err, "rekey.yaml:8")) << ran.err;
    EXPECT_EQ(run({"run", "-c", directory / "rekey.yaml"}).code, exit_usage);
    EXPECT_EQ(run({"check", "-c", directory / "missing.yaml"}).code, exit_usage);
}

TEST(CommandLine, HashesAPasswordFromItsInput) {
    auto ran = run({"hash-password"}, "correct horse\n");
    EXPECT_EQ(ran.code, exit_done);
    auto verifier = protocol::auth::ScramVerifier::parse(std::string_view(ran.out).substr(0, ran.out.size() - 1));
    ASSERT_TRUE(verifier) << ran.out;
    auto expected = protocol::auth::scram_verifier("correct horse", verifier->salt, verifier->iterations);
    EXPECT_EQ(verifier->stored_key, expected.stored_key);
    EXPECT_NE(run({"hash-password"}, "correct horse\n").out, ran.out) << "the salt is random";
}

TEST(CommandLine, HashesAPasswordAsAUser) {
    auto ran = run({"hash-password", "--user", "app"}, "correct horse");
    EXPECT_TRUE(holds(ran.out, "- name: app\n")) << ran.out;
    EXPECT_TRUE(holds(ran.out, "verifier: \"SCRAM-SHA-256$4096:"));
    EXPECT_EQ(run({"hash-password"}, "").code, exit_usage);
}

TEST(CommandLine, PrintsEveryOption) {
    auto ran = run({"options", "--markdown"});
    EXPECT_EQ(ran.code, exit_done);
    EXPECT_EQ(ran.out, config::options_markdown());
}

TEST(CommandLine, VerifiesAnAuditLog) {
    tests::TemporaryDirectory directory;
    auto path = directory / "audit.jsonl";
    {
        rotation::AuditFile audit(path);
        audit.record({std::chrono::system_clock::time_point{}, rotation::AuditEvent::fetch, "a", "", 1, "ok", {}});
        audit.record({std::chrono::system_clock::time_point{}, rotation::AuditEvent::publish, "a", "", 1, "ok", {}});
    }
    auto good = run({"audit", "verify", path});
    EXPECT_EQ(good.code, exit_done) << good.err;
    EXPECT_TRUE(holds(good.out, "ok: 2 records")) << good.out;

    tests::write_text(directory / "rekey.yaml", std::string(good_file) + "audit: { path: audit.jsonl }\n");
    EXPECT_EQ(run({"audit", "verify", "-c", directory / "rekey.yaml"}).code, exit_done);

    auto text = tests::read_text(path);
    text.replace(text.find("fetch"), 5, "xetch");
    tests::write_text(path, text);
    auto bad = run({"audit", "verify", path});
    EXPECT_EQ(bad.code, exit_failed);
    EXPECT_TRUE(holds(bad.err, "line 1")) << bad.err;
    EXPECT_EQ(run({"audit", "verify", directory / "missing"}).code, exit_failed);
}

class RemoteCommandTest : public testing::Test {
  protected:
    RemoteCommandTest() {
        control.report = admin::busy_report();
        control.replies["orders-app"] = {rotation::RotationOutcome::done, "", 4, ""};
        config::Address address;
        address.host = "127.0.0.1";
        thread.on_loop([&] {
            server.emplace(thread.loop, address, make_admin_api(control, {protocol::Secret("token-1"), true}));
        });
        url = "http://127.0.0.1:" + std::to_string(server->port());
        tests::write_text(directory / "token", "token-1\n");
    }
    ~RemoteCommandTest() override {
        thread.on_loop([this] { server.reset(); });
    }

    Ran ask(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--admin", url, "--token-file", directory / "token"});
        return run(std::move(arguments));
    }

    admin::FakeControlPlane control;
    admin::LoopThread thread;
    std::optional<admin::HttpServer> server;
    std::string url;
    tests::TemporaryDirectory directory;
};

TEST_F(RemoteCommandTest, RotateStartsARotation) {
    auto ran = ask({"rotate", "orders-app"});
    EXPECT_EQ(ran.code, exit_done) << ran.err;
    EXPECT_EQ(ran.out, "orders-app: rotation started\n");
}

TEST_F(RemoteCommandTest, RotateTellsTheEndItWaitedFor) {
    auto ran = ask({"rotate", "orders-app", "--wait", "--emergency", "--deadline", "45s"});
    EXPECT_EQ(ran.code, exit_done) << ran.err;
    EXPECT_EQ(ran.out, "orders-app: done (generation 4)\n");
    EXPECT_TRUE(control.last_request.emergency);
    EXPECT_EQ(control.last_request.deadline, std::chrono::seconds(45));
}

TEST_F(RemoteCommandTest, RotateFailsWithTheReason) {
    using rotation::RotationOutcome;
    for (auto outcome : {RotationOutcome::held, RotationOutcome::failed, RotationOutcome::rolled_back}) {
        control.replies["orders-app"] = {outcome, "the server refused it", 3, ""};
        auto ran = ask({"rotate", "orders-app", "--wait"});
        EXPECT_EQ(ran.code, exit_failed);
        EXPECT_TRUE(holds(ran.err, ": the server refused it")) << ran.err;
        EXPECT_EQ(ran.out, "");
    }
    control.replies["orders-app"] = {RotationOutcome::unchanged, "", 3, ""};
    EXPECT_EQ(ask({"rotate", "orders-app", "--wait"}).code, exit_done);
}

TEST_F(RemoteCommandTest, RotatePrintsThePlanOfADryRun) {
    control.replies["orders-app"].plan = "fetch\nverify\n";
    auto ran = ask({"rotate", "orders-app", "--dry-run"});
    EXPECT_EQ(ran.code, exit_done);
    EXPECT_TRUE(ran.out.starts_with("fetch\nverify\n")) << ran.out;
}

TEST_F(RemoteCommandTest, AnUnknownCredentialOrAWrongTokenIsAUsageError) {
    auto unknown = ask({"rotate", "other"});
    EXPECT_EQ(unknown.code, exit_usage);
    EXPECT_TRUE(holds(unknown.err, "no credential is named \"other\"")) << unknown.err;
    tests::write_text(directory / "token", "token-2");
    auto wrong = ask({"rotate", "orders-app"});
    EXPECT_EQ(wrong.code, exit_usage);
    EXPECT_TRUE(holds(wrong.err, "token")) << wrong.err;
    EXPECT_FALSE(holds(wrong.err, "token-2")) << "never the token itself";
}

TEST_F(RemoteCommandTest, StatusIsATableOrJson) {
    control.report.not_ready = {"credential x is not published yet"};
    auto table = ask({"status"});
    EXPECT_EQ(table.code, exit_done);
    for (std::string_view part :
         {"not ready", "credential x is not published yet", "orders-app", "replacing", "orders/shop", "UNLISTEN *"}) {
        EXPECT_TRUE(holds(table.out, part)) << part << " in\n" << table.out;
    }
    auto json = ask({"status", "--json"});
    EXPECT_EQ(json.code, exit_done);
    EXPECT_TRUE(json.out.starts_with("{\"version\":"));
}

TEST_F(RemoteCommandTest, ReloadTellsWhatChanged) {
    control.reload_reply = {{}, {"upstreams[orders].pool.size: 5 becomes 9"}, {"workers needs a restart"}};
    auto ran = ask({"reload"});
    EXPECT_EQ(ran.code, exit_done);
    EXPECT_EQ(ran.out, "upstreams[orders].pool.size: 5 becomes 9\nreloaded\n");
    EXPECT_EQ(ran.err, "workers needs a restart\n");
    control.reload_reply = {{"rekey.yaml:3: bad"}, {}, {}};
    auto bad = ask({"reload"});
    EXPECT_EQ(bad.code, exit_usage);
    EXPECT_TRUE(bad.err.starts_with("rekey.yaml:3: bad\n")) << bad.err;
}

TEST_F(RemoteCommandTest, TakesAddressAndTokenFromTheFile) {
    auto address = url.substr(std::string("http://").size());
    tests::write_text(directory / "rekey.yaml",
                      std::string(good_file) + "admin: { address: \"" + address + "\", token: { file: token } }\n");
    EXPECT_EQ(run({"status", "-c", directory / "rekey.yaml"}).code, exit_done);
    EXPECT_EQ(run({"reload", "-c", directory / "rekey.yaml"}).code, exit_done);
    EXPECT_EQ(control.reloads, 1);
}

TEST_F(RemoteCommandTest, SaysWhenNothingIsThere) {
    thread.on_loop([this] { server.reset(); });
    for (auto command : {std::vector<std::string>{"status"}, {"reload"}, {"rotate", "orders-app"}}) {
        auto ran = ask(command);
        EXPECT_EQ(ran.code, exit_unreachable) << ran.err;
        EXPECT_TRUE(holds(ran.err, "not reachable")) << ran.err;
    }
}

} // namespace
} // namespace rekey::proxy
