// What the HTTP client decides without a network: messages, proxies, retries, the breaker.
#include "rotation/http/message.hpp"
#include "rotation/http/proxy.hpp"
#include "rotation/http/retry.hpp"
#include "rotation/sources/breaker.hpp"

#include <gtest/gtest.h>

#include <map>

namespace rekey::rotation::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: value\r\n\r\nhello";

TEST(ResponseReader, ReadsTheSameHoweverTheBytesAreCut) {
    for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
        ResponseReader reader(ResponseReader::Kind::ordinary, 100);
        EXPECT_EQ(reader.take(answer.substr(0, cut)), "");
        EXPECT_EQ(reader.done(), cut == answer.size()) << cut;
        if (!reader.done()) {
            EXPECT_EQ(reader.take(answer.substr(cut)), "");
        }
        ASSERT_TRUE(reader.done());
        EXPECT_EQ(reader.head().status, 200);
        EXPECT_TRUE(reader.head().keep_alive);
        EXPECT_EQ(reader.head().header("x-NAME"), "value");
        EXPECT_EQ(reader.take_body().reveal(), "hello");
    }
}

TEST(ResponseReader, TellsOfEveryTruncation) {
    for (std::size_t cut = 0; cut < answer.size(); ++cut) {
        ResponseReader reader(ResponseReader::Kind::ordinary, 100);
        EXPECT_EQ(reader.take(answer.substr(0, cut)), "");
        EXPECT_EQ(reader.end(), "the connection ended before the answer did") << cut;
    }
}

TEST(ResponseReader, ReadsChunksAndBodiesThatEndWithTheConnection) {
    ResponseReader chunked(ResponseReader::Kind::ordinary, 100);
    EXPECT_EQ(chunked.take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              "");
    ASSERT_TRUE(chunked.done());
    EXPECT_EQ(chunked.take_body().reveal(), "abcde");
    ResponseReader open(ResponseReader::Kind::ordinary, 100);
    EXPECT_EQ(open.take("HTTP/1.1 200 OK\r\n\r\nabc"), "");
    EXPECT_FALSE(open.done());
    EXPECT_EQ(open.end(), "");
    EXPECT_FALSE(open.head().keep_alive);
    EXPECT_EQ(open.take_body().reveal(), "abc");
}

TEST(ResponseReader, PassesOverInterimAnswersAndKnowsWhatHasNoBody) {
    ResponseReader reader(ResponseReader::Kind::ordinary, 100);
    EXPECT_EQ(reader.take("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), "");
    ASSERT_TRUE(reader.done());
    EXPECT_EQ(reader.head().status, 204);
    ResponseReader tunnel(ResponseReader::Kind::connect, 100);
    EXPECT_EQ(tunnel.take("HTTP/1.1 200 Connection established\r\n\r\n"), "");
    EXPECT_TRUE(tunnel.done());
}

TEST(ResponseReader, RefusesWhatIsTooLongOrNoHttp) {
    ResponseReader announced(ResponseReader::Kind::ordinary, 4);
    EXPECT_EQ(announced.take(answer), "the answer is longer than 4 bytes");
    ResponseReader chunked(ResponseReader::Kind::ordinary, 4);
    EXPECT_EQ(chunked.take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"),
              "the answer is longer than 4 bytes");
    ResponseReader other(ResponseReader::Kind::ordinary, 100);
    EXPECT_NE(other.take("220 mail.example.com ESMTP\r\n\r\n"), "");
    ResponseReader endless(ResponseReader::Kind::ordinary, 100);
    EXPECT_NE(endless.take("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')), "");
}

TEST(WriteRequest, HasALengthWhereThereMayBeABody) {
    EXPECT_EQ(write_request("GET", "/a", "h:1", {}, {}),
              "GET /a HTTP/1.1\r\nHost: h:1\r\nUser-Agent: rekey\r\nAccept: */*\r\n\r\n");
    EXPECT_EQ(write_request("POST", "/", "h", {}, {}),
              "POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: rekey\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(write_request("PUT", "/", "h", {}, "x").ends_with("Content-Length: 1\r\n\r\nx"));
    std::vector<Header> headers;
    headers.push_back({"accept", protocol::Secret("text/plain")});
    EXPECT_EQ(write_request("GET", "/", "h", headers, {}),
              "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: rekey\r\naccept: text/plain\r\n\r\n");
    EXPECT_TRUE(is_header_value("s.token-_"));
    EXPECT_FALSE(is_header_value("a\r\nX: b"));
    EXPECT_FALSE(is_header_value("\xc3\xa4"));
}

const Proxy* proxy_for(const std::map<std::string, std::string>& variables, const std::string& url,
                       ProxySettings& settings, std::string& error) {
    settings = ProxySettings(
        [&](const std::string& name) -> std::optional<std::string> {
            auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        error);
    return settings.for_url(*config::parse_http_url(url));
}

std::string proxy_of(const std::map<std::string, std::string>& variables, const std::string& url) {
    ProxySettings settings;
    std::string error;
    const auto* proxy = proxy_for(variables, url, settings, error);
    EXPECT_EQ(error, "");
    return proxy == nullptr ? "" : proxy->url.origin();
}

TEST(ProxySettings, FollowTheScheme) {
    EXPECT_EQ(proxy_of({{"HTTPS_PROXY", "http://p:3128"}}, "https://vault:8200"), "http://p:3128");
    EXPECT_EQ(proxy_of({{"https_proxy", "p:3128"}, {"HTTPS_PROXY", "q:1"}}, "https://vault"), "http://p:3128");
    EXPECT_EQ(proxy_of({{"HTTP_PROXY", "http://p:3128"}}, "https://vault"), "");
    EXPECT_EQ(proxy_of({{"HTTP_PROXY", "http://p:3128"}}, "http://vault"), "http://p:3128");
    EXPECT_EQ(proxy_of({{"ALL_PROXY", "http://p"}}, "https://vault"), "http://p:80");
    EXPECT_EQ(proxy_of({{"HTTPS_PROXY", ""}}, "https://vault"), "");
}

TEST(ProxySettings, AreNotForWhatIsNearOrExcepted) {
    auto direct = [](const std::string& exceptions, const std::string& url) {
        return proxy_of({{"HTTPS_PROXY", "http://p:3128"}, {"NO_PROXY", exceptions}}, url).empty();
    };
    for (auto url : {"https://localhost:8200", "https://127.0.0.1", "https://[::1]:1"})
        EXPECT_TRUE(direct("", url)) << url;
    EXPECT_TRUE(direct("*", "https://vault"));
    EXPECT_TRUE(direct("a, Example.com", "https://vault.example.com"));
    EXPECT_TRUE(direct(".example.com", "https://vault.example.com"));
    EXPECT_FALSE(direct("example.com", "https://notexample.com"));
    EXPECT_TRUE(direct("10.0.0.0/8", "https://10.1.2.3"));
    EXPECT_FALSE(direct("10.0.0.0/8", "https://11.1.2.3"));
    EXPECT_TRUE(direct("vault:8200", "https://vault:8200"));
    EXPECT_FALSE(direct("vault:8200", "https://vault:8201"));
}

TEST(ProxySettings, AuthorizeAndComplainWithoutTheSecret) {
    ProxySettings settings;
    std::string error;
    const auto* proxy = proxy_for({{"HTTPS_PROXY", "http://user:p%40ss@p:3128"}}, "https://vault", settings, error);
    ASSERT_NE(proxy, nullptr);
    EXPECT_EQ(proxy->authorization.reveal(), "Basic dXNlcjpwQHNz"); // user:p@ss
    EXPECT_EQ(proxy->url.origin(), "http://p:3128");
    proxy_for({{"HTTPS_PROXY", "socks5://user:secret@p:1"}}, "https://vault", settings, error);
    EXPECT_EQ(error, "HTTPS_PROXY is no proxy's address: http://host:port is expected");
}

TEST(Retry, IsForWhatPasses) {
    RetryPolicy policy;
    policy.status = is_passing_status;
    auto tried = [&](Attempt attempt) { return pause_before_retry(policy, attempt, 1, 0).has_value(); };
    for (int status : {429, 500, 502, 503})
        EXPECT_TRUE(tried({Failure::none, status})) << status;
    for (int status : {200, 204, 400, 403, 404, 501})
        EXPECT_FALSE(tried({Failure::none, status})) << status;
    EXPECT_TRUE(tried({Failure::lost}));
    EXPECT_TRUE(tried({Failure::timed_out}));
    for (auto failure : {Failure::tls, Failure::protocol, Failure::cancelled})
        EXPECT_FALSE(tried({failure}));
}

TEST(Retry, OfWhatMustNotHappenTwiceIsOnlyBeforeItWasSent) {
    const RetryPolicy policy;
    EXPECT_FALSE(pause_before_retry(policy, {Failure::lost, 0, false}, 1, 0));
    EXPECT_FALSE(pause_before_retry(policy, {Failure::timed_out, 0, false}, 1, 0));
    EXPECT_TRUE(pause_before_retry(policy, {Failure::connect, 0, false}, 1, 0));
}

TEST(Retry, WaitsWithJitterAndAsLongAsTheStoreAsks) {
    RetryPolicy policy;
    policy.status = is_passing_status;
    const Attempt busy{Failure::none, 429};
    EXPECT_EQ(pause_before_retry(policy, busy, 1, 0), milliseconds(1000));
    EXPECT_EQ(pause_before_retry(policy, busy, 1, 500), milliseconds(1500));
    EXPECT_EQ(pause_before_retry(policy, busy, 2, 501), milliseconds(1000));
    EXPECT_FALSE(pause_before_retry(policy, busy, 3, 0));
    EXPECT_EQ(pause_before_retry(policy, {Failure::none, 429, true, "4"}, 1, 0), milliseconds(4000));
    EXPECT_FALSE(pause_before_retry(policy, {Failure::none, 429, true, "3600"}, 1, 0));
    EXPECT_FALSE(pause_before_retry(policy, {Failure::none, 429, true, "18446744073709551615"}, 1, 0));
    EXPECT_EQ(pause_before_retry(policy, {Failure::none, 429, true, "soon"}, 1, 0), milliseconds(1000));
}

TEST(Breaker, OpensAfterFailuresInARowAndProbesOnce) {
    Breaker breaker;
    const Clock::time_point start{};
    for (unsigned i = 0; i < Breaker::failures_in_a_row; ++i) {
        EXPECT_TRUE(breaker.allows(start));
        breaker.failed(start, 0);
    }
    EXPECT_FALSE(breaker.allows(start));
    EXPECT_FALSE(breaker.allows(start + seconds(1)));
    const auto later = start + seconds(3);
    EXPECT_TRUE(breaker.allows(later));
    EXPECT_FALSE(breaker.allows(later)) << "one probe";
    breaker.failed(later, 0);
    EXPECT_FALSE(breaker.allows(later + seconds(2))) << "longer than before";
    EXPECT_TRUE(breaker.allows(later + seconds(40)));
    breaker.succeeded();
    EXPECT_TRUE(breaker.allows(later + seconds(40)));
    EXPECT_TRUE(breaker.allows(later + seconds(40)));
}

TEST(Breaker, StaysClosedWhenFailuresDoNotFollowEachOther) {
    Breaker breaker;
    for (int i = 0; i < 20; ++i) {
        breaker.failed(Clock::time_point{}, 0);
        EXPECT_TRUE(breaker.allows(Clock::time_point{}));
        breaker.succeeded();
    }
}

TEST(Breaker, NeverStaysOpenForLong) {
    Breaker breaker;
    Clock::time_point now{};
    for (int i = 0; i < 50; ++i) {
        breaker.failed(now, UINT64_MAX);
        now += seconds(37); // the longest pause and its jitter
        EXPECT_TRUE(breaker.allows(now)) << i;
    }
}

} // namespace
} // namespace rekey::rotation::http
