// Opens one logged-in connection to a server: resolve, connect, TLS, login, and statements to verify or administer.
//
// Used by pools, by the prober and by the administrator alike, so that what is verified is what will be used. Destroys
// itself after the callback; abandon() before that makes the callback never come.
#pragma once

#include "proxy/dialect.hpp"
#include "proxy/net/blocking_pool.hpp"
#include "proxy/net/connection.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

struct sockaddr;

namespace rekey::proxy::net {

// Results of key derivations of one credential generation. Belongs to one worker.
using DerivationCache = std::map<std::string, protocol::Secret, std::less<>>;

struct ConnectRequest {
    config::Address host;
    config::UpstreamTls tls = config::UpstreamTls::prefer;
    config::TlsNegotiation negotiation = config::TlsNegotiation::postgres;
    TlsContext context;
    rotation::CredentialPtr credential;
    std::string backend_class;
    std::chrono::milliseconds timeout{5000};
    std::vector<std::string> statements;
    std::chrono::milliseconds rest{0}; // between the login and the first of them
    std::shared_ptr<DerivationCache> derivations;
};

struct ConnectResult {
    rotation::LoginResult result = rotation::LoginResult::unavailable;
    std::string reason, sqlstate; // never a secret
    Socket socket;                // accepted only
    std::string unread;           // bytes that came behind the login
    std::unique_ptr<BackendLogin> login;
    std::vector<StatementOutcome> outcomes; // of the statements that ran; the last one may have failed
};

class Connector final : public Connection {
  public:
    using Done = std::function<void(ConnectResult)>;
    static Connector* start(EventLoop& loop, BlockingPool& blocking, Dialect& dialect, ConnectRequest request,
                            Done done);
    ~Connector() override;
    void abandon();

  private:
    Connector(EventLoop& loop, BlockingPool& blocking, Dialect& dialect, ConnectRequest request, Done done);

    void resolve();
    void connect_to(const ::sockaddr* address, unsigned size);
    void on_connected() override;
    void on_readable() override;
    void on_drained() override {}
    void on_tls(bool established) override;
    void advance();
    void step_login();
    void derive();
    void next_statement();
    void fail(rotation::LoginResult result, std::string reason, std::string sqlstate = {});
    void finish(ConnectResult result);

    BlockingPool& blocking_;
    Dialect& dialect_;
    ConnectRequest request_;
    Done done_;
    std::unique_ptr<BackendLogin> login_;
    std::unique_ptr<StatementRun> run_;
    std::size_t statement_ = 0;
    std::vector<StatementOutcome> outcomes_;
    std::string in_;
    bool logged_in_ = false, deriving_ = false, finished_ = false;
    std::uint64_t timer_ = 0;
    std::shared_ptr<Connector*> self_; // null inside once this is gone
};

} // namespace rekey::proxy::net
