#include "proxy/admin/listener_certificate.hpp"
#include "proxy/net/connection.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>

namespace rekey::proxy::net {
namespace {

// A client of TLS on the other end of a socket pair, in the same thread.
class Client {
  public:
    explicit Client(int fd) : socket_(fd), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
        SSL_set_fd(ssl_.get(), fd);
        SSL_set_connect_state(ssl_.get());
    }
    void say_plainly(char byte) { EXPECT_EQ(send(socket_.fd, &byte, 1, 0), 1); }
    bool go_on() { return SSL_do_handshake(ssl_.get()) == 1; }
    void say(std::string_view text) {
        EXPECT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
    }

  private:
    struct ContextEnd {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    Socket socket_;
    std::unique_ptr<SSL_CTX, ContextEnd> context_;
    Ssl ssl_;
};

// Reads one byte, starts TLS, and reads again when the client's last words of the handshake are there already.
class Server final : public Connection {
  public:
    Server(EventLoop& loop, TlsContext context, Client& client)
        : Connection(loop), context_(std::move(context)), client_(client) {}
    using Connection::take;

    bool established = false;
    std::string early, received;

  private:
    void on_readable() override {
        std::array<char, 64> bytes;
        if (!tls()) {
            ASSERT_EQ(read({bytes.data(), 1}).size, 1u);
            start_tls(Ssl(SSL_new(context_.get())), true);
            ASSERT_FALSE(established);
            ASSERT_TRUE(client_.go_on());
            client_.say("behind the handshake");
            early.assign(bytes.data(), read(bytes).size);
            return;
        }
        received.append(bytes.data(), read(bytes).size);
        if (!received.empty())
            loop_.stop();
    }
    void on_drained() override {}
    void on_tls(bool is) override { established = is; }

    TlsContext context_;
    Client& client_;
};

TEST(Connection, ReadsNothingFromBehindAHandshakeWhoseEndItHasNotTold) {
    std::array<int, 2> ends;
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    EventLoop loop;
    Client client(ends[0]);
    config::ListenerTlsOptions options;
    options.mode = config::ListenerTls::prefer;
    Server server(loop, make_listener_context(options, admin::make_listener_certificate()), client);
    client.say_plainly('x');
    EXPECT_FALSE(client.go_on());
    ASSERT_TRUE(server.take(Socket(ends[1])));
    loop.run();
    EXPECT_EQ(server.early, "");
    EXPECT_TRUE(server.established);
    EXPECT_EQ(server.received, "behind the handshake");
}

} // namespace
} // namespace rekey::proxy::net
