// Where a database is, as the secret that holds its credential says. Pure.
#pragma once

#include "config/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation {

struct Endpoint {
    std::vector<config::Address> hosts; // empty: the secret says nothing; a port of 0: the protocol's own
    std::string database;               // empty: it names none

    bool operator==(const Endpoint&) const = default;
    explicit operator bool() const { return !hosts.empty(); }
    std::string text() const; // host:port, joined by commas, and /database where there is one
};

// What a secret may say: a URL, or host, port and database apart, as the secrets of RDS do. Empty: not given.
struct EndpointParts {
    std::string_view host, port, database, url;
};

// The URL counts where both are given. One of
//   [jdbc:][aws-wrapper:](postgresql|postgres|mysql|mariadb)[:mode]://[user@]host[:port][,host[:port]…][/database][?…]
// Nothing when it names no host that can be connected to by name: what else drivers write (address=…, srv) is not read.
Endpoint read_endpoint(const EndpointParts& parts);

} // namespace rekey::rotation
