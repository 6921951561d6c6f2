// What the servers of MySQL upstreams say of themselves. Clients are greeted with it before their route is known.
#pragma once

#include "config/config.hpp"
#include "protocol/auth/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::proxy {

struct MysqlServer {
    std::string version;
    bool mariadb = false;
    protocol::mysql::Capabilities capabilities = 0;
    std::uint8_t collation = 45; // utf8mb4_general_ci

    bool operator==(const MysqlServer&) const = default;
};
using MysqlServerMap = std::map<std::string, MysqlServer>; // by upstream

// For the store, and back; absent: bytes that are not of to_bytes().
std::string to_bytes(const MysqlServerMap& servers);
std::optional<MysqlServerMap> mysql_servers_of(std::string_view bytes);

// Of each listener whose routes lead to servers of both kinds, one sentence: its clients are greeted as by one of the
// kinds, unless the configuration says as what.
std::vector<std::string> mixed_listeners(const config::Config& config, const MysqlServerMap& servers);

// Shared by all workers; touched once per login.
class MysqlServers {
  public:
    using Learnt = std::function<void(const std::string& upstream, const MysqlServer& server)>;

    // Before there are logins: what was learnt before a restart, and who is told of what is new. `learnt` is called on
    // any thread.
    void begin(MysqlServerMap remembered, Learnt learnt);
    void learn(const std::string& upstream, const MysqlServer& server);
    std::optional<MysqlServer> of(const std::string& upstream) const; // absent: not reached yet
    // As the first upstream of the listener's routes says that has been reached; absent: none was.
    std::optional<MysqlServer> behind(const config::Config& config, const std::string& listener) const;
    // The pair that clients without TLS encrypt their password with; made when it is first wanted, in about 0.1 s.
    const protocol::auth::PasswordKey& password_key();

  private:
    mutable std::mutex mutex_;
    MysqlServerMap servers_;
    Learnt learnt_;
    std::once_flag key_made_;
    std::unique_ptr<const protocol::auth::PasswordKey> key_;
};

} // namespace rekey::proxy
