#include "rotation/source.hpp"
#include "rotation/sources/child_process.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rekey::rotation {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::string_view password = "s3cret-Passw0rd";

ChildCommand shell(std::string script, milliseconds timeout = milliseconds(20'000)) {
    ChildCommand command;
    command.arguments = {"/bin/sh", "-c", std::move(script)};
    command.environment.emplace_back("PATH=/usr/bin:/bin");
    command.timeout = timeout;
    return command;
}

TEST(ChildProcess, ReturnsWhatItWrote) {
    auto result = run_child(shell("printf out; printf err >&2"));
    EXPECT_EQ(result.failure, "");
    EXPECT_EQ(result.output.reveal(), "out");
    EXPECT_EQ(result.errors.reveal(), "err");
}

TEST(ChildProcess, PassesArgumentsWithoutAShell) {
    ChildCommand command;
    command.arguments = {"/bin/echo", "-n", "$HOME; `id` > x", ""};
    EXPECT_EQ(run_child(command).output.reveal(), "$HOME; `id` > x ");
}

TEST(ChildProcess, SearchesThePath) {
    ChildCommand command;
    command.arguments = {"true"};
    EXPECT_EQ(run_child(command).failure, "");
}

TEST(ChildProcess, HasTheGivenEnvironmentOnly) {
    ASSERT_EQ(::setenv("REKEY_TEST_SECRET", "x", 1), 0);
    ChildCommand command;
    command.arguments = {"/usr/bin/env"};
    command.environment.emplace_back("ONLY=this one");
    EXPECT_EQ(run_child(command).output.reveal(), "ONLY=this one\n");
    ::unsetenv("REKEY_TEST_SECRET");
}

TEST(ChildProcess, HasNoInputAndNoOtherDescriptor) {
    int inherited = ::open("/dev/null", O_RDONLY); // without O_CLOEXEC
    auto result = run_child(shell("cat; cd /proc/self/fd && echo *"));
    ::close(inherited);
    std::string open(result.output.reveal());
    EXPECT_TRUE(open == "0 1 2\n" || open == "0 1 2 3\n") << open << "(3: the directory that the shell lists)";
}

TEST(ChildProcess, TellsHowItEnded) {
    EXPECT_EQ(run_child(shell("exit 3")).failure, "ended with exit status 3");
    EXPECT_EQ(run_child(shell("kill -TERM $$")).failure, "was ended by signal 15");
    ChildCommand command;
    command.arguments = {"/no/such/program"};
    EXPECT_EQ(run_child(command).failure, "could not be started: No such file or directory");
    tests::TemporaryDirectory directory;
    tests::write_text(directory / "plain", "");
    command.arguments = {directory / "plain"};
    EXPECT_EQ(run_child(command).failure, "could not be started: Permission denied");
}

TEST(ChildProcess, IsKilledWithItsWholeGroupWhenItsTimeIsOver) {
    tests::TemporaryDirectory directory;
    ASSERT_EQ(::mkfifo((directory / "alive").c_str(), 0600), 0);
    int alive = ::open((directory / "alive").c_str(), O_RDONLY | O_NONBLOCK);
    auto started = Steady::now();
    // Grandchildren that ignore signals, hold the pipes and the FIFO open, and would live for minutes.
    auto result = run_child(shell("exec 3>" + directory / "alive" +
                                      "; trap '' TERM HUP INT; "
                                      "(sleep 300 & sleep 300) & printf " +
                                      std::string(password) + "; sleep 300",
                                  milliseconds(300)));
    EXPECT_EQ(result.failure, "did not end within 300 ms and was killed");
    EXPECT_LT(Steady::now() - started, std::chrono::seconds(60));
    // The end of the FIFO comes when the last of them is gone.
    pollfd end{alive, POLLIN, 0};
    EXPECT_EQ(::poll(&end, 1, 20'000), 1);
    EXPECT_EQ(end.revents, POLLHUP);
    ::close(alive);
}

TEST(ChildProcess, IsNotHeldUpByAGrandchildThatKeepsThePipe) {
    auto started = Steady::now();
    auto result = run_child(shell("sleep 300 & printf done"));
    EXPECT_EQ(result.failure, "");
    EXPECT_EQ(result.output.reveal(), "done");
    EXPECT_LT(Steady::now() - started, std::chrono::seconds(15));
}

TEST(ChildProcess, MayCloseItsOutputAndGoOn) {
    auto result = run_child(shell("printf early; exec >&- 2>&-; /bin/true; /bin/true; exit 4"));
    EXPECT_EQ(result.failure, "ended with exit status 4");
}

TEST(ChildProcess, MayWriteAsMuchAsTheLimit) {
    auto command = shell("head -c 65536 /dev/zero | tr '\\0' x");
    auto result = run_child(command);
    EXPECT_EQ(result.failure, "");
    EXPECT_EQ(result.output.size(), 65536u);
    command = shell("head -c 65537 /dev/zero | tr '\\0' x; sleep 300");
    result = run_child(command);
    EXPECT_EQ(result.failure, "wrote more than 65536 bytes and was killed");
    EXPECT_EQ(run_child(shell("yes")).failure, "wrote more than 65536 bytes and was killed");
}

TEST(ChildProcess, MayComplainWithoutLimit) {
    auto result = run_child(shell("head -c 1000000 /dev/zero | tr '\\0' e >&2; printf out"));
    EXPECT_EQ(result.failure, "");
    EXPECT_EQ(result.output.reveal(), "out");
    EXPECT_EQ(result.errors.size(), 8192u);
}

TEST(ChildProcess, LeavesNoDescriptorAndNoZombie) {
    auto open_descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    auto before = open_descriptors();
    for (int i = 0; i < 10; ++i)
        run_child(shell(i % 2 == 0 ? "exit 1" : "sleep 300", milliseconds(10)));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

class ExecSource : public ::testing::Test {
  protected:
    void SetUp() override {
        configuration_.source.type = config::SourceType::exec;
        configuration_.source.command = {"/bin/sh", "-c", ""};
        configuration_.source.timeout = config::Duration(20'000);
    }
    FetchResult fetch(std::string script) {
        for (auto at = script.find("PW"); at != std::string::npos; at = script.find("PW", at + password.size()))
            script.replace(at, 2, password);
        configuration_.source.command[2] = script;
        auto source = make_source(
            configuration_, environment_, watcher_,
            [this](LogLevel level, std::string_view text) {
                log_ += text;
                worst_ = std::max(worst_, level);
            },
            protocol::Secret("key"));
        EXPECT_EQ(source->type(), "exec");
        FetchResult result;
        source->fetch([&](FetchResult arrived) { result = std::move(arrived); });
        environment_.run_ready();
        EXPECT_EQ(result.error.find(password), std::string::npos) << result.error;
        EXPECT_EQ(log_.find(password), std::string::npos) << log_;
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        return result;
    }

    config::Credential configuration_;
    tests::ManualEnvironment environment_;
    tests::ManualWatcher watcher_;
    std::string log_;
    LogLevel worst_ = LogLevel::debug;
};

TEST_F(ExecSource, ReadsACredential) {
    auto result = fetch(R"(printf '{"version":1,"username":"orders","password":"PW","version_id":"7"}')");
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "orders");
    EXPECT_EQ(result.credential->password.reveal(), password);
    EXPECT_EQ(result.credential->version, "7");
    EXPECT_EQ(log_, "");
}

TEST_F(ExecSource, GivesEqualContentAnEqualVersion) {
    auto first = fetch(R"(printf '{"version":1,"username":"orders","password":"PW"}')");
    auto second = fetch(R"(printf '{"password":"PW","username":"orders"}')");
    auto third = fetch(R"(printf '{"password":"PW","username":"order"}')");
    ASSERT_TRUE(first.credential && second.credential && third.credential);
    EXPECT_EQ(first.credential->version.size(), 16u);
    EXPECT_EQ(first.credential->version, second.credential->version);
    EXPECT_NE(first.credential->version, third.credential->version);
}

TEST_F(ExecSource, PassesTheConfiguredVariables) {
    ASSERT_EQ(::setenv("REKEY_TEST_PASSED", "orders", 1), 0);
    ASSERT_EQ(::setenv("REKEY_TEST_KEPT", "kept", 1), 0);
    configuration_.source.environment = {"REKEY_TEST_PASSED", "REKEY_TEST_UNSET"};
    auto result = fetch(
        R"(printf '{"username":"%s","password":"%s"}' "$REKEY_TEST_PASSED" "${PATH:+path}${REKEY_TEST_KEPT-no}")");
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "orders");
    EXPECT_EQ(result.credential->password.reveal(), "pathno");
    ::unsetenv("REKEY_TEST_PASSED");
    ::unsetenv("REKEY_TEST_KEPT");
}

TEST_F(ExecSource, RunsPluginsOfKubectlForAConfiguredUser) {
    configuration_.source.user = "orders";
    auto result = fetch(R"(case $KUBERNETES_EXEC_INFO in *'"apiVersion":"client.authentication.k8s.io/v1"'*))"
                        R"( printf '{"kind":"ExecCredential","status":{"token":"PW"}}';; esac)");
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "orders");
    EXPECT_EQ(result.credential->password.reveal(), password);
}

TEST_F(ExecSource, FailsWithTheProgram) {
    auto result = fetch(R"(printf '{"username":"orders","password":"PW"}'; echo 'no ticket for PW' >&2; exit 2)");
    EXPECT_EQ(result.error, "exec: /bin/sh ended with exit status 2");
    EXPECT_EQ(worst_, LogLevel::warn);
    EXPECT_NE(log_.find("no ticket for [hidden]"), std::string::npos) << log_;
}

TEST_F(ExecSource, FailsWhenTheTimeIsOver) {
    configuration_.source.timeout = config::Duration(50);
    EXPECT_EQ(fetch("sleep 300").error, "exec: /bin/sh did not end within 50 ms and was killed");
}

TEST_F(ExecSource, ShowsNoOutputThatItCannotRead) {
    for (auto script : {"printf PW", "printf '{\"username\":\"PW\"'", "printf '{\"username\":\"PW\",\"password\":7}'",
                        "printf '[\"PW\"]'", "echo PW >&2; printf PW", "echo password PW >&2; exit 1",
                        "printf PW; printf PW >&2; exit 1", "printf 'postgres://u:PW@host/db' >&2; exit 1"})
        EXPECT_NE(fetch(script).error.find("exec: /bin/sh"), std::string::npos) << script;
}

TEST_F(ExecSource, CallsNobodyBackAfterItsEnd) {
    configuration_.source.command[2] = "printf x";
    auto source = make_source(configuration_, environment_, watcher_, nullptr);
    int calls = 0;
    source->fetch([&](FetchResult) { ++calls; });
    source.reset();
    environment_.run_ready();
    EXPECT_EQ(calls, 0);
}

TEST(MakeSource, HasNoneForTheLocalStore) {
    config::Credential configuration;
    configuration.source.type = config::SourceType::local;
    tests::ManualEnvironment environment;
    tests::ManualWatcher watcher;
    EXPECT_EQ(make_source(configuration, environment, watcher, nullptr), nullptr);
}

} // namespace
} // namespace rekey::rotation
