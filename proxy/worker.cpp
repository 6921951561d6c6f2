#include "proxy/worker.hpp"

#include "protocol/common/assert.hpp"
#include "proxy/mysql_dialect.hpp"
#include "proxy/net/listener.hpp"
#include "proxy/pool/upstream.hpp"
#include "proxy/postgres_dialect.hpp"
#include "proxy/session/client_session.hpp"

#include <algorithm>
#include <cmath>

namespace rekey::proxy {

namespace {
constexpr std::chrono::milliseconds tick_every{100};
constexpr unsigned sweep_ticks = 100;
constexpr std::size_t failures_max = 10'000; // peers remembered
constexpr std::chrono::seconds failures_forgotten_after{60};
constexpr std::chrono::milliseconds failure_delay_min{50}, failure_delay_max{2000};
} // namespace

bool Shared::count_user(const std::string& user, std::uint32_t limit) {
    std::lock_guard lock(mutex_);
    auto& sessions = user_sessions_[user];
    if (limit != 0 && sessions >= limit)
        return false;
    ++sessions;
    return true;
}

void Shared::uncount_user(const std::string& user) {
    std::lock_guard lock(mutex_);
    if (auto it = user_sessions_.find(user); it != user_sessions_.end() && --it->second == 0)
        user_sessions_.erase(it);
}

// The first mistakes cost nothing; each one after doubles the wait for the answer. A right password is never kept
// waiting: everybody may share one address.
std::chrono::milliseconds Shared::failure_delay(const std::string& who, net::Clock::time_point now) {
    constexpr unsigned free_failures = 2;
    std::lock_guard lock(mutex_);
    if (failures_.size() >= failures_max)
        failures_.clear();
    auto& failures = failures_[who];
    if (now - failures.last > failures_forgotten_after)
        failures.count = 0;
    failures.last = now;
    ++failures.count;
    if (failures.count <= free_failures)
        return std::chrono::milliseconds(0);
    return std::min(failure_delay_max, failure_delay_min * (1u << std::min(failures.count - free_failures, 6u)));
}

void Counters::waited(double seconds) {
    auto bucket = std::lower_bound(WaitHistogram::bounds.begin(), WaitHistogram::bounds.end(), seconds);
    ++acquire_wait.buckets[static_cast<std::size_t>(bucket - WaitHistogram::bounds.begin())];
    acquire_wait.sum += seconds;
    ++acquire_wait.count;
}

Worker::Worker(Shared& shared, std::size_t index, RuntimePtr runtime)
    : shared_(shared), index_(index), runtime_(std::move(runtime)), scratch_(scratch_size),
      random_(std::random_device{}()) {
    auto mock_secret = shared.options.mock_secret.reveal();
    postgres_ = make_postgres_dialect(mock_secret, config().limits.message_collect);
    mysql_ = make_mysql_dialect(shared.mysql_servers, mock_secret, config().limits.message_collect);
    for (const auto& upstream : config().upstreams) {
        if (runtime_->homes.at(upstream.name) == index_)
            upstreams_.emplace(upstream.name, std::make_unique<Upstream>(*this, upstream, runtime_));
    }
}

Worker::~Worker() = default;

Dialect& Worker::dialect(config::Protocol protocol) {
    return protocol == config::Protocol::mysql ? *mysql_ : *postgres_;
}

void Worker::start() {
    loop_.post([this] {
        for (auto& listener : listeners_)
            listener->serve(*this);
        tick();
    });
    thread_ = std::thread([this] { loop_.run(); });
}

void Worker::join() {
    if (thread_.joinable())
        thread_.join();
}

void Worker::tick() {
    for (auto& [name, upstream] : upstreams_)
        upstream->tick();
    for (auto& upstream : retired_upstreams_)
        upstream->tick();
    std::erase_if(retired_upstreams_, [](const auto& upstream) { return upstream->unused(); });
    if (++ticks_ % sweep_ticks == 0)
        for (auto* dialect : {postgres_.get(), mysql_.get()})
            dialect->sweep();
    loop_.call_at(loop_.now() + tick_every, [this] { tick(); });
}

Upstream* Worker::find_upstream(const std::string& name) {
    auto it = upstreams_.find(name);
    return it == upstreams_.end() ? nullptr : it->second.get();
}

void Worker::add_session(ClientSession* session) {
    sessions_.emplace(session->id(), session);
}

void Worker::remove_session(ClientSession* session) {
    sessions_.erase(session->id());
}

std::uint32_t Worker::new_process_id(ClientSession* session) {
    constexpr std::uint32_t counters = 0x7fffffffu >> index_bits; // stays positive as a signed number
    for (;;) {
        auto id = (next_process_++ % counters) << index_bits | static_cast<std::uint32_t>(index_);
        if (id >> index_bits != 0 && moved_process_ids_.count(id) == 0 && process_ids_.emplace(id, session).second)
            return id;
    }
}

void Worker::forget_process_id(std::uint32_t process_id) {
    process_ids_.erase(process_id);
    moved_process_ids_.erase(process_id);
    auto origin = process_id & (workers_max - 1);
    if (origin != index_)
        shared_.workers[origin]->post(
            [&there = *shared_.workers[origin], process_id] { there.forget_process_id(process_id); });
}

void Worker::take_process_id(std::uint32_t process_id, ClientSession* session) {
    process_ids_.insert_or_assign(process_id, session);
    moved_process_ids_.erase(process_id); // it may have come back
}

void Worker::process_id_moved(std::uint32_t process_id, std::size_t worker) {
    process_ids_.erase(process_id);
    auto origin = process_id & (workers_max - 1);
    if (origin == index_)
        moved_process_ids_.insert_or_assign(process_id, worker);
    else if (origin != worker)
        shared_.workers[origin]->post([&there = *shared_.workers[origin], process_id, worker] {
            there.moved_process_ids_.insert_or_assign(process_id, worker);
        });
}

void Worker::cancel(const CancelKey& key) {
    auto home = key.process_id & (workers_max - 1);
    if (home != index_) {
        if (home < shared_.workers.size())
            shared_.workers[home]->post([&there = *shared_.workers[home], key] { there.cancel(key); });
        return;
    }
    auto it = process_ids_.find(key.process_id);
    if (it == process_ids_.end() || !protocol::equal_in_constant_time(it->second->cancel_secret(), key.key)) {
        count(counters_.client_errors, "cancel_key");
        return;
    }
    it->second->cancel_requested();
}

void Worker::kill(Kill kill) {
    auto home = kill.process_id & (workers_max - 1);
    auto moved = moved_process_ids_.find(kill.process_id);
    if (moved != moved_process_ids_.end())
        home = moved->second;
    auto it = process_ids_.find(kill.process_id);
    if (it == process_ids_.end() && home != index_ && home < shared_.workers.size()) {
        auto& there = *shared_.workers[home];
        return there.post([&there, kill = std::move(kill)]() mutable { there.kill(std::move(kill)); });
    }
    auto answer = protocol::KillAnswer::unknown;
    if (it != process_ids_.end() && it->second->user() == kill.user) {
        answer = protocol::KillAnswer::done;
        it->second->killed(kill.query_only);
    } else if (it != process_ids_.end()) {
        answer = protocol::KillAnswer::not_owner;
    }
    auto& asker = *shared_.workers[kill.asker_worker];
    asker.post([&asker, session = kill.asker_session, answer] {
        if (auto asking = asker.sessions_.find(session); asking != asker.sessions_.end())
            asking->second->kill_answered(answer);
    });
}

void Worker::apply(RuntimePtr runtime, std::vector<std::string>& changes) {
    runtime_ = std::move(runtime);
    for (const auto& upstream : config().upstreams) {
        if (runtime_->homes.at(upstream.name) != index_)
            continue;
        if (auto* known = find_upstream(upstream.name)) {
            known->reconfigure(upstream, runtime_, changes);
        } else {
            upstreams_.emplace(upstream.name, std::make_unique<Upstream>(*this, upstream, runtime_));
            changes.push_back("upstream " + upstream.name + ": added");
        }
    }
    for (auto it = upstreams_.begin(); it != upstreams_.end();) {
        if (config().find_upstream(it->first) != nullptr) {
            ++it;
            continue;
        }
        changes.push_back("upstream " + it->first + ": removed");
        it->second->retire(); // its sessions refer to it until they end
        retired_upstreams_.push_back(std::move(it->second));
        it = upstreams_.erase(it);
    }
    std::vector<ClientSession*> sessions;
    for (auto& [id, session] : sessions_)
        sessions.push_back(session);
    for (auto* session : sessions) {
        if (session->user().empty())
            continue;
        if (config().find_user(session->user()) == nullptr)
            session->terminate("user_removed", "terminating connection: the user was removed from the configuration",
                               false);
        else if (config().find_upstream(session->upstream_name()) == nullptr)
            session->terminate("upstream_removed",
                               "terminating connection: its upstream was removed from the configuration", false);
    }
}

Snapshot Worker::snapshot() {
    Snapshot snapshot;
    for (auto& [name, upstream] : upstreams_)
        upstream->snapshot(snapshot);
    for (auto& [id, session] : sessions_) {
        snapshot.clients.push_back(session->row());
        if (!snapshot.clients.back().pinned.empty())
            ++snapshot.pinned_sessions[snapshot.clients.back().pinned];
    }
    auto copy = [](const Counts& from, std::map<std::string, std::uint64_t>& to) {
        to.insert(from.begin(), from.end());
    };
    copy(counters_.client_errors, snapshot.client_errors);
    copy(counters_.closes, snapshot.closes);
    copy(counters_.replacements, snapshot.replacements);
    copy(counters_.limits_hit, snapshot.limits_hit);
    copy(counters_.throttled, snapshot.throttled);
    snapshot.client_connections = sessions_.size();
    snapshot.transactions = counters_.transactions;
    snapshot.bytes_from_clients = counters_.bytes_from_clients;
    snapshot.bytes_to_clients = counters_.bytes_to_clients;
    snapshot.auth_retries_saved = counters_.auth_retries_saved;
    snapshot.logins_refused = counters_.logins_refused;
    snapshot.logins = counters_.logins;
    snapshot.cancels = counters_.cancels;
    snapshot.probes = postgres_->probes() + mysql_->probes();
    snapshot.acquire_wait = counters_.acquire_wait;
    return snapshot;
}

void Worker::drain() {
    draining_ = true;
    for (auto& listener : listeners_)
        listener->close();
    std::vector<ClientSession*> sessions;
    for (auto& [id, session] : sessions_)
        sessions.push_back(session);
    for (auto* session : sessions)
        session->terminate("shutdown", "terminating connection due to administrator command", false);
}

void Worker::shut() {
    draining_ = true;
    for (auto& listener : listeners_)
        listener->close();
    std::vector<ClientSession*> sessions;
    for (auto& [id, session] : sessions_)
        sessions.push_back(session);
    for (auto* session : sessions)
        session->terminate("shutdown", "terminating connection due to administrator command", true);
    for (auto& [name, upstream] : upstreams_)
        upstream->close_all("shutdown");
    for (auto& upstream : retired_upstreams_)
        upstream->close_all("shutdown");
    sessions.clear();
    for (auto& [id, session] : sessions_)
        sessions.push_back(session);
    for (auto* session : sessions)
        session->broken();
    loop_.stop();
}

} // namespace rekey::proxy
