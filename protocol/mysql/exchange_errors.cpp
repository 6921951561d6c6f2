#include "protocol/mysql/exchange_errors.hpp"

namespace rekey::protocol::mysql {

namespace {

constexpr struct {
    std::string_view sqlstate;
    ErrorNumber number;
} numbers[] = {
    {"57P01", {1053, "08S01"}},                             // terminated: the server shuts down
    {"57P03", {1040, "08004"}},                             // cannot connect now
    {"53300", {1040, "08004"}},                             // too many connections
    {"57014", {1317, "70100"}},                             // query interrupted
    {"57P05", {4031, "HY000"}},                             // idle for too long
    {"3D000", {1049, "42000"}},                             // unknown database
    {"28000", {1045, "28000"}},                             // access denied
    {"28P01", {1045, "28000"}}, {"42501", {1044, "42000"}}, // access denied to the database
    {"0A000", {1235, "42000"}},                             // not supported
    {"08P01", {1835, "HY000"}},                             // malformed packet
    {"08006", {1053, "08S01"}},                             // connection lost
};

} // namespace

ErrorNumber error_number(std::string_view sqlstate) {
    for (const auto& entry : numbers) {
        if (entry.sqlstate == sqlstate)
            return entry.number;
    }
    return {error::unknown, sqlstate.size() == 5 ? sqlstate : std::string_view("HY000")};
}

} // namespace rekey::protocol::mysql
