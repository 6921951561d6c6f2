#include "proxy/admin/console_session.hpp"

#include "protocol/common/bytes.hpp"
#include "protocol/postgres/messages.hpp"
#include "proxy/admin/console_reply.hpp"
#include "proxy/version.hpp"

namespace rekey::proxy::admin {
namespace {

namespace postgres = protocol::postgres;

constexpr std::size_t header_bytes = 5; // type and length

postgres::ClientHandshakeOptions handshake_options(const ConsoleAccess& access) {
    postgres::ClientHandshakeOptions options;
    options.unix_socket = access.unix_socket;
    options.mock_secret = access.mock_secret;
    return options;
}

void append_login_reply(std::string& out) {
    auto server_version = std::string(version) + "/rekey";
    std::vector<std::pair<std::string_view, std::string_view>> parameters{{"server_version", server_version},
                                                                          {"server_encoding", "UTF8"},
                                                                          {"client_encoding", "UTF8"},
                                                                          {"DateStyle", "ISO, YMD"},
                                                                          {"integer_datetimes", "on"},
                                                                          {"standard_conforming_strings", "on"},
                                                                          {"is_superuser", "off"},
                                                                          {"TimeZone", "UTC"}};
    postgres::ClientHandshake::login_reply(out, parameters, 0, std::string_view("\0\0\0\0", 4)); // nothing to cancel
}

} // namespace

ConsoleSession::ConsoleSession(ControlPlane& control, const ConsoleAccess& access, std::function<void()> output_ready)
    : control_(control), handshake_(handshake_options(access)), access_(access),
      output_ready_(std::move(output_ready)) {}

void ConsoleSession::receive(std::string_view bytes) {
    input_ += bytes;
    inside_receive_ = true;
    advance();
    inside_receive_ = false;
}

void ConsoleSession::advance() {
    while (!closing_ && !busy_) {
        if (logged_in_ ? !next_frame() : !log_in())
            return;
    }
}

// False: more input is needed, or it is over.
bool ConsoleSession::log_in() {
    using Step = postgres::ClientHandshake::Step;
    std::size_t consumed = 0;
    auto step = handshake_.next(input_, consumed);
    input_.erase(0, consumed);
    output_ += handshake_.take_output();
    switch (step) {
    case Step::need_input:
        return false;
    case Step::lookup: {
        postgres::UserRecord record; // whoever holds the token, under any name
        record.scram = access_.verifier;
        handshake_.user_found(std::move(record));
        return true;
    }
    case Step::authenticated:
        logged_in_ = true;
        append_login_reply(output_);
        return true;
    case Step::start_tls: // never offered
    case Step::cancel:    // a statement here ends by itself
    case Step::failed:
        closing_ = true;
        return false;
    }
    return false;
}

bool ConsoleSession::next_frame() {
    if (input_.size() < header_bytes)
        return false;
    auto length = protocol::load_u32(input_.data() + 1);
    if (length < 4 || length > frame_bytes_max) {
        protocol_violation("invalid message length");
        return false;
    }
    if (input_.size() < length + 1)
        return false;
    auto frame = input_.substr(0, length + 1);
    input_.erase(0, length + 1);
    message(frame.front(), std::string_view(frame).substr(header_bytes));
    return true;
}

void ConsoleSession::message(char type, std::string_view body) {
    switch (type) {
    case 'Q':
        return simple_query(body);
    case 'X':
        closing_ = true;
        return;
    case 'S':
        skip_to_sync_ = false;
        return postgres::ready_for_query(output_, 'I');
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
        if (!skip_to_sync_)
            postgres::error_response(output_, "ERROR", "0A000", "the console speaks the simple query protocol only", {},
                                     "Use psql, or a driver's simple query mode.");
        skip_to_sync_ = true;
        return;
    case 'H':
        return; // Flush: nothing is held back
    case 'F':
        postgres::error_response(output_, "ERROR", "0A000", "the console has no functions");
        return postgres::ready_for_query(output_, 'I');
    default:
        return protocol_violation("unexpected message type");
    }
}

void ConsoleSession::simple_query(std::string_view body) {
    protocol::Reader reader(body);
    auto text = reader.text();
    if (!reader.done())
        return protocol_violation("malformed Query message");
    skip_to_sync_ = false;
    busy_ = true;
    auto statements = split_statements(text);
    if (statements.size() > statements_max)
        return statement_failed("54001", "too many statements in one query");
    for (auto statement = statements.rbegin(); statement != statements.rend(); ++statement)
        statements_.emplace_back(*statement);
    run_next();
}

void ConsoleSession::run_next() {
    if (statements_.empty())
        return query_done();
    auto statement = std::move(statements_.back());
    statements_.pop_back();
    std::visit([this](const auto& command) { run(command); }, parse_console_command(statement));
}

void ConsoleSession::run(const EmptyCommand&) {
    postgres::empty_query_response(output_);
    statement_done();
}

void ConsoleSession::run(const UnknownCommand& command) {
    statement_failed(command.sqlstate, command.message, command.hint);
}

void ConsoleSession::run(const ShowCommand& command) {
    if (command.what == ShowWhat::help || command.what == ShowWhat::version || command.what == ShowWhat::config) {
        append_table(output_, command.what == ShowWhat::help      ? help_table()
                              : command.what == ShowWhat::version ? version_table()
                                                                  : config_table(control_.settings()));
        return statement_done();
    }
    control_.status([self = shared_from_this(), what = command.what](const StatusReport& report) {
        append_table(self->output_, show_table(what, report));
        self->statement_done();
    });
}

void ConsoleSession::run(const RotateCommand& command) {
    if (!control_.has_credential(command.credential))
        return statement_failed("42704", "no credential is named \"" + command.credential + "\"",
                                "SHOW CREDENTIALS lists them.");
    if (!command.wait && !command.request.dry_run) {
        control_.rotate(command.credential, command.request, [](const rotation::RotateReply&) {});
        postgres::notice_response(output_, "NOTICE", "00000", "rotation started", {},
                                  "SHOW ROTATIONS tells how far it is.");
        postgres::command_complete(output_, "ROTATE");
        return statement_done();
    }
    control_.rotate(command.credential, command.request,
                    [self = shared_from_this()](const rotation::RotateReply& reply) {
                        bool good = append_rotation(self->output_, reply);
                        if (good)
                            self->statement_done();
                        else
                            self->statement_failed("55000", rotation_failure(reply));
                    });
}

void ConsoleSession::run(const ReloadCommand&) {
    control_.reload([self = shared_from_this()](const ReloadReply& reply) {
        if (!reply.errors.empty())
            return self->statement_failed("F0000", reply.errors.front(), "The running configuration stays.");
        append_reload(self->output_, reply);
        self->statement_done();
    });
}

void ConsoleSession::statement_done() {
    run_next();
}

// The rest of the query is not run, as in PostgreSQL.
void ConsoleSession::statement_failed(std::string_view sqlstate, std::string_view text, std::string_view hint) {
    postgres::error_response(output_, "ERROR", sqlstate, text, {}, hint);
    statements_.clear();
    query_done();
}

void ConsoleSession::query_done() {
    postgres::ready_for_query(output_, 'I');
    busy_ = false;
    if (!inside_receive_)
        resume();
}

// An answer came later than the question: go on with what has been read since.
void ConsoleSession::resume() {
    auto self = shared_from_this();
    receive({});
    if (output_ready_)
        output_ready_();
}

void ConsoleSession::protocol_violation(std::string_view text) {
    postgres::error_response(output_, "FATAL", "08P01", text);
    closing_ = true;
}

} // namespace rekey::proxy::admin
