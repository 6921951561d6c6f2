// What the console's SHOW statements answer, made from a status report.
#pragma once

#include "proxy/admin/console_command.hpp"
#include "proxy/admin/control_plane.hpp"

#include <optional>
#include <string>
#include <vector>

namespace rekey::proxy::admin {

enum class ColumnType { text, integer, real }; // PostgreSQL's text, int8, float8

struct ConsoleTable {
    struct Column {
        std::string name;
        ColumnType type = ColumnType::text;
    };
    std::vector<Column> columns;
    std::vector<std::vector<std::optional<std::string>>> rows; // absent: NULL
};

// For everything that is made from the status; `what` is not help, version or config.
ConsoleTable show_table(ShowWhat what, const StatusReport& report);
ConsoleTable help_table();
ConsoleTable version_table();
ConsoleTable config_table(const std::vector<Setting>& settings);

} // namespace rekey::proxy::admin
