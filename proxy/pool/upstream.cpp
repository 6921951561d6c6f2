// Pools: handing backends out, taking them back, ageing. Logins are in upstream_login.cpp, replacement in
// upstream_replacement.cpp.
#include "proxy/pool/upstream.hpp"

#include "proxy/pool/cancel.hpp"
#include "proxy/session/client_session.hpp"

#include <algorithm>

namespace rekey::proxy {

namespace {
constexpr std::chrono::seconds health_check_after{30}; // of idleness
constexpr std::chrono::seconds health_check_timeout{5};
constexpr std::chrono::seconds cancel_timeout{20};   // longer than a cancel request may take
constexpr std::chrono::seconds verified_kept_for{5}; // a login that verified, for the replacement that may follow
} // namespace

Upstream::Upstream(Worker& worker, const config::Upstream& configuration, RuntimePtr runtime)
    : worker_(worker), configuration_(configuration), runtime_(std::move(runtime)),
      tls_(runtime_->upstream_tls.at(configuration_.name)), derivations_(std::make_shared<net::DerivationCache>()),
      hosts_(configuration_.hosts), standby_(hosts_.size()) {}

Upstream::~Upstream() {
    close_all("shutdown");
}

Pool& Upstream::pool(const std::string& backend_class) {
    auto& slot = pools_[backend_class];
    if (!slot) {
        slot = std::make_unique<Pool>();
        slot->name = backend_class;
        slot->id = std::hash<std::string>{}(configuration_.name + '\0' + backend_class);
        slot->facts = dialect().pool_facts();
    }
    return *slot;
}

rotation::Generation Upstream::newest() const {
    return credential_ ? credential_->generation : rotation::Generation{};
}

bool Upstream::is_old(const Backend& backend) const {
    return backend.origin().generation < newest() || backend.origin().epoch < epoch_;
}

Backend* Upstream::find_backend(std::uint64_t id) {
    for (auto* backend : backends_) {
        if (backend->id() == id)
            return backend;
    }
    return nullptr;
}

Backend* Upstream::acquire(ClientSession& session, Pool& pool) {
    if (pool.waiters.empty() && !pool.idle.empty())
        return pool.idle.take_front();
    session.place = pool.waiters.enter_back(session);
    open_for_demand();
    return nullptr;
}

void Upstream::stop_waiting(ClientSession& session, Pool& pool) {
    pool.waiters.leave(session.place);
}

void Upstream::hand_out(Backend& backend, ClientSession& session) {
    backend.pool().waiters.leave(session.place);
    session.granted(backend);
}

void Upstream::make_idle(Backend& backend) {
    backend.set_state(BackendState::idle);
    backend.pool().idle.enter_front(backend);
}

void Upstream::returned(Backend& backend) {
    if (backend.cancelling()) { // a cancel under way must not hit the next client
        backend.set_state(BackendState::cancelling);
        return;
    }
    if (retired_)
        return backend.close("upstream_removed");
    if (withdrawn_)
        return backend.close("credential_ended");
    if (replacement_.active && is_old(backend)) {
        auto step = rotation::next_step(view_of_replacement());
        if (step.release_budget > 0) {
            backend.close("replaced");
            return step_replacement();
        }
    }
    if (slots_wanted_ != 0) {
        --slots_wanted_;
        return backend.close("slot_for_verifying");
    }
    if (!replacement_.active && !lifetime_owed_ && backends_.size() > configuration_.pool.size)
        return backend.close("pool_resized");
    if (lifetime_owed_ && backend.expires() <= worker_.loop().now()) {
        lifetime_owed_ = false;
        return backend.close("lifetime");
    }
    auto& pool = backend.pool();
    if (!pool.waiters.empty())
        return hand_out(backend, *pool.waiters.front());
    if (auto* starving = starving_pool(); starving != nullptr && total() >= configuration_.pool.size) {
        backend.close("sibling_pool_waits");
        return open_for_demand();
    }
    make_idle(backend);
    if (replacement_.active)
        step_replacement();
}

// A pool whose clients wait while it may open nothing, the upstream being full.
Pool* Upstream::starving_pool() {
    Pool* longest = nullptr;
    for (auto& [name, pool] : pools_) {
        if (pool->waiters.size() <= pool->connecting)
            continue;
        if (longest == nullptr || pool->waiters.front()->waiting_since() < longest->waiters.front()->waiting_since())
            longest = pool.get();
    }
    return longest;
}

void Upstream::abandoned(Backend& backend, protocol::ClientExchange& client) {
    auto& out = worker_.to_backend();
    out.clear();
    if (!backend.exchange().client_gone(client, false, out)) {
        out.clear();
        cancel(backend); // what it is doing helps nobody any more
        return backend.close("client_gone_in_use");
    }
    bool asked = !out.empty();
    bool open = backend.send(out);
    out.clear();
    if (!open)
        return backend.close("backend_lost");
    if (!asked && backend.exchange().safe_point())
        return returned(backend);
    backend.set_state(BackendState::resetting);
}

void Upstream::gone(Backend& backend) {
    auto& pool = backend.pool();
    if (auto it = std::find(pool.idle.begin(), pool.idle.end(), &backend); it != pool.idle.end())
        pool.idle.leave(it);
    backends_.remove(&backend);
    --pool.backends;
    bool old = is_old(backend);
    if (replacement_.active && old)
        old_gone();
    // Not from here: the caller is in the middle of this backend's end.
    if (kick_ == 0)
        kick_ = worker_.loop().call_at(worker_.loop().now(), [this] {
            kick_ = 0;
            open_for_demand();
            if (replacement_.active)
                step_replacement();
        });
}

void Upstream::cancel(Backend& backend) {
    if (dialect().cancel_statement(backend.cancel_key()).empty())
        return start_cancel(worker_, backend, tls_, tls_mode(backend.origin().host), configuration_.connect_timeout);
    cancel_by_statement(backend);
}

// The backend is not handed on meanwhile, so the statement cannot hit the next client.
void Upstream::cancel_by_statement(Backend& backend) {
    if (std::find(waiting_cancels_.begin(), waiting_cancels_.end(), backend.id()) != waiting_cancels_.end())
        return;
    backend.cancel_started();
    log_in_to_cancel(backend.id());
}

// It takes a login: while those are paused it waits as they do, and one that the change of the password has overtaken
// is tried again.
void Upstream::log_in_to_cancel(std::uint64_t id) {
    auto* backend = find_backend(id);
    if (backend == nullptr)
        return;
    if (paused_ || !credential_) {
        waiting_cancels_.push_back(id);
        return;
    }
    auto request = request_for(backend->origin().host, dialect().default_class(), credential_);
    request.derivations = derivations_;
    request.statements = {dialect().cancel_statement(backend->cancel_key())};
    auto place = others_.insert(others_.end(), nullptr);
    *place = net::Connector::start(worker_.loop(), *worker_.shared().blocking, dialect(), std::move(request),
                                   [this, place, id, tried = credential_](net::ConnectResult result) {
                                       others_.erase(place);
                                       bool refused = result.result == rotation::LoginResult::refused;
                                       if (refused && (paused_ || tried != credential_))
                                           return log_in_to_cancel(id);
                                       if (auto* cancelled = find_backend(id))
                                           cancelled->cancel_ended();
                                   });
    ++worker_.counters().logins;
}

void Upstream::go_on_cancelling() {
    for (auto id : std::exchange(waiting_cancels_, {}))
        log_in_to_cancel(id);
}

void Upstream::refuse_waiters(Pool& pool, std::string_view sqlstate, const std::string& message) {
    std::vector<ClientSession*> waiters;
    while (!pool.waiters.empty())
        waiters.push_back(pool.waiters.take_front());
    for (auto* session : waiters)
        session->refused(sqlstate, message);
}

void Upstream::tick() {
    auto now = worker_.loop().now();
    for (auto& [name, pool] : pools_) {
        while (!pool->waiters.empty() &&
               now - pool->waiters.front()->waiting_since() >= configuration_.pool.wait_timeout) {
            auto* session = pool->waiters.take_front();
            count(worker_.counters().limits_hit, "wait_timeout");
            auto why = !credential_               ? std::string("no verified credential yet")
                       : pool->last_error.empty() ? std::string("all are in use")
                                                  : pool->last_error;
            session->refused(credential_ && pool->last_error.empty() ? "53300" : "57P03",
                             "no backend became available within the wait budget (wait_timeout): " + why);
        }
        for (auto it = pool->idle.end(); it != pool->idle.begin();) {
            auto* backend = *--it;
            auto idle = now - backend->since();
            bool spare = total() > configuration_.pool.min && idle >= configuration_.pool.idle_timeout;
            if (!spare && idle < health_check_after)
                continue;
            it = pool->idle.leave(it);
            if (spare)
                backend->close("idle_timeout");
            else
                backend->check_health();
        }
    }
    for (auto* backend : std::list<Backend*>(backends_)) {
        if (backend->state() == BackendState::resetting && now - backend->since() > health_check_timeout)
            backend->close("reset_timeout");
        else if (backend->state() == BackendState::cancelling && now - backend->since() > cancel_timeout)
            backend->close("cancel_timeout");
    }
    if (withdrawn_)
        treat_withdrawn();
    if (verified_ && now - verified_->since > verified_kept_for)
        verified_.reset();
    if (administrator_.expired())
        administrator_derivations_.reset();
    expire_one();
    shed_surplus();
    open_for_demand();
    if (replacement_.active) {
        treat_pinned();
        step_replacement();
    }
}

// After `size` became smaller; busy ones go when they are returned.
void Upstream::shed_surplus() {
    if (replacement_.active || lifetime_owed_)
        return;
    for (auto& [name, pool] : pools_) {
        while (backends_.size() > configuration_.pool.size && !pool->idle.empty()) {
            auto* backend = pool->idle.back();
            backend->close("pool_resized");
        }
    }
}

void Upstream::reconfigure(const config::Upstream& configuration, RuntimePtr runtime,
                           std::vector<std::string>& changes) {
    bool moved = configuration.hosts != configuration_.hosts ||
                 configuration.hosts_from_credential != configuration_.hosts_from_credential ||
                 configuration.tls != configuration_.tls || configuration.target != configuration_.target;
    bool resized = configuration.pool != configuration_.pool;
    auto credential = configuration_.credential;
    configuration_ = configuration;
    runtime_ = std::move(runtime);
    tls_ = runtime_->upstream_tls.at(configuration_.name);
    if (resized)
        changes.push_back("upstream " + configuration_.name + ": pool settings");
    if (!moved)
        return;
    changes.push_back("upstream " + configuration_.name + ": hosts or TLS, by replacing its backends one by one");
    if (!configuration_.hosts_from_credential)
        hosts_ = configuration_.hosts;
    else if (credential_ && credential_->endpoint)
        hosts_ = credential_->endpoint.hosts;
    ++epoch_;
    standby_.assign(hosts_.size(), std::nullopt);
    next_host_ = 0;
    not_before_ = {};
    proven_ = false;
    replace({}, [](rotation::ReplaceProgress) {});
}

void Upstream::retire() {
    retired_ = true;
    for (auto& [name, pool] : pools_) {
        refuse_waiters(*pool, "57P01", "the upstream was removed from the configuration");
        while (!pool->idle.empty()) {
            auto* backend = pool->idle.take_front();
            backend->close("upstream_removed");
        }
    }
}

void Upstream::close_all(std::string_view reason) {
    replacement_.active = false;
    if (replacement_.timer != 0)
        worker_.loop().cancel(std::exchange(replacement_.timer, 0));
    if (retry_timer_ != 0)
        worker_.loop().cancel(std::exchange(retry_timer_, 0));
    for (auto& opening : openings_)
        opening.connector->abandon();
    openings_.clear();
    verified_.reset();
    for (auto* connector : others_)
        connector->abandon();
    others_.clear();
    retired_ = true;
    for (auto* backend : std::list<Backend*>(backends_))
        backend->close(reason);
    if (kick_ != 0)
        worker_.loop().cancel(std::exchange(kick_, 0));
}

bool Upstream::unused() const {
    return backends_.empty() && openings_.empty() && others_.empty() && turns_ == 0 &&
           std::all_of(pools_.begin(), pools_.end(), [](const auto& entry) { return entry.second->clients == 0; });
}

void Upstream::snapshot(Snapshot& into) {
    auto now = worker_.loop().now();
    auto seconds = [now](net::Clock::time_point since) { return std::chrono::duration<double>(now - since).count(); };
    static constexpr std::array modes{"auto", "session", "transaction", "statement"};
    for (auto& [name, pool] : pools_) {
        PoolRow row;
        row.upstream = configuration_.name;
        row.pool = name;
        row.mode = modes[static_cast<std::size_t>(configuration_.pool.mode)];
        row.size = configuration_.pool.size;
        row.backends = pool->backends;
        row.idle = static_cast<std::uint32_t>(pool->idle.size());
        row.connecting = pool->connecting;
        row.clients_waiting = static_cast<std::uint32_t>(pool->waiters.size());
        row.longest_wait_seconds = pool->waiters.empty() ? 0 : seconds(pool->waiters.front()->waiting_since());
        row.logins_paused = paused_;
        row.last_error = pool->last_error;
        for (auto* backend : backends_) {
            if (&backend->pool() == pool.get() && backend->client() != nullptr)
                ++row.clients_active;
        }
        row.active = row.clients_active;
        into.pools.push_back(std::move(row));
    }
    for (auto* backend : backends_) {
        BackendRow row;
        row.upstream = configuration_.name;
        row.pool = backend->pool().name;
        row.host = backend->origin().host.text();
        row.id = backend->id();
        row.generation = backend->origin().generation.value;
        row.state = backend->state();
        row.process_id = backend->cancel_key().process_id;
        row.age_seconds = seconds(backend->born());
        row.state_seconds = seconds(backend->since());
        row.tls = backend->tls();
        row.client = backend->client() != nullptr ? backend->client()->id() : 0;
        row.prepared_statements = backend->exchange().prepared_statements();
        into.backends.push_back(std::move(row));
    }
    for (const auto& opening : openings_) {
        BackendRow row;
        row.upstream = configuration_.name;
        row.pool = opening.pool->name;
        row.generation = opening.credential->generation.value;
        row.state = BackendState::connecting;
        into.backends.push_back(std::move(row));
    }
}

} // namespace rekey::proxy
