// LocalRotator: after the replacement, the old password is ended and proven dead.
#include "rotation/crash_point.hpp"
#include "rotation/local_rotator.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

// Who waits for the end of a rotation learns after this long that the old password is not proven dead yet.
constexpr std::chrono::seconds proof_patience{30};
// A standby that lags still accepts the old password; it is asked once more after this.
constexpr std::chrono::seconds replay_grace{10};

} // namespace

Flow<RotateReply> LocalRotator::settle(DrainOrder order) {
    if (!order.old || !entry_.previous || entry_.step == JournalStep::none) {
        co_return order.reply;
    }
    if (entry_.step != JournalStep::proven) {
        co_await save_for_sure();
        entry_.step = JournalStep::replaced;
        if (save()) {
            crash_point("replaced");
        }
        if (entry_.retire_previous) {
            co_await retire_previous();
        }
        const std::string why = co_await prove_previous();
        status_.old_refused = why.empty();
        if (!why.empty()) {
            order.reply.outcome = RotationOutcome::failed;
            order.reply.reason = why;
        }
    }
    finish();
    co_return order.reply;
}

// While the store does not know CURRENT, nothing that it does know may be ended.
Flow<> LocalRotator::save_for_sure() {
    Signal pause(*ports_.environment);
    while (unsaved_ && !save()) {
        status_.reason = "the store cannot be written";
        co_await pause.until(after(store_retry_));
    }
}

Flow<> LocalRotator::retire_previous() {
    status_.state = RotationState::revoking;
    const auto since = ports_.environment->wall_now() - entry_.current_since.value_or(WallTime{});
    if (since < settings_.overlap) {
        const auto end = now() + std::chrono::ceil<std::chrono::milliseconds>(settings_.overlap - since);
        while (now() < end && !hurry_) {
            co_await drained_.until(end);
        }
    }
    const Clock::time_point begun = now();
    const std::string user = entry_.previous->username;
    BackOff retry = fetch_back_off;
    Signal pause(*ports_.environment);
    for (;;) {
        const bool known = co_await inspect(Task::retire, user);
        std::vector<std::string> statements;
        if (known) {
            statements = settings_.strategy->retire(user, answers_);
        }
        bool retired = known && statements.empty();
        if (!statements.empty()) {
            const StatementResult result = co_await administer(admin(), std::move(statements));
            retired = result.ok;
        }
        if (retired) {
            record(AuditEvent::revoke, "ok", {{"user", user}});
            co_return;
        }
        give_up_waiting(begun);
        co_await pause.until(after(retry));
    }
}

// Empty when the old password is refused everywhere.
Flow<std::string> LocalRotator::prove_previous() {
    status_.state = RotationState::proving;
    const Clock::time_point begun = now();
    const CredentialPtr old = credential_of(*entry_.previous, 0);
    BackOff retry = fetch_back_off;
    Signal pause(*ports_.environment);
    for (bool again = false;;) {
        const Proof proof = co_await prove(old);
        if (proof == Proof::refused) {
            record(AuditEvent::prove, "ok", {{"version", old->version}});
            co_return std::string();
        }
        if (proof == Proof::accepted && again) {
            record(AuditEvent::prove, status_.reason, {{"version", old->version}});
            co_return status_.reason;
        }
        again = again || proof == Proof::accepted;
        give_up_waiting(begun);
        co_await pause.until(proof == Proof::accepted ? now() + replay_grace : after(retry));
    }
}

void LocalRotator::give_up_waiting(Clock::time_point since) {
    if (now() - since >= proof_patience) {
        answer(waiting_, {RotationOutcome::failed, status_.reason, 0, {}});
    }
}

// PREVIOUS stays in the store: should the database be restored to an older state, it is a candidate again.
void LocalRotator::finish() {
    entry_.step = JournalStep::proven;
    entry_.retire_previous = false;
    if (save()) {
        crash_point("proven");
    }
    entry_.step = JournalStep::none;
    entry_.rotation_id.clear();
    save();
}

} // namespace rekey::rotation
