// The console's answers as PostgreSQL messages.
#pragma once

#include "proxy/admin/console_tables.hpp"

#include <string>

namespace rekey::proxy::admin {

// RowDescription, the rows, CommandComplete.
void append_table(std::string& out, const ConsoleTable& table);
// A dry run's plan, or what the rotation came to; false (and nothing written) when it did not end well.
bool append_rotation(std::string& out, const rotation::RotateReply& reply);
std::string rotation_failure(const rotation::RotateReply& reply);
void append_reload(std::string& out, const ReloadReply& reply);

} // namespace rekey::proxy::admin
