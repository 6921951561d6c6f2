#include "proxy/admin/console_reply.hpp"

#include "protocol/common/bytes.hpp"
#include "protocol/postgres/messages.hpp"

namespace rekey::proxy::admin {
namespace {

namespace postgres = protocol::postgres;

struct TypeFacts {
    std::uint32_t oid; // pg_type.oid
    std::uint16_t size;
};

TypeFacts facts_of(ColumnType type) {
    switch (type) {
    case ColumnType::text:
        return {25, 0xffff};
    case ColumnType::integer:
        return {20, 8};
    case ColumnType::real:
        return {701, 8};
    }
    return {25, 0xffff};
}

void append_row_description(std::string& out, const ConsoleTable& table) {
    std::string body;
    protocol::Writer writer(body);
    writer.u16(static_cast<std::uint16_t>(table.columns.size()));
    for (auto& column : table.columns) {
        auto facts = facts_of(column.type);
        // No table, no attribute number, no type modifier, text format.
        writer.text(column.name).u32(0).u16(0).u32(facts.oid).u16(facts.size).u32(0xffffffff).u16(0);
    }
    protocol::Writer(out).u8('T').u32(static_cast<std::uint32_t>(body.size() + 4)).bytes(body);
}

ConsoleTable one_column(const std::string& name, const std::vector<std::string>& lines) {
    ConsoleTable table{{{name}}, {}};
    for (auto& line : lines)
        table.rows.push_back({line});
    return table;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return lines;
}

} // namespace

void append_table(std::string& out, const ConsoleTable& table) {
    append_row_description(out, table);
    std::vector<std::optional<std::string_view>> values;
    for (auto& row : table.rows) {
        values.clear();
        for (auto& value : row)
            values.push_back(value ? std::optional<std::string_view>(*value) : std::nullopt);
        postgres::data_row(out, values);
    }
    postgres::command_complete(out, "SHOW");
}

bool append_rotation(std::string& out, const rotation::RotateReply& reply) {
    using enum rotation::RotationOutcome;
    if (!reply.plan.empty()) {
        append_table(out, one_column("plan", lines_of(reply.plan)));
        return true;
    }
    if (reply.outcome != done && reply.outcome != unchanged && reply.outcome != superseded)
        return false;
    append_table(
        out, ConsoleTable{{{"outcome"}, {"generation", ColumnType::integer}, {"reason"}},
                          {{std::string(to_string(reply.outcome)), std::to_string(reply.generation), reply.reason}}});
    return true;
}

std::string rotation_failure(const rotation::RotateReply& reply) {
    return "rotation " + std::string(to_string(reply.outcome)) + (reply.reason.empty() ? "" : ": " + reply.reason);
}

void append_reload(std::string& out, const ReloadReply& reply) {
    for (auto& change : reply.changes)
        postgres::notice_response(out, "NOTICE", "00000", change);
    for (auto& sentence : reply.needs_restart)
        postgres::notice_response(out, "WARNING", "01000", sentence);
    postgres::command_complete(out, "RELOAD");
}

} // namespace rekey::proxy::admin
