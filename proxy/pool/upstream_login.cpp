// An upstream's logins: who asks for one, in which order, and what a failure means.
#include "proxy/pool/upstream.hpp"
#include "proxy/session/client_session.hpp"

#include <algorithm>

namespace rekey::proxy {

namespace {
// Logins at a time once one has succeeded; before that, one: a refused credential is to be refused once.
constexpr std::size_t parallel_logins_max = 2;
constexpr std::chrono::seconds proof_lasts{1};
constexpr std::chrono::milliseconds back_off_min{50}, back_off_max{5000};

// Whatever its generation is counted as by now.
bool same_login(const rotation::Credential& a, const rotation::Credential& b) {
    return a.username == b.username && a.role == b.role && a.endpoint == b.endpoint &&
           protocol::equal_in_constant_time(a.password.reveal(), b.password.reveal());
}

// What logs in at this host now: the credential itself, or a copy with the token that it makes for it.
rotation::CredentialPtr login_at(const config::Address& host, const rotation::CredentialPtr& credential) {
    if (!credential->tokens)
        return credential;
    auto login = std::make_shared<rotation::Credential>();
    login->name = credential->name;
    login->generation = credential->generation;
    login->username = credential->username;
    login->password = credential->tokens->make(host.host, host.port, std::chrono::system_clock::now());
    login->role = credential->role;
    login->version = credential->version;
    login->not_after = credential->not_after;
    return login;
}

bool loopback_or_unix(const config::Address& host) {
    return host.is_loopback();
}
} // namespace

config::UpstreamTls Upstream::tls_mode(const config::Address& host) const {
    if (configuration_.tls.mode)
        return host.is_unix() ? config::UpstreamTls::disable : *configuration_.tls.mode;
    if (host.is_unix())
        return config::UpstreamTls::disable;
    return loopback_or_unix(host) ? config::UpstreamTls::prefer : config::UpstreamTls::verify_full;
}

bool Upstream::wanted(std::optional<bool> standby) const {
    switch (configuration_.target) {
    case config::Target::any:
        return true;
    case config::Target::primary:
        return !standby.value_or(false);
    case config::Target::standby:
        return standby.value_or(true);
    }
    return true;
}

net::ConnectRequest Upstream::request_for(const config::Address& host, const std::string& backend_class,
                                          const rotation::CredentialPtr& credential) const {
    net::ConnectRequest request;
    request.host = host;
    request.tls = tls_mode(request.host);
    request.negotiation = configuration_.tls.negotiation;
    request.context = tls_;
    request.credential = login_at(request.host, credential);
    request.backend_class = backend_class;
    request.timeout = configuration_.connect_timeout;
    return request;
}

bool Upstream::may_open() const {
    if (paused_ || retired_ || !credential_ || hosts_.empty() || worker_.loop().now() < not_before_)
        return false;
    bool proven = proven_ && worker_.loop().now() - last_success_ < proof_lasts;
    return openings_.size() < (proven ? parallel_logins_max : 1);
}

void Upstream::open_for_demand() {
    if (replacement_.active && replacement_.tally.balance() < 0)
        return; // the replacement owes a successor, which serves whoever waits
    while (may_open() && total() + reserved_ < configuration_.pool.size) {
        Pool* pool = starving_pool();
        if (pool == nullptr && total() < configuration_.pool.min && !pools_.empty())
            pool = pools_.begin()->second.get();
        if (pool == nullptr)
            return;
        open_backend(*pool, Purpose::demand);
    }
    // Full, while another pool of ours has idle ones to spare.
    if (total() < configuration_.pool.size || !may_open())
        return;
    auto* pool = starving_pool();
    if (pool == nullptr)
        return;
    Backend* longest = nullptr;
    for (auto& [name, sibling] : pools_) {
        if (sibling.get() != pool && !sibling->idle.empty() &&
            (longest == nullptr || sibling->idle.back()->since() < longest->since()))
            longest = sibling->idle.back();
    }
    if (longest != nullptr)
        longest->close("sibling_pool_waits"); // gone() comes back here
}

void Upstream::open_backend(Pool& pool, Purpose purpose) {
    auto opening = openings_.insert(openings_.end(), {&pool, credential_, epoch_, purpose, replacement_.serial,
                                                      next_host_ % hosts_.size(), 0, nullptr});
    ++pool.connecting;
    last_login_ = worker_.loop().now();
    if (purpose == Purpose::replacement)
        replacement_.tally.opening();
    connect(opening);
}

void Upstream::connect(OpeningList::iterator opening) {
    auto request = request_for(hosts_[opening->host], opening->pool->name, opening->credential);
    request.derivations = derivations_;
    opening->connector =
        net::Connector::start(worker_.loop(), *worker_.shared().blocking, dialect(), std::move(request),
                              [this, opening](net::ConnectResult result) { opened(opening, std::move(result)); });
    ++worker_.counters().logins;
}

void Upstream::opened(OpeningList::iterator opening, net::ConnectResult result) {
    bool accepted = result.result == rotation::LoginResult::accepted;
    if (accepted) {
        if (opening->epoch == epoch_)
            standby_[opening->host] = result.login->standby();
        if (!wanted(result.login->standby())) {
            accepted = false;
            result.result = rotation::LoginResult::unavailable;
            result.reason = "the host is not what `target` asks for";
        }
    }
    bool try_next = !accepted && result.result == rotation::LoginResult::unavailable && opening->epoch == epoch_ &&
                    ++opening->hosts_tried < hosts_.size();
    if (try_next) {
        opening->host = (opening->host + 1) % hosts_.size();
        return connect(opening);
    }
    if (!accepted)
        return open_failed(opening, result);
    auto done = *opening;
    openings_.erase(opening);
    --done.pool->connecting;
    next_host_ = done.epoch == epoch_ ? done.host : 0;
    failures_ = 0;
    proven_ = true;
    last_success_ = worker_.loop().now();
    done.pool->last_error.clear();
    done.pool->last_sqlstate.clear();
    done.pool->unusable = false;
    adopt(done, std::move(result));
}

void Upstream::adopt(const Opening& opening, net::ConnectResult result) {
    bool counted = opening.purpose == Purpose::replacement && opening.replacement == replacement_.serial;
    if (opening.purpose == Purpose::lifetime) {
        lifetime_opening_ = false;
        lifetime_owed_ = true;
    }
    if (counted) {
        replacement_.tally.opened();
        replacement_.last_pool = opening.pool;
    } else if (replacement_.active && opening.credential == credential_ && opening.epoch == epoch_) {
        replacement_.tally.opened_for_demand();
    }
    dialect().learn_server(configuration_.name, *result.login);
    dialect().learn_login(*result.login, *opening.pool->facts);
    auto host = opening.epoch == epoch_ ? hosts_[opening.host] : config::Address{};
    auto* backend = new Backend(*this, *opening.pool, std::move(result), *opening.credential,
                                {opening.credential->generation, opening.epoch, host});
    backends_.push_back(backend);
    ++opening.pool->backends;
    returned(*backend);
    open_for_demand();
    if (replacement_.active)
        step_replacement();
}

void Upstream::open_failed(OpeningList::iterator opening, const net::ConnectResult& result) {
    auto failed = *opening;
    openings_.erase(opening);
    auto& pool = *failed.pool;
    --pool.connecting;
    bool no_slot = result.result == rotation::LoginResult::no_slot;
    if (failed.purpose == Purpose::lifetime)
        lifetime_opening_ = false;
    if (failed.purpose == Purpose::replacement && failed.replacement == replacement_.serial) {
        replacement_.tally.open_failed(no_slot);
        count(worker_.counters().replacements, no_slot ? "surge_refused" : "failed");
    }
    bool repeated = pool.last_error == result.reason;
    pool.last_error = result.reason;
    pool.last_sqlstate = result.sqlstate;
    if (!repeated || failures_ == 0)
        worker_.log(rotation::LogLevel::warn, "backend login failed upstream=" + configuration_.name +
                                                  " pool=" + pool.name +
                                                  " result=" + std::string(rotation::to_string(result.result)) +
                                                  " sqlstate=" + result.sqlstate + " reason=\"" + result.reason + "\"");
    switch (result.result) {
    case rotation::LoginResult::refused:
        login_refused(failed, result);
        break;
    case rotation::LoginResult::no_database:
    case rotation::LoginResult::no_privilege:
        // Says nothing of the others: whoever waits here is told what a direct login would have been told.
        pool.unusable = true;
        refuse_waiters(pool, result.sqlstate, result.reason);
        break;
    case rotation::LoginResult::no_slot:
    case rotation::LoginResult::unavailable:
    case rotation::LoginResult::accepted:
        proven_ = false;
        back_off();
        break;
    }
    if (replacement_.active)
        step_replacement();
}

// The rotator finds out what is accepted; until it says so, nobody tries again. Clients wait in their budget.
void Upstream::login_refused(const Opening& opening, const net::ConnectResult& result) {
    ++worker_.counters().logins_refused;
    for (const auto& [name, pool] : pools_)
        worker_.counters().auth_retries_saved += pool->waiters.size(); // they wait on, and hear nothing of it
    proven_ = false;
    if (opening.credential != credential_) { // a newer one was published meanwhile
        open_for_demand();
        return;
    }
    paused_ = true;
    auto generation = opening.credential->generation;
    auto& shared = worker_.shared();
    worker_.to_control([&shared, name = configuration_.credential, generation, reason = result.reason] {
        if (shared.options.refused)
            shared.options.refused(name, generation, reason);
    });
}

void Upstream::back_off() {
    auto wait = std::min(back_off_max, back_off_min * (1u << std::min(failures_, 7u)));
    ++failures_;
    auto jitter = std::chrono::milliseconds(
        static_cast<std::int64_t>(worker_.random(static_cast<std::uint64_t>(wait.count() / 2 + 1))));
    not_before_ = worker_.loop().now() + wait / 2 + jitter;
    if (retry_timer_ != 0)
        worker_.loop().cancel(retry_timer_);
    retry_timer_ = worker_.loop().call_at(not_before_, [this] {
        retry_timer_ = 0;
        open_for_demand();
        if (replacement_.active)
            step_replacement();
    });
}

void Upstream::publish(rotation::CredentialPtr credential) {
    credential_ = std::move(credential);
    if (verified_ && (backends_.empty() || !same_login(*verified_->credential, *credential_)))
        verified_.reset(); // nothing to replace, or by something else
    derivations_ = verified_ ? verified_->derivations : std::make_shared<net::DerivationCache>();
    follow_hosts();
    paused_ = false;
    withdrawn_.reset();
    not_before_ = {};
    failures_ = 0;
    proven_ = true; // verified a moment ago
    last_success_ = worker_.loop().now();
    for (auto& [name, pool] : pools_)
        pool->last_error.clear();
    go_on_cancelling();
    open_for_demand();
}

// The secret may have moved: what is open elsewhere is replaced as of an older generation.
void Upstream::follow_hosts() {
    if (!configuration_.hosts_from_credential || hosts_ == credential_->endpoint.hosts)
        return;
    hosts_ = credential_->endpoint.hosts;
    standby_.assign(hosts_.size(), std::nullopt);
    next_host_ = 0;
    ++epoch_;
    if (verified_) // it counts hosts as this credential does
        verified_->epoch = epoch_;
}

void Upstream::pause_logins(bool paused) {
    if (withdrawn_)
        return; // until something else is published
    paused_ = paused;
    if (paused)
        return;
    not_before_ = {};
    go_on_cancelling();
    open_for_demand();
    if (replacement_.active)
        step_replacement();
}

} // namespace rekey::proxy
