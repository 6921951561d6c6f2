#include "protocol/mysql/messages.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/mysql/packet.hpp"

namespace rekey::protocol::mysql {

namespace {

constexpr char sqlstate_marker = '#';
constexpr std::size_t sqlstate_size = 5;

void append_lenenc(std::string& out, std::uint64_t value) {
    auto size = lenenc_size(value);
    if (size > 1)
        out.push_back(static_cast<char>(size == 3 ? 0xfc : size == 4 ? 0xfd : 0xfe));
    for (std::size_t i = size > 1 ? size - 1 : 1; i > 0; --i, value >>= 8)
        out.push_back(static_cast<char>(value));
}

void append_lenenc_text(std::string& out, std::string_view value) {
    append_lenenc(out, value.size());
    out.append(value);
}

// The manual has the text run to the packet's end where sessions are not tracked; servers give its length all the same.
std::string_view read_info(PacketReader& reader, bool tracked) {
    auto whole = reader;
    auto info = reader.lenenc_text();
    if (tracked || reader.done())
        return info;
    reader = whole;
    return reader.rest();
}

} // namespace

std::optional<Ok> read_ok(std::string_view payload, Capabilities capabilities) {
    PacketReader reader(payload);
    Ok ok;
    auto header = reader.u8();
    ok.affected_rows = reader.lenenc();
    ok.last_insert_id = reader.lenenc();
    ok.status = reader.u16();
    ok.warnings = reader.u16();
    if (reader.failed() || (header != ok_header && header != eof_header))
        return std::nullopt;
    if (reader.left() == 0)
        return ok;
    bool tracked = capabilities & capability::session_track;
    ok.info = read_info(reader, tracked);
    // An older MariaDB leaves the length out where nothing follows.
    if (tracked && ok.status & status::session_state_changed && reader.left() != 0)
        ok.session_state = reader.lenenc_text();
    if (!reader.done())
        return std::nullopt;
    return ok;
}

std::uint8_t write_ok(std::string& out, std::uint8_t sequence, Capabilities capabilities, const Ok& ok,
                      unsigned char header) {
    bool state = capabilities & capability::session_track && !ok.session_state.empty();
    auto status = static_cast<Status>(ok.status & ~status::session_state_changed);
    if (state)
        status |= status::session_state_changed;
    PacketWriter writer(out, sequence);
    writer.u8(header).lenenc(ok.affected_rows).lenenc(ok.last_insert_id).u16(status).u16(ok.warnings);
    if (state || !ok.info.empty())
        writer.lenenc_text(ok.info);
    if (state)
        writer.lenenc_text(ok.session_state);
    return writer.end();
}

std::optional<Err> read_err(std::string_view payload) {
    PacketReader reader(payload);
    Err err;
    bool is_err = reader.u8() == err_header;
    err.code = reader.u16();
    if (reader.failed() || !is_err)
        return std::nullopt;
    if (reader.peek() == sqlstate_marker && reader.left() > sqlstate_size) {
        reader.u8();
        err.sqlstate = reader.bytes(sqlstate_size);
    }
    err.message = reader.rest();
    return err;
}

std::uint8_t write_err(std::string& out, std::uint8_t sequence, const Err& err) {
    REKEY_ASSERT(err.sqlstate.empty() || err.sqlstate.size() == sqlstate_size);
    PacketWriter writer(out, sequence);
    writer.u8(err_header).u16(err.code);
    if (!err.sqlstate.empty())
        writer.u8(sqlstate_marker).bytes(err.sqlstate);
    return writer.bytes(err.message).end();
}

std::optional<Eof> read_eof(std::string_view payload) {
    PacketReader reader(payload);
    Eof eof;
    bool is_eof = reader.u8() == eof_header;
    eof.warnings = reader.u16();
    eof.status = reader.u16();
    if (!is_eof || !reader.done())
        return std::nullopt;
    return eof;
}

std::uint8_t write_eof(std::string& out, std::uint8_t sequence, const Eof& eof) {
    return PacketWriter(out, sequence).u8(eof_header).u16(eof.warnings).u16(eof.status).end();
}

bool SessionChanges::next_variable(SessionChange& change) {
    PacketReader reader(variables_);
    change.type = SessionChangeType::system_variable;
    change.name = reader.lenenc_text();
    change.value = reader.lenenc_text();
    malformed_ = reader.failed();
    variables_ = reader.rest();
    return !malformed_;
}

bool SessionChanges::next(SessionChange& change) {
    if (!variables_.empty())
        return next_variable(change);
    if (rest_.empty() || malformed_)
        return false;
    PacketReader reader(rest_);
    change = {};
    change.type = static_cast<SessionChangeType>(reader.u8());
    PacketReader data(reader.lenenc_text());
    malformed_ = reader.failed();
    rest_ = reader.rest();
    if (malformed_)
        return false;
    switch (change.type) {
    case SessionChangeType::system_variable:
        variables_ = data.rest();
        return next_variable(change);
    case SessionChangeType::state_change: // a flag, '1'; without a length of its own
        break;
    case SessionChangeType::gtids:
        data.u8();
        [[fallthrough]];
    case SessionChangeType::schema:
    case SessionChangeType::transaction_characteristics:
    case SessionChangeType::transaction_state:
        change.value = data.lenenc_text();
        malformed_ = !data.done();
        return !malformed_;
    }
    change.value = data.rest();
    return true;
}

void add_system_variable(std::string& block, std::string_view name, std::string_view value) {
    block.push_back(static_cast<char>(SessionChangeType::system_variable));
    append_lenenc(block, lenenc_size(name.size()) + name.size() + lenenc_size(value.size()) + value.size());
    append_lenenc_text(block, name);
    append_lenenc_text(block, value);
}

void add_session_change(std::string& block, SessionChangeType type, std::string_view value) {
    bool encoded = type == SessionChangeType::gtids;
    block.push_back(static_cast<char>(type));
    if (type == SessionChangeType::state_change)
        return append_lenenc_text(block, value);
    append_lenenc(block, lenenc_size(value.size()) + value.size() + (encoded ? 1 : 0));
    if (encoded)
        block.push_back('\0');
    append_lenenc_text(block, value);
}

} // namespace rekey::protocol::mysql
