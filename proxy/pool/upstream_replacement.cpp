// Replacing old backends by new ones, one by one; the decisions are rotation_plan's.
#include "proxy/pool/upstream.hpp"
#include "proxy/session/client_session.hpp"

#include <algorithm>

namespace rekey::proxy {

namespace {
constexpr std::chrono::milliseconds report_every{200};
constexpr int steps_max = 1000; // of one call: more would be a plan that does not end
} // namespace

void Upstream::replace(const rotation::ReplaceOptions& options,
                       std::function<void(rotation::ReplaceProgress)> progress) {
    auto serial = replacement_.serial + 1;
    if (replacement_.timer != 0)
        worker_.loop().cancel(replacement_.timer);
    // One that supersedes goes on with the tally: what is owed stays owed, and logins under way still count.
    auto before = std::exchange(replacement_, {});
    if (before.active) {
        replacement_.tally = before.tally;
        serial = before.serial;
    }
    replacement_.serial = serial;
    replacement_.active = true;
    replacement_.options = options;
    replacement_.progress = std::move(progress);
    auto view = view_of_replacement();
    replacement_.gap = rotation::replace_gap(options.window, view.idle_old + view.busy_old + view.pinned_old);
    adopt_verified();
    step_replacement();
}

// The connection that verified the credential becomes the first new backend.
void Upstream::adopt_verified() {
    auto verified = std::exchange(verified_, {});
    if (!verified || replacement_.options.surge == 0 || verified->epoch != epoch_ || backends_.empty() ||
        total() >= configuration_.pool.size + replacement_.options.surge)
        return;
    auto pool = pools_.find(verified->backend_class);
    if (pool == pools_.end())
        return;
    replacement_.last_open = worker_.loop().now();
    replacement_.tally.opening();
    adopt({pool->second.get(), credential_, epoch_, Purpose::replacement, replacement_.serial, verified->host, 0,
           nullptr},
          std::move(verified->login));
}

rotation::ReplaceView Upstream::view_of_replacement() const {
    rotation::ReplaceView view;
    view.size = configuration_.pool.size;
    view.surge = replacement_.options.surge;
    for (auto* backend : backends_) {
        if (!is_old(*backend))
            ++view.fresh;
        else if (backend->state() == BackendState::idle)
            ++view.idle_old;
        else if (backend->client() != nullptr && backend->client()->pinned())
            ++view.pinned_old;
        else
            ++view.busy_old;
    }
    for (const auto& opening : openings_) {
        if (opening.credential == credential_ && opening.epoch == epoch_)
            ++view.connecting;
        else
            ++view.busy_old;
    }
    view.gap = replacement_.gap;
    view.last_open = replacement_.last_open;
    if (not_before_ != net::Clock::time_point{})
        view.not_before = not_before_;
    for (const auto& [name, pool] : pools_)
        view.clients_wait = view.clients_wait || !pool->waiters.empty();
    view.now = worker_.loop().now();
    view.tally = replacement_.tally;
    return view;
}

void Upstream::step_replacement() {
    if (!replacement_.active || stepping_)
        return;
    stepping_ = true;
    if (replacement_.timer != 0)
        worker_.loop().cancel(std::exchange(replacement_.timer, 0));
    bool waits = false;
    for (int step_count = 0; step_count < steps_max && !waits && replacement_.active; ++step_count) {
        auto step = rotation::next_step(view_of_replacement());
        switch (step.action) {
        case rotation::ReplaceAction::open_one:
            if (!may_open()) {
                waits = true; // publish(), the end of another login or the back-off's timer goes on
                break;
            }
            open_replacement();
            break;
        case rotation::ReplaceAction::retire_idle_old:
        case rotation::ReplaceAction::retire_one_first: {
            auto* backend = oldest_idle_old();
            if (backend == nullptr) {
                waits = true;
                break;
            }
            if (step.action == rotation::ReplaceAction::retire_one_first && replacement_.options.surge > 0)
                count(worker_.counters().replacements, "surge_refused");
            backend->close("replaced");
            break;
        }
        case rotation::ReplaceAction::wait:
            waits = true;
            if (step.until) {
                replacement_.timer = worker_.loop().call_at(*step.until, [this] {
                    replacement_.timer = 0;
                    step_replacement();
                });
            }
            break;
        case rotation::ReplaceAction::finished:
            replacement_.active = false;
            break;
        }
    }
    stepping_ = false;
    report_progress(!replacement_.active);
}

void Upstream::open_replacement() {
    // Where the oldest of the old ones are: that pool loses one next.
    Pool* pool = nullptr;
    const Backend* oldest = nullptr;
    for (auto* backend : backends_) {
        if (is_old(*backend) && (oldest == nullptr || backend->origin().generation < oldest->origin().generation)) {
            oldest = backend;
            pool = &backend->pool();
        }
    }
    if (auto* starving = starving_pool(); pool == nullptr || (starving != nullptr && oldest == nullptr))
        pool = starving;
    if (pool == nullptr && !pools_.empty())
        pool = pools_.begin()->second.get();
    if (pool == nullptr)
        return;
    replacement_.last_open = worker_.loop().now();
    open_backend(*pool, Purpose::replacement);
}

Backend* Upstream::oldest_idle_old() {
    Backend* oldest = nullptr;
    for (auto* backend : backends_) {
        if (!is_old(*backend) || backend->state() != BackendState::idle)
            continue;
        auto rank = [this](const Backend& b) {
            return std::tuple(b.origin().generation, &const_cast<Backend&>(b).pool() != replacement_.last_pool,
                              b.born());
        };
        if (oldest == nullptr || rank(*backend) < rank(*oldest))
            oldest = backend;
    }
    return oldest;
}

void Upstream::old_gone() {
    replacement_.tally.old_gone();
    ++replacement_.replaced;
    count(worker_.counters().replacements, "replaced");
}

void Upstream::report_progress(bool force) {
    auto now = worker_.loop().now();
    if (!replacement_.progress || (!force && now - replacement_.last_report < report_every))
        return;
    replacement_.last_report = now;
    auto view = view_of_replacement();
    rotation::ReplaceProgress progress;
    progress.replaced = replacement_.replaced;
    progress.old_left = view.idle_old + view.busy_old + view.pinned_old;
    progress.pinned_left = view.pinned_old;
    progress.fresh = view.fresh;
    replacement_.progress(progress);
}

// Past the deadline the policy speaks for those who hold an old backend; where the old credential ends, all go before.
void Upstream::treat_pinned() {
    using Pinned = rotation::ReplaceOptions::Pinned;
    const auto& options = replacement_.options;
    auto now = worker_.loop().now();
    if (options.gone_by && now >= *options.gone_by)
        return end_backends([this](const Backend& backend) { return is_old(backend); });
    if (!options.deadline || now < *options.deadline || options.pinned == Pinned::wait)
        return;
    std::vector<ClientSession*> holders;
    for (auto* backend : backends_) {
        if (is_old(*backend) && backend->client() != nullptr &&
            (backend->client()->pinned() || options.pinned == Pinned::close_now))
            holders.push_back(backend->client());
    }
    for (auto* session : holders)
        session->close_pinned(options.pinned == Pinned::close_now);
}

// At once, with whoever is on them.
void Upstream::end_backends(const std::function<bool(const Backend&)>& which) {
    for (auto* backend : std::list<Backend*>(backends_)) {
        if (std::find(backends_.begin(), backends_.end(), backend) == backends_.end() || !which(*backend))
            continue;
        if (backend->client() != nullptr)
            backend->client()->close_pinned(true);
        else
            backend->close("credential_ended");
    }
}

// The credential's accounts do not outlive it in open sessions: whatever has one leaves, pinned or not.
void Upstream::withdraw(net::Clock::time_point deadline) {
    paused_ = true;
    withdrawn_ = deadline;
    verified_.reset();
    for (auto& [name, pool] : pools_) {
        pool->last_error = "the database credential has ended, and there is no new one yet";
        while (!pool->idle.empty()) {
            auto* backend = pool->idle.take_front();
            backend->close("credential_ended");
        }
    }
    treat_withdrawn();
}

void Upstream::treat_withdrawn() {
    if (worker_.loop().now() >= *withdrawn_)
        return end_backends([](const Backend&) { return true; });
    std::vector<ClientSession*> pinned;
    for (auto* backend : backends_) {
        if (backend->client() != nullptr && backend->client()->pinned())
            pinned.push_back(backend->client());
    }
    for (auto* session : pinned)
        session->close_pinned(false);
}

// A backend over its lifetime is replaced as in a rotation, its successor first, one at a time.
void Upstream::expire_one() {
    auto now = worker_.loop().now();
    if (replacement_.active || retired_ || !credential_)
        return;
    Backend* expired = nullptr;
    for (auto* backend : backends_) {
        if (backend->expires() > now)
            continue;
        if (lifetime_owed_ && backend->state() == BackendState::idle) {
            lifetime_owed_ = false;
            return backend->close("lifetime");
        }
        expired = backend;
    }
    if (expired == nullptr || lifetime_owed_ || lifetime_opening_ || !may_open() || total() > configuration_.pool.size)
        return;
    lifetime_opening_ = true;
    open_backend(expired->pool(), Purpose::lifetime);
}

} // namespace rekey::proxy
