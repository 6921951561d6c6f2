// MySQL and MariaDB behind the roles of proxy/dialect.hpp.
#pragma once

#include "proxy/dialect.hpp"
#include "proxy/mysql_servers.hpp"

#include <string_view>

namespace rekey::proxy {

// What is not owned outlives the dialect; `message_collect` in bytes.
std::unique_ptr<Dialect> make_mysql_dialect(MysqlServers& servers, std::string_view mock_secret,
                                            std::size_t message_collect);

} // namespace rekey::proxy
