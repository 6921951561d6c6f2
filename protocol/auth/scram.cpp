#include "protocol/auth/scram.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/auth/saslprep.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/secret.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace rekey::protocol::auth {

namespace {

bool decode_digest(std::string_view text, Digest& digest) {
    auto bytes = base64_decode(text);
    if (!bytes || bytes->size() != digest.size())
        return false;
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    return true;
}

// The text before `separator`, which is taken off `rest`; absent if there is none.
std::optional<std::string_view> take_until(std::string_view& rest, char separator) {
    auto end = rest.find(separator);
    if (end == std::string_view::npos)
        return std::nullopt;
    auto part = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return part;
}

Digest salted_password(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    REKEY_ASSERT(iterations >= 1 && iterations <= 0x7fffffff);
    auto prepared = saslprep(password);
    auto bytes = prepared ? std::string_view(*prepared) : password;
    Digest digest;
    REKEY_ASSERT(PKCS5_PBKDF2_HMAC(bytes.data(), static_cast<int>(bytes.size()),
                                   reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                                   static_cast<int>(iterations), EVP_sha256(), static_cast<int>(digest.size()),
                                   digest.data()) == 1);
    if (prepared)
        cleanse(*prepared);
    return digest;
}

} // namespace

std::optional<ScramVerifier> ScramVerifier::parse(std::string_view text) {
    auto scheme = take_until(text, '$');
    auto iterations = take_until(text, ':');
    auto salt = take_until(text, '$');
    auto stored_key = take_until(text, ':');
    if (scheme != scram_sha_256 || !iterations || !salt || !stored_key)
        return std::nullopt;
    ScramVerifier verifier;
    auto end = iterations->data() + iterations->size();
    auto [stopped, error] = std::from_chars(iterations->data(), end, verifier.iterations);
    if (error != std::errc{} || stopped != end || verifier.iterations < 1 || verifier.iterations > 0x7fffffff)
        return std::nullopt;
    auto salt_bytes = base64_decode(*salt);
    if (!salt_bytes || salt_bytes->empty())
        return std::nullopt;
    verifier.salt = std::move(*salt_bytes);
    if (!decode_digest(*stored_key, verifier.stored_key) || !decode_digest(text, verifier.server_key))
        return std::nullopt;
    return verifier;
}

std::string ScramVerifier::text() const {
    return std::string(scram_sha_256) + '$' + std::to_string(iterations) + ':' + base64_encode(salt) + '$' +
           base64_encode(view(stored_key)) + ':' + base64_encode(view(server_key));
}

ScramVerifier mock_scram_verifier(std::string_view user, std::string_view mock_secret, std::uint32_t iterations) {
    ScramVerifier verifier;
    verifier.iterations = iterations;
    verifier.salt = view(sha256({user, mock_secret})).substr(0, 16);
    return verifier;
}

ScramKeys::~ScramKeys() {
    OPENSSL_cleanse(client_key.data(), client_key.size());
    OPENSSL_cleanse(server_key.data(), server_key.size());
}

ScramKeys scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    auto salted = salted_password(password, salt, iterations);
    ScramKeys keys{hmac_sha256(view(salted), "Client Key"), hmac_sha256(view(salted), "Server Key")};
    OPENSSL_cleanse(salted.data(), salted.size());
    return keys;
}

ScramVerifier scram_verifier(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    return scram_verifier(scram_keys(password, salt, iterations), salt, iterations);
}

ScramVerifier scram_verifier(const ScramKeys& keys, std::string_view salt, std::uint32_t iterations) {
    return {iterations, std::string(salt), sha256({view(keys.client_key)}), keys.server_key};
}

} // namespace rekey::protocol::auth
