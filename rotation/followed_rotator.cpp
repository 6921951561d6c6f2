#include "rotation/followed_rotator.hpp"

#include <algorithm>

namespace rekey::rotation {

void FollowedRotator::stop() {
    RotatorCore::stop();
    followers_.clear();
    source_.reset();
}

RotatorStatus FollowedRotator::status() const {
    RotatorStatus status = RotatorCore::status();
    status.breaker_open = source_ && source_->breaker_open();
    return status;
}

Flow<> FollowedRotator::run() {
    source_->watch([this] { wake_.notify(); });
    Signal pause(*ports_.environment);
    while (!load_entry()) {
        co_await pause.until(after(store_retry_));
    }
    store_retry_.reset();
    for (;;) {
        if (forgive_at_ && now() >= *forgive_at_) {
            forgive_at_.reset();
            condemned_.forgive_all();
        }
        reconfigured_ = false;
        const Look result = co_await look();
        if (std::exchange(paused_, false) && !uncertain_) {
            ports_.pools->resume_logins(settings_.name);
        }
        conclude(result);
        if (unsaved_) {
            save();
        }
        Clock::time_point when = next_look(result);
        when = unsaved_ ? std::min(when, after(store_retry_)) : when;
        co_await wake_.until(when);
    }
}

// One fetch, and what follows from it.
Flow<Look> FollowedRotator::look() {
    take_requests();
    if (!drain_.running() && (!current_ || !taken_.empty())) {
        status_.state = RotationState::fetching;
    }
    co_await trigger();
    Reply<FetchResult> reply;
    source_->fetch(reply.callback());
    FetchResult result = co_await reply;
    look_again_ = result.credential ? result.credential->look_again : std::nullopt;
    if (!result.credential) {
        fetch_failed(result.error);
        const Look fallen_back = co_await fall_back(Look::fetch_failed);
        co_return fallen_back;
    }
    fetch_error_.clear();
    fetch_retry_.reset();
    rotating_ = result.credential->rotating;
    moved_ = std::exchange(last_fetched_, result.credential->version) != result.credential->version;
    if (moved_) {
        ahead_.clear();
    }
    if (current_ && result.credential->version == current_->version && !uncertain_) {
        if (moved_) {
            budget_.renew(); // what served ahead has become the current one: that rotation is over
        }
        unchanged();
        co_return Look::well;
    }
    const Look considered = co_await consider(std::move(*result.credential));
    co_return considered;
}

Flow<Look> FollowedRotator::consider(Fetched fetched) {
    // The database is ahead of the store, and so are we: what was has no claim to be tried again.
    if (serves_ahead() && condemned_.holds(fetched.version, now())) {
        unchanged();
        if (!drain_.running()) {
            status_.reason = "the store's rotation is not over: what it is about to make current serves";
        }
        co_return Look::well;
    }
    // Asked for, or the database changed since it was refused (the source may publish before the change), or the source
    // went back to what it had before (somebody undid a change): tried again.
    const bool changed = std::exchange(refused_anew_, false) || moved_;
    const bool served = current_ && current_->version == fetched.version; // then the refusal is the newer of the two
    // A token that was refused is not what would be shown now.
    if (!taken_.empty() || (changed && (!served || fetched.tokens))) {
        condemned_.forgive(fetched.version);
    }
    if (condemned_.holds(fetched.version, now())) {
        hold(RotationState::held, "the server refused what the source has (version " + fetched.version + ")");
        const Look known_bad = co_await fall_back(Look::refused);
        co_return known_bad;
    }
    if (!taken_.empty() || moved_) {
        budget_.renew();
    }
    // What makes its passwords itself is in no store, and does not change while this process knows it.
    const bool known = fetched.tokens ? served : entry_.current && entry_.current->version == fetched.version;
    const CredentialPtr candidate = candidate_of(std::move(fetched), known ? entry_.generation : next_generation());
    record(AuditEvent::fetch, "ok", {{"version", candidate->version}});
    status_.state = RotationState::verifying;
    const Verdict verdict = co_await verify(candidate);
    if (verdict == Verdict::accepted) {
        known ? reuse(candidate) : adopt(candidate, {RotationOutcome::done, {}, 0, {}});
        co_return Look::well;
    }
    const bool condemned = verdict != Verdict::unclear;
    hold(RotationState::held,
         (condemned ? "the server refuses the new credential: " : "the new credential is not verified yet: ") +
             std::string(status_.reason));
    const Look fallen_back = co_await fall_back(condemned ? Look::refused : Look::unverified);
    co_return fallen_back;
}

CredentialPtr FollowedRotator::candidate_of(Fetched fetched, std::uint64_t generation) const {
    const StoredCredential stored{std::move(fetched.username), std::move(fetched.password), std::move(fetched.version),
                                  fetched.not_after, std::move(fetched.endpoint)};
    return credential_of(stored, generation, std::move(fetched.tokens));
}

// What the source has is what is served. What is under way answers whoever asked for it at its end.
void FollowedRotator::unchanged() {
    if (follow_until_ && !rotating_) {
        end_following();
    }
    if (follow_until_) {
        follow();
        if (!drain_.running()) {
            all_is_well();
            status_.state = RotationState::fetching;
            status_.reason = "the store is rotating";
        }
        return;
    }
    if (drain_.running()) {
        answer_after_drain();
        return;
    }
    all_is_well();
    if (!trigger_error_.empty()) {
        answer(taken_, {RotationOutcome::failed, trigger_error_, 0, {}});
        return;
    }
    answer(taken_, {RotationOutcome::unchanged, "the source has nothing newer", 0, {}});
}

// A verified credential that was not the last one: remembered, then published.
void FollowedRotator::adopt(CredentialPtr candidate, RotateReply reply) {
    const CredentialPtr old = current_;
    const WallTime wall = ports_.environment->wall_now();
    rotation_id_ = "g" + std::to_string(candidate->generation.value);
    entry_.previous = entry_.current ? std::optional(entry_.current->clone()) : std::nullopt;
    entry_.current = candidate->tokens ? std::nullopt : std::optional(stored_of(*candidate));
    entry_.generation = candidate->generation.value;
    entry_.current_since = wall;
    save();
    follow_until_&& rotating_ ? follow() : end_following();
    answer_after_drain();
    forgive_at_.reset();
    DrainOrder order;
    order.old = old;
    order.replace = old != nullptr;
    order.emergency = emergency_;
    order.deadline = deadline_;
    order.reply = std::move(reply);
    order.reply.outcome = old ? order.reply.outcome : RotationOutcome::unchanged;
    publish(std::move(candidate), std::move(order));
}

void FollowedRotator::fetch_failed(const std::string& error) {
    ++status_.fetch_failures;
    if (std::exchange(fetch_error_, error) != error) {
        log(LogLevel::warn, error + "; the last good credential serves");
        record(AuditEvent::fetch, error);
    }
    status_.reason = error;
    if (!drain_.running()) {
        status_.state = RotationState::held;
    }
}

Clock::time_point FollowedRotator::next_look(Look look) {
    if (uncertain_) {
        const Clock::time_point soon = after(refused_retry_);
        return forgive_at_ ? std::min(soon, *forgive_at_) : soon;
    }
    refused_retry_.reset();
    if (!current_) {
        return after(start_retry_);
    }
    start_retry_.reset();
    condemned_retry_.reset();
    switch (look) {
    case Look::fetch_failed:
    case Look::unverified:
        return after(fetch_retry_);
    case Look::well:
    case Look::refused:
        break;
    }
    const auto refresh = follow_until_ ? std::min(settings_.refresh, follow_interval) : settings_.refresh;
    const Clock::duration pause = poll_after(refresh, draw());
    return now() + (look_again_ ? std::min<Clock::duration>(pause, *look_again_) : pause);
}

// Others rotate: whether the old one is refused is recorded, and nobody's duty.
Flow<RotateReply> FollowedRotator::settle(DrainOrder order) {
    if (!order.old || order.old->version == current_->version || order.reply.outcome != RotationOutcome::done) {
        co_return order.reply;
    }
    status_.state = RotationState::proving;
    const Proof proof = co_await prove(order.old);
    status_.old_refused = proof == Proof::refused;
    record(AuditEvent::prove, status_.old_refused ? "old refused" : "old not refused");
    co_return order.reply;
}

std::string FollowedRotator::plan() const {
    const std::string first = source_->rotates() == Rotates::no ? "" : "ask the store to rotate\n";
    return first + "fetch from the source (" + settings_.source + ")\n" +
           "if it has something new: log in with it on every host, then publish it as generation " +
           std::to_string(next_generation()) + "\n" + "replace backends one by one (surge " +
           std::to_string(settings_.surge) + ", window " + std::to_string(settings_.replace_window.count()) + " ms)\n" +
           "look whether the old password is refused\n";
}

std::unique_ptr<Rotator> make_followed_rotator(const config::Credential& configuration, std::unique_ptr<Source> source,
                                               const RotatorPorts& ports) {
    return std::make_unique<FollowedRotator>(configuration, std::move(source), ports);
}

} // namespace rekey::rotation
