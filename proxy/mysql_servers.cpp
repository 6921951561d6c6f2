#include "proxy/mysql_servers.hpp"

namespace rekey::proxy {

void MysqlServers::learn(const std::string& upstream, MysqlServer server) {
    std::lock_guard lock(mutex_);
    servers_.insert_or_assign(upstream, std::move(server));
}

std::optional<MysqlServer> MysqlServers::behind(const config::Config& config, const std::string& listener) const {
    std::lock_guard lock(mutex_);
    for (const auto& route : config.routes) {
        if (route.listener != listener)
            continue;
        if (auto known = servers_.find(route.upstream); known != servers_.end())
            return known->second;
    }
    return std::nullopt;
}

const protocol::auth::PasswordKey& MysqlServers::password_key() {
    std::call_once(key_made_, [this] {
        key_ = std::make_unique<const protocol::auth::PasswordKey>(protocol::auth::PasswordKey::generate());
    });
    return *key_;
}

} // namespace rekey::proxy
