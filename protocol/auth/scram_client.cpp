#include "protocol/auth/scram_client.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/auth/scram_attributes.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/secret.hpp"

#include <openssl/crypto.h>

#include <charconv>

namespace rekey::protocol::auth {

ScramClient::ScramClient(ScramBinding binding, std::string end_point_hash, std::string nonce)
    : binding_(binding), end_point_hash_(std::move(end_point_hash)), nonce_(std::move(nonce)) {
    REKEY_ASSERT(is_nonce(nonce_));
    REKEY_ASSERT(binding_ != ScramBinding::end_point || !end_point_hash_.empty());
}

std::string ScramClient::gs2_header() const {
    switch (binding_) {
    case ScramBinding::none:
        return "n,,";
    case ScramBinding::not_offered:
        return "y,,";
    case ScramBinding::end_point:
        return "p=tls-server-end-point,,";
    }
    REKEY_ASSERT(false);
}

// The user name stays empty: the start-up packet's counts.
std::string ScramClient::first() const {
    return gs2_header() + "n=,r=" + nonce_;
}

bool ScramClient::server_first(std::string_view message, std::uint32_t iterations_max) {
    REKEY_ASSERT(server_first_.empty());
    auto rest = message;
    auto nonce = take_attribute(rest, 'r');
    auto salt = nonce ? take_attribute(rest, 's') : std::nullopt;
    auto iterations = salt ? take_attribute(rest, 'i') : std::nullopt;
    if (!iterations || !rest.empty())
        return false;
    if (!is_nonce(*nonce) || !nonce->starts_with(nonce_) || nonce->size() == nonce_.size())
        return false;
    auto salt_bytes = base64_decode(*salt);
    auto end = iterations->data() + iterations->size();
    auto [stopped, error] = std::from_chars(iterations->data(), end, iterations_);
    if (!salt_bytes || salt_bytes->empty() || error != std::errc{} || stopped != end)
        return false;
    if (iterations_ < 1 || iterations_ > iterations_max || iterations_ > 0x7fffffff)
        return false;
    salt_ = std::move(*salt_bytes);
    server_first_ = message;
    return true;
}

std::string ScramClient::final(const ScramKeys& keys) {
    REKEY_ASSERT(!server_first_.empty());
    std::string_view nonce = std::string_view(server_first_).substr(2, server_first_.find(',') - 2);
    auto binding = binding_ == ScramBinding::end_point ? gs2_header() + end_point_hash_ : gs2_header();
    auto without_proof = "c=" + base64_encode(binding) + ",r=" + std::string(nonce);
    auto auth_message = "n=,r=" + nonce_ + ',' + server_first_ + ',' + without_proof;
    auto stored_key = sha256({view(keys.client_key)});
    auto proof = hmac_sha256(view(stored_key), auth_message);
    for (std::size_t i = 0; i < proof.size(); ++i)
        proof[i] = static_cast<unsigned char>(proof[i] ^ keys.client_key[i]);
    server_signature_ = hmac_sha256(view(keys.server_key), auth_message);
    OPENSSL_cleanse(stored_key.data(), stored_key.size());
    return without_proof + ",p=" + base64_encode(view(proof));
}

bool ScramClient::server_final(std::string_view message) const {
    auto signature = take_attribute(message, 'v'); // "e=…", an error, is as good as a wrong one
    auto bytes = signature && message.empty() ? base64_decode(*signature) : std::nullopt;
    return bytes && equal_in_constant_time(*bytes, view(server_signature_));
}

} // namespace rekey::protocol::auth
