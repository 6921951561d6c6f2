#include "protocol/mysql/authentication_proof.hpp"

#include "protocol/auth/caching_sha2.hpp"
#include "protocol/auth/mariadb_ed25519.hpp"
#include "protocol/auth/mysql_native.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/mysql/messages_login.hpp"

namespace rekey::protocol::mysql {

namespace {

constexpr std::string_view malformed_nonce = "the server's nonce has not the length that its plugin asks for";

} // namespace

std::string_view AuthenticationProof::password() const {
    return options_.password == nullptr ? std::string_view{} : options_.password->reveal();
}

// In the first packet, only what tells nobody the password: the server may still switch to something better.
void AuthenticationProof::begin(std::string_view plugin, std::string_view nonce) {
    auto known = plugin_of(plugin);
    plugin_ = known == Plugin::native ? Plugin::native : Plugin::caching_sha2;
    nonce_ = nonce;
    start();
}

AuthenticationProof::Step AuthenticationProof::change(std::string_view plugin, std::string_view data) {
    auto known = plugin_of(plugin);
    if (!known)
        return insecure("the server asks for an authentication plugin that is not supported");
    plugin_ = *known;
    nonce_ = data;
    bool has_nul = plugin_ == Plugin::native || plugin_ == Plugin::caching_sha2 || plugin_ == Plugin::sha256;
    if (has_nul && nonce_.size() == nonce_size + 1)
        nonce_.pop_back();
    return start();
}

// Answers the nonce.
AuthenticationProof::Step AuthenticationProof::start() {
    bool long_nonce = plugin_ == Plugin::ed25519 || plugin_ == Plugin::parsec;
    if (plugin_ != Plugin::clear && nonce_.size() != (long_nonce ? auth::ed25519_nonce_size : nonce_size))
        return malformed(malformed_nonce);
    state_ = State::over;
    switch (plugin_) {
    case Plugin::native:
        return send(auth::native_response(password(), nonce_));
    case Plugin::caching_sha2:
        state_ = State::sha2_response;
        return send(auth::caching_sha2_response(password(), nonce_));
    case Plugin::sha256:
        // An empty password is a NUL, wherever.
        return options_.secure || password().empty() ? clear() : full(sha256_key_request);
    case Plugin::clear:
        if (!options_.secure)
            return insecure("the server asks for the password in clear text without TLS");
        return clear();
    case Plugin::ed25519:
        return send(auth::ed25519_sign(password(), nonce_));
    case Plugin::parsec:
        state_ = State::parsec_salt;
        return send({}); // asks for the salt
    }
    REKEY_ASSERT(false);
}

AuthenticationProof::Step AuthenticationProof::more(std::string_view data) {
    switch (state_) {
    case State::sha2_response:
        if (data.size() == 1 && data[0] == sha2_fast_success) {
            state_ = State::over;
            return Step::wait;
        }
        if (data.size() == 1 && data[0] == sha2_full_authentication) {
            state_ = State::over;
            return options_.secure ? clear() : full(sha2_key_request);
        }
        break;
    case State::key_requested:
        state_ = State::over;
        return encrypt(data);
    case State::parsec_salt:
        if (auto salt = auth::read_parsec_salt(data)) {
            salt_ = std::move(*salt);
            state_ = State::deriving;
            return Step::derive;
        }
        break;
    case State::begun:
    case State::deriving:
    case State::over:
        break;
    }
    return malformed("the server does not keep to the steps of its authentication plugin");
}

AuthenticationProof::Step AuthenticationProof::derived(const Secret& seed) {
    REKEY_ASSERT(state_ == State::deriving);
    state_ = State::over;
    return send(auth::parsec_response(seed, nonce_));
}

// The password without TLS.
AuthenticationProof::Step AuthenticationProof::full(char key_request) {
    if (!options_.public_key.empty())
        return encrypt(options_.public_key);
    if (!options_.request_public_key)
        return insecure("the server asks for the password without TLS, and its public key is not known");
    state_ = State::key_requested;
    return send({&key_request, 1});
}

AuthenticationProof::Step AuthenticationProof::encrypt(std::string_view public_key) {
    auto encrypted = auth::encrypt_password(public_key, password(), nonce_);
    if (!encrypted)
        return malformed("the server's public key is none, or too short for the password");
    return send(*encrypted);
}

AuthenticationProof::Step AuthenticationProof::clear() {
    std::string text;
    text.reserve(password().size() + 1); // no copies left behind by growing
    text.append(password()).push_back('\0');
    answer_ = Secret::take(text);
    return Step::send;
}

AuthenticationProof::Step AuthenticationProof::send(std::string_view bytes) {
    answer_ = Secret(bytes);
    return Step::send;
}

AuthenticationProof::Step AuthenticationProof::insecure(std::string_view fault) {
    fault_ = fault;
    return Step::insecure;
}

AuthenticationProof::Step AuthenticationProof::malformed(std::string_view fault) {
    fault_ = fault;
    return Step::malformed;
}

} // namespace rekey::protocol::mysql
