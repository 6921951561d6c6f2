// One connection to a database server, in its pool or leased to a client session.
//
//   connecting ─▶ idle ⇄ active ─▶ (resetting | cancelling) ─▶ idle
//        any state ─▶ closing
//
// The generation is that of the credential snapshot which the login was started with. A lease is the only link between
// a client session and a backend, and its end the only way back into the pool.
#pragma once

#include "protocol/common/exchange.hpp"
#include "proxy/net/connector.hpp"
#include "proxy/snapshot.hpp"
#include "rotation/credential.hpp"

#include <memory>
#include <string>

namespace rekey::proxy {

class Worker;
class Upstream;
class ClientSession;
struct Pool;

class Backend final : public net::Connection {
  public:
    struct Origin {
        rotation::Generation generation;
        std::uint64_t epoch = 0; // of the upstream's hosts and TLS
        config::Address host;
    };
    Backend(Upstream& upstream, Pool& pool, net::ConnectResult login, const rotation::Credential& credential,
            Origin origin);
    ~Backend() override;

    std::uint64_t id() const { return id_; }
    const Origin& origin() const { return origin_; }
    BackendState state() const { return state_; }
    Pool& pool() { return pool_; }
    Upstream& upstream() { return upstream_; }
    ClientSession* client() { return client_; }
    protocol::BackendExchange& exchange() { return *exchange_; }
    const CancelKey& cancel_key() const { return cancel_key_; }
    std::uint64_t lease_serial() const { return lease_serial_; }
    net::Clock::time_point born() const { return born_; }
    net::Clock::time_point expires() const { return expires_; }
    net::Clock::time_point since() const { return since_; } // of the state

    // False: the connection broke; lost() was or will be called.
    bool send(const protocol::Output& output);
    void set_state(BackendState state);
    void lease_to(ClientSession* client);
    void client_detached();
    // Ends the connection in good order and destroys this.
    void close(std::string_view reason);
    void check_health();
    void cancel_started() { ++cancels_; }
    void cancel_ended();
    bool cancelling() const { return cancels_ != 0; }
    void resume_reading() { resume(); }
    int descriptor() const { return fd(); }

  private:
    void on_readable() override;
    void on_drained() override;
    void handle(std::string_view in);
    void settle();
    void lost(std::string_view reason);

    Upstream& upstream_;
    Pool& pool_;
    std::unique_ptr<protocol::BackendExchange> exchange_;
    CancelKey cancel_key_;
    Origin origin_;
    std::uint64_t id_;
    std::uint64_t lease_serial_ = 0;
    ClientSession* client_ = nullptr;
    BackendState state_ = BackendState::connecting;
    net::Clock::time_point born_, expires_, since_;
    std::string unread_;
    unsigned cancels_ = 0;
};

// Move-only. Ending it without release() means that the client has gone.
class BackendLease {
  public:
    BackendLease() = default;
    explicit BackendLease(Backend* backend) : backend_(backend) {}
    BackendLease(BackendLease&& other) noexcept : backend_(std::exchange(other.backend_, nullptr)) {}
    BackendLease& operator=(BackendLease&& other) noexcept;
    ~BackendLease() { end(); }

    explicit operator bool() const { return backend_ != nullptr; }
    Backend* operator->() const { return backend_; }
    Backend* get() const { return backend_; }
    // Nothing of the client is left on the backend.
    void release();
    // The backend is gone by itself.
    void drop() { backend_ = nullptr; }
    // The client is gone, or done with a backend that holds its state.
    void end();

  private:
    Backend* backend_ = nullptr;
};

} // namespace rekey::proxy
