// PostgreSQL behind the roles of proxy/dialect.hpp.
#pragma once

#include "proxy/dialect.hpp"

#include <string_view>

namespace rekey::proxy {

// `mock_secret` outlives the dialect; `message_collect` in bytes.
std::unique_ptr<Dialect> make_postgres_dialect(std::string_view mock_secret, std::size_t message_collect);

} // namespace rekey::proxy
