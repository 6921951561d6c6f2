#include "proxy/mysql_servers.hpp"

#include "protocol/mysql/packet.hpp"

namespace rekey::proxy {

namespace my = protocol::mysql;

namespace {

constexpr std::uint8_t format = 1; // of to_bytes()

std::string kind_of(const MysqlServer& server) {
    return server.mariadb ? "MariaDB" : "MySQL";
}

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

std::vector<std::string> mixed_listeners(const config::Config& config, const MysqlServerMap& servers) {
    std::vector<std::string> sentences;
    for (const auto& listener : config.listeners) {
        if (listener.protocol != config::Protocol::mysql || !listener.server_version.empty())
            continue;
        auto first = servers.end();
        for (const auto& route : config.routes) {
            auto found = route.listener == listener.name ? servers.find(route.upstream) : servers.end();
            if (found == servers.end())
                continue;
            if (first == servers.end())
                first = found;
            if (found->second.mariadb == first->second.mariadb)
                continue;
            sentences.push_back("listener " + listener.name + ": its routes lead to " + kind_of(first->second) + " (" +
                                first->first + ") and to " + kind_of(found->second) + " (" + found->first +
                                "); clients are greeted as by the first, before their route is known, and refused at "
                                "the other: give each its listener, or set server_version and charset of this one");
            break;
        }
    }
    return sentences;
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

std::optional<MysqlServer> MysqlServers::of(const std::string& upstream) const {
    std::lock_guard lock(mutex_);
    auto known = servers_.find(upstream);
    return known == servers_.end() ? std::nullopt : std::optional(known->second);
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
