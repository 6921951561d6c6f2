// The console's statements: PgBouncer's words where it has them.
#pragma once

#include "rotation/rotator.hpp"

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rekey::proxy::admin {

enum class ShowWhat { pools, clients, servers, credentials, rotations, why, version, help, config, stats };

struct ShowCommand {
    ShowWhat what;
};
struct RotateCommand {
    std::string credential;
    rotation::RotateRequest request;
    bool wait = false;
};
struct ReloadCommand {};
struct EmptyCommand {};
struct UnknownCommand {
    std::string sqlstate, message, hint;
};
using ConsoleCommand = std::variant<ShowCommand, RotateCommand, ReloadCommand, EmptyCommand, UnknownCommand>;

// One statement, without its semicolon. Words in any case; a name may stand in double or single quotes.
ConsoleCommand parse_console_command(std::string_view statement);

// Splits at semicolons outside of quotes and comments, without empty statements; one that is empty when all are.
std::vector<std::string_view> split_statements(std::string_view text);

struct ConsoleHelp {
    std::string_view statement, meaning;
};
std::span<const ConsoleHelp> console_help();

} // namespace rekey::proxy::admin
