// How MSE and its predecessor ACM know who asks: requests signed with an access key. Pure.
#pragma once

#include "protocol/common/secret.hpp"
#include "rotation/http/message.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::nacos {

struct SigningKeys {
    std::string access_key;
    protocol::Secret secret_key, security_token; // the latter empty: no temporary keys
    std::string region, product;                 // region empty: signatures of the older version
};

// In base64.
std::string hmac_sha1(std::string_view key, std::string_view text);

// The key of signatures of version 4, which is good for one day (UTC, yyyymmdd), region and product.
protocol::Secret signing_key_v4(std::string_view secret_key, std::string_view day, std::string_view region,
                                std::string_view product);

// What a request is about: the namespace and the group that it names; empty where it names none.
std::string signed_resource(std::string_view name_space, std::string_view group);

std::vector<http::Header> sign(const SigningKeys& keys, std::string_view resource,
                               std::chrono::system_clock::time_point now);

} // namespace rekey::rotation::nacos
