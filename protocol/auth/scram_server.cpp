#include "protocol/auth/scram_server.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/auth/scram_attributes.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/secret.hpp"

namespace rekey::protocol::auth {

namespace {
constexpr std::string_view protocol_violation = "08P01";
constexpr std::string_view invalid_authorization = "28000";
constexpr std::string_view feature_not_supported = "0A000";
constexpr std::string_view binding_header = "p=tls-server-end-point";
} // namespace

std::string scram_nonce() {
    return base64_encode(random_bytes(18));
}

ScramServer::ScramServer(ScramServerOptions options) : options_(std::move(options)) {
    REKEY_ASSERT(is_nonce(options_.nonce));
    REKEY_ASSERT(!options_.plus_chosen || !options_.end_point_hash.empty());
}

std::optional<std::string> ScramServer::first(std::string_view message) {
    REKEY_ASSERT(server_first_.empty());
    auto rest = message;
    if (!read_gs2_header(rest) || !read_client_first_bare(rest))
        return std::nullopt;
    nonce_ += options_.nonce;
    server_first_ = "r=" + nonce_ + ",s=" + base64_encode(options_.verifier.salt) +
                    ",i=" + std::to_string(options_.verifier.iterations);
    return server_first_;
}

// gs2-header = ("n" | "y" | "p=" cb-name) "," [authzid] ","
bool ScramServer::read_gs2_header(std::string_view& rest) {
    auto whole = rest;
    auto end = rest.find(',');
    if (end == std::string_view::npos)
        return malformed("The channel-binding flag is missing.");
    auto flag = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (flag.starts_with("p=")) {
        if (!options_.plus_chosen)
            return malformed("The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message "
                             "includes channel binding data.");
        if (flag != binding_header)
            return fail(protocol_violation, "unsupported SCRAM channel-binding type");
    } else if (flag == "n" || flag == "y") {
        if (options_.plus_chosen)
            return malformed("The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel "
                             "binding data.");
        // The client can bind and believes that we cannot: somebody took PLUS off our list.
        if (flag == "y" && !options_.end_point_hash.empty())
            return fail(invalid_authorization, "SCRAM channel binding negotiation error",
                        "The client supports SCRAM channel binding but thinks the server does not.  However, this "
                        "server does support channel binding.");
    } else {
        return malformed("Unexpected channel-binding flag.");
    }
    if (rest.starts_with('a'))
        return fail(feature_not_supported, "client uses authorization identity, but it is not supported");
    if (!rest.starts_with(','))
        return malformed("Unexpected attribute in client-first-message.");
    rest.remove_prefix(1);
    gs2_header_ = whole.substr(0, whole.size() - rest.size());
    return true;
}

// client-first-message-bare = "n=" user ",r=" nonce ["," extensions]. The user name is not looked at: the start-up
// packet's counts.
bool ScramServer::read_client_first_bare(std::string_view rest) {
    client_first_bare_ = rest;
    if (rest.starts_with('m'))
        return fail(feature_not_supported, "client requires an unsupported SCRAM extension");
    if (!take_attribute(rest, 'n'))
        return malformed("The user name is missing.");
    auto nonce = take_attribute(rest, 'r');
    if (!nonce)
        return malformed("The nonce is missing.");
    if (!is_nonce(*nonce))
        return fail(protocol_violation, "non-printable characters in SCRAM nonce");
    while (!rest.empty())
        if (!take_attribute(rest))
            return malformed("Malformed extension.");
    nonce_ = *nonce;
    return true;
}

std::optional<std::string> ScramServer::final(std::string_view message) {
    REKEY_ASSERT(!server_first_.empty());
    auto rest = message;
    auto binding = take_attribute(rest, 'c');
    auto nonce = binding ? take_attribute(rest, 'r') : std::nullopt;
    if (!nonce) {
        malformed("The channel binding or the nonce is missing.");
        return std::nullopt;
    }
    std::string_view without_proof;
    std::optional<ScramAttribute> attribute;
    do {
        auto before = message.substr(0, message.size() - rest.size());
        without_proof = before.substr(0, before.size() - (before.ends_with(',') ? 1 : 0));
        attribute = take_attribute(rest);
    } while (attribute && attribute->name != 'p');
    auto proof = attribute ? base64_decode(attribute->value) : std::nullopt;
    if (!proof || proof->size() != sizeof(Digest) || !rest.empty()) {
        malformed("The proof is missing, malformed or not the last attribute.");
        return std::nullopt;
    }
    if (*binding != expected_binding()) {
        fail(invalid_authorization, "SCRAM channel binding check failed");
        return std::nullopt;
    }
    if (!equal_in_constant_time(*nonce, nonce_)) {
        fail(protocol_violation, "invalid SCRAM response", "Nonce does not match.");
        return std::nullopt;
    }
    auto auth_message = client_first_bare_ + ',' + server_first_ + ',' + std::string(without_proof);
    // Both are always computed: the time tells nothing of the user.
    bool proven = proves_password(*proof, auth_message);
    auto signature = hmac_sha256(view(options_.verifier.server_key), auth_message);
    if (!proven || options_.doomed) {
        wrong_password_ = true;
        return std::nullopt;
    }
    return "v=" + base64_encode(view(signature));
}

std::string ScramServer::expected_binding() const {
    return base64_encode(options_.plus_chosen ? gs2_header_ + options_.end_point_hash : gs2_header_);
}

bool ScramServer::proves_password(std::string_view proof, std::string_view auth_message) const {
    auto signature = hmac_sha256(view(options_.verifier.stored_key), auth_message);
    Digest client_key;
    for (std::size_t i = 0; i < client_key.size(); ++i)
        client_key[i] = static_cast<unsigned char>(static_cast<unsigned char>(proof[i]) ^ signature[i]);
    return equal_in_constant_time(view(sha256({view(client_key)})), view(options_.verifier.stored_key));
}

bool ScramServer::fail(std::string_view sqlstate, std::string_view message, std::string_view detail) {
    fault_ = {sqlstate, message, detail};
    return false;
}

bool ScramServer::malformed(std::string_view detail) {
    return fail(protocol_violation, "malformed SCRAM message", detail);
}

} // namespace rekey::protocol::auth
