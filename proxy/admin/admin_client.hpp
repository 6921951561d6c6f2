// One HTTP request to a running process's admin port, for the commands. Blocking; any thread.
#pragma once

#include "config/config.hpp"
#include "protocol/common/secret.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::proxy::admin {

struct AdminRequest {
    std::string method = "GET", target = "/";
    const protocol::Secret* token = nullptr; // sent as Bearer when there is one
    std::chrono::milliseconds connect_time{5000};
    std::optional<std::chrono::milliseconds> reply_time{30000}; // absent: as long as it takes
};

struct AdminResponse {
    unsigned status = 0; // 0: not reachable, and `error` says why
    std::string body, error;
};

AdminResponse ask_admin(const config::Address& address, const AdminRequest& request);

// http://HOST:PORT, http://[v6]:PORT or unix:/path; absent when it is something else.
std::optional<config::Address> parse_admin_url(std::string_view url);

// For a query's values.
std::string percent_encoded(std::string_view text);

} // namespace rekey::proxy::admin
