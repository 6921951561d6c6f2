#include "rotation/endpoint.hpp"

#include "config/database_url.hpp"
#include "config/scalars.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    return true;
}

// Without a port: `port`.
std::optional<config::Address> read_host(std::string_view text, std::string_view port) {
    bool bare_v6 = !text.starts_with('[') && std::count(text.begin(), text.end(), ':') > 1;
    auto closed = text.find(']');
    bool has_port = !bare_v6 && text.find(':', closed == text.npos ? 0 : closed) != text.npos;
    std::string whole(text);
    if (bare_v6)
        whole = "[" + whole + "]";
    if (!has_port)
        whole.append(":").append(port);
    auto address = config::parse_address(whole);
    return address && !address->is_unix() ? address : std::nullopt;
}

// What follows the scheme: [user@]hosts[/database][?…]
Endpoint read_location(std::string_view text, std::string_view port) {
    text = text.substr(0, text.find_first_of("?;"));
    auto slash = text.find('/');
    auto authority = text.substr(0, slash);
    if (auto at = authority.rfind('@'); at != authority.npos)
        authority.remove_prefix(at + 1);
    Endpoint endpoint;
    for (auto host : config::split(authority, ',')) {
        auto address = read_host(host, port);
        if (!address)
            return {};
        endpoint.hosts.push_back(*address);
    }
    if (endpoint.hosts.empty()) // the driver's own default
        return {};
    auto database = slash == text.npos ? std::string_view() : text.substr(slash + 1);
    if (database.find_first_of("/%") == database.npos)
        endpoint.database = database;
    return endpoint;
}

Endpoint read_url(std::string_view text) {
    take_prefix(text, "jdbc:");
    take_prefix(text, "aws-wrapper:");
    auto end = text.find("://");
    if (end == text.npos)
        return {};
    auto scheme = text.substr(0, end);
    auto port = config::database_port(scheme.substr(0, scheme.find(':'))); // without :loadbalance and its like
    return port.empty() ? Endpoint{} : read_location(text.substr(end + 3), port);
}

} // namespace

std::string Endpoint::text() const {
    std::string text;
    for (const auto& host : hosts)
        text.append(text.empty() ? "" : ",").append(host.text());
    return database.empty() ? text : text + "/" + database;
}

Endpoint read_endpoint(const EndpointParts& parts) {
    if (!parts.url.empty())
        return read_url(parts.url);
    Endpoint endpoint;
    auto host = parts.host.empty() ? std::nullopt : read_host(parts.host, parts.port.empty() ? "0" : parts.port);
    if (!host)
        return endpoint;
    endpoint.hosts.push_back(*host);
    endpoint.database = parts.database;
    return endpoint;
}

} // namespace rekey::rotation
