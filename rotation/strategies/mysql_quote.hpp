// Names and texts as MySQL and MariaDB spell them, right whatever sql_mode says (manual, "Schema Object Names" and
// "String Literals"). Account statements take no parameters, so these go into the text. A name or text ends at its
// first NUL. The connection's character set is utf8mb4.
#pragma once

#include <string>
#include <string_view>

namespace rekey::rotation::mysql {

// Backticks: no sql_mode changes what they mean.
std::string quote_name(std::string_view name);
// Doubled quotes, or hexadecimal where there is a backslash: NO_BACKSLASH_ESCAPES decides what that means.
std::string quote_text(std::string_view text);
// `user`@`host`
std::string quote_account(std::string_view user, std::string_view host);

} // namespace rekey::rotation::mysql
