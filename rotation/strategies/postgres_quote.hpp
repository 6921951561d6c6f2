// Names and texts as PostgreSQL's SQL spells them (manual 4.1). Utility statements take no parameters, so these go
// into the text. A text ends at its first NUL, as the server reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::postgres {

std::string quote_name(std::string_view name);
// Right whatever standard_conforming_strings says.
std::string quote_text(std::string_view text);

// A `name=value` of pg_db_role_setting as the right side of SET. Settings that hold a list (search_path and the like)
// are stored as one text, and must be taken apart, or the list would become a single name.
std::string quote_setting(std::string_view name, std::string_view value);
std::vector<std::string> split_list(std::string_view value);

} // namespace rekey::rotation::postgres
