// FollowedRotator: what serves is refused, and what the source has is of no help.
#include "rotation/followed_rotator.hpp"

namespace rekey::rotation {

// The source is of no help: only when nothing serves, what was good before is tried, newest first and each once.
Flow<Look> FollowedRotator::fall_back(Look otherwise) {
    if (current_ && !uncertain_) {
        co_return otherwise;
    }
    if (otherwise == Look::refused && source_->keeps_others()) {
        const bool found = co_await try_others();
        if (found) {
            co_return Look::well;
        }
    }
    for (const bool newest : {true, false}) {
        const std::optional<StoredCredential>& stored = newest ? entry_.current : entry_.previous;
        if (!stored || !may_try(stored->version)) {
            continue;
        }
        const CredentialPtr candidate = credential_of(*stored, newest ? entry_.generation : next_generation());
        const std::string why = status_.reason;
        const Verdict verdict = co_await verify(candidate, false);
        if (verdict == Verdict::unclear) {
            co_return Look::unverified;
        }
        if (verdict != Verdict::accepted) {
            continue;
        }
        newest ? reuse(candidate) : adopt(candidate, {RotationOutcome::rolled_back, why, 0, {}});
        log(LogLevel::warn, "serving on the last good credential of the store");
        hold(newest ? RotationState::held : RotationState::rolled_back, why);
        co_return otherwise == Look::unverified ? Look::refused : otherwise;
    }
    if (!forgive_at_) {
        forgive_at_ = after(condemned_retry_);
    }
    co_return otherwise;
}

// Between a change at the database and its end in the store, the store still says what was: what it keeps beside is
// tried, each once.
Flow<bool> FollowedRotator::try_others() {
    const std::string why = status_.reason;
    Reply<std::vector<Fetched>> reply;
    source_->fetch_others(reply.callback());
    std::vector<Fetched> others = co_await reply;
    for (Fetched& other : others) {
        if (!may_try(other.version)) {
            continue;
        }
        const bool known = entry_.current && entry_.current->version == other.version;
        const bool coming = other.coming, rotating = other.rotating;
        const CredentialPtr candidate = candidate_of(std::move(other), known ? entry_.generation : next_generation());
        const Verdict verdict = co_await verify(candidate);
        if (verdict == Verdict::accepted) {
            ahead_ = coming ? candidate->version : std::string();
            rotating_ = rotating;
            known ? reuse(candidate) : adopt(candidate, {RotationOutcome::done, {}, 0, {}});
            log(LogLevel::info, "serving on another version of the store's");
            co_return true;
        }
        if (verdict == Verdict::unclear) {
            break;
        }
    }
    status_.reason = why;
    co_return false;
}

// The last good credential, verified again.
void FollowedRotator::reuse(CredentialPtr candidate) {
    forgive_at_.reset();
    if (current_ && current_->generation == candidate->generation) {
        uncertain_ = false;
        ports_.pools->resume_logins(settings_.name);
        all_is_well();
        return;
    }
    DrainOrder order;
    order.replace = current_ != nullptr;
    order.reply.outcome = RotationOutcome::unchanged;
    publish(std::move(candidate), std::move(order));
}

} // namespace rekey::rotation
