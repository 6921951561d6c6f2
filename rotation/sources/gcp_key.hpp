// A service account's key file, and what is signed with it (RFC 7523). Pure. Errors never hold a secret.
#pragma once

#include "protocol/common/secret.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace rekey::rotation {

struct ServiceAccountKey {
    std::string email, key_id, project, token_uri;
    protocol::Secret private_key; // PEM
    std::string error;            // empty: all but the project is there
};

// {"type": "service_account", …} as Google writes it; other kinds of credentials are refused by their name.
ServiceAccountKey parse_service_account_key(std::string_view text);

// A JSON web token (RS256), good for an hour from `now`, for the audience token_uri. Empty with a reason in `error`.
protocol::Secret sign_assertion(const ServiceAccountKey& key, std::chrono::system_clock::time_point now,
                                std::string& error);

} // namespace rekey::rotation
