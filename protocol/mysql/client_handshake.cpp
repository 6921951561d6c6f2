#include "protocol/mysql/client_handshake.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/mysql/packet.hpp"

#include <array>
#include <charconv>

namespace rekey::protocol::mysql {

namespace {

// Connection attributes and the answer to the nonce may have 64 KiB each.
constexpr std::uint32_t response_size_max = 128 * 1024;
constexpr std::uint32_t answer_size_max = 1024;
constexpr unsigned char tls_handshake_record = 0x16; // first byte of a ClientHello
constexpr std::size_t user_size_max = 512, database_size_max = 512, plugin_size_max = 128;

// Errors as servers word them; MySQL manual, "Server Error Message Reference".
constexpr Err out_of_order{1156, "08S01", "Got packets out of order"};
constexpr Err too_long{1153, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes"};
constexpr Err malformed{1835, "HY000", "Malformed communication packet."};
constexpr Err bad_handshake{1043, "08S01", "Bad handshake"};
constexpr Err old_client{1251, "08004",
                         "Client does not support authentication protocol requested by server; consider upgrading "
                         "MySQL client"};
constexpr Err insecure{3159, "HY000",
                       "Connections using insecure transport are prohibited while --require_secure_transport=ON."};

constexpr Capabilities required = capability::protocol_41 | capability::secure_connection;

// As Connector/J reads it: what is no version with three numbers is 0.0.0.
std::array<unsigned, 3> numbers_of(std::string_view version) {
    std::array<unsigned, 3> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), numbers[i]);
        version.remove_prefix(static_cast<std::size_t>(end - version.data()));
        if (error != std::errc() || (i < 2 && !version.starts_with('.')))
            return {};
        version.remove_prefix(i < 2 ? 1 : 0);
    }
    return numbers;
}

// Connector/J takes a server older than 5.5.16 to send a plugin's data without a byte before it. MariaDB has greeted
// as 5.5.5 up to 10.11, but never had a plugin for it that sends any.
bool wants_bare_data(std::string_view version, std::string_view attributes) {
    if (numbers_of(version) >= std::array{5u, 5u, 16u})
        return false;
    ConnectionAttributes pairs(attributes);
    for (std::string_view name, value; pairs.next(name, value);)
        if (name == "_client_name")
            return value == "MySQL Connector/J" || value == "MySQL Connector Java";
    return false;
}

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
    case ClientFailure::unsupported_client:
        return "unsupported_client";
    case ClientFailure::authentication_failed:
        return "authentication_failed";
    case ClientFailure::input_too_long:
        return "input_too_long";
    }
    REKEY_ASSERT(false);
}

// Servers make no TLS on unix sockets either, unless they are asked to: their clients do not ask.
ClientHandshake::ClientHandshake(const ClientHandshakeOptions& options) : options_(options), nonce_(new_nonce()) {
    if (options_.unix_socket)
        options_.tls_offered = options_.tls_required = false;
    offered_ = options_.capabilities | required | capability::plugin_auth | capability::plugin_auth_lenenc;
    offered_ = options_.tls_offered ? offered_ | capability::ssl : offered_ & ~capability::ssl;
    write_greeting(output_, {options_.server_version, options_.thread_id, nonce_, offered_, options_.collation,
                             options_.status, name_of(options_.plugin)});
}

ClientHandshake::ClientHandshake(const ClientHandshakeOptions& options, std::string nonce, Capabilities agreed,
                                 TlsFacts facts, std::string_view fields)
    : options_(options), nonce_(std::move(nonce)), capabilities_(agreed), tls_facts_(std::move(facts)),
      tls_(agreed & capability::ssl), again_(true) {
    // Any client of a MariaDB: those of MySQL pass over what proves our certificate.
    mariadb_client_ = !(agreed & capability::long_password);
    auto change = read_change_user(fields, agreed);
    if (!change || change->user.size() > user_size_max || change->database.size() > database_size_max) {
        fail(ClientFailure::protocol_violation, malformed);
        return;
    }
    user_ = change->user;
    database_ = change->database;
    collation_ = change->collation;
    attributes_ = change->attributes;
    response_ = change->auth_response;
    state_ = State::looking_up;
}

ClientHandshake::Step ClientHandshake::next(std::string_view input, std::size_t& consumed) {
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
ClientHandshake::Step ClientHandshake::pending() const {
    switch (state_) {
    case State::response:
    case State::answer:
        return Step::need_input;
    case State::tls:
        return Step::start_tls;
    case State::looking_up:
        return Step::lookup;
    case State::proven:
        return Step::authenticated;
    case State::failed:
        return Step::failed;
    }
    REKEY_ASSERT(false);
}

// The length is checked before it is waited for.
ClientHandshake::Step ClientHandshake::read_packet(std::string_view input, std::size_t& consumed) {
    if (input.size() < packet_header_size)
        return Step::need_input;
    auto header = read_packet_header(input.data());
    if (header.sequence != sequence_)
        return fail(ClientFailure::protocol_violation, out_of_order);
    ++sequence_;
    if (header.size > (state_ == State::response ? response_size_max : answer_size_max))
        return fail(ClientFailure::input_too_long, too_long);
    if (input.size() < packet_header_size + header.size) {
        --sequence_;
        return Step::need_input;
    }
    consumed = packet_header_size + header.size;
    return handle(input.substr(packet_header_size, header.size), input.substr(consumed));
}

ClientHandshake::Step ClientHandshake::handle(std::string_view payload, std::string_view behind) {
    if (state_ == State::answer)
        return follow(check_->answer(payload));
    if (payload.size() == ssl_request_size && read_client_capabilities(payload) & capability::ssl)
        return tls_requested(behind);
    return read_response(payload);
}

ClientHandshake::Step ClientHandshake::tls_requested(std::string_view behind) {
    if (tls_ || !options_.tls_offered)
        return fail(ClientFailure::protocol_violation, bad_handshake);
    if (!behind.empty() && static_cast<unsigned char>(behind[0]) != tls_handshake_record)
        return fail_silently(ClientFailure::unencrypted_data_after_tls_request,
                             "received unencrypted data after the request for TLS");
    state_ = State::tls;
    return Step::start_tls;
}

void ClientHandshake::tls_established(TlsFacts facts) {
    REKEY_ASSERT(state_ == State::tls);
    tls_ = true;
    tls_facts_ = std::move(facts);
    state_ = State::response;
}

ClientHandshake::Step ClientHandshake::read_response(std::string_view payload) {
    if ((read_client_capabilities(payload) & required) != required)
        return fail(ClientFailure::unsupported_client, old_client);
    auto response = read_handshake_response(payload);
    if (!response || response->user.size() > user_size_max || response->database.size() > database_size_max ||
        response->plugin.size() > plugin_size_max || response->auth_response.size() > answer_size_max)
        return fail(ClientFailure::protocol_violation, bad_handshake);
    if (options_.tls_required && !tls_)
        return fail(ClientFailure::tls_required, insecure);
    capabilities_ = response->capabilities & offered_;
    capabilities_ = tls_ ? capabilities_ | capability::ssl : capabilities_ & ~capability::ssl;
    mariadb_client_ = !(response->capabilities & capability::long_password);
    max_packet_ = response->max_packet;
    collation_ = response->collation;
    user_ = response->user;
    database_ = response->database;
    attributes_ = response->attributes;
    options_.bare_data = wants_bare_data(options_.server_version, attributes_);
    if (response->zstd_level != 0)
        zstd_level_ = response->zstd_level;
    plugin_ = response->plugin;
    response_ = response->auth_response;
    state_ = State::looking_up;
    return Step::lookup;
}

void ClientHandshake::user_found(std::optional<UserRecord> record) {
    REKEY_ASSERT(state_ == State::looking_up);
    bool welcome = record && record->may_connect;
    bool trusted =
        welcome && record->allow_cert && !tls_facts_.certificate_cn.empty() && tls_facts_.certificate_cn == user_;
    bool doomed = !welcome || !(trusted || (record->methods.any() && record->verifiers.any()));
    if (doomed)
        record = mock_user(user_, options_.mock_secret, options_.kinds);
    AuthenticationCheckOptions check;
    check.secure = tls_ || options_.unix_socket;
    check.plugin_auth = capabilities_ & capability::plugin_auth;
    check.key = options_.key;
    check.nonce = nonce_;
    check_.emplace(*record, std::move(check), trusted, doomed);
    state_ = State::answer;
    follow(again_ ? check_->begin_anew(response_) : check_->begin(plugin_, response_));
    method_ = trusted ? "cert" : check_->method();
    cleanse(response_); // may be the password itself
}

ClientHandshake::Step ClientHandshake::follow(AuthenticationCheck::Step step) {
    switch (step) {
    case AuthenticationCheck::Step::ask:
        sequence_ = write_auth_response(output_, sequence_, dressed(check_->packet()));
        return Step::need_input;
    case AuthenticationCheck::Step::accepted:
        state_ = State::proven;
        return Step::authenticated;
    case AuthenticationCheck::Step::refused:
        return password_refused();
    case AuthenticationCheck::Step::no_plugin:
        return fail(ClientFailure::unsupported_client, old_client);
    }
    REKEY_ASSERT(false);
}

ClientHandshake::Step ClientHandshake::password_refused() {
    auto message = "Access denied for user '" + user_ + "'@'" + std::string(options_.client_host) +
                   "' (using password: " + (check_->using_password() ? "YES)" : "NO)");
    return fail(ClientFailure::authentication_failed, {1045, "28000", message});
}

// What a plugin says, as the client wants it.
std::string_view ClientHandshake::dressed(std::string_view data) const {
    bool bare = options_.bare_data && data.starts_with(static_cast<char>(auth_more_data_header));
    return data.substr(bare ? 1 : 0);
}

void ClientHandshake::closed() {
    if (state_ != State::failed && state_ != State::proven)
        fail_silently(ClientFailure::closed_by_client, "the client closed the connection");
}

ClientHandshake::Step ClientHandshake::fail(ClientFailure failure, const Err& err) {
    write_err(output_, sequence_, err);
    return fail_silently(failure, err.message);
}

ClientHandshake::Step ClientHandshake::fail_silently(ClientFailure failure, std::string_view reason) {
    failure_ = failure;
    reason_ = reason;
    state_ = State::failed;
    return Step::failed;
}

void ClientHandshake::login_reply(std::string& out, const Ok& ok) const {
    REKEY_ASSERT(state_ == State::proven);
    auto sequence = sequence_;
    if (auto prefix = check_->success_prefix(); !prefix.empty())
        sequence = write_auth_response(out, sequence, dressed(prefix));
    auto reply = ok;
    std::string proof;
    if (tls_ && mariadb_client_)
        proof = check_->certificate_proof(tls_facts_.certificate_sha256);
    if (!proof.empty())
        reply.info = proof;
    write_ok(out, sequence, capabilities_, reply);
}

void ClientHandshake::refusal(std::string& out, const Err& err) const {
    write_err(out, sequence_, err);
}

} // namespace rekey::protocol::mysql
