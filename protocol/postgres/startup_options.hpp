// The start-up parameter `options`: command-line switches of a PostgreSQL server process. Manual 55.2.1, "postgres"
// reference page; a client may give those that set parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// [A-Za-z_][A-Za-z0-9_$]* once or more, joined by dots. Stricter than PostgreSQL (which lets any byte above 127 pass),
// because names are what Rekey has to write into statements unquoted. (CVE-2026-107349: an empty name.)
bool is_parameter_name(std::string_view name);

// Splits at white space; a backslash takes the next character as it is.
std::vector<std::string> split_options(std::string_view options);

// Appends the settings in the order given. False if a switch is not known, misses its argument or names no parameter;
// `wrong` is then the argument at fault.
bool read_options(std::string_view options, Parameters& parameters, std::string& wrong);

} // namespace rekey::protocol::postgres
