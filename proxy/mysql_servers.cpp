#include "proxy/mysql_servers.hpp"

#include "protocol/mysql/packet.hpp"

namespace rekey::proxy {

namespace my = protocol::mysql;

namespace {
constexpr std::uint8_t format = 1; // of to_bytes()
} // namespace

std::string to_bytes(const MysqlServerMap& servers) {
    std::string packet;
    my::PacketWriter writer(packet, 0);
    writer.u8(format);
    for (const auto& [upstream, server] : servers) {
        writer.lenenc_text(upstream).lenenc_text(server.version).u8(server.mariadb ? 1 : 0);
        writer.u64(server.capabilities).u8(server.collation);
    }
    return packet.substr(my::packet_header_size);
}

std::optional<MysqlServerMap> mysql_servers_of(std::string_view bytes) {
    my::PacketReader reader(bytes);
    MysqlServerMap servers;
    if (reader.u8() != format)
        return std::nullopt;
    while (reader.left() > 0) {
        std::string upstream(reader.lenenc_text());
        auto& server = servers[std::move(upstream)];
        server.version = reader.lenenc_text();
        server.mariadb = reader.u8() != 0;
        server.capabilities = reader.u64();
        server.collation = reader.u8();
    }
    if (reader.failed())
        return std::nullopt;
    return servers;
}

void MysqlServers::begin(MysqlServerMap remembered, Learnt learnt) {
    std::lock_guard lock(mutex_);
    servers_ = std::move(remembered);
    learnt_ = std::move(learnt);
}

void MysqlServers::learn(const std::string& upstream, const MysqlServer& server) {
    std::unique_lock lock(mutex_);
    auto known = servers_.find(upstream);
    if (known != servers_.end() && known->second == server)
        return;
    servers_.insert_or_assign(upstream, server);
    lock.unlock();
    if (learnt_)
        learnt_(upstream, server);
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
