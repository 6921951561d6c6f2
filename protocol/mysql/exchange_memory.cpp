#include "protocol/mysql/exchange_memory.hpp"

#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"

namespace rekey::protocol::mysql {

namespace {

struct Column {
    std::string_view name;
    std::uint16_t charset;
    std::uint32_t length;
    std::uint8_t type;
    std::uint16_t flags;
    std::uint8_t decimals;
};

constexpr std::uint16_t binary_charset = 63, utf8_charset = 33;
constexpr std::uint8_t type_long = 3, type_longlong = 8, type_var_string = 253;
constexpr std::uint16_t not_null = 1, is_unsigned_flag = 32, binary_flag = 128;

std::uint8_t append_column(std::string& out, const Column& column, std::uint8_t sequence) {
    PacketWriter writer(out, sequence);
    writer.lenenc_text("def").lenenc_text("").lenenc_text("").lenenc_text("").lenenc_text(column.name).lenenc_text("");
    writer.u8(0x0c).u16(column.charset).u32(column.length).u8(column.type).u16(column.flags).u8(column.decimals);
    return writer.zeros(2).end();
}

std::uint8_t end_columns(std::string& out, Capabilities client, Status status, std::uint8_t sequence) {
    return (client & capability::deprecate_eof) != 0 ? sequence : write_eof(out, sequence, {0, status});
}

void end_rows(std::string& out, Capabilities client, Status status, std::uint16_t warnings, std::uint8_t sequence) {
    if ((client & capability::deprecate_eof) == 0) {
        write_eof(out, sequence, {warnings, status});
        return;
    }
    Ok ok;
    ok.status = status;
    ok.warnings = warnings;
    write_ok(out, sequence, client, ok, eof_header);
}

// Calls `visit` with each row's payload.
template <class Visit> void each_row(const std::string& rows, bool errors_only, Visit visit) {
    for (std::size_t at = 0; at + 4 <= rows.size();) {
        auto size = load_le32(rows.data() + at);
        std::string_view row(rows.data() + at + 4, size);
        at += 4 + std::size_t{size};
        if (!errors_only || PacketReader(row).lenenc_text() == "Error")
            visit(row);
    }
}

} // namespace

void append_number_result(std::string& out, std::string_view label, std::int64_t value, bool is_unsigned,
                          Capabilities client, Status status, std::uint8_t sequence) {
    sequence = PacketWriter(out, sequence).u8(1).end();
    auto flags = static_cast<std::uint16_t>(not_null | binary_flag | (is_unsigned ? is_unsigned_flag : 0));
    sequence = append_column(out, {label, binary_charset, 21, type_longlong, flags, 0}, sequence);
    sequence = end_columns(out, client, status, sequence);
    auto text = is_unsigned ? std::to_string(static_cast<std::uint64_t>(value)) : std::to_string(value);
    sequence = PacketWriter(out, sequence).lenenc_text(text).end();
    end_rows(out, client, status, 0, sequence);
}

void append_diagnostics_result(std::string& out, const LastStatement& last, const SqlQuestion& question,
                               Capabilities client, Status status, std::uint8_t sequence) {
    sequence = PacketWriter(out, sequence).u8(3).end();
    sequence = append_column(out, {"Level", utf8_charset, 21, type_var_string, not_null, 31}, sequence);
    sequence = append_column(out,
                             {"Code", binary_charset, 4, type_long,
                              static_cast<std::uint16_t>(not_null | is_unsigned_flag | binary_flag), 0},
                             sequence);
    sequence = append_column(out, {"Message", utf8_charset, 1536, type_var_string, not_null, 31}, sequence);
    sequence = end_columns(out, client, status, sequence);
    std::uint64_t index = 0;
    each_row(last.diagnostics, question.kind == SqlQuestion::Kind::errors, [&](std::string_view row) {
        auto place = index++;
        if (place >= question.offset && place - question.offset < question.limit)
            sequence = PacketWriter(out, sequence).bytes(row).end();
    });
    end_rows(out, client, status, last.warnings, sequence);
}

std::uint64_t count_diagnostics(const LastStatement& last, bool errors_only) {
    std::uint64_t count = 0;
    each_row(last.diagnostics, errors_only, [&](std::string_view) { ++count; });
    return count;
}

} // namespace rekey::protocol::mysql
