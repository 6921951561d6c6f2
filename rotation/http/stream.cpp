#include "rotation/http/stream.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rekey::rotation::http {

namespace {

constexpr std::size_t chunk = 16 * 1024;

// For poll(): rounded up, so that a wait never ends just before its deadline and spins.
int left_until(Clock::time_point deadline) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 24 * 3600 * 1000));
}

Fault failed_with(Failure kind, int error) {
    return {kind, std::strerror(error)};
}

bool is_address(const std::string& name) {
    in6_addr ignored;
    return ::inet_pton(AF_INET, name.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

} // namespace

void pause_until(Clock::time_point until, const Cancellation& cancellation) {
    pollfd item{cancellation.fd(), POLLIN, 0};
    while (!cancellation.cancelled() && Clock::now() < until)
        ::poll(&item, 1, left_until(until));
}

void Stream::FreeSsl::operator()(ssl_st* ssl) const {
    SSL_free(ssl);
}

Stream::Stream(const Cancellation& cancellation) : cancellation_(cancellation) {}
Stream::~Stream() = default;

Fault Stream::wait(short events, Clock::time_point deadline) const {
    pollfd items[] = {{socket_.get(), events, 0}, {cancellation_.fd(), POLLIN, 0}};
    while (true) {
        if (cancellation_.cancelled())
            return {Failure::cancelled, "cancelled"};
        int ready = ::poll(items, 2, left_until(deadline));
        if (ready < 0 && errno != EINTR)
            return failed_with(Failure::lost, errno);
        if (ready > 0 && items[0].revents != 0)
            return {};
        if (ready <= 0 && Clock::now() >= deadline)
            return {Failure::timed_out, "no answer in time"};
    }
}

Fault Stream::connect(const std::string& host, std::uint16_t port, Clock::time_point deadline) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    if (is_address(host))
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
        return {Failure::connect, ::gai_strerror(error)};
    std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    int left = 0;
    for (auto* address = found; address != nullptr; address = address->ai_next)
        ++left;
    Fault fault{Failure::connect, "the name has no address"};
    for (auto* address = found; address != nullptr; address = address->ai_next, --left) {
        auto now = Clock::now();
        fault = connect_to(*address, now + (deadline - now) / left); // one that is silent leaves time for the others
        if (!fault || fault.kind == Failure::cancelled)
            return fault;
    }
    return {Failure::connect, fault.text};
}

Fault Stream::connect_to(const addrinfo& address, Clock::time_point deadline) {
    ssl_.reset();
    socket_ = Descriptor(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_)
        return failed_with(Failure::connect, errno);
    int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_.get(), address.ai_addr, address.ai_addrlen) == 0)
        return {};
    if (errno != EINPROGRESS)
        return failed_with(Failure::connect, errno);
    if (auto fault = wait(POLLOUT, deadline))
        return fault;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? Fault{} : failed_with(Failure::connect, error);
}

Fault Stream::start_tls(ssl_ctx_st* context, const std::string& name, Clock::time_point deadline) {
    ssl_.reset(SSL_new(context));
    auto* in = BIO_new(BIO_s_mem());
    auto* out = BIO_new(BIO_s_mem());
    if (!ssl_ || in == nullptr || out == nullptr) {
        BIO_free(in);
        BIO_free(out);
        return {Failure::tls, "no memory for TLS"};
    }
    SSL_set_bio(ssl_.get(), in, out);
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
    bool set = false;
    if (is_address(name))
        set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) == 1;
    else
        set = SSL_set1_host(ssl_.get(), name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) == 1;
    if (!set)
        return {Failure::tls, "\"" + name + "\" is no name that a certificate can be checked for"};
    int result = 0;
    auto fault = tls_step([this] { return SSL_connect(ssl_.get()); }, result, deadline);
    if (!fault && result <= 0)
        return {Failure::lost, "the connection was closed during the TLS handshake"};
    return fault;
}

Fault Stream::write(std::string_view bytes, Clock::time_point deadline) {
    if (!ssl_)
        return send_raw(bytes, deadline);
    while (!bytes.empty()) {
        int result = 0;
        auto part = bytes.substr(0, chunk);
        auto fault = tls_step([&] { return SSL_write(ssl_.get(), part.data(), static_cast<int>(part.size())); }, result,
                              deadline);
        if (fault)
            return fault;
        if (result <= 0)
            return {Failure::lost, "the connection was closed"};
        bytes.remove_prefix(static_cast<std::size_t>(result));
    }
    return {};
}

Fault Stream::read(char* out, std::size_t size, std::size_t& count, Clock::time_point deadline) {
    count = 0;
    if (!ssl_)
        return receive_raw(out, size, count, deadline);
    int result = 0;
    auto fault = tls_step([&] { return SSL_read(ssl_.get(), out, static_cast<int>(size)); }, result, deadline);
    if (!fault)
        count = static_cast<std::size_t>(std::max(result, 0));
    return fault;
}

bool Stream::quiet() const {
    pollfd item{socket_.get(), POLLIN, 0};
    return socket_ && ::poll(&item, 1, 0) == 0 && (!ssl_ || SSL_pending(ssl_.get()) == 0);
}

Fault Stream::send_raw(std::string_view bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
        auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return failed_with(Failure::lost, errno);
        if (auto fault = wait(POLLOUT, deadline))
            return fault;
    }
    return {};
}

Fault Stream::receive_raw(char* out, std::size_t size, std::size_t& count, Clock::time_point deadline) {
    count = 0;
    while (true) {
        if (auto fault = wait(POLLIN, deadline))
            return fault;
        auto got = ::recv(socket_.get(), out, size, 0);
        if (got >= 0) {
            count = static_cast<std::size_t>(got);
            return {};
        }
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            return failed_with(Failure::lost, errno);
    }
}

Fault Stream::flush_tls(Clock::time_point deadline) {
    char bytes[chunk];
    auto* out = SSL_get_wbio(ssl_.get());
    while (BIO_ctrl_pending(out) > 0) {
        int size = BIO_read(out, bytes, sizeof bytes);
        if (size <= 0)
            break;
        if (auto fault = send_raw({bytes, static_cast<std::size_t>(size)}, deadline))
            return fault;
    }
    return {};
}

Fault Stream::fill_tls(bool& ended, Clock::time_point deadline) {
    char bytes[chunk];
    std::size_t count = 0;
    if (auto fault = receive_raw(bytes, sizeof bytes, count, deadline))
        return fault;
    ended = count == 0;
    if (!ended && BIO_write(SSL_get_rbio(ssl_.get()), bytes, static_cast<int>(count)) != static_cast<int>(count))
        return {Failure::tls, "no memory for TLS"};
    return {};
}

template <class Operation> Fault Stream::tls_step(Operation operation, int& result, Clock::time_point deadline) {
    while (true) {
        ERR_clear_error();
        result = operation();
        int why = SSL_get_error(ssl_.get(), result);
        // What is wrong is known before it is sent: an alert that cannot be sent does not hide its cause.
        Fault failure = why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL ? tls_failure() : Fault{};
        auto flushed = flush_tls(deadline);
        if (failure || why == SSL_ERROR_ZERO_RETURN)
            return failure;
        if (flushed || result > 0)
            return flushed;
        if (why != SSL_ERROR_WANT_READ)
            return {Failure::tls, "TLS: unexpected state"};
        bool ended = false;
        if (auto fault = fill_tls(ended, deadline))
            return fault;
        if (ended) // without a close notification anybody might have cut it
            return {Failure::lost, "the connection was closed"};
    }
}

Fault Stream::tls_failure() const {
    if (auto verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK)
        return {Failure::tls, std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verdict)};
    auto error = ERR_peek_error();
    const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
    return {Failure::tls, std::string("TLS: ") + (reason != nullptr ? reason : "the connection failed")};
}

} // namespace rekey::rotation::http
