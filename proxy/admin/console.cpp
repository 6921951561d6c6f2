#include "proxy/admin/console.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <array>
#include <set>

namespace rekey::proxy::admin {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

constexpr std::uint32_t scram_iterations = 4096;
constexpr std::size_t salt_bytes = 16, mock_secret_bytes = 32;

class Connection;

std::string random_text(ControlLoop& loop, std::size_t size) {
    std::string bytes(size, '\0');
    loop.random_bytes(reinterpret_cast<unsigned char*>(bytes.data()), size);
    return bytes;
}

} // namespace

struct Console::Shared {
    ControlLoop& loop;
    ControlPlane& control;
    ConsoleLimits limits;
    ConsoleAccess access;
    std::set<Connection*> connections;
    bool ended = false; // the server is gone, and perhaps the loop
};

namespace {

// One read or one write is pending at a time; a statement that runs has neither.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(Socket socket, std::shared_ptr<Console::Shared> shared)
        : socket_(std::move(socket)), shared_(std::move(shared)) {
        shared_->connections.insert(this);
    }
    ~Connection() {
        if (session_)
            session_->disconnect();
        if (shared_->ended)
            return;
        shared_->loop.cancel(deadline_);
        shared_->connections.erase(this);
    }

    void start() {
        auto weak = weak_from_this();
        session_ = std::make_shared<ConsoleSession>(shared_->control, shared_->access, [weak] {
            if (auto self = weak.lock())
                self->proceed();
        });
        deadline_ = shared_->loop.call_at(shared_->loop.now() + shared_->limits.login_time, [weak] {
            auto self = weak.lock();
            if (self && !self->session_->logged_in())
                self->close();
        });
        read();
    }

    void close() {
        error_code ignored; // closing is all that is left
        socket_.close(ignored);
        waiting_.reset();
    }

  private:
    void read() {
        socket_.async_read_some(asio::buffer(chunk_), [self = shared_from_this()](error_code error, std::size_t size) {
            if (error)
                return;
            self->session_->receive({self->chunk_.data(), size});
            self->proceed();
        });
    }

    // Called after a read and whenever the session has an answer; writes until there is nothing left to write.
    void proceed() {
        if (write_pending_)
            return;
        writing_ = session_->take_output();
        if (writing_.empty())
            return written();
        write_pending_ = true;
        asio::async_write(socket_, asio::buffer(writing_), [self = shared_from_this()](error_code error, std::size_t) {
            self->write_pending_ = false;
            if (error)
                return self->close();
            self->proceed();
        });
    }

    void written() {
        if (session_->closing())
            return close();
        // While a statement runs nothing is pending on the socket: the session's answer keeps the connection going.
        waiting_ = session_->busy() ? shared_from_this() : nullptr;
        if (!session_->busy())
            read();
    }

    Socket socket_;
    std::shared_ptr<Console::Shared> shared_;
    std::shared_ptr<ConsoleSession> session_;
    std::shared_ptr<Connection> waiting_;
    std::array<char, 4096> chunk_{};
    std::string writing_;
    std::uint64_t deadline_ = 0;
    bool write_pending_ = false;
};

} // namespace

Console::Console(ControlLoop& loop, const config::Address& address, ControlPlane& control,
                 const protocol::Secret& token, ConsoleLimits limits)
    : loop_(loop), shared_(new Shared{loop, control, limits, {}, {}, false}),
      listening_(loop, address, [this](int fd) { accepted(fd); }) {
    auto salt = random_text(loop, salt_bytes);
    shared_->access.verifier = protocol::auth::scram_verifier(token.reveal(), salt, scram_iterations);
    shared_->access.mock_secret = random_text(loop, mock_secret_bytes);
    shared_->access.unix_socket = address.is_unix();
}

Console::~Console() {
    shared_->ended = true;
    auto connections = shared_->connections; // close() may end one
    for (auto* connection : connections)
        connection->close();
}

void Console::accepted(int fd) {
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size);
    Socket socket(loop_.context().get_executor());
    socket.assign(asio::generic::stream_protocol(local.ss_family, 0), fd);
    if (shared_->connections.size() >= shared_->limits.connections)
        return; // closed with `socket`
    std::make_shared<Connection>(std::move(socket), shared_)->start();
}

} // namespace rekey::proxy::admin
