#include "rotation/sources/gcp_key.hpp"

#include "protocol/auth/base64.hpp"
#include "rotation/secret_json.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace rekey::rotation {

namespace json = boost::json;

namespace {

constexpr const char* scope = "https://www.googleapis.com/auth/cloud-platform";
constexpr auto lasts = std::chrono::hours(1); // the longest that Google takes

// RFC 4648, section 5, without padding.
std::string base64url(std::string_view bytes) {
    auto text = protocol::auth::base64_encode(bytes);
    for (auto& c : text)
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    text.erase(text.find_last_not_of('=') + 1);
    return text;
}

// Null: it is no RSA key, or has a pass phrase.
std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> read_key(std::string_view pem) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    // A question on the terminal would be the alternative.
    auto no_phrase = [](char*, int, int, void*) { return 0; };
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_phrase, nullptr) : nullptr, EVP_PKEY_free);
    if (key && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
        key.reset();
    ERR_clear_error();
    return key;
}

// Empty: it failed.
std::string rs256(EVP_PKEY* key, std::string_view text) {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
        return {};
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) !=
        1)
        return {};
    signature.resize(size);
    return signature;
}

} // namespace

ServiceAccountKey parse_service_account_key(std::string_view text) {
    ServiceAccountKey key;
    CleansingMemory memory;
    auto root = parse_secret_json(text, memory);
    if (!root || !root->is_object()) {
        key.error = "it is no JSON object";
        return key;
    }
    auto type = json_text(json_member(&*root, "type"));
    if (type != "service_account") {
        bool known = type == "authorized_user" || type == "external_account" || type == "impersonated_service_account";
        key.error = known ? "credentials of type " + std::string(type) + " are not supported: service_account is"
                          : "it is no service account's key: \"type\" is not \"service_account\"";
        return key;
    }
    key.email = json_text(json_member(&*root, "client_email"));
    key.key_id = json_text(json_member(&*root, "private_key_id"));
    key.project = json_text(json_member(&*root, "project_id"));
    key.token_uri = json_text(json_member(&*root, "token_uri"));
    key.private_key = protocol::Secret(json_text(json_member(&*root, "private_key")));
    for (auto [name, missing] :
         {std::pair("client_email", key.email.empty()), std::pair("token_uri", key.token_uri.empty()),
          std::pair("private_key", key.private_key.empty())})
        if (missing && key.error.empty())
            key.error = "\"" + std::string(name) + "\" is missing";
    return key;
}

protocol::Secret sign_assertion(const ServiceAccountKey& key, std::chrono::system_clock::time_point now,
                                std::string& error) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
    if (!key.key_id.empty())
        header["kid"] = json::string_view(key.key_id.data(), key.key_id.size());
    json::object claims;
    claims["iss"] = json::string_view(key.email.data(), key.email.size());
    claims["scope"] = scope;
    claims["aud"] = json::string_view(key.token_uri.data(), key.token_uri.size());
    claims["iat"] = seconds;
    claims["exp"] = seconds + std::chrono::seconds(lasts).count();
    auto text = base64url(json::serialize(header)) + "." + base64url(json::serialize(claims));
    auto private_key = read_key(key.private_key.reveal());
    auto signature = private_key ? rs256(private_key.get(), text) : std::string();
    if (signature.empty()) {
        error = "\"private_key\" is no RSA key in PEM form without a pass phrase";
        return {};
    }
    text += "." + base64url(signature);
    return protocol::Secret::take(text);
}

} // namespace rekey::rotation
