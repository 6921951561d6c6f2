// Addresses of stores: http:// and https:// with a host. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::config {

struct HttpUrl {
    bool tls = true;
    std::string host; // name, IPv4 or IPv6 without brackets
    std::uint16_t port = 0;
    std::string path; // empty, or /a/b without a slash at its end

    std::string authority() const; // for a Host header: the port only where it is not the scheme's own
    std::string origin() const;    // https://host:8200, the port always
    bool operator==(const HttpUrl&) const = default;
};

// Absent for anything else, and with user information, a query or a fragment.
std::optional<HttpUrl> parse_http_url(std::string_view text);

} // namespace rekey::config
