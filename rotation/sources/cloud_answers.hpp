// What Google's and Azure's services and their token endpoints are asked and answer. Pure. Errors never hold a secret.
#pragma once

#include "rotation/http/message.hpp"

#include <chrono>
#include <initializer_list>
#include <utility>

namespace rekey::rotation {

struct AccessToken {
    protocol::Secret token;
    std::chrono::seconds life{0}; // from `now`
};

// {"access_token", "expires_in" or "expires_on"}: seconds, as a number or in quotes; empty: it is none of that, or has
// ended already.
std::optional<AccessToken> parse_access_token(std::string_view body, std::chrono::system_clock::time_point now);

// What a status other than 2xx means, with what the service says about it.
std::string explain_cloud_status(int status, std::string_view body);

// Authorization: Bearer …
http::Header bearer(const protocol::Secret& token);

// application/x-www-form-urlencoded, also for a query.
protocol::Secret form_text(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

} // namespace rekey::rotation
