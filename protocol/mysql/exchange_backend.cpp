// MysqlBackend: what a server sends, packet by packet, and the replies it owes.
#include "protocol/mysql/exchange.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

constexpr std::size_t count_size_max = 9; // of a packet that tells a number of columns
constexpr std::uint64_t columns_max = 65535;
constexpr std::size_t prepared_size = 12;
constexpr std::size_t captured_max = 64 * 1024;

bool captures(Own own) {
    return own == Own::warnings || own == Own::ask_insert_id;
}

} // namespace

MysqlBackend::MysqlBackend(Options options)
    : context_(*options.context), capabilities_(options.capabilities), mariadb_(options.mariadb),
      multi_statements_((options.capabilities & capability::multi_statements) != 0), status_(options.status) {
    // The character sets are those of Rekey's own login, which is nobody's default.
    std::vector<Variable> entries{
        {"character_set_client", "?"}, {"character_set_connection", "?"}, {"character_set_results", "?"}};
    if (!options.schema.empty())
        entries.emplace_back(schema_entry, options.schema);
    state_ = context_.states.intern(std::move(entries));
}

BackendTurn MysqlBackend::on_backend(std::string_view in, ClientExchange* client, Output& to_client,
                                     Output& to_backend) {
    Turn turn{static_cast<MysqlClient*>(client), &to_client, &to_backend};
    BackendTurn result;
    auto& at = result.consumed;
    while (at < in.size() && !result.broken) {
        if (packet_left_ != 0) {
            auto piece = in.substr(at, packet_left_);
            if (!packet_swallowed_)
                to_client.forward(piece);
            at += piece.size();
            packet_left_ -= static_cast<std::uint32_t>(piece.size());
            if (packet_left_ == 0 && !packet_more_)
                packet_ended(turn);
        } else if (!begin_packet(in, at, turn, result)) {
            break;
        }
    }
    if (!doom_.empty() && !result.broken)
        result = {result.consumed, true, doom_};
    return result;
}

// What decides something is read whole; columns and rows stream.
bool MysqlBackend::read_whole(PacketHeader header, unsigned char first) const {
    switch (phase_) {
    case Phase::first:
    case Phase::file:
        return expected_.front().request != Request::statistics;
    case Phase::rows:
        return first == err_header || (first == eof_header && !header.continued());
    case Phase::columns:
    case Phase::prepared:
        return first == err_header;
    }
    return true;
}

// False: more is needed.
bool MysqlBackend::begin_packet(std::string_view in, std::size_t& at, Turn& turn, BackendTurn& result) {
    auto left = in.size() - at;
    if (left < packet_header_size)
        return false;
    auto header = read_packet_header(in.data() + at);
    bool own = own_turn();
    if (phase_ == Phase::first && !expected_.empty() && expected_.front().request == Request::rows) {
        phase_ = Phase::rows;
        rows_ = 0;
    }
    auto renumber = [&](const char* packet) {
        writable(packet)[3] = static_cast<char>(header.sequence + delta_);
        sequence_ = static_cast<std::uint8_t>(header.sequence + delta_ + 1);
    };
    if (packet_more_) {
        if (!packet_swallowed_) {
            renumber(in.data() + at);
            turn.to_client->forward(in.substr(at, packet_header_size));
        }
        at += packet_header_size;
        packet_left_ = header.size;
        packet_more_ = header.continued();
        if (packet_left_ == 0)
            packet_ended(turn);
        return true;
    }
    if (header.size == 0 || left == packet_header_size) {
        if (header.size != 0)
            return false;
        result = {at, true, "unintelligible packet"};
        return true;
    }
    auto first = static_cast<unsigned char>(in[at + packet_header_size]);
    auto size = packet_header_size + std::size_t{header.size};
    // Errors of a server that ends the session come unasked.
    bool whole = expected_.empty() || read_whole(header, first) || (own && captures(expected_.front().own));
    if (whole && left < size) {
        if (size <= context_.message_collect)
            return false;
        result = {at, true, "packet over the limit message_collect"};
        return true;
    }
    auto packet = in.substr(at, size);
    if (whole) {
        at += size;
        if (!own)
            renumber(packet.data());
        on_packet(header, packet, turn, result);
        return true;
    }
    if (!own && turn.client != nullptr) {
        renumber(packet.data());
        pay_eof(packet, turn);
        turn.to_client->forward(packet);
        replied_ = true;
    }
    packet_swallowed_ = own || turn.client == nullptr;
    at += packet.size();
    packet_left_ = static_cast<std::uint32_t>(size - packet.size());
    packet_more_ = header.continued();
    if (packet_left_ == 0 && !packet_more_)
        packet_ended(turn);
    return true;
}

void MysqlBackend::on_packet(PacketHeader header, std::string_view packet, Turn& turn, BackendTurn& result) {
    auto first = static_cast<unsigned char>(packet[packet_header_size]);
    if (expected_.empty()) {
        if (auto err = read_err(packet.substr(packet_header_size))) {
            error_code_ = err->code;
            error_sqlstate_ = err->sqlstate;
            error_message_ = err->message;
        }
        result.broken = true; // such as 4031: told to nobody
        result.reason = first == err_header ? "server ended the session" : "packet that nobody asked for";
        return;
    }
    if (first == err_header)
        return on_err(packet, turn, result);
    switch (phase_) {
    case Phase::first:
    case Phase::file:
        return on_first(header, packet, turn, result);
    case Phase::rows:
        if (first == eof_header && !header.continued())
            return on_ok(packet, turn, result);
        break; // a row for us
    case Phase::columns:
        return column_ended(turn);
    case Phase::prepared:
        break;
    }
    if (captured_.size() + packet.size() <= captured_max) {
        captured_.append(4, '\0');
        store_le32(captured_.data() + captured_.size() - 4, header.size);
        captured_ += packet.substr(packet_header_size);
    } else {
        captured_all_ = false;
    }
    ++rows_;
}

void MysqlBackend::on_first(PacketHeader header, std::string_view packet, Turn& turn, BackendTurn& result) {
    auto first = static_cast<unsigned char>(packet[packet_header_size]);
    switch (expected_.front().request) {
    case Request::prepare:
        return on_prepared(packet, turn, result);
    case Request::ok:
        if (first == ok_header || first == eof_header)
            return on_ok(packet, turn, result);
        break;
    case Request::query:
        if (first == ok_header)
            return on_ok(packet, turn, result);
        if (first != local_infile_header || phase_ == Phase::file)
            return on_column_count(packet, turn, result);
        if (own_turn() || turn.client == nullptr ||
            (turn.client->capabilities_ & capability::local_files) == 0) { // such a server reads files of its clients
            result = {result.consumed, true, "request for a local file"};
            return;
        }
        emit(packet, turn);
        phase_ = Phase::file;
        sequence_ = static_cast<std::uint8_t>(header.sequence + delta_ + 1);
        if (!turn.client->queue_.empty()) { // sent ahead, these are the file's data by the protocol
            MysqlClient::Turn ahead{this, turn.to_backend, turn.to_client, true, {}, 0};
            turn.client->run_queue(ahead);
        }
        return;
    case Request::rows:
    case Request::statistics:
        break;
    }
    result = {result.consumed, true, "unintelligible reply"};
}

void MysqlBackend::on_column_count(std::string_view packet, Turn& turn, BackendTurn& result) {
    PacketReader reader(packet.substr(packet_header_size));
    auto count = reader.lenenc();
    if (!reader.done() || packet.size() > packet_header_size + count_size_max || count == 0 || count > columns_max) {
        result = {result.consumed, true, "unintelligible reply"};
        return;
    }
    columns_left_ = count;
    rows_ = 0;
    phase_ = Phase::columns;
    emit(packet, turn);
}

// A column's definition has passed.
void MysqlBackend::column_ended(Turn& turn) {
    if (--columns_left_ != 0)
        return;
    phase_ = Phase::rows;
    eof_owed_ = !own_turn() && turn.client != nullptr && (turn.client->capabilities_ & capability::deprecate_eof) == 0;
}

void MysqlBackend::packet_ended(Turn& turn) {
    switch (phase_) {
    case Phase::columns:
        column_ended(turn);
        break;
    case Phase::rows:
        ++rows_;
        break;
    case Phase::prepared: {
        bool translate =
            !own_turn() && turn.client != nullptr && (turn.client->capabilities_ & capability::deprecate_eof) == 0;
        auto& left = parameters_left_ != 0 ? parameters_left_ : prepared_columns_;
        if (--left == 0 && translate)
            emit_eof(status_, 0, turn);
        if (parameters_left_ == 0 && prepared_columns_ == 0)
            reply_done(turn, false);
        break;
    }
    case Phase::first: // a text of statistics
    case Phase::file:
        reply_done(turn, false);
        break;
    }
}

void MysqlBackend::on_prepared(std::string_view packet, Turn& turn, BackendTurn& result) {
    PacketReader reader(packet.substr(packet_header_size));
    bool ok = reader.u8() == ok_header;
    auto id = reader.u32();
    auto columns = reader.u16();
    auto parameters = reader.u16();
    if (!ok || reader.failed() || packet.size() < packet_header_size + prepared_size - 2) {
        result = {result.consumed, true, "unintelligible reply"};
        return;
    }
    parameters_left_ = parameters;
    prepared_columns_ = columns;
    note_prepared(id, parameters, turn, packet);
    emit(packet, turn);
    phase_ = Phase::prepared;
    if (parameters == 0 && columns == 0)
        reply_done(turn, false);
}

// The server's number for a statement is known; the client gets one of its own.
void MysqlBackend::note_prepared(std::uint32_t id, std::uint16_t parameters, Turn& turn, std::string_view packet) {
    auto statement = expected_.front().statement;
    bool own = own_turn();
    bool kept = statement != nullptr;
    if (kept && statements_.has(*statement)) { // by another client: one is enough
        std::string close;
        PacketWriter(close, 0).u8(static_cast<std::uint8_t>(Command::stmt_close)).u32(id).end();
        turn.to_backend->inject(close);
    } else if (kept) {
        statements_.add(statement, id);
    }
    if (own || turn.client == nullptr)
        return;
    auto& client = *turn.client;
    auto number = client.next_statement_++;
    auto& entry = client.statements_[number];
    entry = {};
    entry.statement = std::move(statement);
    entry.server_id = kept ? 0 : id;
    entry.parameters = parameters;
    client.last_prepared_ = number;
    if (!kept)
        client.pins_ |= pin_unkept_statement;
    store_le32(writable(packet.data()) + packet_header_size + 1, number);
}

void MysqlBackend::on_ok(std::string_view packet, Turn& turn, BackendTurn& result) {
    auto ok = read_ok(packet.substr(packet_header_size), capabilities_);
    if (!ok && packet.size() == packet_header_size + 5) { // an EOF all the same: COM_SET_OPTION of some servers
        if (auto eof = read_eof(packet.substr(packet_header_size))) {
            ok.emplace();
            ok->status = eof->status;
            ok->warnings = eof->warnings;
        }
    }
    if (!ok) {
        result = {result.consumed, true, "malformed OK"};
        return;
    }
    bool rows = phase_ == Phase::rows;
    status_ =
        static_cast<Status>(ok->status & (status::autocommit | status::in_transaction | status::no_backslash_escapes |
                                          status::in_read_only_transaction | status::ansi_quotes));
    note_session(*ok, turn);
    in_transaction_ = (ok->status & status::in_transaction) != 0 || trx_active_;
    bool more = (ok->status & status::more_results) != 0;
    if (!own_turn() && turn.client != nullptr) {
        note_result(*ok, rows, *turn.client);
        emit_ok(packet, *ok, turn);
    }
    eof_owed_ = false;
    if (more)
        phase_ = Phase::first;
    else
        reply_done(turn, false);
}

void MysqlBackend::on_err(std::string_view packet, Turn& turn, BackendTurn& result) {
    auto err = read_err(packet.substr(packet_header_size));
    if (!err) {
        result = {result.consumed, true, "malformed ERR"};
        return;
    }
    error_code_ = err->code;
    error_sqlstate_ = err->sqlstate;
    error_message_ = err->message;
    constexpr std::uint16_t shutdown = 1053, killed = 1927, idle = 4031;
    if (err->code == shutdown || err->code == killed || err->code == idle) {
        result = {result.consumed, true, "server ended the session"}; // lost() tells it to the client
        return;
    }
    // With autocommit off a statement that fails may have begun a transaction.
    if ((status_ & status::autocommit) == 0)
        in_transaction_ = true;
    if (!own_turn() && turn.client != nullptr) {
        auto& last = turn.client->last_;
        last.clear_diagnostics();
        last.failed = true;
        last.captured = false;
        last.row_count = -1;
        pay_eof(packet, turn);
        emit(packet, turn);
    } else if (expected_.front().own == Own::prepare && turn.client != nullptr) {
        turn.client->statement_error_ = packet.substr(packet_header_size);
    }
    eof_owed_ = false;
    reply_done(turn, true);
}

bool MysqlBackend::safe_point() const {
    return expected_.empty() && !in_transaction_ && packet_left_ == 0 && !packet_more_;
}

} // namespace rekey::protocol::mysql
