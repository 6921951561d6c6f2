// MysqlClient: prepared statements of the binary protocol.
#include "protocol/mysql/exchange.hpp"
#include "protocol/mysql/exchange_errors.hpp"
#include "protocol/mysql/query_attributes.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

constexpr std::uint32_t last_one = 0xffffffff; // MariaDB: the one prepared last

} // namespace

MysqlClient::Outcome MysqlClient::on_prepare(PacketHeader header, Turn& turn) {
    bool all = whole(header, turn);
    if (!all && !header.continued() && header.size <= context_.message_collect)
        return Outcome::incomplete;
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    auto text = turn.rest.substr(packet_header_size + 1, header.size - 1);
    StatementPtr statement;
    if (all && prepared_max_ != 0) {
        statement = context_.statements.intern(text, statement_context(), mariadb_, [&] { return scan(text); });
        if ((statement->facts.mentions & mention_kill) != 0)
            return refuse(header, error::not_supported, "42000", "KILL cannot be prepared", turn);
        if (mode_ == Multiplexing::statement && (statement->facts.mentions & (mention_begin | mention_autocommit)) != 0)
            return refuse(header, error::not_supported, "42000",
                          "transactions are not allowed in pool mode \"statement\"", turn);
        turn.backend->make_room(prepared_max_, *turn.to_backend);
    }
    begin_command();
    turn.backend->expected_.push({.request = Request::prepare, .statement = std::move(statement)});
    forward_message(header, turn);
    return Outcome::done;
}

// Sees to it that the statement is on this backend. An outcome: not yet, or never.
std::optional<MysqlClient::Outcome> MysqlClient::reach_statement(PacketHeader header, ClientStatement& statement,
                                                                 Turn& turn, BackendStatement** found) {
    if (!statement_error_.empty()) {
        auto payload = std::exchange(statement_error_, {});
        auto err = read_err(payload);
        REKEY_ASSERT(err);
        if (static_cast<Command>(turn.rest[packet_header_size]) == Command::stmt_send_long_data) {
            discard_message(header, turn);
            return Outcome::done;
        }
        return refuse(header, err->code, err->sqlstate.empty() ? "HY000" : err->sqlstate, err->message, turn);
    }
    if (!statement.statement)
        return std::nullopt;
    *found = turn.backend->statements_.find(*statement.statement);
    if (*found != nullptr)
        return std::nullopt;
    turn.backend->make_room(prepared_max_, *turn.to_backend);
    turn.backend->prepare_again(*this, statement.statement, *turn.to_backend);
    return Outcome::busy;
}

MysqlClient::Outcome MysqlClient::on_execute(PacketHeader header, Turn& turn) {
    bool bulk = static_cast<Command>(turn.rest[packet_header_size]) == Command::mariadb_stmt_bulk_execute;
    auto payload = turn.rest.substr(packet_header_size, header.size);
    if (header.size < (bulk ? 7 : execute_head_size))
        return whole(header, turn) ? refuse(header, error::malformed, "HY000", "Malformed communication packet", turn)
                                   : Outcome::incomplete;
    if (payload.size() < std::min<std::size_t>(header.size, execute_head_size))
        return Outcome::incomplete;
    auto number = load_le32(payload.data() + 1);
    auto known = statements_.find(number == last_one ? last_prepared_ : number);
    if (known == statements_.end())
        return refuse(
            header, error::unknown_statement, "HY000",
            "Unknown prepared statement handler (" + std::to_string(number) + ") given to mysqld_stmt_execute", turn);
    auto& statement = known->second;
    ExecuteHead given;
    if (!bulk && !read_execute_head(payload, names_parameters(), statement.parameters, given)) {
        if (!whole(header, turn) && payload.size() < context_.message_collect && payload.size() < header.size)
            return Outcome::incomplete;
        return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
    }
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    BackendStatement* there = nullptr;
    if (auto outcome = reach_statement(header, statement, turn, &there))
        return *outcome;
    const SqlFacts none;
    const auto& facts = statement.statement ? statement.statement->facts : none;
    if (given.types_given && statement.types != given.types())
        statement.types = given.types();
    bool named = names_parameters() && turn.backend->takes_attributes();
    std::string head; // a new one; empty: that which is there will do
    if (!bulk && names_parameters() && !named)
        head = without_attributes(payload, statement.parameters, given);
    if (there != nullptr && !bulk && statement.parameters != 0 && there->types != statement.types) {
        there->types = statement.types;
        if (!given.types_given && !statement.types.empty()) // types go along that only another backend was told
            head = with_types(head.empty() ? payload : head, given.bound_at, statement.types, named);
    }
    auto size = header.size - given.size + head.size();
    if (!head.empty() && (header.continued() || size >= packet_payload_max)) {
        if (there != nullptr)
            there->types.clear();
        return refuse(header, error::not_supported, "42000",
                      "the first execution of a statement on a connection is limited to 16 MiB", turn);
    }
    sync_last_insert_id(facts, statement.statement ? std::string_view(statement.statement->text) : std::string_view(),
                        turn);
    begin_command();
    statement.long_data = statement.cursor = false;
    count_open();
    if (statement.statement)
        note_effect(facts, statement.statement->text, true);
    turn.backend->expected_.push({.request = Request::query, .client_statement = known->first});
    auto server_id = there != nullptr ? there->id : statement.server_id;
    if (head.empty()) {
        store_le32(writable(payload.data()) + 1, server_id);
        forward_message(header, turn);
        return Outcome::done;
    }
    store_le32(head.data() + 1, server_id);
    std::string length(packet_header_size, '\0');
    store_packet_header(length.data(), static_cast<std::uint32_t>(size), 0);
    turn.to_backend->inject(length);
    turn.to_backend->inject(head);
    discard_message(header, turn);
    forward(turn.rest.substr(packet_header_size + given.size, header.size - given.size), turn);
    body_discarded_ = false;
    return Outcome::done;
}

// COM_STMT_SEND_LONG_DATA, COM_STMT_RESET, COM_STMT_FETCH.
MysqlClient::Outcome MysqlClient::on_statement_command(PacketHeader header, Turn& turn) {
    constexpr std::size_t number_end = 5;
    auto command = static_cast<Command>(turn.rest[packet_header_size]);
    bool long_data = command == Command::stmt_send_long_data;
    auto payload = turn.rest.substr(packet_header_size, header.size);
    if (header.size < number_end || (!long_data && header.size > 64)) {
        if (!long_data)
            return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
        discard_message(header, turn);
        return Outcome::done;
    }
    if (payload.size() < number_end || (!long_data && !whole(header, turn)))
        return Outcome::incomplete;
    auto number = load_le32(payload.data() + 1);
    auto known = statements_.find(number == last_one ? last_prepared_ : number);
    if (known == statements_.end()) {
        if (!long_data)
            return refuse(header, error::unknown_statement, "HY000",
                          "Unknown prepared statement handler (" + std::to_string(number) + ")", turn);
        discard_message(header, turn);
        return Outcome::done;
    }
    auto& statement = known->second;
    bool nothing = turn.backend == nullptr && command == Command::stmt_reset;
    if (nothing) { // without a backend there is neither long data nor a cursor
        std::string packet;
        Ok ok;
        ok.status = last_.status;
        write_ok(packet, 1, capabilities_, ok);
        turn.to_client->inject(packet);
        turn.used = packet_header_size + header.size;
        return Outcome::done;
    }
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    BackendStatement* there = nullptr;
    if (auto outcome = reach_statement(header, statement, turn, &there))
        return *outcome;
    if (long_data) {
        statement.long_data = true;
        pins_ |= pin_long_data;
    } else {
        begin_command();
        if (command == Command::stmt_reset) {
            statement.long_data = statement.cursor = false;
            count_open();
        }
        auto request = command == Command::stmt_fetch ? Request::rows : Request::ok;
        turn.backend->expected_.push({.request = request, .client_statement = known->first});
    }
    store_le32(writable(payload.data()) + 1, there != nullptr ? there->id : statement.server_id);
    forward_message(header, turn);
    return Outcome::done;
}

void MysqlClient::count_open() {
    constexpr std::uint32_t open = pin_long_data | pin_cursor;
    if ((pins_ & open) == 0)
        return;
    pins_ &= ~open;
    for (const auto& [id, statement] : statements_)
        pins_ |= (statement.long_data ? std::uint32_t{pin_long_data} : 0) |
                 (statement.cursor ? std::uint32_t{pin_cursor} : 0);
}

// Has no reply. The backend keeps the statement for the next client that prepares it.
MysqlClient::Outcome MysqlClient::on_close(PacketHeader header, Turn& turn) {
    if (!whole(header, turn) && header.size == 5)
        return Outcome::incomplete;
    auto known =
        header.size == 5 ? statements_.find(load_le32(turn.rest.data() + packet_header_size + 1)) : statements_.end();
    if (known != statements_.end()) {
        auto& statement = known->second;
        auto* backend = turn.backend;
        bool open = statement.long_data || statement.cursor || !statement.statement;
        if (backend != nullptr && open) { // what is open ends with it
            auto* there = statement.statement ? backend->statements_.find(*statement.statement) : nullptr;
            auto id = there != nullptr ? there->id : statement.server_id;
            std::string packet;
            PacketWriter(packet, 0).u8(static_cast<std::uint8_t>(Command::stmt_close)).u32(id).end();
            turn.to_backend->inject(packet);
            if (there != nullptr)
                backend->statements_.erase(*statement.statement);
        }
        statements_.erase(known);
        count_open();
    }
    discard_message(header, turn);
    return Outcome::done;
}

} // namespace rekey::protocol::mysql
