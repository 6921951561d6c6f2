// What URLs of databases leave unsaid. Pure.
#pragma once

#include <string_view>

namespace rekey::config {

// The usual port of the databases whose URLs have this scheme; empty: there are none.
std::string_view database_port(std::string_view scheme);

} // namespace rekey::config
