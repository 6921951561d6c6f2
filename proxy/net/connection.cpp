#include "proxy/net/connection.hpp"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace rekey::proxy::net {

namespace {
constexpr std::size_t kept_capacity_max = 512; // of an idle connection
constexpr std::size_t record_max = 16 * 1024;
constexpr std::size_t encoded_read = 16 * 1024; // taken from the socket at once, before it is decoded
} // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        fd = std::exchange(other.fd, -1);
        ssl = std::move(other.ssl);
        transform = std::move(other.transform);
    }
    return *this;
}

void Socket::close() {
    ssl.reset();
    transform.reset();
    if (fd >= 0)
        ::close(fd);
    fd = -1;
}

Connection::~Connection() { close_socket(); }

bool Connection::take(Socket socket) {
    socket_ = std::move(socket);
    return loop_.add(socket_.fd, this);
}

Socket Connection::give() {
    loop_.remove(socket_.fd);
    loop_.forget(this);
    return std::move(socket_);
}

void Connection::close_socket() {
    if (!open())
        return;
    loop_.remove(socket_.fd);
    loop_.forget(this);
    socket_.close();
}

void Connection::shutdown_write() {
    if (!open())
        return;
    if (tls() && !handshaking_) {
        SSL_shutdown(ssl());
        ERR_clear_error();
    }
    ::shutdown(socket_.fd, SHUT_WR);
}

void Connection::start_tls(Ssl ssl, bool server) {
    socket_.ssl = std::move(ssl);
    SSL_set_fd(this->ssl(), socket_.fd);
    if (server)
        SSL_set_accept_state(this->ssl());
    else
        SSL_set_connect_state(this->ssl());
    handshaking_ = true;
    if (continue_tls())
        loop_.again(this); // what came behind the handshake
}

// True: the handshake is over (and on_tls() was called).
bool Connection::continue_tls() {
    ERR_clear_error();
    int result = SSL_do_handshake(ssl());
    if (result != 1) {
        int error = SSL_get_error(ssl(), result);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
            return false;
        handshaking_ = false;
        on_tls(false);
        return true;
    }
    handshaking_ = false;
    readable_ = true;
    on_tls(true);
    return true;
}

void Connection::on_event(std::uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        hang_up_ = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        readable_ = true;
    if (connecting_) {
        if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) == 0)
            return;
        connecting_ = false;
        on_connected();
        if (readable_ && !handshaking_ && open())
            on_readable(); // a server that speaks first may have done so already: there is no other edge for it
        return;
    }
    if (handshaking_) {
        if (!continue_tls() || !open())
            return;
    }
    if ((events & EPOLLOUT) != 0 && congested()) {
        if (!flush()) {
            hang_up_ = readable_ = true; // the read side finds out
        } else if (!congested()) {
            on_drained();
            if (!open())
                return;
        }
    }
    if (readable_)
        on_readable();
}

void Connection::install(std::unique_ptr<protocol::Transform> transform, std::string_view unread) {
    socket_.transform = std::move(transform);
    socket_.transform->feed(unread);
    readable_ = true;
}

ReadResult Connection::read(std::span<char> into) {
    if (socket_.transform != nullptr) [[unlikely]]
        return read_transformed(into);
    return read_raw(into);
}

ReadResult Connection::read_transformed(std::span<char> into) {
    for (;;) {
        if (auto size = socket_.transform->decode(into); size != 0) {
            readable_ = true; // there may be more of it, whatever the socket has
            return {ReadStatus::data, size};
        }
        if (!socket_.transform->failure().empty())
            return {ReadStatus::garbled, 0};
        std::array<char, encoded_read> encoded;
        auto result = read_raw(encoded);
        if (result.status != ReadStatus::data)
            return result;
        socket_.transform->feed({encoded.data(), result.size});
    }
}

ReadResult Connection::read_raw(std::span<char> into) {
    if (!open())
        return {ReadStatus::end, 0};
    // Until on_tls() has told of the handshake's end, nothing may come from behind it.
    if (!readable_ || handshaking_)
        return {};
    if (tls()) {
        ERR_clear_error();
        int n = SSL_read(ssl(), into.data(), static_cast<int>(into.size()));
        if (n > 0)
            return {ReadStatus::data, static_cast<std::size_t>(n)};
        int error = SSL_get_error(ssl(), n);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return {ReadStatus::end, 0};
        readable_ = false;
        return {};
    }
    for (;;) {
        auto n = recv(socket_.fd, into.data(), into.size(), 0);
        if (n > 0) {
            // A short read emptied the socket: the next bytes raise another edge.
            readable_ = static_cast<std::size_t>(n) == into.size() || hang_up_;
            return {ReadStatus::data, static_cast<std::size_t>(n)};
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            readable_ = false;
            return {};
        }
        return {ReadStatus::end, 0};
    }
}

std::optional<char> Connection::peek() const {
    char first = 0;
    if (recv(socket_.fd, &first, 1, MSG_PEEK) != 1)
        return std::nullopt;
    return first;
}

std::ptrdiff_t Connection::send_some(std::string_view bytes) {
    if (tls()) {
        ERR_clear_error();
        int n = SSL_write(ssl(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
        if (n > 0)
            return n;
        int error = SSL_get_error(ssl(), n);
        return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    for (;;) {
        auto n = send(socket_.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0)
            return n;
        if (errno == EINTR)
            continue;
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
}

void Connection::keep(std::string_view bytes) {
    if (unsent_at_ == unsent_.size()) {
        unsent_.clear();
        unsent_at_ = 0;
    }
    unsent_.append(bytes);
}

bool Connection::write_transformed(const protocol::Output& output) {
    std::string encoded;
    socket_.transform->encode(output, encoded);
    return write_raw(encoded);
}

bool Connection::write(std::string_view bytes) {
    if (socket_.transform != nullptr) [[unlikely]] {
        protocol::Output output;
        output.forward(bytes);
        return write_transformed(output);
    }
    return write_raw(bytes);
}

bool Connection::write_raw(std::string_view bytes) {
    if (!open())
        return false;
    while (!congested() && !bytes.empty()) {
        auto n = send_some(bytes);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (!bytes.empty())
        keep(bytes);
    return true;
}

bool Connection::write(const protocol::Output& output) {
    if (output.empty())
        return true;
    if (socket_.transform != nullptr) [[unlikely]]
        return write_transformed(output);
    if (!open())
        return false;
    if (output.count() == 1)
        return write_raw(output.slice(0));
    if (tls() || congested()) {
        // One record instead of one per slice.
        std::array<char, record_max> record;
        std::size_t used = 0;
        for (std::size_t i = 0; i < output.count(); ++i) {
            auto slice = output.slice(i);
            if (used + slice.size() > record.size()) {
                if (!write_raw(std::string_view(record.data(), used)))
                    return false;
                used = 0;
            }
            if (slice.size() > record.size()) {
                if (!write_raw(slice))
                    return false;
            } else {
                std::memcpy(record.data() + used, slice.data(), slice.size());
                used += slice.size();
            }
        }
        return write_raw(std::string_view(record.data(), used));
    }
    std::array<iovec, protocol::Output::slices_max> parts;
    for (std::size_t i = 0; i < output.count(); ++i) {
        auto slice = output.slice(i);
        parts[i] = {const_cast<char*>(slice.data()), slice.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = output.count();
    auto sent = sendmsg(socket_.fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return false;
    auto done = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    for (std::size_t i = 0; i < output.count(); ++i) {
        auto slice = output.slice(i);
        auto skip = std::min(done, slice.size());
        done -= skip;
        if (skip < slice.size())
            keep(slice.substr(skip));
    }
    // A signal may have cut it short although the socket has room: no edge would tell.
    return !congested() || flush();
}

bool Connection::flush() {
    while (congested()) {
        auto n = send_some(std::string_view(unsent_).substr(unsent_at_));
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        unsent_at_ += static_cast<std::size_t>(n);
    }
    if (unsent_.capacity() > kept_capacity_max)
        unsent_ = std::string();
    unsent_.clear();
    unsent_at_ = 0;
    return true;
}

} // namespace rekey::proxy::net
