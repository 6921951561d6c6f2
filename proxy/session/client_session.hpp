// One client connection: its login, and then its requests, each served by a backend that is leased for as long as the
// client's state needs it.
//
//   login ─▶ starting ─▶ ready ─▶ closing
//     ▲          (waits for a backend when what its start-up parameters come to is not known yet)
//     └─────────────────────┘ a client that logs in anew; until it has, the session is its old user's
#pragma once

#include "protocol/common/exchange.hpp"
#include "proxy/net/connection.hpp"
#include "proxy/pool/backend.hpp"
#include "proxy/pool/line.hpp"
#include "proxy/worker.hpp"

#include <memory>
#include <string>

namespace rekey::proxy {

struct Pool;
class Upstream;

struct PeerAddress {
    bool unix_socket = false;
    bool v6 = false;
    unsigned char bytes[16] = {};
    std::string text() const;
};
bool allowed(const config::User& user, const PeerAddress& peer);

class ClientSession final : public net::Connection {
  public:
    // Adds itself to the worker and destroys itself when it ends.
    static void accept(Worker& worker, const config::Listener& listener, net::Socket socket, PeerAddress peer,
                       bool over_limit);

    std::uint64_t id() const { return id_; }
    const std::string& user() const { return user_; }
    const std::string& upstream_name() const { return upstream_name_; }
    protocol::ClientExchange* exchange() { return exchange_.get(); }
    net::Clock::time_point waiting_since() const { return since_; }
    const std::string& cancel_secret() const { return cancel_secret_; }

    // False: the client is not there any more.
    bool send(const protocol::Output& output);
    void resume_reading() { resume(); }

    // From the pool: the wait is over.
    void granted(Backend& backend);
    void refused(std::string_view sqlstate, std::string_view message);
    // From the leased backend.
    void backend_progress();
    void backend_lost(protocol::BackendExchange& exchange, const std::string& reason);
    void broken(); // the client's connection failed while a reply was written

    void cancel_requested();
    // Another session of the same user says that this one is to end, or what it is doing.
    void killed(bool query_only);
    // What became of the exchange's own kill_request().
    void kill_answered(protocol::KillAnswer answer);
    // Ends the session as soon as that disturbs no transaction. `at_once`: now.
    void terminate(std::string_view reason, std::string_view message, bool at_once);
    // For replacement: the leased backend is of an old generation and held by the client's state.
    bool pinned() const { return pinned_; }
    void close_pinned(bool now);
    ClientRow row() const;

    Line<ClientSession>::Place place; // in the pool's queue, while waiting

  private:
    static constexpr std::string_view terminated = "57P01"; // a last word
    enum class Phase { login, starting, ready, closing };
    struct Parts { // what moves to another worker
        std::string listener;
        PeerAddress peer;
        std::unique_ptr<ClientLogin> login;
        config::Protocol protocol;
        std::uint64_t id;
        net::Clock::time_point accepted;
        std::string unread;
        std::string upstream, backend_class, upstream_database;
        std::uint32_t process_id = 0;
        bool over_limit = false; // of client_connections: refused once it has proven who it is
    };

    ClientSession(Worker& worker, Parts parts);
    ~ClientSession() override;
    static void adopt(Worker& worker, std::shared_ptr<Parts> parts, std::shared_ptr<net::Socket> socket);

    void on_readable() override;
    void garbled();
    void on_drained() override;
    void on_tls(bool established) override;
    bool paused() const;
    void feed(std::string_view in);
    std::size_t consume(std::string_view in);
    void process_unread();

    std::size_t step_login(std::string_view in);
    bool direct_tls();
    PeerTls peer_tls();
    void limit_login();
    void begin_anew();
    void log_in_anew();
    void authenticated();
    void start();
    void reply_to_login();
    void login_failed();
    void refuse_login(std::string_view sqlstate, const std::string& message, std::string_view label);

    void carry_kill();
    bool acquire();
    bool attach(Backend& backend);
    void attached();
    void attach_failed();
    void release();
    void note_pin();
    void end(std::string_view reason);
    void close_after_write(std::string_view reason);
    void linger();
    void set_timer(net::Clock::duration after, std::function<void()> task);
    void stop_timer();

    Worker& worker_;
    std::string listener_;
    PeerAddress peer_;
    config::Protocol protocol_;
    std::unique_ptr<ClientLogin> login_;
    std::unique_ptr<protocol::ClientExchange> exchange_;
    std::string user_, database_, upstream_name_, backend_class_, upstream_database_;
    Upstream* upstream_ = nullptr;
    Pool* pool_ = nullptr;
    BackendLease lease_;
    std::string unread_;
    std::string cancel_secret_;
    std::uint64_t id_;
    std::uint32_t process_id_ = 0;
    std::uint64_t timer_ = 0; // of the login
    net::Clock::time_point accepted_, since_, pinned_since_;
    Phase phase_ = Phase::login;
    bool waiting_ = false, attaching_ = false, pinned_ = false, terminating_ = false, counted_ = false,
         holding_back_ = false, killing_ = false, over_limit_ = false, first_byte_seen_ = false;
    std::string termination_reason_, termination_message_;
};

} // namespace rekey::proxy
