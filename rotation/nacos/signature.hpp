// How MSE and its predecessor ACM know who asks: requests signed with an access key. Pure.
#pragma once

#include "protocol/common/secret.hpp"
#include "rotation/alibaba/signature.hpp"
#include "rotation/http/message.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::nacos {

// Of signatures of version 4; without a region they are of the older version.
struct SigningScope {
    std::string region, product;
};

// In base64.
std::string hmac_sha1(std::string_view key, std::string_view text);

// The key of signatures of version 4, which is good for one day (UTC, yyyymmdd), region and product.
protocol::Secret signing_key_v4(std::string_view secret_key, std::string_view day, std::string_view region,
                                std::string_view product);

// What a request is about: the namespace and the group that it names; empty where it names none.
std::string signed_resource(std::string_view name_space, std::string_view group);

std::vector<http::Header> sign(const alibaba::Keys& keys, const SigningScope& scope, std::string_view resource,
                               std::chrono::system_clock::time_point now);

} // namespace rekey::rotation::nacos
