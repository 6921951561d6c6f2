#include "proxy/admin/admin_client.hpp"
#include "proxy/admin/admin_token.hpp"
#include "proxy/application.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/proxy/admin/data_plane_fake.hpp"
#include "tests/unit/proxy/admin/loop_thread.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace rekey::proxy {
namespace {

constexpr std::string_view base = R"(
listeners:
  - { name: pg, address: "127.0.0.1:0" }
users:
  - { name: app, password: { value: secret } }
credentials:
  - { name: orders-app, source: { type: file, path: orders.json }, refresh: 5s }
  - { name: spare, source: { type: file, path: spare.json } }
upstreams:
  - { name: orders, hosts: ["127.0.0.1:5432"], credential: orders-app, pool: { size: 5 } }
routes:
  - { listener: pg, database: "*", user: app, upstream: orders }
store: { path: store, key: { value: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" } }
admin: { address: "127.0.0.1:0" }
)";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    auto at = text.find(from);
    EXPECT_NE(at, std::string_view::npos) << from;
    return std::string(text.substr(0, at)) + std::string(to) + std::string(text.substr(at + from.size()));
}

class ApplicationTest : public testing::Test {
  protected:
    ~ApplicationTest() override {
        thread.stop();
        application.reset();
    }

    ApplicationParts parts() {
        ApplicationParts fakes;
        fakes.make_data_plane = [this](DataPlaneOptions options) {
            plane.options = std::move(options);
            return std::make_unique<FakeDataPlane>(plane);
        };
        fakes.make_rotator = [this](const config::Credential& configuration, std::unique_ptr<rotation::Source> source,
                                    const rotation::RotatorPorts& ports) {
            auto& rotator = rotators[configuration.name];
            rotator.ports = ports;
            rotator.had_source = source != nullptr;
            rotator.status.name = configuration.name;
            return std::make_unique<FakeRotator>(rotator);
        };
        fakes.make_source = [](auto&&...) { return nullptr; };
        fakes.load = [](const std::string& path, const config::Config* previous) {
            return config::load(path, previous);
        };
        return fakes;
    }

    void start(std::string_view text = base) {
        tests::write_text(file, text);
        auto loaded = config::load(file);
        for (auto& error : loaded.errors)
            ADD_FAILURE() << error;
        ASSERT_TRUE(loaded.ok());
        thread.on_loop([&] {
            application = std::make_unique<Application>(loaded.config, thread.loop, log, parts());
            application->start();
        });
    }

    admin::AdminResponse ask(const std::string& method, const std::string& target) {
        config::Address address;
        address.host = "127.0.0.1";
        address.port = thread.on_loop([this] { return application->admin_port(); });
        auto token = admin::read_token(directory / "store/admin.token");
        return admin::ask_admin(address, {method, target, &token});
    }

    admin::ReloadReply reload(std::string_view text) {
        tests::write_text(file, text);
        std::promise<admin::ReloadReply> reply;
        thread.loop.post(
            [&] { application->reload([&](const admin::ReloadReply& result) { reply.set_value(result); }); });
        return reply.get_future().get();
    }

    void publish(const std::string& name) {
        thread.on_loop([&] {
            auto credential = std::make_shared<rotation::Credential>();
            credential->name = name;
            rotators[name].current = credential;
            rotators[name].ready();
        });
    }

    tests::TemporaryDirectory directory;
    std::string file = directory / "rekey.yaml";
    DataPlaneLog plane;
    RotatorLogs rotators;
    admin::Logging log{"error", config::LogFormat::text};
    admin::LoopThread thread;
    std::unique_ptr<Application> application;
};

TEST_F(ApplicationTest, StartsARotatorForEveryCredential) {
    start();
    EXPECT_TRUE(plane.started);
    EXPECT_EQ(plane.options.mock_secret.size(), 32U);
    EXPECT_NE(plane.options.self_signed_certificate.find("BEGIN CERTIFICATE"), std::string::npos);
    EXPECT_EQ(rotators["orders-app"].started, 1);
    EXPECT_EQ(rotators["spare"].started, 1);
    EXPECT_EQ(rotators["spare"].ports.environment, &thread.loop);
}

TEST_F(ApplicationTest, KeepsItsSecretsInTheStore) {
    start();
    auto mock = plane.options.mock_secret.clone();
    auto certificate = plane.options.self_signed_certificate;
    auto token = admin::read_token(directory / "store/admin.token").clone();
    thread.on_loop([this] { application.reset(); });
    EXPECT_TRUE(plane.stopped);
    start();
    EXPECT_EQ(plane.options.mock_secret.reveal(), mock.reveal());
    EXPECT_EQ(plane.options.self_signed_certificate, certificate);
    EXPECT_EQ(admin::read_token(directory / "store/admin.token").reveal(), token.reveal());
}

TEST_F(ApplicationTest, RemembersWhatServersSayOfThemselves) {
    start();
    EXPECT_TRUE(plane.options.mysql_servers.empty());
    const MysqlServer server{"9.7.4", false, 1, 255};
    thread.on_loop([&] {
        plane.options.server_learnt("gone", server); // of no upstream
        plane.options.server_learnt("orders", {"8.4.9", false, 1, 255});
        plane.options.server_learnt("orders", server);
        application.reset();
    });
    start();
    EXPECT_EQ(plane.options.mysql_servers, (MysqlServerMap{{"orders", server}}));
}

TEST_F(ApplicationTest, WarnsOfAListenerInFrontOfServersOfTwoKinds) {
    auto text = replaced(base, "name: pg,", "name: my, protocol: mysql,");
    text = replaced(text, "  - { name: orders,",
                    "  - { name: bank, protocol: mysql, hosts: [\"127.0.0.1:3307\"], credential: spare }\n"
                    "  - { name: orders, protocol: mysql,");
    text = replaced(text, "routes:\n  - { listener: pg,",
                    "routes:\n  - { listener: my, database: bank, user: \"*\", upstream: bank }\n"
                    "  - { listener: my,");
    start(text);
    thread.on_loop([&] { plane.options.server_learnt("orders", {"9.7.4", false, 1, 255}); });
    EXPECT_EQ(ask("GET", "/api/status").body.find("listener my: its routes lead to"), std::string::npos);
    thread.on_loop([&] { plane.options.server_learnt("bank", {"11.8.3-MariaDB", true, 1, 45}); });
    EXPECT_NE(ask("GET", "/api/status").body.find("listener my: its routes lead to"), std::string::npos);
    EXPECT_TRUE(reload(replaced(text, "protocol: mysql, address", "server_version: 8.4.5, protocol: mysql, address"))
                    .errors.empty());
    EXPECT_NE(ask("GET", "/api/status").body.find("listener my: its routes lead to"), std::string::npos); // on restart
    thread.on_loop([&] { application.reset(); });
    start(replaced(text, "protocol: mysql, address", "server_version: 8.4.5, protocol: mysql, address"));
    EXPECT_EQ(ask("GET", "/api/status").body.find("listener my: its routes lead to"), std::string::npos);
}

TEST_F(ApplicationTest, MakesNoCertificateThatNobodyNeeds) {
    start(replaced(base, "address: \"127.0.0.1:0\" }\nusers",
                   "address: \"127.0.0.1:0\", tls: { mode: disable } }\nusers"));
    EXPECT_EQ(plane.options.self_signed_certificate, "");
}

TEST_F(ApplicationTest, SaysWhichListenerCannotBeOpened) {
    plane.fail_to_start = true;
    EXPECT_THROW(start(), std::runtime_error);
}

TEST_F(ApplicationTest, DoesNotStartBesideAnotherOnTheSameStore) {
    start();
    admin::ControlLoop other_loop;
    DataPlaneLog other_plane;
    auto fakes = parts();
    Application other(config::load(file).config, other_loop, log, std::move(fakes));
    try {
        other.start();
        FAIL() << "two processes on one store";
    } catch (const std::runtime_error& error) {
        EXPECT_TRUE(std::string(error.what()).starts_with("store: ")) << error.what();
    }
}

TEST_F(ApplicationTest, IsReadyWhenEveryCredentialOfAnUpstreamIsPublished) {
    start();
    rotators["orders-app"].status.state = rotation::RotationState::held;
    rotators["orders-app"].status.reason = "orders.json: No such file or directory";
    auto response = ask("GET", "/readyz");
    EXPECT_EQ(response.status, 503U);
    EXPECT_EQ(response.body, "not ready\ncredential orders-app of upstream orders is not published yet (held): "
                             "orders.json: No such file or directory\n");
    publish("orders-app"); // `spare` is of no upstream
    EXPECT_EQ(ask("GET", "/readyz").status, 200U);
}

TEST_F(ApplicationTest, HandsARefusedLoginToTheCredentialsRotator) {
    start();
    thread.on_loop([this] {
        plane.options.refused("orders-app", rotation::Generation{7}, "28P01");
        plane.options.refused("unknown", rotation::Generation{7}, "28P01");
    });
    EXPECT_EQ(rotators["orders-app"].refused, std::vector<std::uint64_t>{7});
    EXPECT_TRUE(rotators["spare"].refused.empty());
}

TEST_F(ApplicationTest, LetsARotatorUseAnothersCredential) {
    start();
    publish("spare");
    thread.on_loop([this] {
        auto& ports = rotators["orders-app"].ports;
        EXPECT_EQ(ports.current_of("spare"), rotators["spare"].current);
        EXPECT_EQ(ports.current_of("orders-app"), nullptr);
        EXPECT_EQ(ports.current_of("unknown"), nullptr);
    });
}

TEST_F(ApplicationTest, RotatesThroughTheAdminPort) {
    start();
    rotators["orders-app"].reply = {rotation::RotationOutcome::done, "", 2, ""};
    auto response = ask("POST", "/api/rotate?credential=orders-app&wait=1");
    EXPECT_EQ(response.status, 200U);
    ASSERT_EQ(rotators["orders-app"].requests.size(), 1U);
    EXPECT_NE(ask("GET", "/api/status").body.find("\"upstreams\":[\"orders\"]"), std::string::npos);
}

TEST_F(ApplicationTest, AnEmergencyHasADeadline) {
    start();
    ask("POST", "/api/rotate?credential=orders-app&emergency=1");
    ask("POST", "/api/rotate?credential=orders-app&emergency=1&deadline=5s");
    ask("POST", "/api/rotate?credential=orders-app");
    auto& requests = rotators["orders-app"].requests;
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_EQ(requests[0].deadline, std::chrono::seconds(30));
    EXPECT_EQ(requests[1].deadline, std::chrono::seconds(5));
    EXPECT_FALSE(requests[2].deadline);
}

TEST_F(ApplicationTest, AReloadWithoutAChangeTouchesNothing) {
    start();
    auto reply = reload(base);
    EXPECT_TRUE(reply.errors.empty());
    EXPECT_TRUE(reply.changes.empty());
    EXPECT_TRUE(plane.applied.empty());
    EXPECT_EQ(rotators["orders-app"].reconfigured, 0);
}

TEST_F(ApplicationTest, AReloadAppliesWhatChanged) {
    start();
    auto text = replaced(replaced(base, "size: 5", "size: 9"), "refresh: 5s", "refresh: 9s");
    auto reply = reload(text);
    ASSERT_EQ(reply.changes.size(), 2U);
    EXPECT_TRUE(reply.needs_restart.empty());
    ASSERT_EQ(plane.applied.size(), 1U);
    EXPECT_EQ(plane.applied[0]->find_upstream("orders")->pool.size, 9U);
    EXPECT_EQ(rotators["orders-app"].reconfigured, 1);
    EXPECT_EQ(rotators["spare"].reconfigured, 0);
}

TEST_F(ApplicationTest, AReloadStartsAndStopsRotators) {
    start();
    auto text = replaced(base, "name: spare, source: { type: file, path: spare.json }",
                         "name: other, source: { type: file, path: other.json }");
    EXPECT_TRUE(reload(text).errors.empty());
    EXPECT_EQ(rotators["spare"].stopped, 1);
    EXPECT_EQ(rotators["other"].started, 1);
    EXPECT_EQ(ask("POST", "/api/rotate?credential=spare").status, 404U);
    EXPECT_EQ(ask("POST", "/api/rotate?credential=other").status, 202U);
}

TEST_F(ApplicationTest, AReloadNamesWhatNeedsARestartAndAppliesTheRest) {
    start();
    auto text = replaced(replaced(base, "size: 5", "size: 9"), "orders.json", "elsewhere.json");
    auto reply = reload(text);
    EXPECT_EQ(reply.changes.size(), 1U);
    ASSERT_EQ(reply.needs_restart.size(), 1U);
    EXPECT_NE(reply.needs_restart[0].find("credentials[orders-app].source.path"), std::string::npos);
    ASSERT_EQ(plane.applied.size(), 1U);
    EXPECT_TRUE(plane.applied[0]->find_credential("orders-app")->source.path.ends_with("orders.json"));
    EXPECT_EQ(reload(text).needs_restart.size(), 1U) << "it still waits";
}

TEST_F(ApplicationTest, AWrongFileChangesNothing) {
    start();
    auto reply = reload(replaced(base, "size: 5", "sizes: 5"));
    ASSERT_EQ(reply.errors.size(), 1U);
    EXPECT_NE(reply.errors[0].find("rekey.yaml:"), std::string::npos);
    EXPECT_TRUE(plane.applied.empty());
    EXPECT_EQ(ask("POST", "/api/reload").status, 422U);
    EXPECT_NE(ask("GET", "/metrics").body.find("rekey_reloads_total{result=\"failed\"} 2"), std::string::npos);
}

TEST_F(ApplicationTest, ReloadsThatComeTogetherAreAllAnswered) {
    start();
    std::promise<int> all;
    int answered = 0;
    thread.loop.post([&] {
        for (int i = 0; i < 3; ++i)
            application->reload([&](const admin::ReloadReply& reply) {
                EXPECT_TRUE(reply.errors.empty());
                if (++answered == 3)
                    all.set_value(answered);
            });
    });
    EXPECT_EQ(all.get_future().get(), 3);
}

TEST_F(ApplicationTest, ShutsDownWhenTheClientsAreDone) {
    start();
    thread.on_loop([this] { application->shutdown("test"); });
    EXPECT_EQ(rotators["orders-app"].stopped, 1);
    EXPECT_FALSE(plane.stopped);
    auto response = ask("GET", "/readyz");
    EXPECT_EQ(response.status, 503U);
    EXPECT_NE(response.body.find("shutting down"), std::string::npos);
    EXPECT_EQ(ask("POST", "/api/reload").status, 422U);
    EXPECT_EQ(ask("POST", "/api/rotate?credential=orders-app&wait=1").status, 409U);
    thread.loop.post([this] { plane.shutdown_done(); });
    thread.join();
    EXPECT_TRUE(plane.stopped);
    EXPECT_FALSE(application->ended_at_once());
    application.reset();
}

TEST_F(ApplicationTest, ASecondShutdownEndsAtOnce) {
    start();
    thread.loop.post([this] {
        application->shutdown("first");
        application->shutdown("second");
        application->shutdown("third");
        plane.shutdown_done(); // too late to matter
    });
    thread.join();
    EXPECT_TRUE(plane.stopped);
    EXPECT_TRUE(application->ended_at_once());
    application.reset();
}

} // namespace
} // namespace rekey::proxy
