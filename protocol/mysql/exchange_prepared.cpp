// MysqlClient: prepared statements of the binary protocol.
#include "protocol/mysql/exchange.hpp"
#include "protocol/mysql/exchange_errors.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

constexpr std::size_t execute_head = 10;       // command, number, flags, iterations
constexpr std::uint32_t last_one = 0xffffffff; // MariaDB: the one prepared last
constexpr std::uint8_t parameter_count_given = 8;

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

// False: malformed. `payload` is cut short for a message that streams, but not within its head.
bool MysqlClient::read_execution(PacketHeader header, std::string_view payload, const ClientStatement& statement,
                                 Execution& execution) const {
    PacketReader reader(payload);
    reader.bytes(5);
    execution.flags = reader.u8();
    reader.u32();
    bool named = (capabilities_ & capability::query_attributes) != 0;
    bool counted = named && (execution.flags & parameter_count_given) != 0;
    std::uint64_t count = statement.parameters;
    if (counted)
        count = reader.lenenc();
    if (reader.failed() || count > 0xffff || count < statement.parameters)
        return false;
    auto nulls = reader.bytes((count + 7) / 8);
    execution.bound_at = payload.size() - reader.left();
    if (count != 0) {
        execution.types_given = reader.u8() != 0;
        if (execution.types_given && !named)
            execution.types = reader.bytes(2 * count);
        for (std::uint64_t i = 0; execution.types_given && named && i < count && !reader.failed(); ++i) {
            auto type = reader.bytes(2);
            reader.lenenc_text();
            if (i < statement.parameters)
                execution.plain_types += type;
        }
    }
    if (reader.failed())
        return false;
    execution.size = payload.size() - reader.left();
    if (!named)
        return true;
    // The server knows no names and no count: values of what it does not know stand at the end, where it does not look.
    execution.rewritten = true;
    execution.types = execution.plain_types;
    execution.head.assign(payload.substr(0, execute_head));
    execution.head[5] = static_cast<char>(execution.flags & ~parameter_count_given);
    if (statement.parameters != 0) {
        execution.head += nulls.substr(0, (statement.parameters + 7u) / 8);
        execution.bound_at = execution.head.size();
        execution.head += static_cast<char>(execution.types_given ? 1 : 0);
        execution.head += execution.types;
    }
    return header.size >= execution.size;
}

MysqlClient::Outcome MysqlClient::on_execute(PacketHeader header, Turn& turn) {
    bool bulk = static_cast<Command>(turn.rest[packet_header_size]) == Command::mariadb_stmt_bulk_execute;
    auto payload = turn.rest.substr(packet_header_size, header.size);
    if (header.size < (bulk ? 7 : execute_head))
        return whole(header, turn) ? refuse(header, error::malformed, "HY000", "Malformed communication packet", turn)
                                   : Outcome::incomplete;
    if (payload.size() < std::min<std::size_t>(header.size, execute_head))
        return Outcome::incomplete;
    auto number = load_le32(payload.data() + 1);
    auto known = statements_.find(number == last_one ? last_prepared_ : number);
    if (known == statements_.end())
        return refuse(
            header, error::unknown_statement, "HY000",
            "Unknown prepared statement handler (" + std::to_string(number) + ") given to mysqld_stmt_execute", turn);
    auto& statement = known->second;
    Execution execution;
    if (!bulk && !read_execution(header, payload, statement, execution)) {
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
    if (execution.types_given && statement.types != execution.types)
        statement.types = execution.types;
    if (there != nullptr && !bulk && statement.parameters != 0 && there->types != statement.types) {
        there->types = statement.types;
        if (!execution.types_given && !statement.types.empty()) { // types go along that only another backend was told
            if (!execution.rewritten)
                execution.head.assign(payload.substr(0, execution.size));
            execution.rewritten = true;
            execution.head.resize(execution.bound_at);
            execution.head.append(1, '\1').append(statement.types);
        }
    }
    auto size = header.size - execution.size + execution.head.size();
    if (execution.rewritten && (header.continued() || size >= packet_payload_max)) {
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
    if (!execution.rewritten) {
        store_le32(writable(payload.data()) + 1, server_id);
        forward_message(header, turn);
        return Outcome::done;
    }
    store_le32(execution.head.data() + 1, server_id);
    std::string head(packet_header_size, '\0');
    store_packet_header(head.data(), static_cast<std::uint32_t>(size), 0);
    turn.to_backend->inject(head);
    turn.to_backend->inject(execution.head);
    discard_message(header, turn);
    forward(turn.rest.substr(packet_header_size + execution.size, header.size - execution.size), turn);
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
