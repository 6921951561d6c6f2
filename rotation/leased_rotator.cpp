#include "rotation/leased_rotator.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

constexpr std::chrono::milliseconds renewal_retry_least{200};
constexpr std::chrono::seconds gain_least{1}; // of a new lease over the one it is to succeed

} // namespace

void LeasedRotator::stop() {
    RotatorCore::stop();
    if (end_timer_ != 0) {
        ports_.environment->cancel(std::exchange(end_timer_, 0));
    }
    source_.reset();
}

RotatorStatus LeasedRotator::status() const {
    RotatorStatus status = RotatorCore::status();
    status.breaker_open = source_ && source_->breaker_open();
    return status;
}

Flow<> LeasedRotator::run() {
    Signal pause(*ports_.environment);
    while (!load_entry()) {
        co_await pause.until(after(store_retry_));
    }
    store_retry_.reset();
    remember_left_over();
    for (;;) {
        reconfigured_ = false;
        co_await look();
        conclude();
        if (unsaved_) {
            save();
        }
        Clock::time_point when = next_look();
        when = unsaved_ ? std::min(when, after(store_retry_)) : when;
        co_await wake_.until(when);
    }
}

bool LeasedRotator::wants_another() const {
    const bool ends = current_ && !grant_.renewable && now() >= grant_.due;
    return !current_ || uncertain_ || withdrawn_ || gone_ || inherited_ || ends || !taken_.empty();
}

// One turn: what is due is done, and what has failed is tried again by the next one.
Flow<> LeasedRotator::look() {
    take_requests();
    const bool waits = retry_at_ && now() < *retry_at_ && taken_.empty() && !std::exchange(refused_anew_, false);
    if (!waits) {
        retry_at_.reset();
        if (!wants_another() && now() >= grant_.due) {
            co_await renew();
        }
        if (wants_another() && !retry_at_) {
            co_await obtain();
        }
    }
    if (!drain_.running() && !spent_.empty() && (!revoke_at_ || now() >= *revoke_at_)) {
        co_await revoke_spent();
    }
}

Flow<> LeasedRotator::renew() {
    const Clock::time_point asked = now();
    Reply<Renewal> reply;
    source_->renew(current_->version, reply.callback());
    const Renewal renewal = co_await reply;
    if (renewal.error.empty()) {
        last_error_.clear();
        retry_.reset();
        extend(renewed_grant(grant_, renewal.lease, asked, draw()));
        co_return;
    }
    failed(renewal.error);
    gone_ = renewal.gone;
    if (!gone_) {
        const Clock::duration left = (grant_.end - now()) / 4;
        retry_at_ = std::min(after(retry_), now() + std::max<Clock::duration>(left, renewal_retry_least));
    }
}

void LeasedRotator::extend(const Grant& grant) {
    grant_ = grant;
    StoredCredential longer = stored_of(*current_);
    longer.not_after = wall(grant.end);
    current_ = credential_of(longer, current_->generation.value);
    status_.not_after = current_->not_after;
    if (entry_.current && entry_.current->version == current_->version) {
        entry_.current->not_after = current_->not_after;
        save();
    }
    if (!drain_.running()) {
        all_is_well();
    }
    arm();
}

Flow<> LeasedRotator::obtain() {
    if (candidate_ && now() >= candidate_->grant.due) {
        give_up_candidate(); // it has waited so long that another one serves longer
    }
    if (!candidate_) {
        const bool fetched = co_await fetch();
        if (!fetched) {
            co_await fall_back();
            co_return;
        }
    }
    co_await try_candidate();
}

Flow<bool> LeasedRotator::fetch() {
    if (!drain_.running()) {
        status_.state = RotationState::fetching;
    }
    const Clock::time_point asked = now();
    Reply<FetchResult> reply;
    source_->fetch(reply.callback());
    FetchResult result = co_await reply;
    if (!result.credential || !result.credential->lease) {
        failed(result.error);
        retry_at_ = after(current_ && !uncertain_ && !withdrawn_ ? retry_ : start_retry_);
        co_return false;
    }
    last_error_.clear();
    retry_.reset();
    budget_.renew();
    Fetched fetched = std::move(*result.credential);
    Candidate candidate;
    candidate.grant = grant_of(*fetched.lease, asked, draw());
    candidate.credential = credential_of({std::move(fetched.username), std::move(fetched.password),
                                          std::move(fetched.version), wall(candidate.grant.end)},
                                         next_generation());
    record(AuditEvent::fetch, "ok", {{"version", candidate.credential->version}});
    candidate_ = std::move(candidate);
    co_return true;
}

Flow<> LeasedRotator::try_candidate() {
    const bool serves = current_ && !uncertain_ && !withdrawn_ && !gone_ && !inherited_;
    if (serves && taken_.empty() && candidate_->grant.end < grant_.end + gain_least) {
        give_up_candidate();
        hold(RotationState::held, "a new lease ends no later than the one that serves: the store's token ends first");
        retry_at_ = after(retry_);
        co_return;
    }
    status_.state = RotationState::verifying;
    const Verdict verdict = co_await verify(candidate_->credential);
    if (verdict == Verdict::accepted) {
        adopt();
        co_return;
    }
    const bool condemned = verdict != Verdict::unclear;
    hold(RotationState::held, (condemned ? "the server refuses the new account: "
                                         : "the new account is not verified yet: ") +
                                  std::string(status_.reason));
    if (condemned) {
        give_up_candidate();
    }
    retry_at_ = after(current_ && !uncertain_ ? retry_ : start_retry_);
}

// A verified account: remembered, then published.
void LeasedRotator::adopt() {
    Candidate fresh = std::move(*candidate_);
    candidate_.reset();
    const CredentialPtr old = current_;
    rotation_id_ = "g" + std::to_string(fresh.credential->generation.value);
    if (old) {
        spend(old->version, grant_.end);
    } else if (entry_.current) {
        spend(entry_.current->version, steady(entry_.current->not_after.value_or(ports_.environment->wall_now())));
    }
    entry_.previous = entry_.current ? std::optional(entry_.current->clone()) : std::nullopt;
    entry_.current = stored_of(*fresh.credential);
    entry_.generation = fresh.credential->generation.value;
    entry_.current_since = ports_.environment->wall_now();
    save();
    DrainOrder order;
    order.old = old;
    order.replace = old != nullptr;
    order.emergency = emergency_;
    order.deadline = deadline_;
    if (old) { // a drain that this one supersedes may have left backends that end sooner
        end_of_old_ = drain_.running() && end_of_old_ ? std::min(*end_of_old_, grant_.end) : grant_.end;
        order.end_of_old = end_of_old_;
    }
    order.reply.outcome = old ? RotationOutcome::done : RotationOutcome::unchanged;
    answer_after_drain();
    gone_ = inherited_ = withdrawn_ = false;
    retry_at_.reset();
    start_retry_.reset();
    grant_ = fresh.grant;
    arm();
    publish(std::move(fresh.credential), std::move(order));
}

// Only at start: what served before it, if it still lives. Another one takes its place as soon as the store makes one.
Flow<> LeasedRotator::fall_back() {
    const std::optional<StoredCredential>& stored = entry_.current;
    if (current_ || !stored || !stored->not_after || !may_try(stored->version)) {
        co_return;
    }
    Grant grant;
    grant.end = steady(*stored->not_after);
    grant.life = std::chrono::duration_cast<std::chrono::milliseconds>(grant.end - now());
    grant.due = now();
    if (withdrawn_from(grant) <= now()) {
        co_return;
    }
    const CredentialPtr candidate = credential_of(*stored, entry_.generation);
    const Verdict verdict = co_await verify(candidate, false);
    if (verdict != Verdict::accepted) {
        co_return;
    }
    const std::string why = last_error_;
    grant_ = grant;
    inherited_ = true;
    arm();
    DrainOrder order;
    order.replace = false;
    order.reply.outcome = RotationOutcome::unchanged;
    publish(candidate, std::move(order));
    log(LogLevel::warn, "serving on the lease of before the restart");
    hold(RotationState::held, why);
}

void LeasedRotator::failed(const std::string& error) {
    ++status_.fetch_failures;
    if (std::exchange(last_error_, error) != error) {
        log(LogLevel::warn, error + (current_ && !withdrawn_ ? "; the lease that is there serves" : ""));
        record(AuditEvent::fetch, error);
    }
    status_.reason = error;
    if (!drain_.running()) {
        status_.state = RotationState::held;
    }
}

// Whoever asked and was not served by a publication learns why.
void LeasedRotator::conclude() {
    if (taken_.empty()) {
        return;
    }
    ++status_.rotations_held;
    answer(taken_, {RotationOutcome::held, status_.reason, 0, {}});
}

Clock::time_point LeasedRotator::next_look() {
    Clock::time_point when = retry_at_.value_or(grant_.due);
    if (!retry_at_ && (!current_ || uncertain_ || withdrawn_)) {
        when = after(start_retry_);
    }
    if (!spent_.empty() && !drain_.running()) {
        when = std::min(when, revoke_at_.value_or(now()));
    }
    return when;
}

std::string LeasedRotator::plan() const {
    return "ask the source (" + settings_.source + ") for another account\n" +
           "log in with it on every host, then publish it as generation " + std::to_string(next_generation()) + "\n" +
           "replace backends one by one (surge " + std::to_string(settings_.surge) + ", window " +
           std::to_string(settings_.replace_window.count()) + " ms), the last of them before the old lease ends\n" +
           "revoke the old lease, and look whether its password is refused\n";
}

std::unique_ptr<Rotator> make_leased_rotator(const config::Credential& configuration, std::unique_ptr<Source> source,
                                             const RotatorPorts& ports) {
    return std::make_unique<LeasedRotator>(configuration, std::move(source), ports);
}

} // namespace rekey::rotation
