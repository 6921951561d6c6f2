// The one question to a server about what a session holds. PostgreSQL manual 54 (system views), 20.1.
//
// Rows of three text columns: kind, name, value.
#pragma once

#include "protocol/postgres/parameters.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::postgres {

enum PinReason : std::uint32_t {
    pin_session_mode = 1 << 0,
    pin_listen = 1 << 1,
    pin_temp_object = 1 << 2,
    pin_advisory_lock = 1 << 3,
    pin_hold_cursor = 1 << 4,
    pin_sql_prepare = 1 << 5,
    pin_session_authorization = 1 << 6,
    // No probe sees these; they last until DISCARD ALL or the end of the session.
    pin_custom_setting = 1 << 7,
    pin_sequence_value = 1 << 8,
    pin_loaded_library = 1 << 9,
    pin_long_statement = 1 << 10,
    pin_probe_failed = 1 << 11,
};
inline constexpr std::uint32_t pins_seen_by_probe = pin_listen | pin_temp_object | pin_advisory_lock | pin_hold_cursor |
                                                    pin_sql_prepare | pin_session_authorization | pin_probe_failed;

std::string_view pin_label(std::uint32_t pins);    // of the first reason; empty for none
std::string_view pin_freed_by(std::uint32_t pins); // what would free it

// `custom`: names with a dot, which pg_settings does not show before their extension is loaded.
std::string probe_text(const std::vector<std::string>& custom);

struct ProbeRow {
    std::string kind, name, value;
};

struct ProbeFindings {
    std::vector<Parameter> settings; // set in the session, `role` among them unless it is `neutral_role`
    std::uint32_t pins = 0;
};
ProbeFindings read_probe(const std::vector<ProbeRow>& rows, std::string_view neutral_role, std::string_view login_user);

} // namespace rekey::protocol::postgres
