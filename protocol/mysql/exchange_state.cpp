// MysqlBackend: a client's state on a backend: replayed when they meet, looked after when they part.
#include "protocol/mysql/exchange.hpp"
#include "protocol/mysql/exchange_errors.hpp"
#include "protocol/mysql/query_attributes.hpp"

#include <algorithm>
#include <charconv>

namespace rekey::protocol::mysql {

namespace {

constexpr std::string_view tracking =
    "SET session_track_system_variables = '*', session_track_schema = ON, "
    "session_track_state_change = ON, session_track_transaction_info = 'CHARACTERISTICS'";

constexpr std::string_view charset_names[] = {"character_set_client", "character_set_results", "collation_connection"};

Request request_of(Command command) {
    switch (command) {
    case Command::query:
        return Request::query;
    case Command::stmt_prepare:
        return Request::prepare;
    default:
        return Request::ok;
    }
}

} // namespace

StateRef startup_state(StateTable& states, std::string_view schema, unsigned collation) {
    std::vector<Variable> entries;
    if (!schema.empty())
        entries.emplace_back(schema_entry, schema);
    if (collation != 0) { // servers take a number for a name here
        for (auto name : charset_names)
            entries.emplace_back(name, std::to_string(collation));
    }
    return states.intern(std::move(entries));
}

void MysqlBackend::ask(Own own, Command command, std::string_view argument, Output& to_backend) {
    std::string packet;
    bool attributes = command == Command::query && takes_attributes();
    PacketWriter writer(packet, 0);
    writer.u8(static_cast<std::uint8_t>(command)).bytes(attributes ? no_attributes : std::string_view());
    writer.bytes(argument).end();
    to_backend.inject(packet);
    expected_.push({.request = request_of(command), .own = own});
    ++context_.questions;
}

void MysqlBackend::track(Output& to_backend) {
    ask(Own::track, Command::query, tracking, to_backend);
    tracking_ = true;
}

void MysqlBackend::push_replay(const StateSet& from, const StateSet& to, bool ignore_space, Own own,
                               Output& to_backend) {
    auto replay = replay_of(from, to, ignore_space);
    if (replay.impossible) {
        ask(own, Command::ping, {}, to_backend);
        if (own == Own::replay)
            doom_ = "its default schema cannot be taken back";
        return;
    }
    if (replay.schema) {
        ask(own, Command::init_db, replay.schema_name, to_backend);
        (expected_.end() - 1)->schema = true;
    }
    if (!replay.set.empty())
        ask(own, Command::query, replay.set, to_backend);
}

AttachResult MysqlBackend::attach(ClientExchange& client, Output& to_backend) {
    auto& mysql = static_cast<MysqlClient&>(client);
    REKEY_ASSERT(expected_.empty());
    REKEY_ASSERT(mysql.names_parameters() || !takes_attributes()); // its pool's are alike
    replay_ = Replaying::none;
    replay_error_ = false;
    replay_code_ = 0;
    replay_reported_.clear();
    if (mysql.mariadb_ != mariadb_) { // its texts mean something else here
        mysql.mariadb_ = mariadb_;
        mysql.scan_options_of_ = nullptr;
    }
    if (!tracking_)
        track(to_backend);
    if (multi_statements_ != mysql.multi_statements_) {
        multi_statements_ = mysql.multi_statements_;
        ask(Own::replay, Command::set_option, std::string_view(multi_statements_ ? "\0\0" : "\1\0", 2), to_backend);
    }
    if (state_ != mysql.state_)
        push_replay(*state_, *mysql.state_, (mysql.capabilities_ & capability::ignore_space) != 0, Own::replay,
                    to_backend);
    if (expected_.empty()) {
        state_ = mysql.state_;
        return AttachResult::ready;
    }
    replay_left_ = expected_.size();
    replay_target_ = mysql.state_;
    replay_ = Replaying::running;
    return AttachResult::pending;
}

bool MysqlBackend::attach_failed(std::string& sqlstate, std::string& message) const {
    if (replay_ != Replaying::failed)
        return false;
    constexpr std::uint16_t no_database = 1049, no_privilege = 1044;
    sqlstate = replay_code_ == no_database ? "3D000" : replay_code_ == no_privilege ? "42501" : error_sqlstate_;
    message = error_message_;
    return true;
}

// `target` in the server's words.
StateRef MysqlBackend::normalised(const StateSet& target) {
    auto entries = target.entries;
    for (auto& [name, value] : entries) {
        for (const auto& [reported, now] : replay_reported_) {
            if (reported == name && is_kept(name))
                value = now;
        }
    }
    return context_.states.intern(std::move(entries));
}

// One of the commands of an attach was answered.
void MysqlBackend::replay_done(const Expected& done, bool failed, Turn& turn) {
    if (replay_ != Replaying::running)
        return;
    if (failed) {
        replay_error_ = true;
        replay_code_ = error_code_;
    } else if (done.schema) {
        state_ = context_.states.with(state_, schema_entry, *replay_target_->find(schema_entry));
    } else if (done.own == Own::replay && done.request == Request::query) {
        auto reached = normalised(*replay_target_);
        const auto* schema = state_->find(schema_entry);
        state_ = schema != nullptr ? context_.states.with(reached, schema_entry, *schema)
                                   : context_.states.without(reached, schema_entry);
    }
    if (--replay_left_ == 0 && turn.client != nullptr)
        replay_ended(*turn.client, turn);
}

void MysqlBackend::replay_ended(MysqlClient& client, Turn& turn) {
    // A server that does not know the character set of a login takes its own default instead.
    if (replay_error_ && replay_code_ == error::charset && client.state_->find(charset_names[0]) != nullptr &&
        client.state_ == client.startup_) {
        for (auto name : charset_names)
            client.state_ = context_.states.without(client.state_, name);
        auto left = expected_.size();
        replay_error_ = false;
        replay_target_ = client.state_;
        push_replay(*state_, *client.state_, (client.capabilities_ & capability::ignore_space) != 0, Own::replay,
                    *turn.to_backend);
        replay_left_ = expected_.size() - left;
        if (replay_left_ != 0)
            return;
    }
    replay_ = replay_error_ ? Replaying::failed : Replaying::none;
    if (replay_error_)
        return;
    auto reached = normalised(*replay_target_);
    state_ = reached;
    if (client.state_ == client.startup_)
        context_.normal.insert_or_assign(client.startup_, reached);
    client.state_ = reached;
    replay_target_ = nullptr;
    replay_reported_.clear();
}

void MysqlBackend::own_done(const Expected& done, bool failed, Turn& turn) {
    auto* client = turn.client;
    switch (done.own) {
    case Own::none:
        return;
    case Own::track:
        if (failed)
            doom_ = "session tracking was refused";
        return replay_done(done, failed, turn);
    case Own::replay:
        return replay_done(done, failed, turn);
    case Own::interim:
    case Own::last_insert_id:
        if (failed)
            doom_ = "a setting of Rekey's own was refused";
        return;
    case Own::prepare:
        return;
    case Own::ask_insert_id:
        if (client == nullptr)
            return;
        client->last_.inserted = false;
        if (captured_.size() > 4) {
            auto text = PacketReader(std::string_view(captured_).substr(4)).lenenc_text();
            std::from_chars(text.data(), text.data() + text.size(), client->last_.last_insert_id);
        }
        return;
    case Own::warnings:
        if (client == nullptr)
            return;
        client->last_.captured = true;
        client->last_.diagnostics = captured_;
        if (!captured_all_ || failed)
            client->pins_ |= pin_last_statement;
        return;
    case Own::reset:
        forget_session();
        [[fallthrough]];
    case Own::check:
        if (failed)
            doom_ = "reset failed";
        return;
    }
}

CycleEnd MysqlBackend::cycle_end(ClientExchange& client, Output& to_backend) {
    auto& mysql = static_cast<MysqlClient&>(client);
    auto held = [&](bool now, std::uint32_t pin) { mysql.pins_ = now ? mysql.pins_ | pin : mysql.pins_ & ~pin; };
    held(tables_locked_, pin_table_lock);
    held(characteristics_, pin_next_transaction);
    bool pooled = mysql.mode_ == Multiplexing::transaction || mysql.mode_ == Multiplexing::statement;
    auto pins =
        pooled ? mysql.pins_ & (pin_cursor | pin_long_data | pin_unkept_statement | pin_table_lock) : mysql.pins_;
    if (pins != 0 || !mysql.queue_.empty() || !mysql.between_messages())
        return CycleEnd::pinned;
    if (pooled)
        return CycleEnd::release;
    captured_.clear();
    captured_all_ = true;
    if (!mysql.last_.captured) {
        ask(Own::warnings, Command::query, "SHOW WARNINGS", to_backend);
        return CycleEnd::hold;
    }
    bool lies_here = last_insert_owner_ == mysql.id_ && last_insert_count_ == mysql.last_.inserts;
    if (mysql.last_.inserted && context_.last_insert_id_used && lies_here) {
        ask(Own::ask_insert_id, Command::query, "SELECT LAST_INSERT_ID()", to_backend);
        return CycleEnd::hold;
    }
    return CycleEnd::release;
}

bool MysqlBackend::client_gone(ClientExchange& client, bool force_reset, Output& to_backend) {
    auto& mysql = static_cast<MysqlClient&>(client);
    bool only_own =
        std::all_of(expected_.begin(), expected_.end(), [](const Expected& e) { return e.own != Own::none; });
    bool half_sent = !mysql.between_messages() && !mysql.body_discarded_;
    if (half_sent || !only_own || (packet_left_ != 0 && !packet_swallowed_))
        return false;
    replay_ = Replaying::none;
    eof_owed_ = false;
    if (force_reset || !expected_.empty() || in_transaction_ || tables_locked_ || characteristics_ || mysql.pins_ != 0)
        ask(Own::reset, Command::reset_connection, {}, to_backend);
    return true;
}

// As COM_RESET_CONNECTION leaves a session: the default schema stays, character sets are the server's defaults.
void MysqlBackend::forget_session() {
    state_ = context_.states.part(state_, &schema_entry, 1);
    statements_.clear();
    tracking_ = tables_locked_ = characteristics_ = trx_active_ = in_transaction_ = false;
    last_insert_owner_ = 0;
}

Lost MysqlBackend::lost(ClientExchange& client, std::string_view sqlstate, std::string_view message,
                        Output& to_client) {
    auto& mysql = static_cast<MysqlClient&>(client);
    if (mysql.leaving_) { // it took with it what was to end here
        MysqlClient::Turn ahead{nullptr, nullptr, &to_client, true, {}, 0};
        mysql.run_queue(ahead);
        return Lost::goes_on;
    }
    bool asked = std::any_of(expected_.begin(), expected_.end(), [](const Expected& e) { return e.own == Own::none; });
    bool waiting = !asked && !mysql.queue_.empty(); // a command that has not been sent
    bool mid_packet = asked && (packet_left_ != 0 || packet_more_) && !packet_swallowed_;
    bool columns = asked && replied_ && phase_ != Phase::rows;
    if (asked && !mid_packet) {
        auto number = error_number(sqlstate);
        std::string packet;
        if (eof_owed_)
            sequence_ = write_eof(packet, sequence_, {0, status_});
        auto sequence = replied_ || phase_ == Phase::file ? sequence_ : std::max<std::uint8_t>(mysql.packets_, 1);
        write_err(packet, sequence, {number.code, number.sqlstate, message});
        to_client.inject(packet);
    }
    mysql.asked_ = false;
    mysql.settle_effects(true);
    constexpr std::uint32_t harmless = pin_last_statement;
    bool kept = (mysql.pins_ & ~harmless) != 0 || tables_locked_ || characteristics_ || in_transaction_;
    if (mid_packet || columns || waiting || kept || phase_ == Phase::file || !mysql.queue_.empty())
        return Lost::close;
    mysql.pins_ &= ~harmless;
    if (!mysql.between_messages())
        mysql.body_discarded_ = true;
    mysql.long_text_.reset();
    mysql.last_.clear_diagnostics();
    return Lost::goes_on;
}

void MysqlBackend::health_check(Output& to_backend) {
    ask(Own::check, Command::ping, {}, to_backend);
}

void MysqlBackend::make_room(std::uint32_t most, Output& to_backend) {
    while (statements_.size() >= std::max<std::uint32_t>(most, 1)) {
        std::string packet;
        PacketWriter(packet, 0).u8(static_cast<std::uint8_t>(Command::stmt_close)).u32(statements_.drop_oldest()).end();
        to_backend.inject(packet);
    }
}

// Under the settings it was prepared with, which need not be the client's any more.
void MysqlBackend::prepare_again(const MysqlClient& client, const StatementPtr& statement, Output& to_backend) {
    bool ignore_space = (client.capabilities_ & capability::ignore_space) != 0;
    auto now = context_.states.part(state_, statement_context_names, std::size(statement_context_names));
    bool differs = now != statement->context && !replay_of(*now, *statement->context, ignore_space).impossible;
    if (differs)
        push_replay(*now, *statement->context, ignore_space, Own::interim, to_backend);
    ask(Own::prepare, Command::stmt_prepare, statement->text, to_backend);
    (expected_.end() - 1)->statement = statement;
    if (differs)
        push_replay(*statement->context, *now, ignore_space, Own::interim, to_backend);
}

} // namespace rekey::protocol::mysql
