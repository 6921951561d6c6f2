#include "protocol/mysql/backend_handshake.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/common/login_text.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"

namespace rekey::protocol::mysql {

namespace {

constexpr std::uint32_t payload_max = 64 * 1024;
constexpr std::size_t version_size_max = 128;
constexpr int switches_max = 10; // MariaDB asks again for each of an account's methods

constexpr Capabilities required = capability::protocol_41 | capability::secure_connection | capability::plugin_auth;
constexpr Capabilities always = required | capability::long_password | capability::long_flag |
                                capability::transactions | capability::plugin_auth_lenenc;
// What no option may ask for: decided here, or never wanted.
constexpr Capabilities never =
    capability::ssl | capability::connect_with_db | capability::can_handle_expired_passwords | capability::multi_factor;

} // namespace

std::string_view to_string(BackendFailure failure) {
    switch (failure) {
    case BackendFailure::refused:
        return "refused";
    case BackendFailure::no_database:
        return "no_database";
    case BackendFailure::no_privilege:
        return "no_privilege";
    case BackendFailure::no_slot:
        return "no_slot";
    case BackendFailure::host_refused:
        return "host_refused";
    case BackendFailure::unavailable:
        return "unavailable";
    case BackendFailure::tls_refused:
        return "tls_refused";
    case BackendFailure::insecure_method:
        return "insecure_method";
    case BackendFailure::protocol_violation:
        return "protocol_violation";
    }
    REKEY_ASSERT(false);
}

// An account that is blocked for a while because of wrong passwords (3955, 4150) says nothing of this one.
BackendFailure failure_of(std::uint16_t code) {
    switch (code) {
    case 1045: // access denied
    case 1698: // access denied, and the plugin takes no password
    case 1820: // the password has expired, and must be changed first
    case 1862: // the password has expired
    case 3118: // the account is locked
    case 4151: // the same, MariaDB
        return BackendFailure::refused;
    case 1049:
        return BackendFailure::no_database;
    case 1044:
        return BackendFailure::no_privilege;
    case 1040: // too many connections
    case 1203: // of this user
    case 1226: // of this user, or in this hour
        return BackendFailure::no_slot;
    case 1129:
    case 1130:
        return BackendFailure::host_refused;
    case 3159: // TLS is required
        return BackendFailure::tls_refused;
    case 1251: // the plugin cannot be used with this client
    case 1524: // or is not loaded
        return BackendFailure::insecure_method;
    default:
        return BackendFailure::unavailable;
    }
}

BackendHandshake::BackendHandshake(BackendHandshakeOptions options) : options_(std::move(options)) {
    options_.capabilities = (options_.capabilities | always) & ~never;
    if (!options_.database.empty())
        options_.capabilities |= capability::connect_with_db;
    if (!options_.attributes.empty()) {
        attributes_ = connection_attributes(options_.attributes);
        options_.capabilities |= capability::connect_attrs;
    }
    if (options_.unix_socket)
        options_.tls = TlsWish::none;
    if (auto reason = unsendable_login(options_.user, options_.database, options_.password); !reason.empty())
        fail(BackendFailure::refused, reason);
}

BackendHandshake::Step BackendHandshake::next(std::string_view input, std::size_t& consumed) {
    consumed = 0;
    auto step = pending();
    while (step == Step::need_input) {
        std::size_t taken = 0;
        step = read_packet(input.substr(consumed), taken);
        consumed += taken;
        if (taken == 0)
            break;
    }
    return step;
}

// What the driver has to do before the next input can be read.
BackendHandshake::Step BackendHandshake::pending() const {
    switch (state_) {
    case State::greeting:
    case State::authentication:
        return Step::need_input;
    case State::tls:
        return Step::start_tls;
    case State::deriving:
        return Step::derive;
    case State::done:
        return Step::done;
    case State::failed:
        return Step::failed;
    }
    REKEY_ASSERT(false);
}

BackendHandshake::Step BackendHandshake::read_packet(std::string_view input, std::size_t& consumed) {
    if (input.size() < packet_header_size)
        return Step::need_input;
    auto header = read_packet_header(input.data());
    if (header.size > payload_max || header.size == 0)
        return fail(BackendFailure::protocol_violation, "invalid packet length");
    if (input.size() < packet_header_size + header.size)
        return Step::need_input;
    consumed = packet_header_size + header.size;
    auto payload = input.substr(packet_header_size, header.size);
    if (static_cast<unsigned char>(payload[0]) == err_header)
        return read_error(payload);
    if (header.sequence != sequence_)
        return fail(BackendFailure::protocol_violation, "packets out of order");
    ++sequence_;
    return state_ == State::greeting ? read_greeting_packet(payload, input.size() > consumed)
                                     : read_authentication(payload);
}

BackendHandshake::Step BackendHandshake::read_greeting_packet(std::string_view payload, bool more_input) {
    auto greeting = read_greeting(payload);
    if (!greeting || greeting->server_version.size() > version_size_max)
        return fail(BackendFailure::protocol_violation, "malformed greeting, or not a MySQL server");
    if ((greeting->capabilities & required) != required)
        return fail(BackendFailure::protocol_violation, "the server is too old: it knows no authentication plugins");
    agree(*greeting);
    bool offered = greeting->capabilities & capability::ssl;
    if (options_.tls == TlsWish::require && !offered)
        return fail(BackendFailure::tls_refused, "the server does not support TLS, but it is required");
    if (options_.tls == TlsWish::none || !offered)
        return send_response();
    if (more_input)
        return fail(BackendFailure::protocol_violation, "the server sent unencrypted data behind its greeting");
    result_.capabilities |= capability::ssl;
    sequence_ = write_ssl_request(output_, sequence_, response());
    state_ = State::tls;
    return Step::start_tls;
}

void BackendHandshake::agree(const Greeting& greeting) {
    result_.server_version = greeting.server_version;
    result_.mariadb = greeting.mariadb();
    result_.thread_id = greeting.thread_id;
    result_.server_capabilities = greeting.capabilities;
    result_.capabilities = greeting.capabilities & options_.capabilities;
    result_.server_collation = greeting.collation;
    nonce_ = greeting.nonce;
    plugin_ = greeting.plugin;
}

HandshakeResponse BackendHandshake::response() const {
    HandshakeResponse response;
    response.capabilities = result_.capabilities;
    response.max_packet = options_.max_packet;
    response.collation = options_.collation;
    response.user = options_.user;
    response.auth_response = proof_.answer();
    response.database = options_.database;
    response.plugin = proof_.plugin();
    response.attributes = attributes_;
    return response;
}

void BackendHandshake::tls_established() {
    REKEY_ASSERT(state_ == State::tls);
    result_.tls = true;
    send_response();
}

BackendHandshake::Step BackendHandshake::send_response() {
    AuthenticationProofOptions proof;
    proof.password = options_.password;
    proof.secure = result_.tls || options_.unix_socket;
    proof.request_public_key = options_.request_public_key;
    proof.public_key = options_.public_key;
    proof_ = AuthenticationProof(std::move(proof));
    proof_.begin(plugin_, nonce_);
    sequence_ = write_handshake_response(output_, sequence_, response());
    state_ = State::authentication;
    return Step::need_input;
}

BackendHandshake::Step BackendHandshake::read_authentication(std::string_view payload) {
    switch (static_cast<unsigned char>(payload[0])) {
    case ok_header:
        return read_final(payload);
    case auth_switch_header:
        return read_switch(payload);
    case auth_next_factor_header:
        return fail(BackendFailure::insecure_method, "the server asks for a second factor");
    case auth_more_data_header:
        return follow(proof_.more(payload.substr(1)));
    default: // MariaDB has the header only where the data could be taken for something else
        return follow(proof_.more(payload));
    }
}

BackendHandshake::Step BackendHandshake::read_switch(std::string_view payload) {
    auto request = read_auth_switch(payload);
    if (!request)
        return fail(BackendFailure::insecure_method, "the server asks for the password in the form of MySQL 4.0");
    if (++switches_ > switches_max)
        return fail(BackendFailure::protocol_violation, "the server asks for one authentication plugin after another");
    return follow(proof_.change(request->plugin, request->data));
}

BackendHandshake::Step BackendHandshake::follow(AuthenticationProof::Step step) {
    switch (step) {
    case AuthenticationProof::Step::send:
        sequence_ = write_auth_response(output_, sequence_, proof_.answer());
        return Step::need_input;
    case AuthenticationProof::Step::wait:
        return Step::need_input;
    case AuthenticationProof::Step::derive:
        state_ = State::deriving;
        return Step::derive;
    case AuthenticationProof::Step::insecure:
        return fail(BackendFailure::insecure_method, proof_.fault());
    case AuthenticationProof::Step::malformed:
        return fail(BackendFailure::protocol_violation, proof_.fault());
    }
    REKEY_ASSERT(false);
}

void BackendHandshake::derived(const Secret& seed) {
    REKEY_ASSERT(state_ == State::deriving);
    state_ = State::authentication;
    follow(proof_.derived(seed));
}

BackendHandshake::Step BackendHandshake::read_final(std::string_view payload) {
    auto ok = read_ok(payload, result_.capabilities);
    if (!ok)
        return fail(BackendFailure::protocol_violation, "malformed OK");
    result_.status = ok->status;
    result_.session_state = ok->session_state;
    result_.method = proof_.plugin();
    state_ = State::done;
    return Step::done;
}

BackendHandshake::Step BackendHandshake::read_error(std::string_view payload) {
    auto err = read_err(payload);
    if (!err)
        return fail(BackendFailure::protocol_violation, "malformed error");
    code_ = err->code;
    if (is_sqlstate(err->sqlstate))
        sqlstate_ = err->sqlstate;
    auto failure = failure_of(code_);
    // In place of the greeting, before anybody was named, it judges no credential: whoever sits in the network could
    // have written it.
    if (state_ == State::greeting && failure == BackendFailure::refused)
        failure = BackendFailure::unavailable;
    return fail(failure, reason_without(options_.password, err->message));
}

void BackendHandshake::closed() {
    if (state_ != State::done && state_ != State::failed)
        fail(BackendFailure::unavailable, "the server closed the connection");
}

BackendHandshake::Step BackendHandshake::fail(BackendFailure failure, std::string_view reason) {
    failure_ = failure;
    reason_ = printable_reason(reason);
    state_ = State::failed;
    return Step::failed;
}

} // namespace rekey::protocol::mysql
