#include "proxy/net/listener.hpp"

#include "proxy/session/client_session.hpp"
#include "proxy/worker.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace rekey::proxy {

namespace {

constexpr int backlog = 1024;
constexpr int accepts_max = 64; // before the other sockets have their turn
// Beyond client_connections: so many are let in to be told so.
constexpr std::uint32_t refused_politely_max = 256;
constexpr std::chrono::milliseconds retry_after{100};

[[noreturn]] void fail(const config::Listener& listener, const std::string& reason) {
    throw std::runtime_error("listeners[" + listener.name + "]: cannot listen on " + listener.address.text() + ": " +
                             reason);
}

int open_unix(const config::Listener& listener) {
    const auto& path = listener.address.unix_path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        fail(listener, "the path is too long");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    // A socket file that nobody answers on is left over from a process that was killed.
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (answered) {
        ::close(fd);
        fail(listener, "another process listens there");
    }
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path.c_str());
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        std::string reason = std::strerror(errno);
        ::close(fd);
        fail(listener, reason);
    }
    chmod(path.c_str(), 0777); // who may connect is `allow`'s to say
    return fd;
}

int open_tcp(const config::Listener& listener) {
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    auto port = std::to_string(listener.address.port);
    const auto& host = listener.address.host;
    if (int error = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &list); error != 0)
        fail(listener, gai_strerror(error));
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool bound = bind(fd, list->ai_addr, list->ai_addrlen) == 0;
    std::string reason = bound ? "" : std::strerror(errno);
    freeaddrinfo(list);
    if (!bound) {
        ::close(fd);
        fail(listener, reason);
    }
    return fd;
}

PeerAddress peer_of(const sockaddr_storage& address) {
    PeerAddress peer;
    if (address.ss_family == AF_UNIX) {
        peer.unix_socket = true;
    } else if (address.ss_family == AF_INET) {
        std::memcpy(peer.bytes, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
    } else {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
        peer.v6 = !IN6_IS_ADDR_V4MAPPED(&v6);
        std::memcpy(peer.bytes, peer.v6 ? v6.s6_addr : v6.s6_addr + 12, peer.v6 ? 16 : 4);
    }
    return peer;
}

} // namespace

Listener::Listener(const config::Listener& configuration) : configuration_(configuration) {
    fd_ = configuration.address.is_unix() ? open_unix(configuration) : open_tcp(configuration);
    if (listen(fd_, backlog) != 0) {
        std::string reason = std::strerror(errno);
        ::close(fd_);
        fail(configuration, reason);
    }
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    if (address.ss_family == AF_INET)
        port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
    else if (address.ss_family == AF_INET6)
        port_ = ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

Listener::~Listener() { close(); }

void Listener::serve(Worker& worker) {
    worker_ = &worker;
    worker.loop().add_level_in(fd_, this);
}

void Listener::close() {
    if (fd_ < 0)
        return;
    if (worker_ != nullptr) {
        worker_->loop().remove(fd_);
        worker_->loop().forget(this);
        if (retry_ != 0)
            worker_->loop().cancel(std::exchange(retry_, 0));
    }
    ::close(std::exchange(fd_, -1));
    if (configuration_.address.is_unix())
        unlink(configuration_.address.unix_path.c_str());
}

void Listener::on_event(std::uint32_t) {
    auto& shared = worker_->shared();
    for (int i = 0; i < accepts_max; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        net::Socket socket(accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket.fd < 0) {
            if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
                return;
            // Level-triggered, it would spin: look again when something may have been closed.
            count(worker_->counters().limits_hit, "file_descriptors");
            worker_->loop().remove(fd_);
            if (retry_ == 0)
                retry_ = worker_->loop().call_at(worker_->loop().now() + retry_after, [this] {
                    retry_ = 0;
                    worker_->loop().add_level_in(fd_, this);
                });
            return;
        }
        auto limit = worker_->config().limits.client_connections;
        auto open = shared.client_connections.load(std::memory_order_relaxed);
        if (open >= limit + refused_politely_max) {
            count(worker_->counters().limits_hit, "client_connections");
            continue;
        }
        if (!configuration_.address.is_unix()) {
            int on = 1;
            setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            setsockopt(socket.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        }
        address.ss_family = configuration_.address.is_unix() ? sa_family_t{AF_UNIX} : address.ss_family;
        ClientSession::accept(*worker_, configuration_, std::move(socket), peer_of(address), open >= limit);
    }
}

} // namespace rekey::proxy
