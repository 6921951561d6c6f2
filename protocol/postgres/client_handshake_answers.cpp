// The second half of ClientHandshake: what the client answers to the authentication request.
#include "protocol/auth/digest.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/bytes.hpp"
#include "protocol/postgres/client_handshake.hpp"
#include "protocol/postgres/messages.hpp"

namespace rekey::protocol::postgres {

namespace {

constexpr std::string_view protocol_violation = "08P01";
constexpr std::size_t head_size = 5; // type and length
constexpr std::size_t answer_length_max = 1024 + 4;

} // namespace

// One message of type 'p'; its length is checked before it is waited for.
ClientHandshake::Step ClientHandshake::read_answer(std::string_view input, std::size_t& consumed) {
    if (input.empty())
        return Step::need_input;
    if (input[0] != 'p')
        return fail(ClientFailure::protocol_violation, protocol_violation,
                    state_ == State::md5 ? "expected password response" : "expected SASL response");
    if (input.size() < head_size)
        return Step::need_input;
    auto length = load_u32(input.data() + 1);
    if (length > answer_length_max)
        return fail(ClientFailure::input_too_long, protocol_violation, "invalid message length");
    if (length < 4)
        return fail(ClientFailure::protocol_violation, protocol_violation, "invalid message length");
    if (input.size() < 1 + length)
        return Step::need_input;
    consumed = 1 + length;
    auto body = input.substr(head_size, length - 4);
    switch (state_) {
    case State::sasl_mechanism:
        return read_sasl_mechanism(body);
    case State::sasl_first:
        return read_sasl_first(body);
    case State::sasl_final:
        return read_sasl_final(body);
    case State::md5:
        return read_md5(body);
    case State::first_packet:
    case State::tls:
    case State::looking_up:
    case State::cancelled:
    case State::proven:
    case State::failed:
        break;
    }
    REKEY_ASSERT(false);
}

void ClientHandshake::begin_scram(auth::ScramVerifier verifier, bool doomed) {
    scram_options_.verifier = std::move(verifier);
    scram_options_.doomed = doomed;
    scram_options_.end_point_hash = tls_facts_.end_point_hash;
    scram_options_.nonce = auth::scram_nonce();
    if (scram_options_.end_point_hash.empty())
        authentication_sasl(output_, {auth::scram_sha_256});
    else
        authentication_sasl(output_, {auth::scram_sha_256_plus, auth::scram_sha_256});
    state_ = State::sasl_mechanism;
}

// SASLInitialResponse: the mechanism, the length of the data (-1: none yet) and the data.
ClientHandshake::Step ClientHandshake::read_sasl_mechanism(std::string_view body) {
    Reader reader(body);
    auto mechanism = reader.text();
    auto length = reader.i32();
    bool plus = mechanism == auth::scram_sha_256_plus && !scram_options_.end_point_hash.empty();
    if (reader.failed() || length < -1 || reader.left() != static_cast<std::size_t>(length == -1 ? 0 : length))
        return fail(ClientFailure::protocol_violation, protocol_violation, "malformed SASL response");
    if (!plus && mechanism != auth::scram_sha_256)
        return fail(ClientFailure::protocol_violation, protocol_violation,
                    "client selected an invalid SASL authentication mechanism");
    scram_options_.plus_chosen = plus;
    method_ = plus ? "scram-sha-256-plus" : "scram-sha-256";
    scram_.emplace(std::move(scram_options_));
    if (length == -1) {
        authentication_sasl_continue(output_, {});
        state_ = State::sasl_first;
        return Step::need_input;
    }
    return read_sasl_first(reader.rest());
}

ClientHandshake::Step ClientHandshake::read_sasl_first(std::string_view message) {
    auto answer = scram_->first(message);
    if (!answer)
        return scram_failed();
    authentication_sasl_continue(output_, *answer);
    state_ = State::sasl_final;
    return Step::need_input;
}

ClientHandshake::Step ClientHandshake::read_sasl_final(std::string_view message) {
    auto answer = scram_->final(message);
    if (scram_->wrong_password())
        return password_refused();
    if (!answer)
        return scram_failed();
    authentication_sasl_final(output_, *answer);
    state_ = State::proven;
    return Step::authenticated;
}

// 28000: the channel binding says that somebody stands in between.
ClientHandshake::Step ClientHandshake::scram_failed() {
    const auto& fault = scram_->fault();
    auto failure = fault.sqlstate == "28000" ? ClientFailure::authentication_failed : ClientFailure::protocol_violation;
    return fail(failure, fault.sqlstate, fault.message, fault.detail);
}

ClientHandshake::Step ClientHandshake::read_md5(std::string_view body) {
    Reader reader(body);
    auto answer = reader.text();
    if (!reader.done())
        return fail(ClientFailure::protocol_violation, protocol_violation, "invalid password packet size");
    if (!equal_in_constant_time(answer, md5_expected_))
        return password_refused();
    state_ = State::proven;
    return Step::authenticated;
}

} // namespace rekey::protocol::postgres
