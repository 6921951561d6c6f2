#include "proxy/pool/cancel.hpp"

#include "proxy/pool/upstream.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rekey::proxy {

namespace {

constexpr std::chrono::seconds answer_max{10}; // for the server to close the connection

class CancelConnection final : public net::Connection {
  public:
    CancelConnection(Worker& worker, Backend& backend, net::TlsContext tls, config::UpstreamTls mode)
        : Connection(worker.loop()), worker_(worker), dialect_(backend.upstream().dialect()), tls_(std::move(tls)),
          mode_(mode), host_(backend.origin().host), key_(backend.cancel_key()),
          upstream_(backend.upstream().configuration().name), backend_id_(backend.id()),
          lease_(backend.lease_serial()) {
        backend.cancel_started();
    }

    // The address of the backend's own socket: the server behind it is the one that knows the key.
    void start(int backend_fd, std::chrono::milliseconds connect_timeout) {
        timer_ = loop_.call_at(loop_.now() + connect_timeout + answer_max, [this] {
            timer_ = 0;
            finish();
        });
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        if (getpeername(backend_fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            return finish();
        net::Socket socket(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (socket.fd < 0 || (::connect(socket.fd, reinterpret_cast<sockaddr*>(&address), size) != 0 &&
                              errno != EINPROGRESS))
            return finish();
        connecting();
        if (!take(std::move(socket)))
            finish();
    }

  private:
    void on_connected() override {
        bool tls = mode_ == config::UpstreamTls::require || mode_ == config::UpstreamTls::verify_ca ||
                   mode_ == config::UpstreamTls::verify_full;
        if (!tls || !tls_)
            return send_request();
        if (!write(std::string_view(dialect_.tls_request())))
            finish();
    }
    void on_tls(bool established) override { established ? send_request() : finish(); }
    void send_request() {
        auto* backend = find();
        bool same = backend != nullptr && backend->lease_serial() == lease_ && backend->client() != nullptr;
        bool left = backend != nullptr && backend->state() == BackendState::active && !same;
        if (backend == nullptr || left || !write(std::string_view(dialect_.cancel_request(key_))))
            return finish();
        sent_ = true;
    }
    void on_readable() override {
        std::array<char, 16> chunk;
        for (;;) {
            // Exactly the one byte that answers the request for TLS.
            auto result = read(std::span(chunk).first(sent_ ? chunk.size() : 1));
            if (result.status == net::ReadStatus::would_block)
                return;
            if (result.status == net::ReadStatus::end || (!sent_ && chunk[0] != 'S'))
                return finish();
            if (!sent_)
                return start_tls(net::make_client_ssl(tls_.get(), host_, mode_), false);
        }
    }
    void on_drained() override {}

    Backend* find() {
        auto* upstream = worker_.find_upstream(upstream_);
        return upstream == nullptr ? nullptr : upstream->find_backend(backend_id_);
    }
    void finish() {
        if (std::exchange(finished_, true))
            return;
        if (timer_ != 0)
            loop_.cancel(timer_);
        close_socket();
        loop_.dispose(std::unique_ptr<Disposable>(this));
        if (auto* backend = find())
            backend->cancel_ended();
    }

    Worker& worker_;
    Dialect& dialect_;
    net::TlsContext tls_;
    config::UpstreamTls mode_;
    config::Address host_;
    CancelKey key_;
    std::string upstream_;
    std::uint64_t backend_id_, lease_;
    std::uint64_t timer_ = 0;
    bool sent_ = false, finished_ = false;
};

} // namespace

void start_cancel(Worker& worker, Backend& backend, net::TlsContext tls, config::UpstreamTls mode,
                  std::chrono::milliseconds connect_timeout) {
    auto* connection = new CancelConnection(worker, backend, std::move(tls), mode);
    connection->start(backend.descriptor(), connect_timeout);
}

} // namespace rekey::proxy
