#include "proxy/admin/admin_client.hpp"
#include "proxy/admin/http_server.hpp"
#include "tests/unit/proxy/admin/loop_thread.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace rekey::proxy::admin {
namespace {

using namespace std::chrono_literals;

config::Address loopback(std::uint16_t port = 0) {
    config::Address address;
    address.host = "127.0.0.1";
    address.port = port;
    return address;
}

class HttpServerTest : public testing::Test {
  protected:
    void serve(HttpHandler handler, HttpLimits limits = {}) {
        thread.on_loop([&] { server.emplace(thread.loop, loopback(), std::move(handler), limits); });
    }
    ~HttpServerTest() override {
        thread.on_loop([this] { server.reset(); });
    }

    int connect() {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(server->port());
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        timeval patience{20, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
        return fd;
    }

    static std::string read_all(int fd) {
        std::string text;
        char chunk[4096];
        for (ssize_t size = 0; (size = ::read(fd, chunk, sizeof chunk)) > 0;)
            text.append(chunk, static_cast<std::size_t>(size));
        ::close(fd);
        return text;
    }

    // Sends `text` as it is and reads until the server closes.
    std::string raw(std::string_view text) {
        int fd = connect();
        EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
        return read_all(fd);
    }

    static void echo(const HttpRequest& request, const std::function<void(HttpReply)>& reply) {
        HttpReply answer;
        answer.body = request.method + " " + request.path;
        for (auto& [name, value] : request.query)
            answer.body += " " + name + "=" + value;
        reply(std::move(answer));
    }

    LoopThread thread;
    std::optional<HttpServer> server;
};

TEST_F(HttpServerTest, HandsOverMethodPathAndDecodedQuery) {
    serve(echo);
    auto response = ask_admin(loopback(server->port()), {"POST", "/api/x?a=1%202&flag&b=%C3%BC+y", nullptr});
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.body, "POST /api/x a=1 2 b=\xc3\xbc y flag=");
}

TEST_F(HttpServerTest, ServesSeveralRequestsOnAConnection) {
    serve(echo);
    auto text = raw("GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    "GET /two HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_NE(text.find("GET /one"), std::string::npos);
    EXPECT_NE(text.find("GET /two"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
    serve(echo);
    auto text = raw("HEAD /one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_NE(text.find("Content-Length: 8\r\n"), std::string::npos);
    EXPECT_EQ(text.find("GET /one"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
    serve(echo);
    EXPECT_TRUE(raw("hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
    EXPECT_TRUE(raw("GET nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 400 "));
    EXPECT_TRUE(raw("GET /?a=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, RefusesAHeaderOverTheLimit) {
    HttpLimits limits;
    limits.header_bytes = 512;
    serve(echo, limits);
    auto text = raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(600, 'x') + "\r\n\r\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 431 ")) << text;
}

TEST_F(HttpServerTest, RefusesABodyOverTheLimit) {
    HttpLimits limits;
    limits.body_bytes = 16;
    serve(echo, limits);
    auto text = raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 413 ")) << text;
}

TEST_F(HttpServerTest, AReplyArrivesThoughTheBodyIsStillOnItsWay) {
    serve(echo);
    constexpr std::size_t size = 200'000;
    auto text = raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                    std::string(size, 'x'));
    EXPECT_TRUE(text.starts_with("HTTP/1.1 413 ")) << text;
}

TEST_F(HttpServerTest, ClosesAConnectionThatSendsNoWholeRequestInTime) {
    HttpLimits limits;
    limits.request_time = 30ms;
    serve(echo, limits);
    EXPECT_EQ(raw("GET / HTTP/1.1\r\nHo"), "");
}

TEST_F(HttpServerTest, ClosesAConnectionOverTheLimitAtOnce) {
    HttpLimits limits;
    limits.connections = 1;
    serve(echo, limits);
    int first = connect();
    ASSERT_EQ(::send(first, "GET /", 5, MSG_NOSIGNAL), 5);
    EXPECT_EQ(read_all(connect()), "");
    ASSERT_EQ(::send(first, "a HTTP/1.0\r\n\r\n", 14, MSG_NOSIGNAL), 14);
    EXPECT_NE(read_all(first).find("GET /a"), std::string::npos);
}

TEST_F(HttpServerTest, WaitsForALateReplyBeyondTheRequestTime) {
    HttpLimits limits;
    limits.request_time = 20ms;
    serve(
        [this](const HttpRequest&, const std::function<void(HttpReply)>& reply) {
            thread.loop.call_at(thread.loop.now() + 60ms, [reply] {
                HttpReply late;
                late.body = "late";
                reply(std::move(late));
            });
        },
        limits);
    EXPECT_EQ(ask_admin(loopback(server->port()), {"GET", "/", nullptr}).body, "late");
}

TEST_F(HttpServerTest, DropsAReplyThatComesAfterItsEnd) {
    std::function<void(HttpReply)> late;
    std::promise<void> asked;
    serve([&](const HttpRequest&, std::function<void(HttpReply)> reply) {
        late = std::move(reply);
        asked.set_value();
    });
    int fd = connect();
    ASSERT_EQ(::send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    asked.get_future().wait();
    thread.on_loop([&] {
        server.reset();
        late({});
        late = nullptr;
    });
    EXPECT_EQ(read_all(fd), "");
}

TEST(AdminClient, SaysWhyNothingAnswers) {
    ControlLoop loop;
    std::uint16_t port = 0;
    { // a port that was just free
        ListeningSocket listening(loop, loopback(), [](int fd) { ::close(fd); });
        port = listening.port();
    }
    auto response = ask_admin(loopback(port), {});
    EXPECT_EQ(response.status, 0U);
    EXPECT_NE(response.error.find("refused"), std::string::npos);
}

TEST(AdminClient, ReadsUrls) {
    EXPECT_EQ(parse_admin_url("http://db.example:6430/")->text(), "db.example:6430");
    EXPECT_EQ(parse_admin_url("http://[::1]:6430")->text(), "[::1]:6430");
    EXPECT_EQ(parse_admin_url("unix:/run/rekey/admin")->unix_path, "/run/rekey/admin");
    for (std::string_view bad : {"", "localhost", "https://localhost:6430", "http://localhost", "http://:x"})
        EXPECT_FALSE(parse_admin_url(bad)) << bad;
}

TEST(AdminClient, EncodesWhatAQueryWouldReadOtherwise) {
    EXPECT_EQ(percent_encoded("a-b_c.d~e"), "a-b_c.d~e");
    EXPECT_EQ(percent_encoded("a b&c=d/\xc3\xbc"), "a%20b%26c%3Dd%2F%C3%BC");
}

} // namespace
} // namespace rekey::proxy::admin
