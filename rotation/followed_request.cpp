// FollowedRotator: a rotation that somebody asked for, from the store's own to the answer.
#include "rotation/followed_rotator.hpp"

#include <iterator>

namespace rekey::rotation {
namespace {

constexpr std::chrono::minutes follow_longest{5}; // a rotation that goes on at the store

} // namespace

// Somebody asked for a rotation, and the store has one of its own. Where it is over at once, logins wait until the new
// password is known. Where it goes on for a while, what is there serves for as long as the server takes it.
Flow<> FollowedRotator::trigger() {
    trigger_error_.clear();
    const Rotates how = source_->rotates();
    if (taken_.empty() || !current_ || how == Rotates::no || follow_until_) {
        co_return;
    }
    if (how == Rotates::at_once) {
        paused_ = true;
        ports_.pools->pause_logins(settings_.name);
    }
    Reply<std::string> reply;
    source_->rotate(reply.callback());
    trigger_error_ = co_await reply;
    record(AuditEvent::alter, trigger_error_.empty() ? "ok" : trigger_error_, {{"by", "store"}});
    if (how == Rotates::in_time && trigger_error_.empty()) {
        follow_until_ = now() + follow_longest;
        rotating_ = true;
    }
}

// Whoever asked is answered when what the store's rotation brings is there.
void FollowedRotator::follow() {
    std::move(taken_.begin(), taken_.end(), std::back_inserter(followers_));
    taken_.clear();
}

// It is there, or will not come: whoever waited for it is answered with those who ask now.
void FollowedRotator::end_following() {
    follow_until_.reset();
    for (Asked& asked : std::exchange(followers_, {})) {
        emergency_ = emergency_ || asked.request.emergency;
        deadline_ = asked.request.emergency ? asked.request.deadline : deadline_;
        taken_.push_back(std::move(asked));
    }
}

// Whoever asked and was not served by a publication learns why.
void FollowedRotator::conclude(Look look) {
    if (follow_until_ && rotating_ && now() < *follow_until_) {
        follow();
        return;
    }
    if (follow_until_ && rotating_) {
        log(LogLevel::warn, "the store's rotation is not over after five minutes");
        answer(followers_, {RotationOutcome::failed, "the store's rotation is not over after five minutes", 0, {}});
    }
    end_following();
    if (taken_.empty()) {
        return;
    }
    const bool well = look == Look::well;
    status_.rotations_held += well ? 0 : 1;
    answer(taken_, {well ? RotationOutcome::unchanged : RotationOutcome::held, status_.reason, 0, {}});
}

} // namespace rekey::rotation
