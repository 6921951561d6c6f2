// The HTTP client against a strict server that misbehaves on request.
#include "rotation/http/client.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace rekey::rotation::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using tests::Answer;
using tests::HttpServer;
using tests::SeenRequest;

ClientOptions quick() {
    ClientOptions options;
    options.store = "store";
    options.retry.least = options.retry.most = milliseconds(1);
    options.retry.status = is_passing_status;
    return options;
}

Request get(const std::string& url, const std::string& target = "/v1/x?list=true") {
    Request request;
    request.url = *config::parse_http_url(url);
    request.target = target;
    request.timeout = seconds(30);
    request.headers.push_back({"X-Token", protocol::Secret("s.very-secret")});
    return request;
}

TEST(HttpClient, SendsWhatItIsGivenAndReadsTheAnswer) {
    HttpServer server([](const SeenRequest&) { return Answer::json(201, "{\"a\":1}"); });
    Client client(quick());
    auto request = get(server.url());
    request.method = "POST";
    request.body = "{}";
    auto response = client.send(request);
    EXPECT_EQ(response.error, "");
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(response.body.reveal(), "{\"a\":1}");
    auto seen = server.requests().at(0);
    EXPECT_FALSE(seen.malformed);
    EXPECT_EQ(seen.target, "/v1/x?list=true");
    EXPECT_EQ(seen.header("x-token"), "s.very-secret");
    EXPECT_EQ(seen.header("host"), "127.0.0.1:" + std::to_string(server.port()));
    EXPECT_EQ(seen.body, "{}");
}

TEST(HttpClient, KeepsItsConnectionUntilTheServerClosesIt) {
    std::atomic<bool> close = false;
    HttpServer server([&](const SeenRequest&) {
        auto answer = Answer::json(200, "{}", close ? "Connection: close\r\n" : "");
        answer.close = close;
        return answer;
    });
    Client client(quick());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(client.send(get(server.url())).status, 200);
    close = true;
    EXPECT_EQ(client.send(get(server.url())).status, 200);
    EXPECT_EQ(client.send(get(server.url())).status, 200);
    std::vector<int> connections;
    for (const auto& seen : server.requests())
        connections.push_back(seen.connection);
    EXPECT_THAT(connections, testing::ElementsAre(1, 1, 1, 1, 2));
}

TEST(HttpClient, DoesNotTrustAnOldConnectionWithWhatMustNotHappenTwice) {
    HttpServer server([](const SeenRequest&) { return Answer::json(200, "{}"); });
    Client client(quick());
    client.send(get(server.url()));
    auto request = get(server.url());
    request.repeatable = false;
    EXPECT_EQ(client.send(request).status, 200);
    EXPECT_EQ(server.requests().at(1).connection, 2);
}

TEST(HttpClient, TriesAgainWhatPasses) {
    std::atomic<int> asked = 0;
    HttpServer server([&](const SeenRequest&) {
        ++asked;
        if (asked == 1)
            return Answer::json(503, "{}", "Retry-After: 0\r\n");
        return asked == 2 ? Answer{} : Answer::json(200, "{}");
    });
    Client client(quick());
    EXPECT_EQ(client.send(get(server.url())).status, 200);
    EXPECT_EQ(asked, 3);
}

TEST(HttpClient, GivesUpAfterItsAttempts) {
    HttpServer server([](const SeenRequest&) { return Answer{}; });
    Client client(quick());
    auto response = client.send(get(server.url()));
    EXPECT_EQ(response.status, 0);
    EXPECT_EQ(response.failure, Failure::lost);
    EXPECT_EQ(response.error, "store: GET " + server.url() + "/v1/x: the connection ended before the answer did");
    EXPECT_EQ(server.requests().size(), 3u);
}

TEST(HttpClient, SendsWhatMustNotHappenTwiceOnce) {
    HttpServer server([](const SeenRequest&) { return Answer{}; });
    Client client(quick());
    auto request = get(server.url());
    request.method = "POST";
    request.repeatable = false;
    EXPECT_EQ(client.send(request).failure, Failure::lost);
    EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, TellsHowAnAnswerIsBroken) {
    std::string bytes;
    HttpServer server([&](const SeenRequest&) { return Answer{bytes, true, false}; });
    auto options = quick();
    options.response_limit = 1000;
    options.retry.attempts = 1;
    Client client(std::move(options));
    auto error_with = [&](const std::string& text) {
        bytes = text;
        return client.send(get(server.url())).error;
    };
    EXPECT_THAT(error_with("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), HasSubstr("ended before the answer"));
    EXPECT_THAT(error_with("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"), HasSubstr("longer than 1000 bytes"));
    EXPECT_THAT(error_with("SSH-2.0-OpenSSH\r\n\r\n"), HasSubstr("is no HTTP"));
}

TEST(HttpClient, WaitsNoLongerThanItsTime) {
    HttpServer server([](const SeenRequest&) { return Answer{{}, false, true}; });
    Client client(quick());
    auto request = get(server.url());
    request.timeout = milliseconds(200);
    auto began = Clock::now();
    auto response = client.send(request);
    EXPECT_EQ(response.failure, Failure::timed_out);
    EXPECT_THAT(response.error, HasSubstr("no answer in time"));
    EXPECT_GE(Clock::now() - began, milliseconds(200));
    EXPECT_LT(Clock::now() - began, seconds(20));
}

TEST(HttpClient, EndsAtOnceWhenCancelled) {
    std::promise<void> asked;
    HttpServer server([&](const SeenRequest&) {
        asked.set_value();
        return Answer{{}, false, true};
    });
    Client client(quick());
    auto request = get(server.url());
    request.timeout = std::chrono::hours(1);
    auto answered = std::async(std::launch::async, [&] { return client.send(request).failure; });
    asked.get_future().wait();
    client.cancel();
    EXPECT_EQ(answered.get(), Failure::cancelled);
    EXPECT_EQ(client.send(get(server.url())).failure, Failure::cancelled) << "and stays so";
}

TEST(HttpClient, TellsThatNobodyListens) {
    std::string url;
    {
        HttpServer server([](const SeenRequest&) { return Answer{}; });
        url = server.url();
    }
    auto response = Client(quick()).send(get(url));
    EXPECT_EQ(response.failure, Failure::connect);
    EXPECT_EQ(response.error, "store: GET " + url + "/v1/x: cannot connect: Connection refused");
}

TEST(HttpClient, RefusesATokenThatWouldEndItsLine) {
    HttpServer server([](const SeenRequest&) { return Answer::json(200, "{}"); });
    auto request = get(server.url());
    request.headers.push_back({"X-Other", protocol::Secret("s.secret\r\nX-Evil: 1")});
    auto response = Client(quick()).send(request);
    EXPECT_THAT(response.error, HasSubstr("characters that cannot be sent"));
    EXPECT_THAT(response.error, Not(HasSubstr("secret\r")));
    EXPECT_TRUE(server.requests().empty());
}

TEST(HttpClient, FollowsRedirectsAsFarAsItMay) {
    HttpServer active([](const SeenRequest& request) { return Answer::json(200, '"' + request.target + '"'); });
    HttpServer standby([&](const SeenRequest& request) {
        if (request.target == "/v1/loop")
            return Answer::json(307, "", "Location: /v1/loop\r\n");
        if (request.target == "/v1/lost")
            return Answer::json(307, "");
        return Answer::json(307, "", "Location: " + active.url() + "/v1/there?a=b\r\n");
    });
    Client client(quick());
    auto request = get(standby.url(), "/v1/x");
    request.method = "PUT";
    request.body = "body";
    EXPECT_EQ(client.send(request).status, 307) << "not unless the caller says so";
    request.redirects = 1;
    auto response = client.send(request);
    EXPECT_EQ(response.body.reveal(), "\"/v1/there?a=b\"");
    auto seen = active.requests().at(0);
    EXPECT_EQ(seen.method, "PUT");
    EXPECT_EQ(seen.body, "body");
    EXPECT_EQ(seen.header("x-token"), "s.very-secret");
    EXPECT_EQ(seen.header("host"), "127.0.0.1:" + std::to_string(active.port()));
    request.target = "/v1/loop";
    EXPECT_EQ(client.send(request).status, 307);
    EXPECT_EQ(standby.count("PUT", "/v1/loop"), 2u);
    request.target = "/v1/lost";
    EXPECT_THAT(client.send(request).error, HasSubstr("status 307 without a usable Location"));
}

class HttpsClient : public ::testing::Test {
  protected:
    HttpsClient() {
        tests::make_certificate(file("server.crt"), file("server.key"), "DNS:localhost,DNS:vault.test,IP:127.0.0.1");
        tests::make_certificate(file("other.crt"), file("other.key"), "DNS:elsewhere");
    }
    std::string file(std::string_view name) const { return directory_ / name; }
    std::shared_ptr<SSL_CTX> context(const std::string& client_ca = {}) const {
        return tests::server_context(file("server.crt"), file("server.key"), client_ca);
    }
    static Answer greet(const SeenRequest&) { return Answer::json(200, "{}"); }
    std::string error_with(const HttpServer& server, TlsOptions tls) const {
        auto options = quick();
        options.tls = std::move(tls);
        auto response = Client(std::move(options)).send(get(server.url()));
        EXPECT_EQ(response.error.empty(), response.status == 200);
        return response.error;
    }

    tests::TemporaryDirectory directory_;
};

TEST_F(HttpsClient, TrustsWhatItsAuthorityVouchesFor) {
    HttpServer server(greet, HttpServer::Way::tls, context());
    EXPECT_EQ(error_with(server, {file("server.crt"), "", "", "", ""}), "");
    EXPECT_EQ(error_with(server, {file("server.crt"), "", "", "", "vault.test"}), "");
}

TEST_F(HttpsClient, TrustsNobodyElse) {
    HttpServer server(greet, HttpServer::Way::tls, context());
    EXPECT_THAT(error_with(server, {}), HasSubstr("its certificate is not trusted: "));
    EXPECT_THAT(error_with(server, {file("other.crt"), "", "", "", ""}), HasSubstr("its certificate is not trusted: "));
    EXPECT_THAT(error_with(server, {file("server.crt"), "", "", "", "elsewhere"}), HasSubstr("hostname mismatch"));
    EXPECT_TRUE(server.requests().empty()) << "no token goes to somebody who is not trusted";
}

TEST_F(HttpsClient, SpeaksNothingOlderThanTls12) {
    auto old = context();
    SSL_CTX_set_min_proto_version(old.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(old.get(), TLS1_1_VERSION);
    SSL_CTX_set_security_level(old.get(), 0);
    HttpServer server(greet, HttpServer::Way::tls, old);
    EXPECT_THAT(error_with(server, {file("server.crt"), "", "", "", ""}), HasSubstr("TLS: "));
}

TEST_F(HttpsClient, ShowsItsOwnCertificate) {
    HttpServer server(greet, HttpServer::Way::tls, context(file("other.crt")));
    EXPECT_NE(error_with(server, {file("server.crt"), "", "", "", ""}), "");
    EXPECT_EQ(error_with(server, {file("server.crt"), "", file("other.crt"), file("other.key"), ""}), "");
}

TEST_F(HttpsClient, NamesAFileItCannotUse) {
    HttpServer server(greet, HttpServer::Way::tls, context());
    EXPECT_THAT(error_with(server, {file("missing.crt"), "", "", "", ""}),
                HasSubstr("cannot read the authorities in " + file("missing.crt")));
    EXPECT_THAT(error_with(server, {file("server.crt"), "", file("other.crt"), file("server.key"), ""}),
                HasSubstr("cannot use the key " + file("server.key")));
}

TEST_F(HttpsClient, NoticesARenewedAuthority) {
    HttpServer server(greet, HttpServer::Way::tls, context());
    tests::write_text(file("ca.crt"), tests::read_text(file("other.crt")));
    auto options = quick();
    options.tls.ca = file("ca.crt");
    Client client(std::move(options));
    EXPECT_EQ(client.send(get(server.url())).failure, Failure::tls);
    tests::write_text(file("ca.crt"), tests::read_text(file("server.crt")) + "\n");
    EXPECT_EQ(client.send(get(server.url())).status, 200);
}

TEST_F(HttpsClient, GoesThroughAProxy) {
    HttpServer proxy(
        [](const SeenRequest& request) {
            if (request.method != "CONNECT")
                return Answer::json(200, "{}");
            bool known = request.header("proxy-authorization") == "Basic dXNlcjpwYXNz"; // user:pass
            return known ? Answer{"HTTP/1.1 200 Connected\r\n\r\n", false, false} : Answer::json(407, "{}");
        },
        HttpServer::Way::proxy, context());
    auto send = [&](const std::string& login) {
        auto options = quick();
        options.tls.ca = file("server.crt");
        std::string error;
        options.proxy = ProxySettings(
            [&](const std::string& name) -> std::optional<std::string> {
                return name == "https_proxy"
                           ? std::optional("http://" + login + "127.0.0.1:" + std::to_string(proxy.port()))
                           : std::nullopt;
            },
            error);
        return Client(std::move(options)).send(get("https://vault.test:8200"));
    };
    EXPECT_EQ(send("user:pass@").status, 200);
    auto seen = proxy.requests();
    EXPECT_EQ(seen.at(0).target, "vault.test:8200");
    EXPECT_EQ(seen.at(0).header("x-token"), "") << "not for the proxy";
    EXPECT_EQ(seen.at(1).header("x-token"), "s.very-secret");
    EXPECT_EQ(seen.at(1).header("proxy-authorization"), "") << "not for the store";
    auto refused = send("user:wrong@");
    EXPECT_THAT(refused.error,
                HasSubstr("the proxy http://127.0.0.1:" + std::to_string(proxy.port()) + " answers status 407"));
    EXPECT_THAT(refused.error, Not(HasSubstr("wrong")));
}

TEST_F(HttpsClient, NeverFollowsFromHttpsToHttp) {
    HttpServer plain(greet);
    HttpServer server([&](const SeenRequest&) { return Answer::json(307, "", "Location: " + plain.url() + "/\r\n"); },
                      HttpServer::Way::tls, context());
    auto options = quick();
    options.tls.ca = file("server.crt");
    auto request = get(server.url());
    request.redirects = 1;
    auto response = Client(std::move(options)).send(request);
    EXPECT_THAT(response.error, HasSubstr("redirects from https to http"));
    EXPECT_TRUE(plain.requests().empty());
}

} // namespace
} // namespace rekey::rotation::http
