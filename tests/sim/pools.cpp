#include "tests/sim/pools.hpp"

#include <algorithm>
#include <string>

namespace rekey::sim {

using rotation::LoginResult;
using rotation::ReplaceAction;

namespace {

constexpr std::uint32_t logins_at_once = 2; // with one credential: must 5

} // namespace

SimPools::SimPools(Loop& loop, Server& server, Tally& tally, const PoolPlan& plan)
    : loop_(loop), server_(server), tally_(tally), plan_(plan) {}

// The process is gone, so are its connections.
SimPools::~SimPools() {
    for (const Backend& backend : backends_) {
        server_.open_backends -= backend.state == State::connecting ? 0 : 1;
    }
}

void SimPools::publish(rotation::CredentialPtr credential) {
    loop_.crash_point("publish");
    on_publish(credential);
    newest_ = std::move(credential);
    paused_ = withdrawn_ = false;
    refused_ = {};
    not_before_.reset();
    serve();
}

void SimPools::replace(const std::string&, const rotation::ReplaceOptions& options,
                       std::function<void(rotation::ReplaceProgress)> progress) {
    loop_.crash_point("replace");
    options_ = options;
    progress_ = std::move(progress);
    if (!replacing_) {
        tally_of_plan_ = {};
        replaced_ = unslotted_ = 0;
        floor_ = usable();
    } else {
        tally_.reached("replacement superseded");
    }
    last_open_.reset();
    replacing_ = true;
    const auto old = static_cast<std::uint32_t>(
        std::count_if(backends_.begin(), backends_.end(), [this](const Backend& b) { return is_old(b); }));
    gap_ = std::chrono::duration_cast<Clock::duration>(rotation::replace_gap(options.window, old));
    const std::uint64_t number = ++replacement_;
    if (options.deadline) {
        loop_.call_at(*options.deadline, [this, number] {
            if (number == replacement_ && replacing_) {
                apply_policy();
            }
        });
    }
    if (options.gone_by) {
        loop_.call_at(*options.gone_by, [this, number] {
            if (number == replacement_ && replacing_) {
                tally_.reached("old ones closed without successors");
                close_all([this](const Backend& backend) { return is_old(backend); });
                drive();
            }
        });
    }
    loop_.answer_in(1ms, [this] { drive(); });
}

void SimPools::pause_logins(const std::string&) {
    loop_.crash_point("pause");
    tally_.reached("logins paused");
    paused_ = true;
}

void SimPools::resume_logins(const std::string&) {
    loop_.crash_point("resume");
    if (withdrawn_) {
        return;
    }
    paused_ = false;
    refused_ = {};
    serve();
}

void SimPools::withdraw(const std::string&, Clock::time_point deadline) {
    loop_.crash_point("withdraw");
    tally_.reached("credential withdrawn");
    paused_ = withdrawn_ = true;
    const std::uint64_t number = ++withdrawal_;
    close_all([](const Backend& backend) { return backend.state == State::idle; });
    loop_.call_at(deadline, [this, number] {
        if (number == withdrawal_ && withdrawn_) {
            close_all([](const Backend&) { return true; });
            drive();
        }
    });
    drive();
}

template <class Which> void SimPools::close_all(Which which) {
    for (auto backend = backends_.begin(); backend != backends_.end();) {
        const auto next = std::next(backend);
        if (backend->state != State::connecting && which(*backend)) {
            close(backend, false);
        }
        backend = next;
    }
}

bool SimPools::uses(const std::string& user) const {
    return std::any_of(backends_.begin(), backends_.end(), [&user](const Backend& backend) {
        return backend.state != State::connecting && backend.credential->username == user;
    });
}

std::uint32_t SimPools::count(bool old, State state) const {
    return static_cast<std::uint32_t>(std::count_if(backends_.begin(), backends_.end(), [&](const Backend& b) {
        return b.state == state && is_old(b) == old;
    }));
}

void SimPools::open(bool replacement) {
    Backend backend;
    backend.credential = newest_;
    backend.replacement = replacement;
    backend.id = ++last_id_;
    backends_.push_back(std::move(backend));
    if (replacement) {
        tally_of_plan_.opening();
        last_open_ = loop_.now();
    }
    check();
    loop_.answer_in(server_.latency(), [this, id = last_id_] { connected(id); });
}

void SimPools::connected(std::uint64_t id) {
    const BackendIt backend = find(id);
    const bool replacement = backend->replacement;
    const LoginResult result =
        server_.login(server_.hosts[0], backend->credential->username, backend->credential->password.reveal());
    tally_.reached("pool login " + std::string(rotation::to_string(result)));
    if (result == LoginResult::accepted) {
        ++server_.open_backends;
        backend->state = State::idle;
        if (replacement) {
            tally_of_plan_.opened();
        } else if (!is_old(*backend)) {
            tally_of_plan_.opened_for_demand();
        }
        if (ends(*backend)) {
            close(backend, false);
        }
        serve();
        drive();
        return;
    }
    const rotation::Generation generation = backend->credential->generation;
    const bool newest = generation == newest_->generation;
    backends_.erase(backend);
    if (replacement) {
        unslotted_ += result == LoginResult::no_slot ? 1 : 0;
        tally_of_plan_.open_failed(result == LoginResult::no_slot);
    }
    if (result == LoginResult::refused && newest && refused_ != generation) {
        refused_ = generation; // no login with it until something is published
        loop_.answer_in(1ms, [this, generation] { on_refused(generation); });
    }
    not_before_ = loop_.now() + 200ms;
    loop_.call_at(*not_before_, [this] {
        serve();
        drive();
    });
}

rotation::ReplaceView SimPools::view() const {
    rotation::ReplaceView view;
    view.size = plan_.size;
    view.surge = options_.surge;
    view.idle_old = count(true, State::idle);
    view.busy_old = count(true, State::busy) + count(true, State::connecting);
    view.pinned_old = count(true, State::pinned);
    view.fresh = count(false, State::idle) + count(false, State::busy) + count(false, State::pinned);
    view.connecting = count(false, State::connecting);
    view.gap = gap_;
    view.last_open = last_open_;
    view.not_before = not_before_;
    view.now = loop_.now();
    view.tally = tally_of_plan_;
    return view;
}

// Follows the plan as far as it goes now.
void SimPools::drive() {
    while (replacing_) {
        const rotation::ReplaceStep step = rotation::next_step(view());
        switch (step.action) {
        case ReplaceAction::open_one:
            if (paused_ || refused_ == newest_->generation || count(false, State::connecting) >= logins_at_once) {
                return;
            }
            open(true);
            break;
        case ReplaceAction::retire_one_first:
            tally_.reached("one retired first");
            close(oldest_idle(), true);
            break;
        case ReplaceAction::retire_idle_old:
            close(oldest_idle(), true);
            break;
        case ReplaceAction::finished:
            replacing_ = false;
            tally_.reached("replacement finished");
            report();
            return;
        case ReplaceAction::wait:
            report();
            if (step.until && asked_at_ != step.until) {
                asked_at_ = step.until;
                loop_.call_at(*step.until, [this] {
                    asked_at_.reset();
                    drive();
                });
            }
            return;
        }
    }
}

void SimPools::report() {
    rotation::ReplaceProgress progress;
    progress.replaced = replaced_;
    progress.pinned_left = count(true, State::pinned);
    progress.old_left = progress.pinned_left + count(true, State::idle) + count(true, State::busy) +
                        count(true, State::connecting);
    progress.fresh = count(false, State::idle) + count(false, State::busy);
    loop_.answer_in(1ms, [callback = progress_, progress] { callback(progress); });
}

void SimPools::serve() {
    while (newest_ && waiting_ > 0) {
        const auto idle = std::find_if(backends_.begin(), backends_.end(),
                                       [](const Backend& backend) { return backend.state == State::idle; });
        if (idle != backends_.end()) {
            --waiting_;
            const bool pinned = loop_.chance(plan_.pinned_percent);
            tally_.reached(pinned ? "pinned session" : "transaction");
            idle->state = pinned ? State::pinned : State::busy;
            const auto hold = pinned ? loop_.between(1s, 40s) : loop_.between(plan_.hold_least, plan_.hold_most);
            loop_.answer_in(hold, [this, id = idle->id] { release(id); });
            continue;
        }
        const bool held_back = not_before_ && *not_before_ > loop_.now();
        const std::uint32_t connecting = count(false, State::connecting);
        if (paused_ || held_back || refused_ == newest_->generation || connecting >= waiting_ ||
            connecting >= 1 || backends_.size() >= plan_.size) {
            return;
        }
        open(false);
    }
}

// Its credential ends now.
bool SimPools::ends(const Backend& backend) const {
    const bool past = replacing_ && options_.gone_by && loop_.now() >= *options_.gone_by;
    return withdrawn_ || (past && is_old(backend));
}

// The client is done: the end of the lease.
void SimPools::release(std::uint64_t id) {
    ++served;
    client_thinks();
    const BackendIt backend = find(id);
    if (backend == backends_.end()) {
        return; // the server ended it meanwhile
    }
    if (is_old(*backend) && replacing_ && rotation::next_step(view()).release_budget > 0) {
        backend->state = State::idle;
        close(backend, true);
    } else if (ends(*backend)) {
        close(backend, false);
    } else {
        backend->state = State::idle;
        serve();
    }
    drive();
}

void SimPools::close(BackendIt backend, bool by_replacement) {
    const bool old = is_old(*backend);
    --server_.open_backends;
    backends_.erase(backend);
    if (by_replacement) {
        tally_.reached("backend replaced");
        if (usable() + (options_.surge == 0 || unslotted_ > 0 ? 1 : 0) < floor_) {
            throw Violation("must 3: more retired than made");
        }
    } else {
        floor_ -= floor_ > 0 ? 1 : 0;
    }
    if (old && replacing_) {
        ++replaced_;
        tally_of_plan_.old_gone();
    }
    check();
    serve();
}

SimPools::BackendIt SimPools::oldest_idle() {
    auto oldest = backends_.end();
    for (auto backend = backends_.begin(); backend != backends_.end(); ++backend) {
        if (backend->state == State::idle && is_old(*backend) &&
            (oldest == backends_.end() || backend->credential->generation < oldest->credential->generation)) {
            oldest = backend;
        }
    }
    return oldest;
}

SimPools::BackendIt SimPools::find(std::uint64_t id) {
    return std::find_if(backends_.begin(), backends_.end(), [id](const Backend& backend) { return backend.id == id; });
}

// The deadline: what is pinned goes by the policy.
void SimPools::apply_policy() {
    if (options_.pinned == rotation::ReplaceOptions::Pinned::wait) {
        return;
    }
    for (auto backend = backends_.begin(); backend != backends_.end();) {
        const auto next = std::next(backend);
        const bool now = options_.pinned == rotation::ReplaceOptions::Pinned::close_now && backend->state == State::busy;
        if (is_old(*backend) && (backend->state == State::pinned || now)) {
            tally_.reached("pinned ended by the policy");
            close(backend, false);
        }
        backend = next;
    }
    drive();
}

void SimPools::server_ended_all() {
    close_all([](const Backend&) { return true; });
    drive();
}

void SimPools::start_clients() {
    for (std::uint32_t i = 0; i < plan_.clients; ++i) {
        client_thinks();
    }
}

void SimPools::client_thinks() {
    loop_.answer_in(loop_.between(5ms, 800ms), [this] { client_wants(); });
}

void SimPools::client_wants() {
    ++waiting_;
    serve();
}

void SimPools::check() const {
    const std::size_t limit = plan_.size + (replacing_ ? options_.surge : 0);
    if (backends_.size() > limit) {
        std::string counts;
        for (const State state_of : {State::connecting, State::idle, State::busy, State::pinned}) {
            counts += " " + std::to_string(count(true, state_of)) + "+" + std::to_string(count(false, state_of));
        }
        throw Violation("must 3: " + std::to_string(backends_.size()) + " backends of " + std::to_string(limit) +
                        ", old+new:" + counts + ", balance " + std::to_string(tally_of_plan_.balance()) + ", in flight " +
                        std::to_string(tally_of_plan_.in_flight()));
    }
}

std::uint32_t SimPools::usable() const {
    return static_cast<std::uint32_t>(std::count_if(backends_.begin(), backends_.end(), [](const Backend& backend) {
        return backend.state != State::connecting;
    }));
}

bool SimPools::all_newest() const {
    return std::none_of(backends_.begin(), backends_.end(), [this](const Backend& b) { return is_old(b); });
}

} // namespace rekey::sim
