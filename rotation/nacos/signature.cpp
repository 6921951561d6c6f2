#include "rotation/nacos/signature.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/common/assert.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace rekey::rotation::nacos {

namespace {

// The caller cleanses what is a key.
std::string hmac(const EVP_MD* hash, std::string_view key, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    auto* made = HMAC(hash, key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
    REKEY_ASSERT(made != nullptr);
    std::string bytes(reinterpret_cast<const char*>(digest), size);
    OPENSSL_cleanse(digest, sizeof digest);
    return bytes;
}

} // namespace

std::string hmac_sha1(std::string_view key, std::string_view text) {
    return protocol::auth::base64_encode(hmac(EVP_sha1(), key, text));
}

protocol::Secret signing_key_v4(std::string_view secret_key, std::string_view day, std::string_view region,
                                std::string_view product) {
    std::string key;
    key.reserve(sizeof "aliyun_v4" + secret_key.size());
    key.append("aliyun_v4").append(secret_key);
    for (auto part : {day, region, product, std::string_view("aliyun_v4_request")}) {
        auto next = hmac(EVP_sha256(), key, part);
        protocol::cleanse(key);
        key.swap(next);
    }
    auto text = protocol::auth::base64_encode(key);
    protocol::cleanse(key);
    return protocol::Secret::take(text);
}

std::string signed_resource(std::string_view name_space, std::string_view group) {
    if (name_space.empty() || group.empty())
        return std::string(group);
    return std::string(name_space) + "+" + std::string(group);
}

std::vector<http::Header> sign(const alibaba::Keys& keys, const SigningScope& scope, std::string_view resource,
                               std::chrono::system_clock::time_point now) {
    auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    const auto timestamp = std::to_string(since.count());
    const auto text = resource.empty() ? timestamp : std::string(resource) + "+" + timestamp;
    protocol::Secret derived;
    if (!scope.region.empty()) {
        const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(now)};
        const auto day = static_cast<int>(date.year()) * 10000 +
                         static_cast<int>(static_cast<unsigned>(date.month())) * 100 +
                         static_cast<int>(static_cast<unsigned>(date.day()));
        derived = signing_key_v4(keys.secret.reveal(), std::to_string(day), scope.region, scope.product);
    }
    const auto& key = scope.region.empty() ? keys.secret : derived;
    std::vector<http::Header> headers;
    auto add = [&](const char* name, std::string_view value) { headers.push_back({name, protocol::Secret(value)}); };
    add("Timestamp", timestamp);
    add("Spas-AccessKey", keys.id);
    add("Spas-Signature", hmac_sha1(key.reveal(), text));
    if (!scope.region.empty())
        add("signatureVersion", "v4");
    if (!keys.token.empty())
        add("Spas-SecurityToken", keys.token.reveal());
    return headers;
}

} // namespace rekey::rotation::nacos
