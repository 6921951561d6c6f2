#include "rotation/rotator_core.hpp"

#include <algorithm>
#include <iterator>

namespace rekey::rotation {

RotatorCore::RotatorCore(const config::Credential& configuration, const RotatorPorts& ports)
    : settings_(configuration), ports_(ports), wake_(*ports.environment), drained_(*ports.environment) {
    if (ports_.store == nullptr) {
        own_store_ = make_memory_store();
        ports_.store = own_store_.get();
    }
    status_.name = settings_.name;
    status_.source = settings_.source;
    status_.strategy = settings_.strategy ? std::string(settings_.strategy->name()) : "followed";
}

RotatorCore::~RotatorCore() {
    RotatorCore::stop();
}

void RotatorCore::start(std::function<void()> ready) {
    ready_ = std::move(ready);
    record(AuditEvent::start, "ok");
    main_ = run();
    main_.start();
}

void RotatorCore::stop() {
    alive_.reset();
    main_.reset();
    drain_.reset();
    asked_.clear();
    taken_.clear();
    waiting_.clear();
}

void RotatorCore::post(std::function<void()> task) {
    ports_.environment->call_at(now(), [alive = std::weak_ptr<bool>(alive_), task = std::move(task)] {
        if (!alive.expired()) {
            task();
        }
    });
}

void RotatorCore::rotate(const RotateRequest& request, std::function<void(RotateReply)> done) {
    if (request.dry_run) {
        const std::uint64_t generation = current_ ? current_->generation.value : 0;
        post([done = std::move(done), reply = RotateReply{RotationOutcome::done, {}, generation, plan()}] {
            done(reply);
        });
        return;
    }
    if (joins(request)) {
        waiting_.push_back({request, std::move(done)});
        return;
    }
    if (request.emergency) {
        hurry_ = true;
        hurry_deadline_ = request.deadline;
        drained_.notify();
    }
    asked_.push_back({request, std::move(done)});
    wake_.notify();
}

void RotatorCore::login_refused(Generation generation, const std::string& reason) {
    if (!current_ || generation != current_->generation || condemned_.holds(current_->version, now())) {
        return;
    }
    ++status_.refused_logins;
    budget_.spend_by_pool(now());
    condemned_.add(current_->version);
    uncertain_ = refused_anew_ = true;
    ports_.pools->pause_logins(settings_.name);
    status_.reason = "the server refuses the current credential: " + reason;
    log(LogLevel::warn, status_.reason + "; new logins wait until another one is verified");
    record(AuditEvent::verify, "refused", {{"by", "pool"}, {"reason", reason}});
    wake_.notify();
}

void RotatorCore::reconfigure(const config::Credential& configuration) {
    settings_ = Settings(configuration);
    reconfigured_ = true;
    wake_.notify();
}

RotatorStatus RotatorCore::status() const {
    RotatorStatus status = status_;
    status.next_rotation = settings_.every ? entry_.next_rotation : std::nullopt;
    return status;
}

void RotatorCore::count_refusals(const ProbeReport& report) {
    for (const HostResult& host : report.hosts) {
        if (host.result == LoginResult::refused) {
            ++status_.refused_logins;
            budget_.spend(host.host, now());
        }
    }
}

Flow<ProbeReport> RotatorCore::probe(CredentialPtr candidate, bool keep) {
    const RefusalBudget::Attempt attempt(budget_);
    Reply<ProbeReport> reply;
    ports_.prober->probe(candidate, keep, reply.callback());
    ProbeReport report = co_await reply;
    count_refusals(report);
    co_return report;
}

Flow<Verdict> RotatorCore::verify(CredentialPtr candidate, bool fresh) {
    for (std::size_t attempt = 0;; ++attempt) {
        if (!budget_.left(now())) { // in a pause others may have been refused
            status_.reason = "the server refused three logins already; the next one waits";
            co_return Verdict::unclear;
        }
        const ProbeReport report = co_await probe(candidate, true);
        if (report.verified()) {
            record(AuditEvent::verify, "ok", {{"version", candidate->version}});
            co_return Verdict::accepted;
        }
        status_.reason = report.reason();
        if (!report.refused()) {
            co_return Verdict::unclear;
        }
        bool wanted_refuses = false, wanted_accepts = false;
        for (const HostResult& host : report.hosts) {
            wanted_refuses = wanted_refuses || (host.wanted && host.result == LoginResult::refused);
            wanted_accepts = wanted_accepts || (host.wanted && host.result == LoginResult::accepted);
        }
        if (fresh && !wanted_refuses && attempt < replay_grace_steps.size() && budget_.left(now())) {
            Signal pause(*ports_.environment);
            co_await pause.until(now() + replay_grace_steps[attempt]);
            continue;
        }
        condemned_.add(candidate->version, wanted_refuses ? std::nullopt : std::optional(now() + lagging_retry));
        record(AuditEvent::verify, "refused", {{"version", candidate->version}, {"reason", status_.reason}});
        co_return !wanted_refuses && wanted_accepts ? Verdict::lagging : Verdict::refused;
    }
}

Flow<Proof> RotatorCore::prove(CredentialPtr old) {
    if (condemned_.holds(old->version, now())) {
        co_return Proof::refused; // seen already; no refused login more than needed
    }
    if (uncertain_ || !budget_.left(now())) {
        status_.reason = "the old password is tried later: other logins are being refused";
        co_return Proof::unclear;
    }
    proving_ = old->version;
    const ProbeReport report = co_await probe(old, false);
    proving_.clear();
    for (const HostResult& host : report.hosts) {
        if (host.result == LoginResult::accepted) {
            status_.reason = "the old password is still accepted by " + host.host;
            co_return Proof::accepted;
        }
    }
    if (!report.refused()) {
        status_.reason = "the old password could not be tried: " + report.reason();
        co_return Proof::unclear;
    }
    condemned_.add(old->version);
    co_return Proof::refused;
}

void RotatorCore::publish(CredentialPtr credential, DrainOrder order) {
    const bool again = current_ && current_->generation == credential->generation;
    current_ = std::move(credential);
    uncertain_ = false;
    status_.generation = current_->generation.value;
    status_.username = current_->username;
    status_.version = current_->version;
    status_.not_after = current_->not_after;
    status_.since = again && status_.since ? status_.since : ports_.environment->wall_now();
    all_is_well();
    status_.state = RotationState::published;
    ports_.pools->publish(current_);
    log(LogLevel::info, "generation " + std::to_string(current_->generation.value) + " is published");
    record(AuditEvent::publish, "ok", {{"version", current_->version}});
    if (ready_) {
        post(std::exchange(ready_, nullptr));
    }
    start_drain(std::move(order));
}

void RotatorCore::take_requests() {
    taken_ = std::exchange(asked_, {});
    emergency_ = false;
    deadline_.reset();
    for (const Asked& asked : taken_) {
        emergency_ = emergency_ || asked.request.emergency;
        deadline_ = asked.request.emergency ? asked.request.deadline : deadline_;
    }
}

void RotatorCore::answer_after_drain() {
    std::move(taken_.begin(), taken_.end(), std::back_inserter(waiting_));
    taken_.clear();
}

void RotatorCore::answer(std::vector<Asked>& whom, RotateReply reply) {
    reply.generation = current_ ? current_->generation.value : 0;
    for (Asked& asked : std::exchange(whom, {})) {
        post([done = std::move(asked.done), reply] { done(reply); });
    }
}

void RotatorCore::hold(RotationState state, const std::string& reason) {
    const bool known = std::exchange(held_reason_, reason) == reason;
    status_.state = state;
    status_.reason = reason;
    if (!known) {
        log(LogLevel::warn, std::string(to_string(state)) + ": " + reason);
        record(state == RotationState::rolled_back ? AuditEvent::rollback : AuditEvent::hold, reason);
    }
}

void RotatorCore::all_is_well() {
    status_.reason.clear();
    held_reason_.clear();
    if (!drain_.running()) {
        status_.state = RotationState::idle;
    }
}

} // namespace rekey::rotation
