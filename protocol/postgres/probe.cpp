#include "protocol/postgres/probe.hpp"

namespace rekey::protocol::postgres {

namespace {

struct PinText {
    std::uint32_t pin;
    std::string_view label, freed_by;
};

constexpr PinText pin_texts[] = {
    {pin_session_mode, "session_mode", "the end of the session"},
    {pin_listen, "listen", "UNLISTEN *"},
    {pin_temp_object, "temp_object", "DISCARD TEMP, or DROP of the temporary objects"},
    {pin_advisory_lock, "advisory_lock", "SELECT pg_advisory_unlock_all()"},
    {pin_hold_cursor, "hold_cursor", "CLOSE ALL"},
    {pin_sql_prepare, "sql_prepare", "DEALLOCATE ALL"},
    {pin_session_authorization, "session_authorization", "RESET SESSION AUTHORIZATION"},
    {pin_custom_setting, "custom_setting", "DISCARD ALL"},
    {pin_sequence_value, "sequence_value", "DISCARD ALL"},
    {pin_loaded_library, "loaded_library", "the end of the session"},
    {pin_long_statement, "long_statement", "DISCARD ALL"},
    {pin_probe_failed, "probe_failed", "a statement after which the probe succeeds"},
};

constexpr std::string_view probe_head =
    "SELECT 's'::text, name::text, setting::text FROM pg_catalog.pg_settings WHERE source = 'session'"
    " UNION ALL SELECT 'r', 'role', pg_catalog.current_setting('role')"
    " UNION ALL SELECT 'a', '', session_user::text"
    " UNION ALL SELECT 'l', '', c::text FROM pg_catalog.pg_listening_channels() c"
    " UNION ALL SELECT 'k', '', '' FROM pg_catalog.pg_locks"
    " WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()"
    " UNION ALL SELECT 'h', '', '' FROM pg_catalog.pg_cursors WHERE is_holdable"
    " UNION ALL SELECT 'p', '', '' FROM pg_catalog.pg_prepared_statements WHERE from_sql"
    " UNION ALL SELECT 't', '', '' FROM pg_catalog.pg_class WHERE pg_catalog.pg_my_temp_schema() <> 0"
    " AND relnamespace = pg_catalog.pg_my_temp_schema()";

} // namespace

std::string_view pin_label(std::uint32_t pins) {
    for (const auto& text : pin_texts) {
        if ((pins & text.pin) != 0)
            return text.label;
    }
    return {};
}

std::string_view pin_freed_by(std::uint32_t pins) {
    for (const auto& text : pin_texts) {
        if ((pins & text.pin) != 0)
            return text.freed_by;
    }
    return {};
}

std::string probe_text(const std::vector<std::string>& custom) {
    std::string text(probe_head);
    for (const auto& name : custom) {
        text += " UNION ALL SELECT 'c', ";
        append_literal(text, name);
        text += ", pg_catalog.current_setting(";
        append_literal(text, name);
        text += ", true)";
    }
    return text;
}

ProbeFindings read_probe(const std::vector<ProbeRow>& rows, std::string_view neutral_role,
                         std::string_view login_user) {
    ProbeFindings findings;
    for (const auto& row : rows) {
        switch (row.kind.empty() ? '\0' : row.kind[0]) {
        case 's':
            // Ends with the transaction although the view calls it the session's.
            if (!row.name.starts_with("transaction_") && is_parameter_name(row.name))
                findings.settings.emplace_back(row.name, row.value);
            break;
        case 'r':
            if (row.value != neutral_role)
                findings.settings.emplace_back("role", row.value);
            break;
        case 'c':
            if (!row.value.empty())
                findings.settings.emplace_back(row.name, row.value);
            break;
        case 'a':
            if (row.value != login_user)
                findings.pins |= pin_session_authorization;
            break;
        case 'l':
            findings.pins |= pin_listen;
            break;
        case 'k':
            findings.pins |= pin_advisory_lock;
            break;
        case 'h':
            findings.pins |= pin_hold_cursor;
            break;
        case 'p':
            findings.pins |= pin_sql_prepare;
            break;
        case 't':
            findings.pins |= pin_temp_object;
            break;
        default:
            break;
        }
    }
    return findings;
}

} // namespace rekey::protocol::postgres
