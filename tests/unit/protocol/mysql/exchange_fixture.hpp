// A client and a backend of the MySQL exchange, fed with bytes by hand: what the client sends, what the server answers.
#pragma once

#include "protocol/mysql/exchange.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rekey::protocol::mysql {

inline constexpr Capabilities modern = capability::protocol_41 | capability::deprecate_eof | capability::session_track |
                                       capability::multi_results | capability::local_files;
inline constexpr Capabilities old = capability::protocol_41 | capability::multi_results | capability::local_files;

inline std::string packet(std::uint8_t sequence, std::string_view payload) {
    std::string out;
    PacketWriter(out, sequence).bytes(payload).end();
    return out;
}
inline std::string command(Command number, std::string_view argument = {}) {
    return packet(0, std::string(1, static_cast<char>(number)) + std::string(argument));
}
inline std::string query(std::string_view text) {
    return command(Command::query, text);
}
inline std::string le(std::uint64_t value, std::size_t size) {
    std::string out;
    for (; size > 0; --size, value >>= 8)
        out.push_back(static_cast<char>(value));
    return out;
}
inline std::string execute(std::uint32_t id, std::string_view rest = {}, std::uint8_t flags = 0) {
    return command(Command::stmt_execute, le(id, 4) + static_cast<char>(flags) + le(1, 4) + std::string(rest));
}
inline std::string lenenc(std::string_view text) {
    return static_cast<char>(text.size()) + std::string(text);
}

struct Reply {
    Status status = status::autocommit;
    std::uint64_t affected = 0, insert_id = 0;
    std::uint16_t warnings = 0;
    std::string changes{};
    std::string info{};
};
inline std::string ok(std::uint8_t sequence, const Reply& reply = {}, unsigned char header = ok_header,
                      Capabilities capabilities = backend_capabilities) {
    std::string out;
    Ok told;
    told.status = reply.status;
    told.affected_rows = reply.affected;
    told.last_insert_id = reply.insert_id;
    told.warnings = reply.warnings;
    told.session_state = reply.changes;
    told.info = reply.info;
    write_ok(out, sequence, capabilities, told, header);
    return out;
}
inline std::string end_of_rows(std::uint8_t sequence, const Reply& reply = {}) {
    return ok(sequence, reply, eof_header);
}
inline std::string eof(std::uint8_t sequence, Status status = status::autocommit, std::uint16_t warnings = 0) {
    std::string out;
    write_eof(out, sequence, {warnings, status});
    return out;
}
inline std::string err(std::uint8_t sequence, std::uint16_t code = 1064, std::string_view sqlstate = "42000") {
    std::string out;
    write_err(out, sequence, {code, sqlstate, "text"});
    return out;
}
// One column and the rows, as a server with DEPRECATE_EOF tells them.
inline std::string result(const std::vector<std::string>& rows, const Reply& reply = {}, std::uint8_t sequence = 1) {
    auto out = packet(sequence, "\x01");
    out += packet(static_cast<std::uint8_t>(sequence + 1), "column");
    sequence = static_cast<std::uint8_t>(sequence + 2);
    for (const auto& row : rows)
        out += packet(sequence++, lenenc(row));
    return out + end_of_rows(sequence, reply);
}
// The same for a client that does not know it.
inline std::string old_result(const std::vector<std::string>& rows, Status status = status::autocommit) {
    std::uint8_t sequence = 4;
    auto out = packet(1, "\x01") + packet(2, "column") + eof(3);
    for (const auto& row : rows)
        out += packet(sequence++, lenenc(row));
    return out + eof(sequence, status);
}
inline std::string prepared(std::uint32_t id, std::uint16_t parameters, std::uint16_t columns) {
    std::uint8_t sequence = 1;
    auto out = packet(sequence++, '\0' + le(id, 4) + le(columns, 2) + le(parameters, 2) + std::string(3, '\0'));
    for (unsigned i = 0; i < parameters + columns; ++i)
        out += packet(sequence++, "column");
    return out;
}
inline std::string changed(std::string_view name, std::string_view value) {
    std::string block;
    add_system_variable(block, name, value);
    return block;
}
inline std::string changed(SessionChangeType type, std::string_view value) {
    std::string block;
    add_session_change(block, type, value);
    return block;
}
inline std::vector<std::string> payloads(std::string_view bytes) {
    std::vector<std::string> found;
    while (bytes.size() >= packet_header_size) {
        auto size = packet_header_size + read_packet_header(bytes.data()).size;
        found.emplace_back(bytes.substr(packet_header_size, size - packet_header_size));
        bytes.remove_prefix(std::min(bytes.size(), size));
    }
    return found;
}
// The commands in a sequence of whole messages: their bytes, and of texts what they say.
inline std::vector<std::string> commands(std::string_view bytes) {
    auto found = payloads(bytes);
    for (auto& payload : found) {
        if (!payload.empty() && (payload[0] == 3 || payload[0] == 2 || payload[0] == 0x16))
            payload.erase(0, 1);
    }
    return found;
}

struct Side {
    explicit Side(ExchangeContext& context, Capabilities capabilities = modern,
                  Multiplexing mode = Multiplexing::automatic, std::uint64_t id = 1, StateRef startup = nullptr) {
        MysqlClient::Options options;
        options.context = &context;
        options.id = id;
        options.mode = mode;
        options.prepared_statements = 3;
        options.capabilities = capabilities;
        options.connection_id = 77;
        options.startup = startup ? startup : startup_state(context.states, "app", 0);
        client = std::make_unique<MysqlClient>(std::move(options));
    }
    std::unique_ptr<MysqlClient> client;
};

class MysqlExchangeTest : public testing::Test {
  protected:
    MysqlExchangeTest() { backend_ = new_backend(); }

    std::unique_ptr<MysqlBackend> new_backend(std::string schema = "app", bool mariadb = false, Capabilities more = 0) {
        MysqlBackend::Options options;
        options.context = &context_;
        options.capabilities = backend_capabilities | more;
        options.mariadb = mariadb;
        options.schema = std::move(schema);
        return std::make_unique<MysqlBackend>(std::move(options));
    }
    // What the server gets for what the client sends; what the client gets meanwhile is in to_client_.
    std::string send(Side& side, std::string bytes) {
        to_backend_.clear();
        to_client_.clear();
        sent_ = std::move(bytes);
        turn_ = side.client->on_client(sent_, backend_.get(), to_backend_, to_client_);
        return to_backend_.text();
    }
    // What the client gets for what the server answers; what the server is asked meanwhile is in to_backend_.
    std::string answer(Side* side, std::string bytes) {
        to_backend_.clear();
        to_client_.clear();
        answered_ = std::move(bytes);
        result_ =
            backend_->on_backend(answered_, side != nullptr ? side->client.get() : nullptr, to_client_, to_backend_);
        return to_client_.text();
    }
    // Attaches and lets the server agree to everything; returns what it was asked.
    std::vector<std::string> attach(Side& side) {
        to_backend_.clear();
        std::vector<std::string> asked;
        if (backend_->attach(*side.client, to_backend_) == AttachResult::pending) {
            asked = commands(to_backend_.text());
            for (std::size_t i = 0; i < asked.size(); ++i)
                EXPECT_EQ(answer(&side, ok(1)), "");
            EXPECT_FALSE(result_.broken) << result_.reason;
            EXPECT_TRUE(backend_->attached());
        }
        return asked;
    }
    // Runs a text that succeeds without rows.
    void run(Side& side, std::string_view text, const Reply& reply = {}) {
        send(side, query(text));
        answer(&side, ok(1, reply));
        EXPECT_FALSE(result_.broken) << result_.reason;
    }
    CycleEnd cycle_end(Side& side) {
        to_backend_.clear();
        return backend_->cycle_end(*side.client, to_backend_);
    }
    std::string pin(Side& side) { return std::string(side.client->pin().reason); }
    std::string asked() const { return to_backend_.text(); }
    std::string told() const { return to_client_.text(); }

    ExchangeContext context_;
    std::unique_ptr<MysqlBackend> backend_;
    Output to_backend_, to_client_;
    std::string sent_, answered_;
    ClientTurn turn_;
    BackendTurn result_;
};

} // namespace rekey::protocol::mysql
