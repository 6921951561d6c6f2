// MysqlBackend: replies as the client reads them, what they tell of the session, and what follows their end.
#include "protocol/mysql/exchange.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

// The variables of which servers tell by default; the rest is told to Rekey alone.
bool told_to_clients(std::string_view name) {
    return name == "autocommit" || name == "time_zone" || name == "character_set_client" ||
           name == "character_set_connection" || name == "character_set_results";
}

std::string client_changes(std::string_view block) {
    std::string told;
    SessionChanges changes(block);
    SessionChange change;
    while (changes.next(change)) {
        switch (change.type) {
        case SessionChangeType::system_variable:
            if (told_to_clients(change.name))
                add_system_variable(told, change.name, change.value);
            break;
        case SessionChangeType::schema:
        case SessionChangeType::gtids:
            add_session_change(told, change.type, change.value);
            break;
        case SessionChangeType::state_change:
        case SessionChangeType::transaction_characteristics:
        case SessionChangeType::transaction_state:
            break;
        }
    }
    return told;
}

} // namespace

// A whole packet, already renumbered.
void MysqlBackend::emit(std::string_view packet, Turn& turn) {
    if (own_turn() || turn.client == nullptr)
        return;
    turn.to_client->forward(packet);
    replied_ = true;
}

void MysqlBackend::emit_eof(Status status, std::uint16_t warnings, Turn& turn) {
    std::string packet;
    sequence_ = write_eof(packet, sequence_, {warnings, status});
    turn.to_client->inject(packet);
    ++delta_;
}

// The EOF behind the columns, which could not be told before it was known whether a cursor was opened. It takes the
// number of `packet`, which is the next one.
void MysqlBackend::pay_eof(std::string_view packet, Turn& turn) {
    if (!eof_owed_)
        return;
    eof_owed_ = false;
    std::string eof;
    auto sequence = write_eof(eof, static_cast<std::uint8_t>(packet[3]), {0, status_});
    turn.to_client->inject(eof);
    const_cast<char*>(packet.data())[3] = static_cast<char>(sequence);
    sequence_ = static_cast<std::uint8_t>(sequence + 1);
    ++delta_;
}

// An OK, or the OK that ends rows, in the client's dialect.
void MysqlBackend::emit_ok(std::string_view packet, const Ok& ok, Turn& turn) {
    auto client = turn.client->capabilities_;
    bool ends_rows = static_cast<unsigned char>(packet[packet_header_size]) == eof_header;
    auto plain_status = static_cast<Status>(ok.status & ~status::session_state_changed);
    if (ends_rows && (client & capability::deprecate_eof) == 0) {
        bool cursor = (ok.status & status::cursor_exists) != 0 && rows_ == 0;
        if (!cursor)
            pay_eof(packet, turn);
        eof_owed_ = false;
        std::string eof;
        sequence_ = write_eof(eof, static_cast<std::uint8_t>(packet[3]), {ok.warnings, plain_status});
        turn.to_client->inject(eof);
        replied_ = true;
        return;
    }
    if ((ok.status & status::session_state_changed) == 0)
        return emit(packet, turn);
    Ok told = ok;
    std::string changes;
    if ((client & capability::session_track) != 0)
        changes = client_changes(ok.session_state);
    told.session_state = changes;
    told.status = plain_status;
    std::string rewritten;
    sequence_ =
        write_ok(rewritten, static_cast<std::uint8_t>(packet[3]), client, told, ends_rows ? eof_header : ok_header);
    turn.to_client->inject(rewritten);
    replied_ = true;
}

// What the server's trackers say.
void MysqlBackend::note_session(const Ok& ok, Turn& turn) {
    if (ok.session_state.empty())
        return;
    auto own = expected_.front().own;
    auto* client = own == Own::none ? turn.client : nullptr;
    bool temporary = client != nullptr && (client->mentions_ & mention_set_statement) != 0;
    bool state = false, explained = false, connection = false;
    SessionChange change;
    for (SessionChanges changes(ok.session_state); changes.next(change);)
        connection = connection || change.name == "character_set_connection";
    if (connection && !temporary && own == Own::none) { // it brings its own collation
        state_ = context_.states.without(state_, "collation_connection");
        if (client != nullptr)
            client->state_ = context_.states.without(client->state_, "collation_connection");
    }
    for (SessionChanges changes(ok.session_state); changes.next(change);) {
        switch (change.type) {
        case SessionChangeType::system_variable:
            explained = true;
            if (own == Own::replay)
                replay_reported_.emplace_back(change.name, change.value);
            else if (own == Own::none && !temporary && is_kept(change.name))
                set_variable(client, change.name, change.value);
            break;
        case SessionChangeType::schema:
            explained = true;
            if (own == Own::none && !change.value.empty()) // empty: a query of the information schema
                set_variable(client, schema_entry, change.value);
            break;
        case SessionChangeType::state_change:
            state = true;
            break;
        case SessionChangeType::transaction_characteristics:
            characteristics_ = !change.value.empty();
            break;
        case SessionChangeType::transaction_state:
            trx_active_ = !change.value.empty() && change.value[0] != '_';
            tables_locked_ = change.value.size() >= 8 && change.value[7] == 'L';
            break;
        case SessionChangeType::gtids:
            break;
        }
    }
    constexpr std::uint32_t known = mention_set | mention_user_variable | mention_temp | mention_drop_table |
                                    mention_prepare | mention_deallocate | mention_routine | mention_role;
    if (state && !explained && client != nullptr && (client->mentions_ & known) == 0 &&
        client->mode_ != Multiplexing::transaction && client->schema_.empty())
        client->pins_ |= pin_state;
}

void MysqlBackend::set_variable(MysqlClient* client, std::string_view name, std::string_view value) {
    if (name == "collation_connection")
        state_ = context_.states.without(state_, "character_set_connection");
    state_ = context_.states.with(state_, name, value);
    if (client == nullptr)
        return;
    if (name == "collation_connection")
        client->state_ = context_.states.without(client->state_, "character_set_connection");
    client->state_ = context_.states.with(client->state_, name, value);
}

// What the next statement may ask for.
void MysqlBackend::note_result(const Ok& ok, bool rows, MysqlClient& client) {
    auto& last = client.last_;
    if ((client.mentions_ & mention_diagnostics) == 0) {
        last.clear_diagnostics();
        last.warnings = ok.warnings;
        last.captured = ok.warnings == 0;
    }
    last.status =
        static_cast<Status>(ok.status & (status::autocommit | status::no_backslash_escapes | status::ansi_quotes));
    if (rows) {
        last.row_count = -1;
        last.found_rows = rows_;
        auto statement = expected_.front().client_statement;
        auto known = statement != 0 ? client.statements_.find(statement) : client.statements_.end();
        if (known == client.statements_.end())
            return;
        if ((ok.status & status::cursor_exists) != 0 && (ok.status & status::last_row_sent) == 0) {
            known->second.cursor = true;
            client.pins_ |= pin_cursor;
        } else if (known->second.cursor) {
            known->second.cursor = false;
            client.count_open();
        }
        return;
    }
    last.row_count = static_cast<std::int64_t>(ok.affected_rows);
    if (ok.last_insert_id != 0) {
        last.last_insert_id = ok.last_insert_id;
        last.inserted = true;
        last_insert_owner_ = client.id_;
        last_insert_count_ = ++last.inserts;
    }
}

// The last packet of a reply has passed.
void MysqlBackend::reply_done(Turn& turn, bool failed) {
    phase_ = Phase::first;
    delta_ = 0;
    replied_ = false;
    auto done = expected_.pop();
    if (done.own != Own::none)
        own_done(done, failed, turn);
    else if (turn.client != nullptr)
        command_done(done, failed, turn);
    if (expected_.empty() && turn.client != nullptr && replay_ == Replaying::none) {
        MysqlClient::Turn ahead{this, turn.to_backend, turn.to_client, true, {}, 0};
        turn.client->run_queue(ahead);
    }
}

// The client's command has been answered.
void MysqlBackend::command_done(const Expected& done, bool failed, Turn& turn) {
    auto& client = *turn.client;
    client.asked_ = false;
    client.settle_effects(failed);
    if (!failed && !client.schema_.empty())
        set_variable(&client, schema_entry, client.schema_);
    if (!failed && client.collation_)
        set_variable(&client, "collation_connection", *client.collation_);
    client.schema_.clear();
    client.collation_.reset();
    if (!failed && done.resets) {
        forget_session();
        client.reset_session();
        client.state_ = state_;
    }
    // What the client switched is its own business, but Rekey must go on hearing.
    if ((client.mentions_ & mention_session_track) != 0 || !tracking_)
        track(*turn.to_backend);
    client.mentions_ = 0;
}

} // namespace rekey::protocol::mysql
