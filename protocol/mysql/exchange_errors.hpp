// MySQL's numbers for what Rekey itself refuses, which the drivers of sessions name by PostgreSQL's SQLSTATEs. MySQL
// manual, "Server Error Message Reference".
#pragma once

#include <cstdint>
#include <string_view>

namespace rekey::protocol::mysql {

namespace error {
inline constexpr std::uint16_t unknown_command = 1047, shutdown = 1053, unknown_thread = 1094, not_owner = 1095,
                               unknown = 1105, packet_too_large = 1153, out_of_order = 1156, charset = 1115,
                               not_supported = 1235, unknown_statement = 1243, malformed = 1835;
} // namespace error

struct ErrorNumber {
    std::uint16_t code;
    std::string_view sqlstate; // five characters
};
ErrorNumber error_number(std::string_view sqlstate);

} // namespace rekey::protocol::mysql
