#include "proxy/net/connector.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rekey::proxy::net {

namespace {

constexpr std::size_t login_bytes_max = 1 << 20; // what a server may say before it is logged in to, unread

// Filled on another thread.
struct Resolved {
    sockaddr_storage address{};
    socklen_t size = 0;
    std::string error;
};

// Blocks unless `flags` says AI_NUMERICHOST.
Resolved resolve_name(const config::Address& host, int flags = 0) {
    Resolved resolved;
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    auto port = std::to_string(host.port);
    if (int error = getaddrinfo(host.host.c_str(), port.c_str(), &hints, &list); error != 0) {
        resolved.error = gai_strerror(error);
        return resolved;
    }
    // IPv4 first where there is a choice: a server on a name like localhost often listens on it alone.
    const addrinfo* chosen = list;
    for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family == AF_INET) {
            chosen = entry;
            break;
        }
    }
    std::memcpy(&resolved.address, chosen->ai_addr, chosen->ai_addrlen);
    resolved.size = chosen->ai_addrlen;
    freeaddrinfo(list);
    return resolved;
}

} // namespace

Connector::Connector(EventLoop& loop, BlockingPool& blocking, Dialect& dialect, ConnectRequest request, Done done)
    : Connection(loop), blocking_(blocking), dialect_(dialect), request_(std::move(request)), done_(std::move(done)),
      self_(std::make_shared<Connector*>(this)) {}

Connector* Connector::start(EventLoop& loop, BlockingPool& blocking, Dialect& dialect, ConnectRequest request,
                            Done done) {
    auto* connector = new Connector(loop, blocking, dialect, std::move(request), std::move(done));
    connector->timer_ = loop.call_at(loop.now() + connector->request_.timeout, [connector] {
        connector->timer_ = 0;
        connector->fail(rotation::LoginResult::unavailable, "timed out");
    });
    // Never from inside the call: the caller has nothing to hold on to yet.
    loop.post([self = connector->self_] {
        if (*self != nullptr)
            (*self)->resolve();
    });
    return connector;
}

Connector::~Connector() {
    *self_ = nullptr;
    if (timer_ != 0)
        loop_.cancel(timer_);
}

void Connector::abandon() {
    done_ = nullptr;
    finish({});
}

void Connector::resolve() {
    const auto& host = request_.host;
    if (host.is_unix()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (host.unix_path.size() >= sizeof address.sun_path)
            return fail(rotation::LoginResult::unavailable, "path of the socket is too long");
        std::memcpy(address.sun_path, host.unix_path.c_str(), host.unix_path.size() + 1);
        return connect_to(reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    if (auto literal = resolve_name(host, AI_NUMERICHOST); literal.error.empty())
        return connect_to(reinterpret_cast<const sockaddr*>(&literal.address), literal.size);
    blocking_.run([self = self_, host, &loop = loop_] {
        auto resolved = resolve_name(host);
        loop.post([self, resolved] {
            if (*self == nullptr)
                return;
            if (!resolved.error.empty())
                return (*self)->fail(rotation::LoginResult::unavailable, "cannot resolve the name: " + resolved.error);
            (*self)->connect_to(reinterpret_cast<const sockaddr*>(&resolved.address), resolved.size);
        });
    });
}

void Connector::connect_to(const sockaddr* address, unsigned size) {
    Socket socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.fd < 0)
        return fail(rotation::LoginResult::unavailable, std::string("no socket: ") + std::strerror(errno));
    if (address->sa_family != AF_UNIX) {
        int on = 1;
        setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(socket.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    if (::connect(socket.fd, address, size) != 0 && errno != EINPROGRESS)
        return fail(rotation::LoginResult::unavailable, std::string("cannot connect: ") + std::strerror(errno));
    connecting();
    if (!take(std::move(socket)))
        fail(rotation::LoginResult::unavailable, std::string("epoll: ") + std::strerror(errno));
}

void Connector::on_connected() {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        return fail(rotation::LoginResult::unavailable, std::string("cannot connect: ") + std::strerror(error));
    login_ = dialect_.backend_login(
        {request_.credential, request_.backend_class, request_.tls, request_.negotiation});
    advance();
}

void Connector::on_tls(bool established) {
    if (!established) {
        auto verify = SSL_get_verify_result(ssl());
        auto reason = verify != X509_V_OK ? std::string(X509_verify_cert_error_string(verify)) : tls_error();
        return fail(rotation::LoginResult::unavailable, "TLS: " + reason);
    }
    std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl()), X509_free);
    const unsigned char* alpn = nullptr;
    unsigned alpn_size = 0;
    SSL_get0_alpn_selected(ssl(), &alpn, &alpn_size);
    if (request_.negotiation == config::TlsNegotiation::direct && alpn_size == 0)
        return fail(rotation::LoginResult::unavailable, "TLS: the server did not agree to the protocol (ALPN)");
    login_->tls_established({end_point_hash(certificate.get()), sha256_of(certificate.get()),
                             std::string(reinterpret_cast<const char*>(alpn), alpn_size), {}});
    advance();
}

void Connector::on_readable() {
    std::array<char, 4096> chunk;
    while (!finished_) {
        auto result = read(chunk);
        if (result.status == ReadStatus::would_block)
            return;
        if (result.status == ReadStatus::end) {
            if (!logged_in_ && login_ && !deriving_) {
                login_->closed();
                return fail(login_->result(), std::string(login_->reason()), std::string(login_->sqlstate()));
            }
            return fail(rotation::LoginResult::unavailable, "the server closed the connection");
        }
        in_.append(chunk.data(), result.size);
        if (in_.size() > login_bytes_max)
            return fail(rotation::LoginResult::unavailable, "the server said too much");
        advance();
    }
}

void Connector::advance() {
    if (deriving_ || finished_)
        return;
    if (!logged_in_) {
        step_login();
        return;
    }
    std::size_t consumed = 0;
    if (!run_ || !run_->next(in_, consumed)) {
        in_.erase(0, consumed);
        return;
    }
    in_.erase(0, consumed);
    outcomes_.push_back(run_->take_outcome());
    if (!outcomes_.back().ok)
        statement_ = request_.statements.size(); // the rest builds on it
    next_statement();
}

void Connector::step_login() {
    std::size_t consumed = 0;
    auto step = login_->next(in_, consumed);
    in_.erase(0, consumed);
    if (auto out = login_->take_output(); !out.empty() && !write(std::string_view(out)))
        return fail(rotation::LoginResult::unavailable, "the server closed the connection");
    switch (step) {
    case BackendLogin::Step::need_input:
        return;
    case BackendLogin::Step::start_tls:
        if (!request_.context)
            return fail(rotation::LoginResult::unavailable, "TLS is not configured");
        return start_tls(make_client_ssl(request_.context.get(), request_.host, request_.tls), false);
    case BackendLogin::Step::derive:
        return derive();
    case BackendLogin::Step::done:
        logged_in_ = true;
        if (request_.rest.count() == 0)
            return next_statement();
        loop_.call_at(loop_.now() + request_.rest, [self = self_] {
            if (*self != nullptr)
                (*self)->next_statement();
        });
        return;
    case BackendLogin::Step::failed:
        return fail(login_->result(), std::string(login_->reason()), std::string(login_->sqlstate()));
    }
}

void Connector::derive() {
    auto job = login_->derivation();
    if (request_.derivations) {
        if (auto known = request_.derivations->find(job.key); known != request_.derivations->end()) {
            login_->derived(known->second);
            return step_login();
        }
    }
    deriving_ = true;
    blocking_.run([self = self_, job = std::move(job), &loop = loop_] {
        auto result = std::make_shared<protocol::Secret>(job.compute());
        loop.post([self, key = job.key, result] {
            if (*self == nullptr)
                return;
            auto& me = **self;
            me.deriving_ = false;
            me.login_->derived(*result);
            if (me.request_.derivations)
                me.request_.derivations->insert_or_assign(key, std::move(*result));
            me.step_login();
        });
    });
}

void Connector::next_statement() {
    if (statement_ < request_.statements.size()) {
        run_ = dialect_.statement_run();
        if (!write(std::string_view(run_->start(request_.statements[statement_++]))))
            fail(rotation::LoginResult::unavailable, "the server closed the connection");
        return;
    }
    ConnectResult result;
    result.result = rotation::LoginResult::accepted;
    result.login = std::move(login_);
    result.outcomes = std::move(outcomes_);
    result.unread = std::move(in_);
    result.socket = give();
    finish(std::move(result));
}

void Connector::fail(rotation::LoginResult result, std::string reason, std::string sqlstate) {
    ConnectResult failure;
    failure.result = result;
    failure.reason = std::move(reason);
    failure.sqlstate = std::move(sqlstate);
    failure.outcomes = std::move(outcomes_);
    finish(std::move(failure));
}

void Connector::finish(ConnectResult result) {
    if (finished_)
        return;
    finished_ = true;
    *self_ = nullptr;
    close_socket();
    if (timer_ != 0)
        loop_.cancel(std::exchange(timer_, 0));
    loop_.dispose(std::unique_ptr<Disposable>(this));
    if (auto done = std::exchange(done_, nullptr))
        done(std::move(result));
}

} // namespace rekey::proxy::net
