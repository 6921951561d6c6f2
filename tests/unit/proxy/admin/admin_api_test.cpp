#include "proxy/admin/admin_api.hpp"
#include "proxy/admin/base64.hpp"
#include "tests/unit/proxy/admin/control_plane_fake.hpp"

#include <boost/json.hpp>

#include <gtest/gtest.h>

namespace rekey::proxy::admin {
namespace {

using namespace std::chrono_literals;

class AdminApiTest : public testing::Test {
  protected:
    AdminApiTest() {
        control.report = busy_report();
        control.replies["orders-app"] = {rotation::RotationOutcome::done, "", 4, ""};
        open(true);
    }

    void open(bool on_loopback) { api = make_admin_api(control, {protocol::Secret("token-1"), on_loopback}); }

    // The target is split as the server does.
    HttpReply ask(const std::string& method, const std::string& target, const std::string& authorization = "",
                  const std::string& host = "localhost:6430") {
        HttpRequest request;
        EXPECT_TRUE(parse_target(target, request));
        request.method = method;
        request.authorization = authorization;
        request.host = host;
        answers = 0;
        HttpReply result;
        api(request, [&](HttpReply reply) {
            ++answers;
            result = std::move(reply);
        });
        return result;
    }
    HttpReply change(const std::string& target) { return ask("POST", target, "Bearer token-1"); }
    static boost::json::object json(const HttpReply& reply) { return boost::json::parse(reply.body).as_object(); }

    FakeControlPlane control;
    HttpHandler api;
    int answers = 0;
};

TEST_F(AdminApiTest, IsAliveEvenWhenNotReady) {
    control.report.not_ready = {"credential orders-app of upstream orders is not published yet"};
    EXPECT_EQ(ask("GET", "/healthz").status, 200U);
    auto reply = ask("GET", "/readyz");
    EXPECT_EQ(reply.status, 503U);
    EXPECT_EQ(reply.body, "not ready\ncredential orders-app of upstream orders is not published yet\n");
}

TEST_F(AdminApiTest, IsReadyWhenNothingIsMissing) {
    auto reply = ask("GET", "/readyz");
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.body, "ready\n");
}

TEST_F(AdminApiTest, ServesMetricsInPrometheusFormat) {
    auto reply = ask("GET", "/metrics");
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_NE(reply.body.find("rekey_client_connections 3"), std::string::npos);
}

TEST_F(AdminApiTest, ServesTheStatusAsJson) {
    auto reply = ask("GET", "/api/status");
    EXPECT_EQ(reply.content_type, "application/json");
    auto status = json(reply);
    EXPECT_TRUE(status.at("ready").as_bool());
    EXPECT_EQ(status.at("uptime_seconds").to_number<double>(), 90);
    auto& credential = status.at("credentials").at(0);
    EXPECT_EQ(credential.at("name"), "orders-app");
    EXPECT_EQ(credential.at("state"), "replacing");
    EXPECT_EQ(credential.at("progress").at("old_left"), 1);
    EXPECT_EQ(credential.at("upstreams").at(0), "orders");
    EXPECT_TRUE(credential.at("next_rotation").is_null());
    EXPECT_EQ(status.at("pools").at(0).at("clients_waiting"), 2);
    EXPECT_EQ(status.at("generations").as_array().size(), 2U);
    EXPECT_EQ(status.at("pinned_sessions").at(0).at("freed_by"), "UNLISTEN *");
    EXPECT_EQ(status.at("totals").at("client_errors").at("wait_timeout"), 4);
}

TEST_F(AdminApiTest, ServesAPageThatLoadsNothingElse) {
    auto reply = ask("GET", "/");
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.content_type, "text/html; charset=utf-8");
    for (std::string_view outside : {"http://", "https://", "src=", "@import", "innerHTML"})
        EXPECT_EQ(reply.body.find(outside), std::string::npos) << outside;
    ASSERT_FALSE(reply.headers.empty());
    EXPECT_TRUE(reply.headers[0].second.starts_with("default-src 'none'"));
}

TEST_F(AdminApiTest, KnowsNoOtherPath) {
    EXPECT_EQ(ask("GET", "/nothing").status, 404U);
    EXPECT_EQ(ask("GET", "/api").status, 404U);
}

TEST_F(AdminApiTest, WantsTheRightMethod) {
    EXPECT_EQ(ask("POST", "/metrics").status, 405U);
    EXPECT_EQ(ask("POST", "/healthz").status, 405U);
    EXPECT_EQ(ask("GET", "/api/rotate?credential=orders-app", "Bearer token-1").status, 405U);
    EXPECT_EQ(ask("GET", "/api/reload", "Bearer token-1").status, 405U);
    EXPECT_TRUE(control.rotated.empty());
    EXPECT_EQ(control.reloads, 0);
}

TEST_F(AdminApiTest, ChangesNothingWithoutTheToken) {
    for (std::string authorization :
         {"", "token-1", "Bearer ", "Bearer token-2", "Bearer token-1 ", "bearer token-1", "Basic dXNlcjp0b2tlbi0x"}) {
        EXPECT_EQ(ask("POST", "/api/rotate?credential=orders-app", authorization).status, 401U) << authorization;
        EXPECT_EQ(ask("POST", "/api/reload", authorization).status, 401U) << authorization;
    }
    EXPECT_TRUE(control.rotated.empty());
    EXPECT_EQ(control.reloads, 0);
}

TEST_F(AdminApiTest, AnEmptyTokenAdmitsNobody) {
    api = make_admin_api(control, {protocol::Secret(), true});
    EXPECT_EQ(ask("POST", "/api/reload", "Bearer ").status, 401U);
    EXPECT_EQ(ask("POST", "/api/reload", "").status, 401U);
}

TEST_F(AdminApiTest, AnswersOnlyToLoopbackNamesOnLoopback) {
    for (std::string host : {"", "localhost", "LOCALHOST.evil.example", "evil.example:6430", "127.evil.example",
                             "127.0.0.1:6430", "127.1.2.3", "[::1]:6430", "[::2]", "[::1", "localhost:6430"}) {
        bool ours = host.empty() || host.starts_with("localhost") || host == "127.0.0.1:6430" || host == "127.1.2.3" ||
                    host == "[::1]:6430";
        EXPECT_EQ(ask("GET", "/api/status", "", host).status, ours ? 200U : 421U) << host;
    }
}

TEST_F(AdminApiTest, AsksForTheTokenEverywhereButHealthWhenNotOnLoopback) {
    open(false);
    EXPECT_EQ(ask("GET", "/healthz", "", "db.example").status, 200U);
    EXPECT_EQ(ask("GET", "/readyz", "", "db.example").status, 200U);
    for (std::string path : {"/", "/metrics", "/api/status", "/nothing"})
        EXPECT_EQ(ask("GET", path, "", "db.example").status, 401U) << path;
    EXPECT_EQ(ask("GET", "/metrics", "Bearer token-1", "db.example").status, 200U);
    auto browser = "Basic " + base64_encoded("anybody:token-1");
    EXPECT_EQ(ask("GET", "/", browser, "db.example").status, 200U);
    EXPECT_EQ(ask("GET", "/", "Basic " + base64_encoded("anybody:wrong"), "db.example").status, 401U);
    EXPECT_EQ(ask("GET", "/", "Basic " + base64_encoded("token-1"), "db.example").status, 401U);
    EXPECT_EQ(ask("POST", "/api/reload", browser, "db.example").status, 401U) << "a browser could be led to it";
}

TEST_F(AdminApiTest, TellsStrangersThatItIsNotReadyAndNotWhy) {
    open(false);
    control.report.not_ready = {"/run/secrets/orders.json cannot be read"};
    auto stranger = ask("GET", "/readyz", "", "db.example");
    EXPECT_EQ(stranger.status, 503U);
    EXPECT_EQ(stranger.body, "not ready\n");
    auto operating = ask("GET", "/readyz", "Bearer token-1", "db.example");
    EXPECT_NE(operating.body.find("orders.json"), std::string::npos);
}

TEST_F(AdminApiTest, StartsARotationAndAnswersAtOnce) {
    control.hold = true;
    auto reply = change("/api/rotate?credential=orders-app");
    EXPECT_EQ(answers, 1);
    EXPECT_EQ(reply.status, 202U);
    EXPECT_EQ(control.rotated, std::vector<std::string>{"orders-app"});
    EXPECT_FALSE(control.last_request.dry_run || control.last_request.emergency || control.last_request.recover);
    control.release();
}

TEST_F(AdminApiTest, WaitsForTheEndOfARotationWhenAsked) {
    control.hold = true;
    HttpReply result;
    HttpRequest request;
    ASSERT_TRUE(parse_target("/api/rotate?credential=orders-app&wait=1", request));
    request.method = "POST";
    request.authorization = "Bearer token-1";
    api(request, [&](HttpReply reply) { result = std::move(reply); });
    EXPECT_TRUE(result.body.empty());
    control.release();
    EXPECT_EQ(result.status, 200U);
    EXPECT_EQ(json(result).at("outcome"), "done");
    EXPECT_EQ(json(result).at("generation"), 4);
}

TEST_F(AdminApiTest, SaysWhyARotationDidNotEndWell) {
    using rotation::RotationOutcome;
    for (auto outcome : {RotationOutcome::held, RotationOutcome::rolled_back, RotationOutcome::failed}) {
        control.replies["orders-app"] = {outcome, "the server refused it", 3, ""};
        auto reply = change("/api/rotate?credential=orders-app&wait=1");
        EXPECT_EQ(reply.status, 409U);
        EXPECT_EQ(json(reply).at("reason"), "the server refused it");
    }
    control.replies["orders-app"] = {RotationOutcome::unchanged, "", 3, ""};
    EXPECT_EQ(change("/api/rotate?credential=orders-app&wait=1").status, 200U);
}

TEST_F(AdminApiTest, AnswersADryRunWithItsPlan) {
    control.replies["orders-app"].plan = "fetch\nverify";
    auto reply = change("/api/rotate?credential=orders-app&dry_run=true");
    EXPECT_TRUE(control.last_request.dry_run);
    EXPECT_EQ(json(reply).at("plan"), "fetch\nverify");
}

TEST_F(AdminApiTest, PassesAnEmergencyAndItsDeadlineOn) {
    change("/api/rotate?credential=orders-app&emergency&deadline=45s");
    EXPECT_TRUE(control.last_request.emergency);
    EXPECT_EQ(control.last_request.deadline, 45s);
    change("/api/rotate?credential=orders-app&recover=1");
    EXPECT_TRUE(control.last_request.recover);
}

TEST_F(AdminApiTest, RefusesARotationItDoesNotUnderstand) {
    EXPECT_EQ(change("/api/rotate").status, 400U);
    EXPECT_EQ(change("/api/rotate?credential=other").status, 404U);
    EXPECT_EQ(change("/api/rotate?credential=orders-app&emergency=1&deadline=soon").status, 400U);
    EXPECT_EQ(change("/api/rotate?credential=orders-app&deadline=30s").status, 400U);
    EXPECT_TRUE(control.rotated.empty());
}

TEST_F(AdminApiTest, TellsWhatAReloadChanged) {
    control.reload_reply = {{}, {"upstreams[orders].pool.size: 20 -> 30"}, {"workers needs a restart"}};
    auto reply = change("/api/reload");
    EXPECT_EQ(reply.status, 200U);
    EXPECT_TRUE(json(reply).at("ok").as_bool());
    EXPECT_EQ(json(reply).at("changes").as_array().size(), 1U);
    EXPECT_EQ(json(reply).at("needs_restart").as_array().size(), 1U);
}

TEST_F(AdminApiTest, TellsWhatIsWrongWithTheNewFile) {
    control.reload_reply.errors = {"rekey.yaml:3: workers: not a number"};
    auto reply = change("/api/reload");
    EXPECT_EQ(reply.status, 422U);
    EXPECT_FALSE(json(reply).at("ok").as_bool());
}

TEST(QueryFlag, IsSetByOneTrueYesAndNothing) {
    HttpRequest request;
    ASSERT_TRUE(parse_target("/?a&b=1&c=true&d=yes&e=0&f=no&g=false", request));
    for (std::string name : {"a", "b", "c", "d"})
        EXPECT_TRUE(query_flag(request, name)) << name;
    for (std::string name : {"e", "f", "g", "missing"})
        EXPECT_FALSE(query_flag(request, name)) << name;
}

} // namespace
} // namespace rekey::proxy::admin
