// RotatorCore: from a publication to its end, and what is written down on the way.
#include "rotation/rotator_core.hpp"

#include <algorithm>

namespace rekey::rotation {

void RotatorCore::start_drain(DrainOrder order) {
    drain_.reset();
    proving_.clear();
    drain_ = drain(std::move(order));
    drain_.start();
}

ReplaceOptions RotatorCore::replace_options(const DrainOrder& order) const {
    ReplaceOptions options;
    options.surge = settings_.surge;
    options.window = settings_.replace_window;
    options.pinned = settings_.pinned;
    options.deadline = now() + settings_.drain_deadline;
    if (order.emergency) {
        options.pinned = ReplaceOptions::Pinned::close_now;
        options.deadline = now() + order.deadline.value_or(settings_.drain_deadline);
        options.window = std::min(options.window, order.deadline.value_or(options.window));
    }
    if (order.end_of_old) {
        // Whoever is waited for goes at half the time that is left, and gets the other half for a transaction.
        const Clock::duration left = std::max(*order.end_of_old - last_moment - now(), Clock::duration::zero());
        const bool waits = options.pinned == ReplaceOptions::Pinned::wait;
        options.deadline = waits ? now() + left / 2 : std::min(*options.deadline, now() + left / 2);
        options.gone_by = *order.end_of_old - last_moment;
        options.pinned = std::max(options.pinned, ReplaceOptions::Pinned::close_at_transaction_end);
        options.window = std::min(options.window, std::chrono::duration_cast<std::chrono::milliseconds>(left / 2));
    }
    return options;
}

void RotatorCore::start_replacement(const ReplaceOptions& options) {
    status_.state = RotationState::replacing;
    replaced_ = false;
    const std::uint64_t number = ++replacement_;
    ports_.pools->replace(settings_.name, options,
                          [this, number, alive = std::weak_ptr<bool>(alive_)](const ReplaceProgress& progress) {
                              if (alive.expired() || number != replacement_) {
                                  return;
                              }
                              status_.progress = progress;
                              if (progress.old_left == 0) {
                                  replaced_ = true;
                                  drained_.notify();
                              }
                          });
}

// Ends when no old backend is left, or at the deadline when the policy has been applied.
Flow<> RotatorCore::replace(DrainOrder order) {
    status_.progress = {};
    ReplaceOptions options = replace_options(order);
    start_replacement(options);
    while (!replaced_) {
        const bool waits = options.pinned == ReplaceOptions::Pinned::wait;
        const Clock::time_point limit =
            order.end_of_old.value_or(*options.deadline + (waits ? std::chrono::seconds(0) : policy_grace));
        if (now() >= limit) {
            log(LogLevel::warn, std::to_string(status_.progress.old_left) +
                                    " backends of older generations are left (" +
                                    std::to_string(status_.progress.pinned_left) + " pinned)");
            break;
        }
        co_await drained_.until(limit);
        if (hurry_ && !order.emergency && !replaced_) {
            order.emergency = true;
            order.deadline = hurry_deadline_;
            options = replace_options(order);
            start_replacement(options);
        }
    }
    record(AuditEvent::replace, replaced_ ? "ok" : "deadline",
           {{"replaced", std::to_string(status_.progress.replaced)},
            {"old_left", std::to_string(status_.progress.old_left)},
            {"pinned_left", std::to_string(status_.progress.pinned_left)}});
}

Flow<> RotatorCore::drain(DrainOrder order) {
    hurry_ = order.emergency;
    hurry_deadline_ = order.deadline;
    if (order.replace) {
        co_await replace(order);
    }
    RotateReply reply = co_await settle(order);
    switch (reply.outcome) {
    case RotationOutcome::done:
        status_.rotations_done += 1;
        status_.last_success = ports_.environment->wall_now();
        break;
    case RotationOutcome::rolled_back:
        status_.rotations_rolled_back += 1;
        break;
    case RotationOutcome::unchanged:
        break;
    case RotationOutcome::held:
    case RotationOutcome::superseded:
    case RotationOutcome::failed:
        status_.rotations_failed += 1;
        break;
    }
    if (reply.outcome != RotationOutcome::unchanged) {
        record(AuditEvent::done, std::string(to_string(reply.outcome)), {{"reason", reply.reason}});
    }
    status_.state = reply.outcome == RotationOutcome::rolled_back ? RotationState::rolled_back : RotationState::idle;
    status_.reason = uncertain_ ? status_.reason : reply.reason;
    rotation_id_.clear();
    hurry_ = false;
    answer(waiting_, std::move(reply));
    wake_.notify();
}

bool RotatorCore::load_entry() {
    std::optional<StoreEntry> stored;
    const StoreError error = ports_.store->read(settings_.name, stored);
    if (error != StoreError::none) {
        hold(RotationState::held, "the store cannot be read: " + std::string(to_string(error)));
        return false;
    }
    entry_ = stored ? std::move(*stored) : StoreEntry();
    return true;
}

StoreError RotatorCore::write_once() {
    return ports_.store->write(settings_.name, entry_);
}

bool RotatorCore::save() {
    StoreError error = write_once();
    if (error == StoreError::conflict) {
        // This process holds the store's lock: an earlier write of ours was durable although it failed.
        std::optional<StoreEntry> stored;
        error = ports_.store->read(settings_.name, stored);
        if (error == StoreError::none) {
            entry_.sequence = stored ? stored->sequence : 0;
            error = write_once();
        }
    }
    if (error == StoreError::none) {
        unsaved_ = false;
        store_retry_.reset();
        return true;
    }
    log(unsaved_ ? LogLevel::debug : LogLevel::error, "the store cannot be written: " + std::string(to_string(error)) +
                                                          "; what it lacks is kept in memory and retried");
    unsaved_ = true;
    return false;
}

std::uint64_t RotatorCore::next_generation() const {
    return std::max(entry_.generation, current_ ? current_->generation.value : 0) + 1;
}

CredentialPtr RotatorCore::credential_of(const StoredCredential& stored, std::uint64_t generation,
                                         std::shared_ptr<const LoginTokens> tokens) const {
    auto credential = std::make_shared<Credential>();
    credential->name = settings_.name;
    credential->generation = Generation{generation};
    credential->username = stored.username;
    credential->password = stored.password.clone();
    credential->role = settings_.role;
    credential->tokens = std::move(tokens);
    credential->version = stored.version;
    credential->not_after = stored.not_after;
    credential->endpoint = stored.endpoint;
    for (config::Address& host : credential->endpoint.hosts) {
        host.port = host.port == 0 ? settings_.port : host.port;
    }
    return credential;
}

StoredCredential RotatorCore::stored_of(const Credential& credential) {
    return {credential.username, credential.password.clone(), credential.version, credential.not_after,
            credential.endpoint};
}

void RotatorCore::record(AuditEvent event, std::string result,
                         std::vector<std::pair<std::string, std::string>> details) const {
    if (ports_.audit == nullptr) {
        return;
    }
    AuditRecord line;
    line.time = ports_.environment->wall_now();
    line.event = event;
    line.credential = settings_.name;
    line.rotation_id = rotation_id_;
    line.generation = current_ ? current_->generation.value : 0;
    line.result = std::move(result);
    line.details = std::move(details);
    ports_.audit->record(line);
}

void RotatorCore::log(LogLevel level, const std::string& text) const {
    if (ports_.log) {
        ports_.log(level, "credential " + settings_.name + ": " + text);
    }
}

} // namespace rekey::rotation
