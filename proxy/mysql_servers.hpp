// What the servers of MySQL upstreams say of themselves. Clients are greeted with it before their route is known.
#pragma once

#include "config/config.hpp"
#include "protocol/auth/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rekey::proxy {

struct MysqlServer {
    std::string version;
    bool mariadb = false;
    protocol::mysql::Capabilities capabilities = 0;
    std::uint8_t collation = 45; // utf8mb4_general_ci
};

// Shared by all workers; touched once per login.
class MysqlServers {
  public:
    void learn(const std::string& upstream, MysqlServer server);
    // As the first upstream of the listener's routes says that has been reached; absent: none was.
    std::optional<MysqlServer> behind(const config::Config& config, const std::string& listener) const;
    // The pair that clients without TLS encrypt their password with; made when it is first wanted, in about 0.1 s.
    const protocol::auth::PasswordKey& password_key();

  private:
    mutable std::mutex mutex_;
    std::map<std::string, MysqlServer> servers_;
    std::once_flag key_made_;
    std::unique_ptr<const protocol::auth::PasswordKey> key_;
};

} // namespace rekey::proxy
