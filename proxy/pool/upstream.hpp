// A configured database server (or set of hosts) with its pools and its one credential, at home on one worker.
//
// Counts are the upstream's: `size` bounds what clients can use over all pools, a replacement may have `surge` more
// open. Waiting is FIFO per pool, within the client's wait budget.
#pragma once

#include "proxy/pool/backend.hpp"
#include "proxy/pool/line.hpp"
#include "proxy/worker.hpp"
#include "rotation/rotation_plan.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rekey::proxy {

// The backends of one class, and who waits for one.
struct Pool {
    std::string name; // the backend class
    std::uint64_t id = 0;
    std::unique_ptr<PoolFacts> facts;
    Line<Backend> idle;          // the most recently used in front
    Line<ClientSession> waiters; // the longest waiting in front
    std::uint32_t backends = 0;  // logged in
    std::uint32_t connecting = 0;
    std::uint32_t clients = 0;
    // Why the last login failed, as SQLSTATE and text; empty once one succeeded.
    std::string last_error, last_sqlstate;
    bool unusable = false; // no such database, or no privilege: waiting does not help
};

class Upstream {
  public:
    Upstream(Worker& worker, const config::Upstream& configuration, RuntimePtr runtime);
    ~Upstream();

    const config::Upstream& configuration() const { return configuration_; }
    Worker& worker() { return worker_; }
    Dialect& dialect() { return worker_.dialect(configuration_.protocol); }
    Pool& pool(const std::string& backend_class);

    // A backend at once, or null: then the session waits, and Session::granted() or Session::refused() comes.
    Backend* acquire(ClientSession& session, Pool& pool);
    void stop_waiting(ClientSession& session, Pool& pool);
    // A backend at a safe point with nothing of a client's left on it.
    void returned(Backend& backend);
    // A client left it as it is.
    void abandoned(Backend& backend, protocol::ClientExchange& client);
    // The server ended a backend: whether it still takes the credential is to be seen by one login, not by many.
    void ended_by_server() { proven_ = false; }
    void gone(Backend& backend); // it was removed from its lists and closes
    void cancel(Backend& backend);

    // Rotation.
    void publish(rotation::CredentialPtr credential);
    void pause_logins(bool paused);
    void withdraw(net::Clock::time_point deadline);
    void replace(const rotation::ReplaceOptions& options, std::function<void(rotation::ReplaceProgress)> progress);
    const rotation::CredentialPtr& credential() const { return credential_; }
    rotation::Generation newest() const;

    // Login attempts for verifying and administering. `keep`: see rotation::Prober.
    void probe(rotation::CredentialPtr credential, bool keep,
               std::function<void(std::vector<rotation::HostResult>)> done);
    void run_statements(rotation::CredentialPtr login, std::vector<std::string> statements,
                        std::function<void(rotation::StatementResult)> done);

    void reconfigure(const config::Upstream& configuration, RuntimePtr runtime, std::vector<std::string>& changes);
    void retire(); // removed from the configuration: ends its sessions at their transactions' end
    bool retired() const { return retired_; }
    void tick();
    void snapshot(Snapshot& into);
    void close_all(std::string_view reason);
    bool unused() const; // retired, and nothing refers to it any more
    bool is_old(const Backend& backend) const;
    Backend* find_backend(std::uint64_t id);

  private:
    enum class Purpose { demand, replacement, lifetime };
    struct Opening {
        Pool* pool;
        rotation::CredentialPtr credential;
        std::uint64_t epoch;
        Purpose purpose;
        std::uint64_t replacement; // the serial it belongs to
        std::size_t host;          // in hosts_
        std::size_t hosts_tried;
        net::Connector* connector;
    };
    using OpeningList = std::list<Opening>;

    std::uint32_t total() const { return static_cast<std::uint32_t>(backends_.size() + openings_.size()); }
    bool may_open() const;
    void open_for_demand();
    void open_backend(Pool& pool, Purpose purpose);
    void connect(OpeningList::iterator opening);
    void opened(OpeningList::iterator opening, net::ConnectResult result);
    void open_failed(OpeningList::iterator opening, const net::ConnectResult& result);
    void login_refused(const Opening& opening, const net::ConnectResult& result);
    void back_off();
    void adopt(const Opening& opening, net::ConnectResult result);
    net::ConnectRequest request_for(const config::Address& host, const std::string& backend_class,
                                    const rotation::CredentialPtr& credential) const;
    bool wanted(std::optional<bool> standby) const;
    std::string probe_class(const rotation::Credential& credential) const;

    struct Probe {
        rotation::CredentialPtr credential;
        std::shared_ptr<net::DerivationCache> derivations;
        std::string backend_class;
        config::Address address;
        std::size_t host;
        bool any_database;
        std::uint64_t epoch;
        unsigned attempts = 0;
        bool keep = false;
        bool reserved = false; // a slot
    };
    // A connection that verified a credential, until that is published and replaced with, or turns out unneeded.
    struct Verified {
        rotation::CredentialPtr credential;
        std::shared_ptr<net::DerivationCache> derivations;
        std::string backend_class;
        std::size_t host;
        std::uint64_t epoch;
        net::Clock::time_point since;
        net::ConnectResult login;
    };
    bool backend_missing();
    void in_turn(std::function<void()> start);
    void probe_hosts(rotation::CredentialPtr credential, bool keep,
                     std::function<void(std::vector<rotation::HostResult>)> done);
    void administer(net::ConnectRequest request, std::function<void(rotation::StatementResult)> done);
    void probe_host(Probe probe, std::function<void(rotation::HostResult)> done);
    void free_slot(Probe probe, std::function<void(rotation::HostResult)> done);

    void cancel_by_statement(Backend& backend);
    void log_in_to_cancel(std::uint64_t id);
    void go_on_cancelling();
    void make_idle(Backend& backend);
    void shed_surplus();
    void hand_out(Backend& backend, ClientSession& session);
    Pool* starving_pool();
    void refuse_waiters(Pool& pool, std::string_view sqlstate, const std::string& message);

    void adopt_verified();
    void step_replacement();
    rotation::ReplaceView view_of_replacement() const;
    Backend* oldest_idle_old();
    void open_replacement();
    void report_progress(bool force);
    void treat_pinned();
    void treat_withdrawn();
    void end_backends(const std::function<bool(const Backend&)>& which);
    void old_gone();
    void expire_one();

    Worker& worker_;
    config::Upstream configuration_;
    RuntimePtr runtime_;
    net::TlsContext tls_;
    config::UpstreamTls tls_mode(const config::Address& host) const;
    rotation::CredentialPtr credential_;
    std::shared_ptr<net::DerivationCache> derivations_;
    std::uint64_t epoch_ = 1;
    bool paused_ = false, retired_ = false;
    std::optional<net::Clock::time_point> withdrawn_; // the credential ends: until when its backends may finish
    std::map<std::string, std::unique_ptr<Pool>> pools_;
    std::list<Backend*> backends_;
    OpeningList openings_;
    std::optional<Verified> verified_;
    std::list<net::Connector*> others_;          // probes and administrative connections
    std::uint32_t turns_ = 0;                    // of such that wait for their time
    net::Clock::time_point last_login_;          // when one began, or will, or an administrative connection was done
    std::vector<std::uint64_t> waiting_cancels_; // backends, while logins are paused
    // Whoever administered last, and isn't the credential itself; kept no longer than by its owner.
    std::weak_ptr<const rotation::Credential> administrator_;
    std::shared_ptr<net::DerivationCache> administrator_derivations_;
    void follow_hosts();
    std::vector<config::Address> hosts_; // configured, or the published credential's
    std::size_t next_host_ = 0;
    std::vector<std::optional<bool>> standby_; // per host, as last seen

    // Logins: the first of a burst goes alone, so that a refused credential is refused once.
    bool proven_ = false; // a login succeeded since the last failure, the last at:
    net::Clock::time_point last_success_;
    unsigned failures_ = 0;
    net::Clock::time_point not_before_;
    std::uint64_t retry_timer_ = 0;

    struct Replacement {
        std::uint64_t serial = 0;
        bool active = false;
        rotation::ReplaceOptions options;
        rotation::ReplaceTally tally;
        net::Clock::duration gap{};
        std::optional<net::Clock::time_point> last_open;
        std::uint32_t replaced = 0;
        std::function<void(rotation::ReplaceProgress)> progress;
        net::Clock::time_point last_report;
        std::uint64_t timer = 0;
        Pool* last_pool = nullptr; // of the latest fresh backend
    };
    Replacement replacement_;
    bool stepping_ = false;
    std::uint32_t reserved_ = 0;     // slots kept free for logins that verify, one each
    std::uint32_t slots_wanted_ = 0; // that many backends make room for them when they reach a safe point
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::uint64_t kick_ = 0;        // a look at what may be opened, as soon as the stack is clear
    bool lifetime_opening_ = false; // the successor of one over its lifetime
    bool lifetime_owed_ = false;    // it stands: one over its lifetime is to go
};

} // namespace rekey::proxy
