#include "config/config.hpp"

#include <arpa/inet.h>
#include <strings.h>

namespace rekey::config {

bool Address::is_loopback() const {
    if (is_unix() || strcasecmp(host.c_str(), "localhost") == 0)
        return true;
    in_addr v4{};
    if (inet_pton(AF_INET, host.c_str(), &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    in6_addr v6{};
    return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string Address::text() const {
    if (is_unix())
        return "unix:" + unix_path;
    auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return name + ":" + std::to_string(port);
}

namespace {

template <class List> const typename List::value_type* find_named(const List& list, std::string_view name) {
    for (const auto& entry : list)
        if (entry.name == name)
            return &entry;
    return nullptr;
}

} // namespace

const Upstream* Config::find_upstream(std::string_view name) const {
    return find_named(upstreams, name);
}
const Credential* Config::find_credential(std::string_view name) const {
    return find_named(credentials, name);
}
const User* Config::find_user(std::string_view name) const {
    return find_named(users, name);
}
const Listener* Config::find_listener(std::string_view name) const {
    return find_named(listeners, name);
}

} // namespace rekey::config
