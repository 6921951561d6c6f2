// LocalRotator: one rotation, from staging to its publication.
#include "rotation/crash_point.hpp"
#include "rotation/local_rotator.hpp"
#include "rotation/password.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

constexpr int test_attempts = 5; // while nobody answers; then the rotation is held and resumed later

std::string random_id(Environment& environment) {
    std::array<unsigned char, 8> bytes{};
    environment.random_bytes(bytes.data(), bytes.size());
    std::string id;
    for (const unsigned char byte : bytes) {
        id += "0123456789abcdef"[byte >> 4];
        id += "0123456789abcdef"[byte & 15];
    }
    return id;
}

} // namespace

Flow<> LocalRotator::rotate_once() {
    critical_ = true;
    emergency_ = recovering_ = resume_ = false;
    deadline_.reset();
    for (Asked& asked : std::exchange(asked_, {})) {
        emergency_ = emergency_ || asked.request.emergency;
        recovering_ = recovering_ || asked.request.recover;
        deadline_ = asked.request.emergency ? asked.request.deadline : deadline_;
        waiting_.push_back(std::move(asked));
    }
    if (recovering_ || emergency_) {
        record(recovering_ ? AuditEvent::recover : AuditEvent::start, recovering_ ? "asked for" : "emergency");
    }
    status_.state = RotationState::verifying;
    const std::string why = co_await attempt();
    critical_ = false;
    if (why.empty()) {
        rotation_retry_.reset();
        co_return;
    }
    status_.rotations_held += 1;
    hold(RotationState::held, why);
    resume_ = entry_.pending.has_value();
    not_before_ = after(rotation_retry_);
    answer(waiting_, {RotationOutcome::held, why, 0, {}});
}

Flow<std::string> LocalRotator::attempt() {
    if ((settings_.strategy->needs_admin() || recovering_) && !admin()) {
        co_return settings_.has_admin() ? "the credential of `admin` is not available yet" : "no `admin` is configured";
    }
    const WallTime began = ports_.environment->wall_now();
    const bool resumed = entry_.pending.has_value();
    const std::string not_staged = stage();
    if (!not_staged.empty()) {
        co_return not_staged;
    }
    bool works = false;
    if (resumed && unrefused()) {
        works = co_await test(true);
    }
    if (!works) {
        const std::string unprepared = co_await prepare();
        if (!unprepared.empty()) {
            if (!resumed) {
                abandon();
            }
            co_return unprepared;
        }
    }
    // Perhaps it is set already. To set it twice could end the current one, where an account has two passwords.
    const bool perhaps_set = !works && resumed && !recovering_ && unrefused();
    if (perhaps_set) {
        works = co_await test(true);
    }
    if (perhaps_set && !works && unrefused()) {
        co_return "the pending password could not be tried: " + status_.reason;
    }
    if (!works) {
        const Changed changed = co_await change();
        if (changed == Changed::no) {
            const std::string why = status_.reason;
            if (!resumed) {
                abandon();
            }
            co_return why;
        }
        works = co_await test(changed == Changed::unknown);
    }
    if (!works) {
        co_return "the new password is not verified: " + status_.reason;
    }
    crash_point("tested");
    const CredentialPtr old = credential_of(*entry_.current, entry_.generation);
    plan_next(began);
    promote();
    DrainOrder order;
    order.old = old;
    order.replace = current_ != nullptr;
    order.emergency = emergency_;
    order.deadline = deadline_;
    publish(credential_of(*entry_.current, entry_.generation), std::move(order));
    co_return std::string();
}

// No server is known to refuse PENDING.
bool LocalRotator::unrefused() const { return !condemned_.holds(entry_.pending->version, now()); }

// Nothing touches the database before PENDING is durable.
std::string LocalRotator::stage() {
    if (entry_.pending) {
        return {};
    }
    StoredCredential pending;
    pending.username = settings_.strategy->next_user(entry_.current->username);
    pending.password = make_password(*ports_.environment);
    pending.version = rotation_id_ = random_id(*ports_.environment);
    entry_.pending = std::move(pending);
    entry_.rotation_id = rotation_id_;
    entry_.step = JournalStep::staged;
    const StoreError error = write_once();
    if (error == StoreError::none) {
        unsaved_ = false;
        record(AuditEvent::stage, "ok");
        crash_point("staged");
        return {};
    }
    entry_.pending.reset();
    entry_.step = JournalStep::none;
    if (error == StoreError::conflict) {
        load_entry(); // an earlier write was durable after all; it may hold a PENDING that must not be lost
    }
    return "the store cannot be written: " + std::string(to_string(error)) + "; nothing was changed";
}

// The database was certainly not changed: the staged password is nobody's. Not for one of an earlier attempt, whose
// change may still be on its way.
void LocalRotator::abandon() {
    entry_.pending.reset();
    entry_.step = JournalStep::none;
    entry_.rotation_id.clear();
    save();
}

// Asks what the strategy wants to know; false: not to be had, the reason is in the status.
Flow<bool> LocalRotator::inspect(Task task, std::string user) {
    answers_.clear();
    for (;;) {
        Question question = settings_.strategy->inspect(task, user, answers_);
        if (question.statements.empty()) {
            co_return true;
        }
        if (question.as_serving && (!current_ || uncertain_)) {
            answers_.emplace_back();
            continue;
        }
        const CredentialPtr login = question.as_serving ? current_ : admin();
        StatementResult answer = co_await administer(login, std::move(question.statements));
        if (!answer.ok && question.as_serving && recovering_ && uncertain_) {
            continue; // only now it is known that the role cannot log in: `admin` is asked instead
        }
        if (!answer.ok) {
            co_return false;
        }
        answers_.push_back(std::move(answer.rows));
    }
}

Flow<std::string> LocalRotator::prepare() {
    const std::string user = entry_.pending->username;
    const bool known = co_await inspect(Task::change, user);
    if (!known) {
        co_return status_.reason;
    }
    const Preparation preparation = settings_.strategy->prepare(user, answers_);
    if (!preparation.refusal.empty()) {
        co_return preparation.refusal;
    }
    if (!preparation.required.empty()) {
        const StatementResult made = co_await administer(admin(), preparation.required);
        if (!made.ok) {
            co_return status_.reason;
        }
        log(LogLevel::info, "prepared the role " + user);
    }
    for (const std::string& wish : preparation.wished) {
        std::vector<std::string> alone{wish};
        const StatementResult granted = co_await administer(admin(), std::move(alone));
        if (!granted.ok) {
            log(LogLevel::warn, "a setting was not copied to " + user + ": " + granted.reason);
        }
    }
    co_return std::string();
}

// The one statement that sets a verifier. With a strategy whose old password dies by it, logins are paused from here
// to the publication.
Flow<LocalRotator::Changed> LocalRotator::change() {
    struct Work {
        protocol::Secret password;
        std::string salt = std::string(16, '\0');
        std::string verifier;
    };
    const auto work = std::make_shared<Work>();
    work->password = entry_.pending->password.clone();
    ports_.environment->random_bytes(reinterpret_cast<unsigned char*>(work->salt.data()), work->salt.size());
    Reply<bool> computed;
    ports_.environment->run_blocking(
        [work, make = ports_.verifier != nullptr ? ports_.verifier : settings_.strategy->verifier(answers_)] {
            work->verifier = make(work->password.reveal(), work->salt);
        },
        [done = computed.callback()] { done(true); });
    co_await computed;

    const bool old_dies = settings_.strategy->old_dies_at_change();
    if (old_dies) {
        ports_.pools->pause_logins(settings_.name);
    }
    const std::string user = entry_.pending->username;
    const StatementResult result =
        co_await administer(admin(), settings_.strategy->change(user, work->verifier, answers_));
    if (result.ok) {
        crash_point("altered");
        record(AuditEvent::alter, "ok", {{"user", user}});
        condemned_.forgive(entry_.pending->version);
        budget_.renew();
        uncertain_ = uncertain_ || (old_dies && current_);
        entry_.step = JournalStep::altered;
        save();
        co_return Changed::yes;
    }
    record(AuditEvent::alter, result.reason, {{"user", user}});
    // Class 08, 57 and 70: the connection, the server or the statement was ended, perhaps after the commit.
    const bool answered = !result.sqlstate.empty() && !result.sqlstate.starts_with("08") &&
                          !result.sqlstate.starts_with("57") && !result.sqlstate.starts_with("70");
    if (result.login != LoginResult::accepted || answered) {
        if (old_dies && current_ && !uncertain_) {
            ports_.pools->resume_logins(settings_.name);
        }
        co_return Changed::no;
    }
    uncertain_ = uncertain_ || (old_dies && current_);
    co_return Changed::unknown;
}

// Whether PENDING logs in on every host. `only_once`: it may never have been set.
Flow<bool> LocalRotator::test(bool only_once) {
    BackOff retry = start_back_off;
    Signal pause(*ports_.environment);
    const CredentialPtr pending = credential_of(*entry_.pending, 0);
    for (int attempt = 1;; ++attempt) {
        const Verdict verdict = co_await verify(pending);
        const bool no_way_back = verdict == Verdict::lagging && settings_.strategy->old_dies_at_change();
        if (verdict == Verdict::accepted || no_way_back) {
            if (no_way_back) {
                log(LogLevel::warn,
                    "a standby still refuses the new password, and the old one is gone: it is published");
            }
            entry_.step = JournalStep::tested;
            save();
            record(AuditEvent::test, "ok");
            co_return true;
        }
        if (verdict != Verdict::unclear || only_once || attempt == test_attempts) {
            co_return false;
        }
        co_await pause.until(after(retry));
    }
}

void LocalRotator::promote() {
    entry_.previous = std::move(entry_.current);
    entry_.current = std::move(entry_.pending);
    entry_.pending.reset();
    entry_.generation = next_generation();
    entry_.current_since = ports_.environment->wall_now();
    entry_.step = JournalStep::promoted;
    entry_.retire_previous = settings_.strategy->retires(entry_.previous->username, entry_.current->username);
    const bool durable = save();
    record(AuditEvent::promote, durable ? "ok" : "kept in memory: the store cannot be written");
    if (durable) {
        crash_point("promoted");
    }
}

CredentialPtr LocalRotator::admin() const {
    if (settings_.admin) {
        return settings_.admin;
    }
    if (!settings_.admin_credential.empty()) {
        return ports_.current_of ? ports_.current_of(settings_.admin_credential) : nullptr;
    }
    return recovering_ ? nullptr : current_;
}

// Through `admin`, or as the role itself. The reason of a failure is left in the status.
Flow<StatementResult> LocalRotator::administer(CredentialPtr login, std::vector<std::string> statements) {
    if (!login) {
        StatementResult none;
        none.reason = status_.reason = "the credential of `admin` is not available yet";
        co_return none;
    }
    Reply<StatementResult> reply;
    ports_.administrator->run(settings_.name, login, std::move(statements), reply.callback());
    StatementResult result = co_await reply;
    if (result.login == LoginResult::refused && login == current_) {
        login_refused(current_->generation, result.reason); // as any login of the pool
    }
    if (!result.ok) {
        const std::string who = login == current_ ? "the role itself" : "`admin`";
        const std::string advice = settings_.strategy->advice(result);
        status_.reason = who + (result.login == LoginResult::accepted ? " could not do it: " : " cannot log in: ") +
                         result.reason + (result.sqlstate.empty() ? "" : " (" + result.sqlstate + ")") +
                         (advice.empty() ? "" : "; " + advice);
    }
    co_return result;
}

} // namespace rekey::rotation
