// The middle of BackendHandshake: what the server asks to be shown, and what it shows of itself.
#include "protocol/auth/md5.hpp"
#include "protocol/auth/scram_server.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/bytes.hpp"
#include "protocol/postgres/backend_handshake.hpp"
#include "protocol/postgres/messages.hpp"

namespace rekey::protocol::postgres {

namespace {

// AuthenticationRequest codes, manual 55.7.
constexpr std::uint32_t code_ok = 0, code_cleartext = 3, code_md5 = 5, code_sasl = 10, code_sasl_continue = 11,
                        code_sasl_final = 12;

} // namespace

BackendHandshake::Step BackendHandshake::read_authentication(std::string_view body) {
    Reader reader(body);
    auto code = reader.u32();
    if (reader.failed())
        return fail(BackendFailure::protocol_violation, "malformed authentication request");
    if (code == code_ok && reader.done())
        return authenticated();
    if (state_ == State::authentication) {
        if ((code == code_cleartext && reader.left() == 0) || (code == code_md5 && reader.left() == 4))
            return send_password(code, reader.rest());
        if (code == code_sasl)
            return begin_scram(reader.rest());
        if (code >= 2 && code <= 9 && code != code_cleartext && code != code_md5) // Kerberos, crypt, SCM, GSS, SSPI
            return fail(BackendFailure::insecure_method, "the server asks for an authentication method that is not "
                                                         "supported");
    }
    if (state_ == State::scram_first && code == code_sasl_continue)
        return read_server_first(reader.rest());
    if (state_ == State::scram_final && code == code_sasl_final)
        return read_server_final(reader.rest());
    return fail(BackendFailure::protocol_violation, "unexpected authentication request");
}

BackendHandshake::Step BackendHandshake::authenticated() {
    switch (state_) {
    case State::authentication:
        result_.method = "trust";
        break;
    case State::password_sent:
    case State::scram_proven:
        break;
    case State::scram_first:
    case State::scram_final:
        return fail(BackendFailure::bad_server_proof,
                    "the server ended SCRAM without proving that it knows the password");
    case State::tls_answer:
    case State::tls:
    case State::deriving:
    case State::settings:
    case State::done:
    case State::failed:
        return fail(BackendFailure::protocol_violation, "unexpected authentication request");
    }
    state_ = State::settings;
    return Step::need_input;
}

BackendHandshake::Step BackendHandshake::send_password(std::uint32_t code, std::string_view salt) {
    if (options_.password == nullptr)
        return fail(BackendFailure::refused, "the server asks for a password and the credential has none");
    if (code == code_cleartext && !result_.tls)
        return fail(BackendFailure::insecure_method, "the server asks for the password in clear text without TLS");
    auto password = options_.password->reveal();
    if (code == code_cleartext)
        password_message(output_, password);
    else
        password_message(output_, auth::md5_response(auth::md5_stored(password, options_.user), salt));
    result_.method = code == code_cleartext ? "password" : "md5";
    state_ = State::password_sent;
    return Step::need_input;
}

// `mechanisms`: names, each with its NUL, then an empty one.
BackendHandshake::Step BackendHandshake::begin_scram(std::string_view mechanisms) {
    bool plain = false, plus = false;
    Reader reader(mechanisms);
    for (auto name = reader.text(); !name.empty(); name = reader.text()) {
        plain |= name == auth::scram_sha_256;
        plus |= name == auth::scram_sha_256_plus;
    }
    if (!reader.done())
        return fail(BackendFailure::protocol_violation, "malformed list of SASL mechanisms");
    if (plus && !result_.tls)
        return fail(BackendFailure::protocol_violation, "the server offers channel binding without TLS");
    bool bind = plus && !end_point_hash_.empty();
    if (!plain && !bind)
        return fail(BackendFailure::insecure_method, "the server offers no SASL mechanism that is supported");
    if (options_.password == nullptr)
        return fail(BackendFailure::refused, "the server asks for a password and the credential has none");
    // Without our end-point hash we cannot bind, whatever the server offers; "y" then would be a lie.
    auto binding = bind                      ? auth::ScramBinding::end_point
                   : end_point_hash_.empty() ? auth::ScramBinding::none
                                             : auth::ScramBinding::not_offered;
    scram_.emplace(binding, bind ? end_point_hash_ : std::string(), auth::scram_nonce());
    sasl_initial_response(output_, bind ? auth::scram_sha_256_plus : auth::scram_sha_256, scram_->first());
    result_.method = bind ? "scram-sha-256-plus" : "scram-sha-256";
    state_ = State::scram_first;
    return Step::need_input;
}

BackendHandshake::Step BackendHandshake::read_server_first(std::string_view message) {
    if (!scram_->server_first(message, options_.scram_iterations_max))
        return fail(BackendFailure::protocol_violation,
                    "malformed SCRAM message, a nonce that is not ours, or too many iterations");
    derive_ = {std::string(scram_->salt()), scram_->iterations()};
    state_ = State::deriving;
    return Step::derive;
}

void BackendHandshake::derived(const auth::ScramKeys& keys) {
    REKEY_ASSERT(state_ == State::deriving);
    sasl_response(output_, scram_->final(keys));
    state_ = State::scram_final;
}

BackendHandshake::Step BackendHandshake::read_server_final(std::string_view message) {
    if (!scram_->server_final(message))
        return fail(BackendFailure::bad_server_proof, "the server does not know the password's verifier");
    state_ = State::scram_proven;
    return Step::need_input;
}

} // namespace rekey::protocol::postgres
