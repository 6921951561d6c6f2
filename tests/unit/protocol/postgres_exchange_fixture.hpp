// A client and a backend of the exchange, fed with bytes by hand: what the client sends, what the server answers.
#pragma once

#include "protocol/postgres/exchange.hpp"
#include "protocol/postgres/messages.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace rekey::protocol::postgres {

inline std::string frame(char type, std::string_view body) {
    std::string out;
    Writer(out).u8(static_cast<std::uint8_t>(type)).u32(static_cast<std::uint32_t>(body.size() + 4)).bytes(body);
    return out;
}
inline std::string zero(std::string_view text) { return std::string(text) + '\0'; }
inline std::string query_message(std::string_view sql) { return frame('Q', zero(sql)); }
inline std::string parse_message(std::string_view name, std::string_view sql) {
    return frame('P', zero(name) + zero(sql) + std::string(2, '\0'));
}
inline std::string bind_message(std::string_view name) { return frame('B', zero("") + zero(name) + std::string(6, '\0')); }
inline std::string describe_message(std::string_view name) { return frame('D', "S" + zero(name)); }
inline std::string close_message(std::string_view name) { return frame('C', "S" + zero(name)); }
inline std::string execute_message() { return frame('E', zero("") + std::string(4, '\0')); }
inline std::string sync_message() { return frame('S', ""); }
inline std::string ready(char status) { return frame('Z', std::string(1, status)); }
inline std::string complete(std::string_view tag) { return frame('C', zero(tag)); }
inline std::string row(std::string_view value) {
    std::string body;
    Writer(body).u16(1).u32(static_cast<std::uint32_t>(value.size())).bytes(value);
    return frame('D', body);
}
inline std::string error(std::string_view sqlstate) {
    std::string out;
    error_response(out, "ERROR", sqlstate, "text");
    return out;
}
inline std::string reported(std::string_view name, std::string_view value) { return frame('S', zero(name) + zero(value)); }
inline std::string probe_row(std::string_view kind, std::string_view name, std::string_view value) {
    std::string body;
    Writer writer(body);
    writer.u16(3);
    for (auto column : {kind, name, value})
        writer.u32(static_cast<std::uint32_t>(column.size())).bytes(column);
    return frame('D', body);
}
// What a probe finds in a session that holds nothing, and `more`.
inline std::string probe_reply(std::string_view more = {}) {
    return probe_row("r", "role", "none") + probe_row("a", "", "login") + std::string(more) + complete("SELECT 2") +
           ready('I');
}

// The letters of a sequence of whole frames.
inline std::string types(std::string_view bytes) {
    std::string letters;
    while (bytes.size() >= frame_header_size) {
        auto header = read_frame_header(bytes.data());
        letters += header.type;
        bytes.remove_prefix(std::min(bytes.size(), frame_header_size + header.body));
    }
    return letters;
}

struct Side {
    explicit Side(ExchangeContext& context, Multiplexing mode = Multiplexing::automatic, std::uint64_t id = 1,
                  std::vector<Parameter> startup = {}) {
        PostgresClient::Options options;
        options.context = &context;
        options.id = id;
        options.mode = mode;
        options.prepared_statements = 3;
        options.pool = 7;
        options.startup = context.parameters.intern(std::move(startup));
        client = std::make_unique<PostgresClient>(std::move(options));
    }
    std::unique_ptr<PostgresClient> client;
};

class ExchangeTest : public testing::Test {
  protected:
    ExchangeTest() { backend_ = new_backend(); }

    std::unique_ptr<PostgresBackend> new_backend() {
        PostgresBackend::Options options;
        options.context = &context_;
        options.login_user = "login";
        options.reported = {{"DateStyle", "ISO, MDY"}, {"application_name", ""}, {"session_authorization", "login"}};
        return std::make_unique<PostgresBackend>(std::move(options));
    }

    // What the server gets for what the client sends; what the client gets meanwhile is in to_client_.
    std::string send(PostgresClient& client, std::string_view bytes) {
        to_backend_.clear();
        to_client_.clear();
        turn_ = client.on_client(bytes, backend_.get(), to_backend_, to_client_);
        return to_backend_.text();
    }
    // What the client gets for what the server answers; what the server is asked meanwhile is in to_backend_.
    std::string answer(PostgresClient* client, std::string_view bytes) {
        to_backend_.clear();
        to_client_.clear();
        result_ = backend_->on_backend(bytes, client, to_client_, to_backend_);
        return to_client_.text();
    }
    AttachResult attach(PostgresClient& client) {
        to_backend_.clear();
        return backend_->attach(client, to_backend_);
    }
    CycleEnd cycle_end(PostgresClient& client) {
        to_backend_.clear();
        return backend_->cycle_end(client, to_backend_);
    }
    std::string asked() const { return to_backend_.text(); }

    ExchangeContext context_;
    std::unique_ptr<PostgresBackend> backend_;
    Output to_backend_, to_client_;
    ClientTurn turn_;
    BackendTurn result_;
};

} // namespace rekey::protocol::postgres
