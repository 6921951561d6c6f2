#include "config/database_url.hpp"

namespace rekey::config {

std::string_view database_port(std::string_view scheme) {
    if (scheme == "postgresql" || scheme == "postgres")
        return "5432";
    return scheme == "mysql" || scheme == "mariadb" ? "3306" : "";
}

} // namespace rekey::config
