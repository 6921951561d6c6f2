#include "proxy/admin/listening_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace rekey::proxy::admin {
namespace {

constexpr int backlog = 64;
constexpr auto accept_pause = std::chrono::milliseconds(100); // out of descriptors: the queue would spin

std::string last_error() {
    return std::strerror(errno);
}

bool is_socket(const std::string& path) {
    struct stat facts{};
    return ::lstat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode);
}

} // namespace

ListeningSocket::ListeningSocket(ControlLoop& loop, const config::Address& address, std::function<void(int)> accepted)
    : loop_(loop), accepted_(std::move(accepted)) {
    if (address.is_unix())
        open_unix(address.unix_path);
    else
        open_tcp(address);
    loop_.watch(fd_, [this] { accept_all(); });
}

ListeningSocket::~ListeningSocket() {
    if (retry_ != 0)
        loop_.cancel(retry_);
    loop_.unwatch(fd_);
    ::close(fd_);
    if (!unix_path_.empty())
        ::unlink(unix_path_.c_str());
}

void ListeningSocket::open_tcp(const config::Address& address) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    auto port = std::to_string(address.port);
    if (int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0)
        throw std::runtime_error(address.text() + ": " + ::gai_strerror(error));
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);

    std::string reason = "no address";
    for (auto* each = found; each != nullptr; each = each->ai_next) {
        int fd = ::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int on = 1;
        if (fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            ::bind(fd, each->ai_addr, each->ai_addrlen) == 0 && ::listen(fd, backlog) == 0) {
            fd_ = fd;
            break;
        }
        reason = last_error();
        if (fd >= 0)
            ::close(fd);
    }
    if (fd_ < 0)
        throw std::runtime_error(address.text() + ": " + reason);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                              : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

void ListeningSocket::open_unix(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
        throw std::runtime_error("unix:" + path + ": path is longer than 107 bytes");
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    if (is_socket(path))
        ::unlink(path.c_str()); // left by a process that was killed; anything else in its place is not ours
    int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    auto previous_mask = ::umask(0177);
    bool ok = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
    ok = ok && ::listen(fd, backlog) == 0;
    auto reason = last_error();
    ::umask(previous_mask);
    if (!ok) {
        if (fd >= 0)
            ::close(fd);
        throw std::runtime_error("unix:" + path + ": " + reason);
    }
    fd_ = fd;
    unix_path_ = path;
}

void ListeningSocket::accept_all() {
    for (;;) {
        int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accepted_(fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            loop_.unwatch(fd_);
            retry_ = loop_.call_at(loop_.now() + accept_pause, [this] {
                retry_ = 0;
                loop_.watch(fd_, [this] { accept_all(); });
            });
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

} // namespace rekey::proxy::admin
