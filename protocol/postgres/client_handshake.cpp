#include "protocol/postgres/client_handshake.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/auth/md5.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/bytes.hpp"
#include "protocol/postgres/messages.hpp"

namespace rekey::protocol::postgres {

namespace {

constexpr unsigned char tls_handshake_record = 0x16; // first byte of a ClientHello
constexpr std::string_view alpn_postgresql = "postgresql";

} // namespace

std::string_view to_string(ClientFailure failure) {
    switch (failure) {
    case ClientFailure::closed_by_client:
        return "closed_by_client";
    case ClientFailure::protocol_violation:
        return "protocol_violation";
    case ClientFailure::unencrypted_data_after_tls_request:
        return "unencrypted_data_after_tls_request";
    case ClientFailure::tls_required:
        return "tls_required";
    case ClientFailure::tls_no_alpn:
        return "tls_no_alpn";
    case ClientFailure::unsupported_version:
        return "unsupported_version";
    case ClientFailure::replication_not_supported:
        return "replication_not_supported";
    case ClientFailure::authentication_failed:
        return "authentication_failed";
    case ClientFailure::input_too_long:
        return "input_too_long";
    }
    REKEY_ASSERT(false);
}

// PostgreSQL makes no TLS on unix sockets either.
ClientHandshake::ClientHandshake(const ClientHandshakeOptions& options) : options_(options) {
    if (options_.unix_socket)
        options_.tls_offered = options_.tls_required = false;
}

ClientHandshake::Step ClientHandshake::next(std::string_view input, std::size_t& consumed) {
    consumed = 0;
    auto step = pending();
    while (step == Step::need_input) {
        std::size_t taken = 0;
        auto rest = input.substr(consumed);
        step = state_ == State::first_packet ? read_packet(rest, taken) : read_answer(rest, taken);
        consumed += taken;
        if (taken == 0)
            break;
    }
    return step;
}

// What the driver has to do before the next input can be read.
ClientHandshake::Step ClientHandshake::pending() const {
    switch (state_) {
    case State::first_packet:
    case State::sasl_mechanism:
    case State::sasl_first:
    case State::sasl_final:
    case State::md5:
        return Step::need_input;
    case State::tls:
        return Step::start_tls;
    case State::looking_up:
        return Step::lookup;
    case State::cancelled:
        return Step::cancel;
    case State::proven:
        return Step::authenticated;
    case State::failed:
        return Step::failed;
    }
    REKEY_ASSERT(false);
}

// A packet without a type: a request for encryption, a cancel request or the start-up packet.
ClientHandshake::Step ClientHandshake::read_packet(std::string_view input, std::size_t& consumed) {
    if (input.empty())
        return Step::need_input;
    bool first = !tls_ && !tls_requested_ && !gss_requested_;
    if (first && static_cast<unsigned char>(input[0]) == tls_handshake_record) {
        if (!options_.tls_offered)
            return fail_silently(ClientFailure::protocol_violation, "direct TLS, and no TLS is offered here");
        direct_tls_ = true;
        state_ = State::tls;
        return Step::start_tls;
    }
    if (input.size() < 4)
        return Step::need_input;
    auto length = load_u32(input.data());
    // As PostgreSQL: whoever gets this wrong does not speak the protocol and could not read an error.
    if (length > startup_length_max)
        return fail_silently(ClientFailure::input_too_long, "start-up packet longer than 10,000 bytes");
    if (length < startup_length_min)
        return fail_silently(ClientFailure::protocol_violation, "invalid length of start-up packet");
    if (input.size() < length)
        return Step::need_input;
    consumed = length;
    auto body = input.substr(4, length - 4);
    auto code = load_u32(body.data());
    bool encryption =
        (code == ssl_request_code && !tls_requested_) || (code == gss_encryption_request_code && !gss_requested_);
    if (encryption && body.size() == 4)
        return encryption_requested(code, input.size() > length);
    if (code == cancel_request_code)
        return read_cancel(body);
    return read_startup_packet(body);
}

ClientHandshake::Step ClientHandshake::encryption_requested(std::uint32_t code, bool more_input) {
    (code == ssl_request_code ? tls_requested_ : gss_requested_) = true;
    if (code == gss_encryption_request_code || !options_.tls_offered || tls_) {
        output_ += 'N';
        return Step::need_input;
    }
    // Bytes that came before TLS must never be taken for what came through it.
    if (more_input)
        return fail(ClientFailure::unencrypted_data_after_tls_request, "08P01",
                    "received unencrypted data after SSL request",
                    "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.");
    output_ += 'S';
    gss_requested_ = true; // no further encryption inside TLS
    state_ = State::tls;
    return Step::start_tls;
}

void ClientHandshake::tls_established(TlsFacts facts) {
    REKEY_ASSERT(state_ == State::tls);
    tls_ = true;
    tls_facts_ = std::move(facts);
    state_ = State::first_packet;
    // Without ALPN, another protocol's client might have been led here (manual 55.2.11). It is told nothing.
    if (direct_tls_ && tls_facts_.alpn != alpn_postgresql)
        fail_silently(ClientFailure::tls_no_alpn, "direct TLS without the ALPN protocol postgresql");
}

// Accepted without TLS wherever a start-up would not be: PQcancel() knows no encryption.
ClientHandshake::Step ClientHandshake::read_cancel(std::string_view body) {
    Reader reader(body.substr(4));
    cancel_.pid = reader.u32();
    cancel_.key = reader.rest();
    if (reader.failed() || cancel_.key.size() < 4 || cancel_.key.size() > 256)
        return fail_silently(ClientFailure::protocol_violation, "invalid length of cancel request");
    state_ = State::cancelled;
    return Step::cancel;
}

ClientHandshake::Step ClientHandshake::read_startup_packet(std::string_view body) {
    StartupFault fault;
    auto startup = read_startup(body, fault);
    if (!startup) {
        auto failure =
            fault.sqlstate == "0A000" ? ClientFailure::unsupported_version : ClientFailure::protocol_violation;
        return fail(failure, fault.sqlstate, fault.message, {}, fault.hint);
    }
    if (options_.tls_required && !tls_)
        return fail(ClientFailure::tls_required, "28000", "connection requires TLS", {},
                    "Connect with sslmode=require or stronger.");
    if (startup->replication)
        return fail(ClientFailure::replication_not_supported, "0A000", "replication connections are not supported", {},
                    "Connect to the database server directly for replication.");
    startup_ = std::move(*startup);
    if (startup_.needs_negotiation())
        negotiate_protocol_version(output_, startup_.version, startup_.unknown_protocol_options);
    state_ = State::looking_up;
    return Step::lookup;
}

// The strongest method the record allows. Whoever may not log in by any gets the same exchange as a user that does not
// exist.
void ClientHandshake::user_found(std::optional<UserRecord> record) {
    REKEY_ASSERT(state_ == State::looking_up);
    bool welcome = record && record->may_connect;
    if (welcome && record->allow_cert && !tls_facts_.certificate_cn.empty() &&
        tls_facts_.certificate_cn == startup_.user) {
        method_ = "cert";
        state_ = State::proven;
    } else if (welcome && record->allow_scram && record->scram) {
        begin_scram(std::move(*record->scram), false);
    } else if (welcome && record->allow_md5 && !record->password.empty()) {
        auto salt = auth::random_bytes(4);
        md5_expected_ = auth::md5_response(auth::md5_stored(record->password.reveal(), startup_.user), salt);
        authentication_md5_password(output_, salt);
        method_ = "md5";
        state_ = State::md5;
    } else {
        begin_scram(auth::mock_scram_verifier(startup_.user, options_.mock_secret, options_.mock_iterations), true);
    }
}

void ClientHandshake::closed() {
    if (state_ != State::failed && state_ != State::proven && state_ != State::cancelled)
        fail_silently(ClientFailure::closed_by_client, "the client closed the connection");
}

ClientHandshake::Step ClientHandshake::password_refused() {
    return fail(ClientFailure::authentication_failed, "28P01",
                "password authentication failed for user \"" + startup_.user + "\"");
}

ClientHandshake::Step ClientHandshake::fail(ClientFailure failure, std::string_view sqlstate, std::string_view message,
                                            std::string_view detail, std::string_view hint) {
    error_response(output_, "FATAL", sqlstate, message, detail, hint);
    return fail_silently(failure, message);
}

ClientHandshake::Step ClientHandshake::fail_silently(ClientFailure failure, std::string_view reason) {
    failure_ = failure;
    reason_ = reason;
    state_ = State::failed;
    return Step::failed;
}

void ClientHandshake::login_reply(std::string& out,
                                  const std::vector<std::pair<std::string_view, std::string_view>>& parameters,
                                  std::uint32_t pid, std::string_view key) {
    authentication_ok(out);
    for (const auto& [name, value] : parameters)
        parameter_status(out, name, value);
    backend_key_data(out, pid, key);
    ready_for_query(out, 'I');
}

} // namespace rekey::protocol::postgres
