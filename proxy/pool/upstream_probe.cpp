// An upstream's logins beside its pools: to verify a credential and to administer.
#include "proxy/pool/upstream.hpp"

#include <algorithm>

namespace rekey::proxy {

namespace {
// A slot that a closed backend leaves is free once the server has seen it go.
constexpr std::chrono::milliseconds slot_retry{50};
constexpr unsigned slot_attempts_max = 60;

// A login costs a server, and often the clients' machine, milliseconds of CPU: those of a rotation are spread, lest
// clients feel them as one.
constexpr std::chrono::milliseconds login_distance{50}, rest_before_statements{25};

// For administrative statements beyond their login: they wait for locks, with limits of their own below this.
constexpr std::chrono::seconds statements_max{10};
} // namespace

std::string Upstream::probe_class(const rotation::Credential& credential) const {
    if (!configuration_.database.empty())
        return worker_.dialect(configuration_.protocol).backend_class(configuration_.database);
    for (const auto& route : runtime_->config->routes) {
        const auto& database = route.upstream_database.empty() ? route.database : route.upstream_database;
        if (route.upstream == configuration_.name && database != "*")
            return worker_.dialect(configuration_.protocol).backend_class(database);
    }
    if (configuration_.hosts_from_credential && !credential.endpoint.database.empty())
        return worker_.dialect(configuration_.protocol).backend_class(credential.endpoint.database);
    return {};
}

bool Upstream::backend_missing() {
    return total() < configuration_.pool.size && starving_pool() != nullptr;
}

// Logins beside the pools keep their distance from the login before, except while a backend is missing to clients.
void Upstream::in_turn(std::function<void()> start) {
    auto now = worker_.loop().now();
    last_login_ = backend_missing() ? now : std::max(now, last_login_ + login_distance);
    if (last_login_ <= now)
        return start();
    ++turns_;
    worker_.loop().call_at(last_login_, [this, alive = std::weak_ptr<int>(alive_), start = std::move(start)] {
        if (alive.expired())
            return;
        --turns_;
        start();
    });
}

void Upstream::probe(rotation::CredentialPtr credential, bool keep,
                     std::function<void(std::vector<rotation::HostResult>)> done) {
    in_turn([this, credential = std::move(credential), keep, done = std::move(done)]() mutable {
        probe_hosts(std::move(credential), keep, std::move(done));
    });
}

void Upstream::probe_hosts(rotation::CredentialPtr credential, bool keep,
                           std::function<void(std::vector<rotation::HostResult>)> done) {
    verified_.reset();
    struct Probing {
        std::vector<rotation::HostResult> hosts;
        std::size_t left;
        std::function<void(std::vector<rotation::HostResult>)> done;
    };
    const auto hosts = configuration_.hosts_from_credential ? credential->endpoint.hosts : hosts_;
    if (hosts.empty())
        return done({}); // a reload was quicker
    auto probing = std::make_shared<Probing>(Probing{{}, hosts.size(), std::move(done)});
    probing->hosts.resize(hosts.size());
    auto backend_class = probe_class(*credential);
    // No database is named anywhere: that the server asks for one only after the password will do as an answer.
    bool any_database = backend_class.empty();
    if (any_database)
        backend_class = dialect().default_class();
    auto derivations = std::make_shared<net::DerivationCache>();
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        probing->hosts[i].host = hosts[i].text();
        auto finish = [this, probing, i](rotation::HostResult result) {
            result.host = std::move(probing->hosts[i].host);
            probing->hosts[i] = std::move(result);
            if (--probing->left == 0)
                probing->done(std::move(probing->hosts));
        };
        probe_host({credential, derivations, backend_class, hosts[i], i, any_database, epoch_, 0, keep},
                   std::move(finish));
    }
}

void Upstream::probe_host(Probe probe, std::function<void(rotation::HostResult)> done) {
    auto request = request_for(probe.address, probe.backend_class, probe.credential);
    request.derivations = probe.derivations;
    request.statements = {"SELECT 1"};
    auto place = others_.insert(others_.end(), nullptr);
    *place = net::Connector::start(
        worker_.loop(), *worker_.shared().blocking, dialect(), std::move(request),
        [this, probe, place, done = std::move(done)](net::ConnectResult result) mutable {
            others_.erase(place);
            bool full = result.result == rotation::LoginResult::no_slot && !backends_.empty();
            if (full && ++probe.attempts < slot_attempts_max)
                return free_slot(std::move(probe), std::move(done));
            if (probe.reserved)
                --reserved_;
            slots_wanted_ = std::min(slots_wanted_, reserved_);
            rotation::HostResult host;
            host.result = result.result;
            host.reason = result.sqlstate.empty() ? result.reason : result.sqlstate + " " + result.reason;
            bool accepted = result.result == rotation::LoginResult::accepted;
            bool no_answer_needed = probe.any_database && (result.result == rotation::LoginResult::no_database ||
                                                           result.result == rotation::LoginResult::no_privilege);
            if (no_answer_needed) {
                host.result = rotation::LoginResult::accepted;
            } else if (accepted && (result.outcomes.empty() || !result.outcomes.back().ok)) {
                host.result = rotation::LoginResult::unavailable;
                host.reason = "logged in, but a statement failed";
            }
            bool known = probe.epoch == epoch_ && probe.host < hosts_.size() && hosts_[probe.host] == probe.address;
            if (accepted && known)
                standby_[probe.host] = result.login->standby();
            if (accepted && probe.epoch == epoch_)
                dialect().learn_server(configuration_.name, *result.login);
            host.wanted = probe.epoch != epoch_ || wanted(accepted ? result.login->standby()
                                                          : known  ? standby_[probe.host]
                                                                   : std::nullopt);
            if (probe.keep && !verified_ && accepted && host.result == rotation::LoginResult::accepted && host.wanted)
                verified_ = Verified{probe.credential, probe.derivations,    probe.backend_class, probe.host,
                                     probe.epoch,      worker_.loop().now(), std::move(result)};
            if (host.result == rotation::LoginResult::refused)
                ++worker_.counters().logins_refused;
            done(std::move(host));
        });
    ++worker_.counters().logins;
}

// The server has no room for the login that verifies: one backend makes it, as in a replacement.
void Upstream::free_slot(Probe probe, std::function<void(rotation::HostResult)> done) {
    if (!std::exchange(probe.reserved, true))
        ++reserved_;
    if (slots_wanted_ < reserved_) {
        auto idle = std::find_if(backends_.begin(), backends_.end(),
                                 [](const Backend* backend) { return backend->state() == BackendState::idle; });
        if (idle != backends_.end())
            (*idle)->close("slot_for_verifying");
        else
            ++slots_wanted_;
    }
    ++turns_;
    worker_.loop().call_at(worker_.loop().now() + slot_retry,
                           [this, alive = std::weak_ptr<int>(alive_), probe, done = std::move(done)]() mutable {
                               if (alive.expired())
                                   return;
                               --turns_;
                               probe_host(std::move(probe), std::move(done));
                           });
}

void Upstream::run_statements(rotation::CredentialPtr login, std::vector<std::string> statements,
                              std::function<void(rotation::StatementResult)> done) {
    if (hosts_.empty()) {
        rotation::StatementResult nowhere;
        nowhere.reason = "no secret has named a host yet";
        return done(std::move(nowhere));
    }
    // The primary, where it is known.
    std::size_t host = 0;
    for (std::size_t i = 0; i < standby_.size(); ++i) {
        if (standby_[i].has_value() && !*standby_[i]) {
            host = i;
            break;
        }
    }
    auto backend_class = probe_class(credential_ ? *credential_ : *login);
    auto request = request_for(hosts_[host], backend_class.empty() ? dialect().default_class() : backend_class, login);
    request.statements = std::move(statements);
    request.rest = backend_missing() ? std::chrono::milliseconds(0) : rest_before_statements;
    request.timeout += statements_max;
    if (login != credential_ && login != administrator_.lock()) {
        administrator_ = login;
        administrator_derivations_ = std::make_shared<net::DerivationCache>();
    }
    request.derivations = login == credential_ ? derivations_ : administrator_derivations_;
    in_turn([this, request = std::move(request), done = std::move(done)]() mutable {
        administer(std::move(request), std::move(done));
    });
}

void Upstream::administer(net::ConnectRequest request, std::function<void(rotation::StatementResult)> done) {
    auto place = others_.insert(others_.end(), nullptr);
    *place = net::Connector::start(worker_.loop(), *worker_.shared().blocking, dialect(), std::move(request),
                                   [this, place, done = std::move(done)](net::ConnectResult result) {
                                       others_.erase(place);
                                       last_login_ = worker_.loop().now();
                                       rotation::StatementResult outcome;
                                       outcome.login = result.result;
                                       outcome.sqlstate = result.sqlstate;
                                       outcome.reason = result.reason;
                                       outcome.ok = result.result == rotation::LoginResult::accepted;
                                       if (!result.outcomes.empty()) {
                                           auto& last = result.outcomes.back();
                                           outcome.login = rotation::LoginResult::accepted;
                                           outcome.ok = outcome.ok && last.ok;
                                           if (!last.ok) {
                                               outcome.sqlstate = last.sqlstate;
                                               outcome.error = last.error;
                                               outcome.reason = last.reason;
                                           }
                                           outcome.rows = std::move(last.rows);
                                       }
                                       done(std::move(outcome));
                                   });
    ++worker_.counters().logins;
}

} // namespace rekey::proxy
