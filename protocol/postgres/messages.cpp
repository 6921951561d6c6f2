#include "protocol/postgres/messages.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/common/bytes.hpp"

namespace rekey::protocol::postgres {

namespace {

constexpr std::uint32_t text_type = 25; // pg_type.oid of text

// Writes a frame's head and, when it goes out of scope, the length that has become known by then.
class Frame {
  public:
    Frame(std::string& out, char type) : out_(out), body_(out) {
        out_.push_back(type);
        length_at_ = out_.size();
        body_.u32(0);
    }
    // Start-up packets have no type.
    explicit Frame(std::string& out) : out_(out), length_at_(out.size()), body_(out) { body_.u32(0); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() { store_u32(out_.data() + length_at_, static_cast<std::uint32_t>(out_.size() - length_at_)); }

    Writer* operator->() { return &body_; }

  private:
    std::string& out_;
    std::size_t length_at_ = 0;
    Writer body_;
};

void empty_frame(std::string& out, char type) {
    Frame frame(out, type);
}

void text_frame(std::string& out, char type, std::string_view text) {
    Frame frame(out, type);
    frame->text(text);
}

void report(std::string& out, char type, std::string_view severity, std::string_view sqlstate, std::string_view message,
            std::string_view detail, std::string_view hint) {
    Frame frame(out, type);
    auto field = [&](char code, std::string_view value) {
        frame->u8(static_cast<std::uint8_t>(code));
        frame->text(value);
    };
    field('S', severity);
    field('V', severity);
    field('C', sqlstate);
    field('M', message);
    if (!detail.empty())
        field('D', detail);
    if (!hint.empty())
        field('H', hint);
    frame->u8(0);
}

void authentication(std::string& out, std::uint32_t code, std::string_view data = {}) {
    Frame frame(out, 'R');
    frame->u32(code);
    frame->bytes(data);
}

void close_frame(std::string& out, char kind, std::string_view name) {
    Frame frame(out, 'C');
    frame->u8(static_cast<std::uint8_t>(kind));
    frame->text(name);
}

} // namespace

void error_response(std::string& out, std::string_view severity, std::string_view sqlstate, std::string_view message,
                    std::string_view detail, std::string_view hint) {
    report(out, 'E', severity, sqlstate, message, detail, hint);
}

void notice_response(std::string& out, std::string_view severity, std::string_view sqlstate, std::string_view message,
                     std::string_view detail, std::string_view hint) {
    report(out, 'N', severity, sqlstate, message, detail, hint);
}

void ready_for_query(std::string& out, char status) {
    REKEY_ASSERT(status == 'I' || status == 'T' || status == 'E');
    Frame frame(out, 'Z');
    frame->u8(static_cast<std::uint8_t>(status));
}

void parameter_status(std::string& out, std::string_view name, std::string_view value) {
    Frame frame(out, 'S');
    frame->text(name).text(value);
}

void parse_complete(std::string& out) {
    empty_frame(out, '1');
}
void bind_complete(std::string& out) {
    empty_frame(out, '2');
}
void close_complete(std::string& out) {
    empty_frame(out, '3');
}
void no_data(std::string& out) {
    empty_frame(out, 'n');
}
void empty_query_response(std::string& out) {
    empty_frame(out, 'I');
}
void command_complete(std::string& out, std::string_view tag) {
    text_frame(out, 'C', tag);
}

void backend_key_data(std::string& out, std::uint32_t pid, std::string_view key) {
    REKEY_ASSERT(key.size() >= 4 && key.size() <= 256);
    Frame frame(out, 'K');
    frame->u32(pid).bytes(key);
}

void negotiate_protocol_version(std::string& out, std::uint32_t newest, std::span<const std::string> unknown_options) {
    Frame frame(out, 'v');
    frame->u32(newest).u32(static_cast<std::uint32_t>(unknown_options.size()));
    for (const auto& option : unknown_options)
        frame->text(option);
}

void row_description(std::string& out, std::span<const std::string_view> names) {
    Frame frame(out, 'T');
    frame->u16(static_cast<std::uint16_t>(names.size()));
    for (auto name : names) {
        // No table, no attribute; a type of variable length without modifier; text format.
        frame->text(name).u32(0).u16(0).u32(text_type).u16(0xffff).u32(0xffffffff).u16(0);
    }
}

void data_row(std::string& out, std::span<const std::optional<std::string_view>> values) {
    Frame frame(out, 'D');
    frame->u16(static_cast<std::uint16_t>(values.size()));
    for (const auto& value : values) {
        if (value)
            frame->u32(static_cast<std::uint32_t>(value->size())).bytes(*value);
        else
            frame->i32(-1);
    }
}

void authentication_ok(std::string& out) {
    authentication(out, 0);
}

void authentication_md5_password(std::string& out, std::string_view salt) {
    REKEY_ASSERT(salt.size() == 4);
    authentication(out, 5, salt);
}

void authentication_sasl(std::string& out, std::initializer_list<std::string_view> mechanisms) {
    Frame frame(out, 'R');
    frame->u32(10);
    for (auto mechanism : mechanisms)
        frame->text(mechanism);
    frame->u8(0);
}

void authentication_sasl_continue(std::string& out, std::string_view data) {
    authentication(out, 11, data);
}
void authentication_sasl_final(std::string& out, std::string_view data) {
    authentication(out, 12, data);
}

void query(std::string& out, std::string_view sql) {
    text_frame(out, 'Q', sql);
}

void parse(std::string& out, std::string_view name, std::string_view sql,
           std::span<const std::uint32_t> parameter_types) {
    Frame frame(out, 'P');
    frame->text(name).text(sql).u16(static_cast<std::uint16_t>(parameter_types.size()));
    for (auto type : parameter_types)
        frame->u32(type);
}

void close_statement(std::string& out, std::string_view name) {
    close_frame(out, 'S', name);
}
void close_portal(std::string& out, std::string_view name) {
    close_frame(out, 'P', name);
}
void flush(std::string& out) {
    empty_frame(out, 'H');
}
void sync(std::string& out) {
    empty_frame(out, 'S');
}
void terminate(std::string& out) {
    empty_frame(out, 'X');
}
void password_message(std::string& out, std::string_view password) {
    text_frame(out, 'p', password);
}

void sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view data) {
    Frame frame(out, 'p');
    frame->text(mechanism).u32(static_cast<std::uint32_t>(data.size())).bytes(data);
}

void sasl_response(std::string& out, std::string_view data) {
    Frame frame(out, 'p');
    frame->bytes(data);
}

void ssl_request(std::string& out) {
    Frame frame(out);
    frame->u32(ssl_request_code);
}

void cancel_request(std::string& out, std::uint32_t pid, std::string_view key) {
    REKEY_ASSERT(key.size() >= 4 && key.size() <= 256);
    Frame frame(out);
    frame->u32(cancel_request_code).u32(pid).bytes(key);
}

void startup_message(std::string& out, std::uint32_t version, std::string_view user, std::string_view database,
                     std::span<const std::pair<std::string, std::string>> parameters) {
    Frame frame(out);
    frame->u32(version).text("user").text(user);
    if (!database.empty())
        frame->text("database").text(database);
    for (const auto& [name, value] : parameters)
        frame->text(name).text(value);
    frame->u8(0);
}

} // namespace rekey::protocol::postgres
