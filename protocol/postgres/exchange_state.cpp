// PostgresBackend: a client's state on a backend: replayed when they meet, read back when they part.
#include "protocol/postgres/exchange.hpp"

#include "protocol/postgres/messages.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

namespace {
constexpr std::uint32_t resetting = mention_reset | mention_discard;
} // namespace

void PostgresBackend::ask(Own own, std::string_view text, Output& to_backend) {
    std::string message;
    query(message, text);
    to_backend.inject(message);
    expected_.push(Request::own_query);
    own_.push_back(own);
    unnamed_owner_ = 0; // a simple query destroys the unnamed statement
}

AttachResult PostgresBackend::attach(ClientExchange& client, Output& to_backend) {
    auto& pg = static_cast<PostgresClient&>(client);
    replay_ = Replay::none;
    discarded_ = error_seen_ = reported_changed_ = false;
    if (settings_ == pg.settings_)
        return AttachResult::ready;
    auto text = replay_text(*settings_, *pg.settings_);
    if (text.empty()) {
        settings_ = pg.settings_;
        return AttachResult::ready;
    }
    replay_ = Replay::running;
    replay_target_ = pg.settings_;
    ask(Own::replay, text, to_backend);
    return AttachResult::pending;
}

bool PostgresBackend::attach_failed(std::string& sqlstate, std::string& message) const {
    if (replay_ != Replay::failed)
        return false;
    sqlstate = error_sqlstate_;
    message = error_message_;
    return true;
}

// A reply of the client's ended with ReadyForQuery. It is told at once, unless its session must be put right first:
// what it sees next (and the parameters reported with this message) has to be what it would have seen directly.
void PostgresBackend::client_ready(std::string_view whole, Turn& turn) {
    const char status = whole[frame_header_size];
    if (turn.client == nullptr)
        return;
    auto& client = *turn.client;
    settle_effects(client, status);
    error_seen_ = false;
    bool quiet = expected_.empty() && !batch_open_ && status != 'E';
    bool reset = (client.mentions_ & resetting) != 0 && client.probe_wanted_ && !client.startup_->empty();
    if (quiet && reset) {
        client.mentions_ &= ~resetting;
        held_status_ = status;
        start_probe(client, *turn.to_backend);
        return;
    }
    if (quiet && status == 'I' && !client.probe_wanted_ && settings_ != client.settings_) {
        auto text = replay_text(*settings_, *client.settings_);
        replay_target_ = client.settings_;
        if (!text.empty()) {
            held_status_ = status;
            ask(Own::fix_up, text, *turn.to_backend);
            return;
        }
        settings_ = client.settings_;
    }
    tell_parameters(client, *turn.to_client);
    turn.to_client->forward(whole);
}

// What is known of the texts that ran, now that their transaction has ended or goes on.
void PostgresBackend::settle_effects(PostgresClient& client, char status) {
    if (client.mode_ == Multiplexing::transaction || client.mode_ == Multiplexing::statement) {
        if (discarded_) {
            settings_ = context_.parameters.empty();
            client.settings_ = client.startup_;
        } else if (reported_changed_ && client.reported_ && reported_ != client.reported_) {
            for (const auto& [name, value] : reported_->entries()) {
                const auto* before = client.reported_->find(name);
                if (before == nullptr || *before == value || same_name(name, "in_hot_standby") ||
                    same_name(name, "server_version") || same_name(name, "server_encoding"))
                    continue;
                settings_ = context_.parameters.with(settings_, name, value);
                client.settings_ = context_.parameters.with(client.settings_, name, value);
            }
        }
        discarded_ = reported_changed_ = false;
        return;
    }
    if (discarded_) {
        client.pins_ &= pin_session_mode;
        client.custom_names_.clear();
    }
    if (reported_changed_ && client.pending_sets_.empty() && status == 'I' && client.mode_ == Multiplexing::automatic)
        client.probe_wanted_ = true;
    discarded_ = reported_changed_ = false;
    if (client.pending_sets_.empty())
        return;
    if (status == 'I' && expected_.empty() && !client.probe_wanted_) {
        if (!error_seen_) {
            for (const auto& set : client.pending_sets_)
                apply_set(client, set);
        }
        client.forget_effects();
        return;
    }
    client.pending_sets_.clear();
    client.probe_wanted_ = true; // inside a transaction: the server knows how it ended
}

void PostgresBackend::apply_set(PostgresClient& client, const SimpleSet& set) {
    auto& parameters = context_.parameters;
    if (set.reset_all) {
        // Everything but the role, which RESET ALL leaves alone.
        const auto* role = settings_->find("role");
        auto neutral = role != nullptr ? parameters.intern({{"role", *role}}) : parameters.empty();
        settings_ = neutral;
        client.settings_ = client.startup_;
        if (role != nullptr)
            client.settings_ = parameters.with(client.settings_, "role", *neutral->find("role"));
        return;
    }
    if (set.to_default) {
        settings_ = parameters.without(settings_, set.name);
        const auto* startup = client.startup_->find(set.name);
        client.settings_ = startup != nullptr ? parameters.with(client.settings_, set.name, *startup)
                                              : parameters.without(client.settings_, set.name);
        return;
    }
    settings_ = parameters.with(settings_, set.name, set.value);
    client.settings_ = parameters.with(client.settings_, set.name, set.value);
}

void PostgresBackend::start_probe(PostgresClient& client, Output& to_backend) {
    auto custom = client.custom_names_;
    for (const auto& [name, value] : settings_->entries()) {
        if (name.find('.') != std::string::npos && std::find(custom.begin(), custom.end(), name) == custom.end())
            custom.push_back(name);
    }
    probe_rows_.clear();
    ++context_.probes;
    client.probe_wanted_ = false;
    ask(Own::probe, probe_text(custom), to_backend);
}

void PostgresBackend::own_ready(Own own, Turn& turn, BackendTurn& result) {
    bool failed = std::exchange(own_failed_, false);
    reported_changed_ = false;
    auto* client = turn.client;
    switch (own) {
    case Own::replay:
        replay_ = failed ? Replay::failed : Replay::none;
        if (!failed)
            settings_ = std::move(replay_target_);
        return;
    case Own::probe:
        if (client == nullptr)
            return;
        if (failed)
            client->pins_ |= pin_probe_failed;
        else
            apply_probe(*client);
        if (held_status_ == 0)
            return;
        if (!failed && status_ != 'E' && settings_ != client->settings_ && expected_.empty()) {
            replay_target_ = client->settings_;
            ask(Own::fix_up, replay_text(*settings_, *client->settings_), *turn.to_backend);
            return;
        }
        tell_held(*client, *turn.to_client);
        return;
    case Own::fix_up:
        if (!failed)
            settings_ = replay_target_;
        replay_target_ = {};
        if (client != nullptr && held_status_ != 0)
            tell_held(*client, *turn.to_client);
        return;
    case Own::reset:
        settings_ = context_.parameters.empty();
        forget_prepared();
        [[fallthrough]];
    case Own::rollback:
    case Own::check:
        if (failed)
            result = {result.consumed, true, "reset failed"};
        return;
    }
}

void PostgresBackend::apply_probe(PostgresClient& client) {
    auto findings = read_probe(probe_rows_, neutral_role_, login_user_);
    probe_rows_ = {};
    auto found = context_.parameters.intern(std::move(findings.settings));
    bool clean = findings.pins == 0 && found == settings_;
    auto wanted = found->entries();
    for (const auto& entry : client.startup_->entries()) {
        if (found->find(entry.first) == nullptr)
            wanted.push_back(entry); // was reset: the client's own default, not the server's
    }
    settings_ = found;
    client.settings_ = context_.parameters.intern(std::move(wanted));
    client.pins_ = (client.pins_ & ~pins_seen_by_probe) | findings.pins;
    if (clean) {
        for (auto fingerprint : client.fingerprints_)
            context_.clean_texts.add(fingerprint);
    }
    if (status_ != 'I')
        client.probe_wanted_ = true; // how the transaction ends decides
    else if (expected_.empty() && !batch_open_)
        client.forget_effects();
}

// What the client has not been told of the parameters that servers report.
void PostgresBackend::tell_parameters(PostgresClient& client, Output& to_client) {
    if (!client.reported_ || client.reported_ == reported_)
        return;
    std::string changes;
    for (const auto& [name, value] : reported_->entries()) {
        const auto* known = client.reported_->find(name);
        if (known == nullptr || *known != value)
            parameter_status(changes, name, value);
    }
    client.reported_ = reported_;
    to_client.inject(changes);
}

// The ReadyForQuery that was held back.
void PostgresBackend::tell_held(PostgresClient& client, Output& to_client) {
    tell_parameters(client, to_client);
    std::string reply;
    ready_for_query(reply, std::exchange(held_status_, '\0'));
    to_client.inject(reply);
}

CycleEnd PostgresBackend::cycle_end(ClientExchange& client, Output& to_backend) {
    auto& pg = static_cast<PostgresClient&>(client);
    if (pg.probe_wanted_ && pg.mode_ == Multiplexing::automatic) {
        start_probe(pg, to_backend);
        return CycleEnd::hold;
    }
    if (pg.pins_ != 0 || pg.body_left_ != 0)
        return CycleEnd::pinned;
    pg.forget_effects();
    return CycleEnd::release;
}

bool PostgresBackend::client_gone(ClientExchange& client, bool force_reset, Output& to_backend) {
    auto& pg = static_cast<PostgresClient&>(client);
    if ((pg.body_left_ != 0 && !pg.body_discarded_) || batch_open_ || failed_ || body_left_ != 0)
        return false;
    bool only_own = std::all_of(expected_.begin(), expected_.end(),
                                [](const Expected& e) { return e.request == Request::own_query; });
    if (!only_own)
        return false;
    held_status_ = 0;
    bool asked = !expected_.empty();
    if (status_ != 'I')
        ask(Own::rollback, "ROLLBACK", to_backend);
    if (force_reset || asked || pg.pins_ != 0 || pg.probe_wanted_ || pg.mentions_ != 0 || !pg.pending_sets_.empty())
        ask(Own::reset, "DISCARD ALL", to_backend);
    return true;
}

Lost PostgresBackend::lost(ClientExchange& client, std::string_view sqlstate, std::string_view message,
                           Output& to_client) {
    auto& pg = static_cast<PostgresClient&>(client);
    std::string reply;
    // Half a frame cannot be taken back, and the rest of a transaction or of a pinned session is lost with the backend.
    bool asking = std::find(own_.begin(), own_.end(), Own::probe) != own_.end() && pg.mentions_ != 0;
    bool close = (body_left_ != 0 && !body_swallowed_) || status_ != 'I' || pg.pins_ != 0 || asking;
    if (close) {
        if (body_left_ == 0)
            error_response(reply, "FATAL", sqlstate, message);
        to_client.inject(reply);
        return Lost::close;
    }
    if (held_status_ != 0)
        ready_for_query(reply, 'I');
    bool told = false; // the error of the batch under way
    for (const auto& entry : expected_) {
        switch (entry.request) {
        case Request::query:
        case Request::function_call:
            error_response(reply, "ERROR", sqlstate, message);
            ready_for_query(reply, 'I');
            break;
        case Request::sync:
            if (!told && !failed_)
                error_response(reply, "ERROR", sqlstate, message);
            ready_for_query(reply, 'I');
            told = failed_ = false;
            break;
        case Request::own_query:
            break;
        default:
            if (!told && !failed_)
                error_response(reply, "ERROR", sqlstate, message);
            told = true;
        }
    }
    if (batch_open_) {
        if (!told && !failed_)
            error_response(reply, "ERROR", sqlstate, message);
        pg.skip_to_sync_ = true;
    }
    if (pg.body_left_ != 0)
        pg.body_discarded_ = true;
    while (!pg.parsing_.empty()) {
        pg.statements_.erase(pg.parsing_.front());
        pg.parsing_.pop_front();
    }
    pg.forget_effects();
    to_client.inject(reply);
    return Lost::goes_on;
}

void PostgresBackend::health_check(Output& to_backend) { ask(Own::check, "SELECT 1", to_backend); }

} // namespace rekey::protocol::postgres
