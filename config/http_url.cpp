#include "config/http_url.hpp"

#include "config/scalars.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

constexpr std::uint16_t port_of(bool tls) {
    return tls ? 443 : 80;
}

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

bool has_port(std::string_view authority) {
    auto colon = authority.rfind(':');
    return colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
}

// What needs no escaping, and the percent sign of what is escaped already.
bool is_plain(char c) {
    return c > ' ' && c < 127 && std::string_view("?#@\"<>\\^`{}|").find(c) == std::string_view::npos;
}

} // namespace

std::string HttpUrl::authority() const {
    return port == port_of(tls) ? bracketed(host) : bracketed(host) + ":" + std::to_string(port);
}

std::string HttpUrl::origin() const {
    return std::string(tls ? "https://" : "http://") + bracketed(host) + ":" + std::to_string(port);
}

std::optional<HttpUrl> parse_http_url(std::string_view text) {
    HttpUrl url;
    url.tls = text.starts_with("https://");
    if (!url.tls && !text.starts_with("http://"))
        return std::nullopt;
    text.remove_prefix(text.find("//") + 2);
    if (!std::all_of(text.begin(), text.end(), is_plain))
        return std::nullopt;
    auto slash = std::min(text.find('/'), text.size());
    std::string authority(text.substr(0, slash));
    if (!has_port(authority))
        authority += ":" + std::to_string(port_of(url.tls));
    auto address = parse_address(authority);
    if (!address || address->is_unix() || address->host.empty() || address->port == 0)
        return std::nullopt;
    url.host = address->host;
    url.port = address->port;
    url.path = text.substr(slash);
    while (url.path.ends_with('/'))
        url.path.pop_back();
    return url;
}

} // namespace rekey::config
