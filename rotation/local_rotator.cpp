#include "rotation/local_rotator.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

// The wall clock may be set; planned rotations are looked at this often.
constexpr std::chrono::seconds wall_recheck{60};

bool unfinished(JournalStep step) {
    return step == JournalStep::promoted || step == JournalStep::replaced || step == JournalStep::proven;
}

} // namespace

Flow<> LocalRotator::run() {
    co_await load();
    for (;;) {
        if (std::exchange(reconfigured_, false)) {
            condemned_.forgive(settings_.initial.version);
            planned_ = false;
        }
        if ((!current_ || uncertain_) && (!seek_at_ || now() >= *seek_at_)) {
            co_await seek();
        }
        if (current_ && !planned_) {
            plan_next(ports_.environment->wall_now());
            save();
        }
        if (rotation_due()) {
            drain_.reset(); // only a recovery interrupts one
            proving_.clear();
            co_await rotate_once();
        }
        if (unsaved_) {
            save();
        }
        co_await wake_.until(next_time());
    }
}

Flow<> LocalRotator::load() {
    Signal pause(*ports_.environment);
    while (!load_entry()) {
        co_await pause.until(after(store_retry_));
    }
    store_retry_.reset();
    if (!entry_.current) {
        co_return;
    }
    status_.since = entry_.current_since;
    rotation_id_ = entry_.rotation_id;
    if (entry_.step != JournalStep::none) {
        log(LogLevel::warn, "a rotation was interrupted after step `" + std::string(to_string(entry_.step)) + "`");
        record(AuditEvent::recover, "interrupted after " + std::string(to_string(entry_.step)));
    }
}

// Nothing serves, or the server refuses what did: PENDING, CURRENT, PREVIOUS, once each. An unresolved PENDING comes
// first: when it works, the rotation that made it is completed.
Flow<> LocalRotator::seek() {
    seek_at_.reset();
    if (!entry_.current) {
        entry_.current = settings_.initial.clone();
    } else if (entry_.generation == 0) {
        entry_.current = settings_.initial.clone(); // never verified, perhaps configured anew
    }
    if (entry_.pending) {
        if (condemned_.holds(entry_.current->version, now())) {
            condemned_.forgive(entry_.pending->version); // a change whose answer was lost may have come after all
        }
        const bool over = co_await try_candidate(*entry_.pending, &LocalRotator::take_pending);
        if (over) {
            co_return;
        }
    }
    const bool over = co_await try_candidate(*entry_.current, &LocalRotator::take_current);
    if (over) {
        co_return;
    }
    if (entry_.previous) {
        const bool last = co_await try_candidate(*entry_.previous, &LocalRotator::take_previous);
        if (last) {
            co_return;
        }
    }
    nothing_works();
}

// True when the search is over: the candidate serves now, or nobody could judge it.
Flow<bool> LocalRotator::try_candidate(const StoredCredential& stored, void (LocalRotator::*accepted)()) {
    if (!may_try(stored.version)) {
        co_return false;
    }
    status_.state = RotationState::verifying;
    const CredentialPtr candidate = credential_of(stored, 0);
    const Verdict verdict = co_await verify(candidate);
    if (verdict == Verdict::accepted || (verdict == Verdict::lagging && settings_.strategy->old_dies_at_change())) {
        (this->*accepted)();
        co_return true;
    }
    if (verdict != Verdict::unclear) {
        co_return false;
    }
    hold(RotationState::held, std::string(status_.reason));
    seek_at_ = after(current_ ? refused_retry_ : start_retry_);
    answer(asked_, {RotationOutcome::failed, status_.reason, 0, {}});
    co_return true;
}

void LocalRotator::take_pending() {
    log(LogLevel::info, "the pending password of an interrupted rotation works: the rotation is completed");
    record(AuditEvent::recover, "pending accepted");
    const CredentialPtr old = credential_of(*entry_.current, entry_.generation);
    planned_ = true;
    plan_next(ports_.environment->wall_now());
    promote();
    DrainOrder order;
    order.old = old;
    order.replace = current_ != nullptr;
    publish(credential_of(*entry_.current, entry_.generation), std::move(order));
}

void LocalRotator::take_current() {
    if (entry_.pending) {
        resume_ = true;
    }
    if (current_ && current_->version == entry_.current->version) {
        uncertain_ = false;
        ports_.pools->resume_logins(settings_.name);
        all_is_well();
        return;
    }
    if (entry_.generation == 0) {
        entry_.generation = next_generation();
        entry_.current_since = ports_.environment->wall_now();
        save();
    }
    DrainOrder order;
    order.replace = current_ != nullptr;
    order.reply.outcome = RotationOutcome::unchanged;
    if (unfinished(entry_.step) && entry_.previous) {
        order.old = credential_of(*entry_.previous, 0);
        order.reply.outcome = RotationOutcome::done;
    }
    publish(credential_of(*entry_.current, entry_.generation), std::move(order));
}

void LocalRotator::take_previous() {
    const std::string why = "the current password is refused, the previous one is accepted";
    std::swap(entry_.current, entry_.previous);
    entry_.generation = next_generation();
    entry_.current_since = ports_.environment->wall_now();
    entry_.step = JournalStep::none;
    entry_.retire_previous = false;
    save();
    DrainOrder order;
    order.replace = current_ != nullptr;
    order.reply = {RotationOutcome::rolled_back, why, 0, {}};
    hold(RotationState::rolled_back, why);
    publish(credential_of(*entry_.current, entry_.generation), std::move(order));
}

void LocalRotator::nothing_works() {
    const std::string why = "every stored password is refused; `rekey rotate " + settings_.name +
                            " --recover` sets a new one through `admin`";
    hold(RotationState::held, why);
    std::vector<Asked> others;
    for (Asked& asked : std::exchange(asked_, {})) {
        (asked.request.recover ? asked_ : others).push_back(std::move(asked));
    }
    answer(others, {RotationOutcome::failed, why, 0, {}});
    condemned_.forgive_all(); // before the next try, in half a minute or more
    seek_at_ = after(condemned_retry_);
}

bool LocalRotator::joins(const RotateRequest& request) const {
    return !request.emergency && !request.recover && (critical_ || (drain_.running() && current_ && !uncertain_));
}

bool LocalRotator::rotation_due() const {
    if (std::any_of(asked_.begin(), asked_.end(), [](const Asked& asked) { return asked.request.recover; })) {
        return true;
    }
    if (drain_.running() || !current_ || uncertain_) {
        return false;
    }
    if (!asked_.empty()) {
        return true;
    }
    const bool planned = settings_.every && entry_.next_rotation &&
                         *entry_.next_rotation <= ports_.environment->wall_now();
    return (resume_ || planned) && now() >= not_before_;
}

void LocalRotator::plan_next(WallTime began) {
    if (!settings_.every) {
        entry_.next_rotation.reset();
    } else if (planned_) {
        entry_.next_rotation = rotation_after(began, *settings_.every, settings_.window, draw());
    } else {
        entry_.next_rotation =
            rotation_at_start(began, entry_.next_rotation, *settings_.every, settings_.window, draw());
    }
    planned_ = true;
}

Clock::time_point LocalRotator::next_time() {
    Clock::time_point when = now() + wall_recheck;
    if (seek_at_ && (!current_ || uncertain_)) {
        when = std::min(when, *seek_at_);
    }
    if (unsaved_) {
        when = std::min(when, after(store_retry_));
    }
    if (drain_.running() || !current_ || uncertain_) {
        return when;
    }
    if (resume_) {
        when = std::min(when, not_before_);
    }
    if (settings_.every && entry_.next_rotation) {
        const auto ahead = *entry_.next_rotation - ports_.environment->wall_now();
        // One tick more than asked: never early by rounding.
        const auto due = now() + std::chrono::ceil<std::chrono::milliseconds>(ahead);
        when = std::min(when, std::max<Clock::time_point>(due, not_before_));
    }
    return std::max(when, now());
}

std::string LocalRotator::plan() const {
    const std::string current = entry_.current ? entry_.current->username : settings_.initial.username;
    const std::string user = settings_.strategy->next_user(current);
    std::string text = "strategy " + std::string(settings_.strategy->name()) + ": " + current + " serves, " + user +
                       " gets a new password\n";
    text += "write the pending password to the store\n";
    text += settings_.has_admin() ? "change it through `admin`\n" : "the role changes its own password\n";
    text += "log in with it on every host, then make it current in the store\n";
    text += "publish generation " + std::to_string(next_generation()) + ", replace backends one by one (surge " +
            std::to_string(settings_.surge) + ", window " + std::to_string(settings_.replace_window.count()) + " ms)\n";
    if (settings_.strategy->retires(current, user)) {
        text += "end the old password of " + current + " after " + std::to_string(settings_.overlap.count()) + " ms\n";
    }
    return text + "prove that the old password is refused\n";
}

std::unique_ptr<Rotator> make_local_rotator(const config::Credential& configuration, const RotatorPorts& ports) {
    return std::make_unique<LocalRotator>(configuration, ports);
}

} // namespace rekey::rotation
