// What pool/, session/ and net/ must know of a protocol: one small role for each of its conversations.
//
// The roles are abstract classes and not templates, because each is called once per read at most: a virtual call is
// nothing beside the system call before it, and the drivers compile once. One Dialect object per worker and protocol;
// nothing here is shared between threads.
#pragma once

#include "config/config.hpp"
#include "protocol/common/exchange.hpp"
#include "protocol/common/secret.hpp"
#include "protocol/common/tls_wish.hpp"
#include "protocol/common/transform.hpp"
#include "rotation/ports.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::proxy {

protocol::Multiplexing multiplexing_of(config::PoolMode mode);
protocol::TlsWish tls_wish_of(config::UpstreamTls mode);

struct CancelKey {
    std::uint32_t process_id = 0;
    std::string key;
};

struct PeerTls {
    // Of the certificate that the server side of this connection showed: RFC 5929, and the SHA-256 of its DER.
    std::string end_point_hash, certificate_sha256;
    std::string alpn;
    std::string certificate_name; // of a verified client certificate
};

// A client that logs in.
class ClientLogin {
  public:
    enum class Step { need_input, start_tls, lookup, cancel, authenticated, failed };
    virtual ~ClientLogin() = default;

    virtual Step next(std::string_view in, std::size_t& consumed) = 0;
    // Of the unread bytes together with those read next, at most so many: what may stand behind them is TLS's. 0: any.
    virtual std::size_t read_max() const { return 0; }
    virtual void tls_established(PeerTls peer) = 0;
    // `user` is null when there is none of this name; it outlives the call.
    virtual void user_found(const config::User* user, bool may_connect) = 0;
    virtual std::string take_output() = 0;

    virtual std::string_view user() const = 0;
    virtual std::string_view database() const = 0;
    virtual std::string_view method() const = 0;
    virtual const CancelKey& cancel() const = 0;         // after Step::cancel
    virtual std::string_view failure() const = 0;        // a metric's label, after Step::failed
    virtual bool wrong_password() const = 0;             // the failure is to be delayed
    // Refuses a client that has proven who it is.
    virtual std::string refusal(std::string_view sqlstate, std::string_view message) const = 0;
    // What was agreed on for everything behind the login's reply; null: nothing new.
    virtual std::unique_ptr<protocol::Transform> transform() const { return nullptr; }
};

// A backend that logs in.
class BackendLogin {
  public:
    enum class Step { need_input, start_tls, derive, done, failed };
    // A computation for another thread. `key` names its result: equal keys of one credential have equal results.
    struct Derivation {
        std::string key;
        std::function<protocol::Secret()> compute;
    };
    virtual ~BackendLogin() = default;

    virtual Step next(std::string_view in, std::size_t& consumed) = 0;
    virtual void tls_established(PeerTls peer) = 0;
    virtual Derivation derivation() = 0;
    virtual void derived(const protocol::Secret& result) = 0;
    virtual void closed() = 0;
    virtual std::string take_output() = 0;

    virtual rotation::LoginResult result() const = 0; // after done or failed
    virtual std::string_view reason() const = 0;      // for a log
    virtual std::string_view sqlstate() const = 0;
    virtual const CancelKey& cancel_key() const = 0;
    virtual std::optional<bool> standby() const = 0;  // absent: the server did not say
};

struct StatementOutcome {
    bool ok = false;
    std::uint32_t error = 0; // the server's own number, where it has numbers
    std::string sqlstate, reason;
    std::vector<std::vector<std::string>> rows;
};

// One statement on a logged-in backend, for verifying and administering.
class StatementRun {
  public:
    virtual ~StatementRun() = default;
    virtual std::string start(std::string_view statement) = 0; // bytes to write
    // True: over.
    virtual bool next(std::string_view in, std::size_t& consumed) = 0;
    virtual StatementOutcome take_outcome() = 0;
};

// What one pool remembers for logins that need no backend.
class PoolFacts {
  public:
    virtual ~PoolFacts() = default;
};

class Dialect {
  public:
    virtual ~Dialect() = default;

    // What is not owned outlives the call.
    struct ClientLoginOptions {
        config::ConfigPtr config;
        const config::Listener* listener = nullptr;
        bool tls_offered = false, tls_required = false, unix_socket = false;
        std::string client_host;      // for the text of an error
        std::uint32_t process_id = 0; // of the session, where we speak first
    };
    // The server's side speaks first: next() is called once before anything was read.
    virtual bool speaks_first() const = 0;
    virtual std::unique_ptr<ClientLogin> client_login(const ClientLoginOptions& options) = 0;
    // Of a client whose exchange said login_wanted(); its connection is as `peer` says, be it with TLS or without. Of
    // the options the listener and its TLS are not looked at. next() is called once before anything was read.
    virtual std::unique_ptr<ClientLogin> client_login_anew(const ClientLoginOptions& options, PeerTls peer,
                                                           const protocol::ClientExchange& before);

    struct BackendLoginOptions {
        rotation::CredentialPtr credential;
        std::string backend_class;
        config::UpstreamTls tls = config::UpstreamTls::prefer;
        config::TlsNegotiation negotiation = config::TlsNegotiation::postgres;
    };
    virtual std::unique_ptr<BackendLogin> backend_login(const BackendLoginOptions& options) = 0;
    virtual std::unique_ptr<StatementRun> statement_run() = 0;

    // The pool a proven client belongs to; `wanted` is the route's upstream_database, or what the client asked for.
    virtual std::string backend_class(const ClientLogin& login, std::string_view wanted) const = 0;
    // What the route's key calls its database when nothing but a configuration is at hand.
    virtual std::string backend_class(std::string_view database) const = 0;

    // One that every server has, for verifying where no database is named.
    virtual std::string default_class() const = 0;

    // `database` as backend_class() was given it.
    struct ClientExchangeOptions {
        std::uint64_t client_id = 0, pool_id = 0;
        std::string_view database;
        const config::Pool* pool = nullptr;
    };
    virtual std::unique_ptr<protocol::ClientExchange> client_exchange(const ClientLogin& login,
                                                                      const ClientExchangeOptions& options) = 0;
    virtual std::unique_ptr<protocol::BackendExchange> backend_exchange(const BackendLogin& login,
                                                                        const rotation::Credential& credential) = 0;

    virtual std::unique_ptr<PoolFacts> pool_facts() = 0;
    // Why a server of `upstream` cannot serve a client that was greeted as this one was, as far as is known; empty: it
    // can.
    virtual std::string login_obstacle(const ClientLogin& login, const std::string& upstream) const;
    // The end of a client's login. False: it must be attached to a backend first, so that its parameters are known to
    // be good and what they come to is known; then learn() and call again.
    virtual bool login_reply(const ClientLogin& login, protocol::ClientExchange& client, PoolFacts& facts,
                             const CancelKey& key, std::string& out) = 0;
    virtual void learn(const protocol::ClientExchange& client, const protocol::BackendExchange& backend,
                       PoolFacts& facts) = 0;
    virtual void learn_login(const BackendLogin& login, PoolFacts& facts) = 0;
    // Of any login that a server of `upstream` accepted, be it a verifying one.
    virtual void learn_server(const std::string& upstream, const BackendLogin& login) = 0;
    // How long a cancel key this client can take, bytes.
    virtual std::size_t cancel_key_size(const ClientLogin& login) const = 0;
    // What cancels: bytes on a connection that is not logged in, or a statement on one that is. One of them is empty.
    virtual std::string cancel_request(const CancelKey& key) const = 0;
    virtual std::string cancel_statement(const CancelKey& key) const = 0;
    virtual std::string goodbye() const = 0; // ends a backend in good order
    virtual std::string tls_request() const = 0; // asks for TLS on a connection that is not a login

    virtual std::uint64_t probes() const = 0; // asked so far
    virtual void sweep() = 0;                 // now and then
};

} // namespace rekey::proxy
