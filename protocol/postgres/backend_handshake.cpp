#include "protocol/postgres/backend_handshake.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/common/bytes.hpp"
#include "protocol/common/login_text.hpp"
#include "protocol/postgres/messages.hpp"

namespace rekey::protocol::postgres {

namespace {

constexpr std::size_t head_size = 5; // type and length
constexpr std::size_t message_length_max = std::size_t{64} * 1024;
constexpr std::size_t settings_size_max = std::size_t{256} * 1024;

std::string_view unsendable(const BackendHandshakeOptions& options) {
    if (auto reason = unsendable_login(options.user, options.database, options.password); !reason.empty())
        return reason;
    auto holds_nul = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
    for (const auto& [name, value] : options.parameters)
        if (name.empty() || holds_nul(name) || holds_nul(value))
            return "a start-up parameter holds a NUL byte or has no name";
    return {};
}

BackendFailure failure_of(std::string_view sqlstate) {
    if (sqlstate == "28P01" || sqlstate == "28000")
        return BackendFailure::refused;
    if (sqlstate == "3D000")
        return BackendFailure::no_database;
    if (sqlstate == "42501")
        return BackendFailure::no_privilege;
    if (sqlstate == "53300")
        return BackendFailure::no_slot;
    return BackendFailure::unavailable;
}

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
    case BackendFailure::unavailable:
        return "unavailable";
    case BackendFailure::tls_refused:
        return "tls_refused";
    case BackendFailure::insecure_method:
        return "insecure_method";
    case BackendFailure::bad_server_proof:
        return "bad_server_proof";
    case BackendFailure::protocol_violation:
        return "protocol_violation";
    }
    REKEY_ASSERT(false);
}

BackendHandshake::BackendHandshake(BackendHandshakeOptions options) : options_(std::move(options)) {
    if (auto reason = unsendable(options_); !reason.empty()) {
        fail(BackendFailure::refused, reason);
    } else if (options_.tls == TlsWish::none) {
        begin_startup();
    } else if (options_.direct_tls) {
        state_ = State::tls;
    } else {
        ssl_request(output_);
        state_ = State::tls_answer;
    }
}

BackendHandshake::Step BackendHandshake::next(std::string_view input, std::size_t& consumed) {
    consumed = 0;
    auto step = pending();
    while (step == Step::need_input) {
        std::size_t taken = 0;
        auto rest = input.substr(consumed);
        step = state_ == State::tls_answer ? read_tls_answer(rest, taken) : read_message(rest, taken);
        consumed += taken;
        if (taken == 0)
            break;
    }
    return step;
}

// What the driver has to do before the next input can be read.
BackendHandshake::Step BackendHandshake::pending() const {
    switch (state_) {
    case State::tls_answer:
    case State::authentication:
    case State::password_sent:
    case State::scram_first:
    case State::scram_final:
    case State::scram_proven:
    case State::settings:
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

BackendHandshake::Step BackendHandshake::read_tls_answer(std::string_view input, std::size_t& consumed) {
    if (input.empty())
        return Step::need_input;
    switch (input[0]) {
    case 'S':
        if (input.size() > 1)
            return fail(BackendFailure::protocol_violation, "the server sent unencrypted data behind its answer to the "
                                                            "TLS request");
        consumed = 1;
        state_ = State::tls;
        return Step::start_tls;
    case 'N':
        if (options_.tls == TlsWish::require)
            return fail(BackendFailure::tls_refused, "the server does not support TLS, but it is required");
        consumed = 1;
        begin_startup();
        return Step::need_input;
    case 'E':
        return fail(BackendFailure::unavailable, "the server answered the TLS request with an error");
    default:
        return fail(BackendFailure::protocol_violation, "the server's answer to the TLS request is not one");
    }
}

void BackendHandshake::tls_established(std::string end_point_hash) {
    REKEY_ASSERT(state_ == State::tls);
    end_point_hash_ = std::move(end_point_hash);
    result_.tls = true;
    begin_startup();
}

// Protocol 3.0: all that 3.2 changes is the length of the cancel key, which nobody but us ever sees, and poolers and
// older servers in between need not negotiate.
void BackendHandshake::begin_startup() {
    startup_message(output_, version_3_0, options_.user, options_.database, options_.parameters);
    state_ = State::authentication;
}

BackendHandshake::Step BackendHandshake::read_message(std::string_view input, std::size_t& consumed) {
    if (input.size() < head_size)
        return Step::need_input;
    auto length = load_u32(input.data() + 1);
    if (length > message_length_max || length < 4) {
        // A server too old or too short of memory to start a process says so without a length.
        if (input[0] == 'E' && state_ == State::authentication)
            return fail(BackendFailure::unavailable, "the server reported an error in an unknown form");
        return fail(BackendFailure::protocol_violation, "invalid message length");
    }
    if (input.size() < 1 + std::size_t{length})
        return Step::need_input;
    consumed = 1 + length;
    return handle(input[0], input.substr(head_size, length - 4));
}

BackendHandshake::Step BackendHandshake::handle(char type, std::string_view body) {
    switch (type) {
    case 'E':
        return read_error(body);
    case 'N': // notices of a login hook; nobody to show them to
        return Step::need_input;
    case 'R':
        return read_authentication(body);
    default:
        if (state_ != State::settings)
            return fail(BackendFailure::protocol_violation, "unexpected message before the authentication's end");
        return read_setting(type, body);
    }
}

// ParameterStatus, BackendKeyData and, at last, ReadyForQuery.
BackendHandshake::Step BackendHandshake::read_setting(char type, std::string_view body) {
    if (type == 'S') {
        auto status = read_parameter_status(body);
        settings_size_ += body.size();
        if (!status || settings_size_ > settings_size_max)
            return fail(BackendFailure::protocol_violation, "malformed ParameterStatus or too many of them");
        result_.parameters.emplace_back(status->name, status->value);
        return Step::need_input;
    }
    if (type == 'K') {
        auto data = read_backend_key_data(body);
        if (!data)
            return fail(BackendFailure::protocol_violation, "malformed BackendKeyData");
        result_.pid = data->pid;
        result_.key = data->key;
        return Step::need_input;
    }
    if (type == 'Z' && body == "I") {
        state_ = State::done;
        return Step::done;
    }
    return fail(BackendFailure::protocol_violation, "unexpected message after authentication");
}

BackendHandshake::Step BackendHandshake::read_error(std::string_view body) {
    auto fields = read_error_fields(body);
    if (is_sqlstate(fields.sqlstate))
        sqlstate_ = fields.sqlstate;
    return fail(failure_of(sqlstate_), reason_without(options_.password, fields.message));
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

} // namespace rekey::protocol::postgres
