// PostgresBackend: what a server sends, message by message, and the replies it owes.
#include "protocol/postgres/exchange.hpp"
#include "protocol/postgres/messages.hpp"

#include <algorithm>
#include <array>

namespace rekey::protocol::postgres {

namespace {

// Would tell who Rekey is upstream, and change with the generation: the client keeps what it was told at login.
bool frozen(std::string_view name) {
    return same_name(name, "session_authorization") || same_name(name, "is_superuser");
}

// What is known of a message by its type alone. PostgreSQL manual 55.7.
enum Trait : std::uint8_t { known = 1, no_body = 2, whole = 4 /* decides something: is read whole */ };

constexpr auto traits = [] {
    std::array<std::uint8_t, 256> table{};
    for (const char type : std::string_view("12345ACDEGHIKNSTVWZcdnst"))
        table[static_cast<unsigned char>(type)] |= known;
    for (const char type : std::string_view("123nIsc"))
        table[static_cast<unsigned char>(type)] |= no_body;
    for (const char type : std::string_view("ZECSK"))
        table[static_cast<unsigned char>(type)] |= whole;
    return table;
}();

bool has(char type, Trait trait) {
    return (traits[static_cast<unsigned char>(type)] & trait) != 0;
}

} // namespace

PostgresBackend::PostgresBackend(Options options)
    : context_(*options.context), login_user_(std::move(options.login_user)),
      neutral_role_(options.role.empty() ? "none" : options.role), settings_(context_.parameters.empty()) {
    std::erase_if(options.reported, [](const Parameter& p) { return frozen(p.first); });
    reported_ = context_.parameters.intern(std::move(options.reported));
}

BackendTurn PostgresBackend::on_backend(std::string_view in, ClientExchange* client, Output& to_client,
                                        Output& to_backend) {
    Turn turn{static_cast<PostgresClient*>(client), &to_client, &to_backend};
    BackendTurn result;
    auto& at = result.consumed;
    while (at < in.size() && !result.broken) {
        if (body_left_ != 0) {
            auto piece = in.substr(at, body_left_);
            if (!body_swallowed_ && client != nullptr)
                to_client.forward(piece);
            at += piece.size();
            body_left_ -= static_cast<std::uint32_t>(piece.size());
            if (body_left_ == 0)
                emit_fakes(turn);
            continue;
        }
        if (in.size() - at < frame_header_size)
            break;
        auto frame = read_frame_header(in.data() + at);
        if (!frame.valid || !has(frame.type, known) || (frame.body != 0 && has(frame.type, no_body))) {
            result.broken = true;
            result.reason = "unintelligible message";
            break;
        }
        auto size = frame_header_size + std::size_t{frame.body};
        bool probe_row = frame.type == 'D' && own_turn() && own_.front() == Own::probe;
        if ((has(frame.type, Trait::whole) || probe_row) && in.size() - at < size) {
            if (size > context_.message_collect) {
                result.broken = true;
                result.reason = "message over the limit message_collect";
            }
            break;
        }
        auto whole = in.substr(at, size);
        bool forward = on_frame(frame, whole, turn, result) && client != nullptr;
        if (forward)
            to_client.forward(whole);
        at += whole.size();
        body_left_ = static_cast<std::uint32_t>(size - whole.size());
        body_swallowed_ = !forward;
        if (body_left_ == 0)
            emit_fakes(turn);
    }
    return result;
}

// True: forward it. `whole` is cut short for a frame that streams.
bool PostgresBackend::on_frame(const Frame& frame, std::string_view whole, Turn& turn, BackendTurn& result) {
    switch (frame.type) {
    case 'Z':
        if (frame.body != 1) {
            result = {result.consumed, true, "malformed ReadyForQuery"};
            return false;
        }
        on_ready(whole, turn, result);
        return false;
    case 'E':
        on_error(whole, turn, result);
        return false;
    case 'S':
        on_parameter(whole.substr(frame_header_size));
        return false;
    case 'A':
        return true;
    case 'N':
        return !own_turn();
    case 'K':
    case 'W':
        result = {result.consumed, true, "message that cannot come here"};
        return false;
    default:
        break;
    }
    if (own_turn()) {
        if (frame.type == 'D' && own_.front() == Own::probe)
            on_row_of_probe(whole.substr(frame_header_size));
        return false;
    }
    switch (frame.type) {
    case 'C':
        on_complete(whole, turn);
        return true;
    case '1':
        return answered(Request::parse, turn);
    case '2':
        return answered(Request::bind, turn);
    case '3':
        return answered(Request::close, turn);
    case 'n':
    case 'T':
        return answered(Request::describe, turn);
    case 'I':
    case 's':
        return answered(Request::execute, turn);
    case 'G':
        copy_in_ = true;
        return true;
    default:
        return true;
    }
}

// A reply that ends one entry, unless it belongs to a simple query. True: it is the client's.
bool PostgresBackend::answered(Request request, Turn& turn) {
    if (expected_.empty())
        return true;
    auto front = expected_.front().request;
    bool own = (request == Request::parse && front == Request::own_parse) ||
               (request == Request::close && front == Request::own_close);
    if (front != request && !own)
        return true;
    if (front == Request::parse && turn.client != nullptr && !turn.client->parsing_.empty())
        turn.client->parsing_.pop_front();
    if (front == Request::parse && turn.client != nullptr && expected_.front().statement)
        expected_.front().statement->prove_in(turn.client->pool_);
    expected_.pop();
    return !own;
}

// Replies of ours whose turn has come; called at the end of every frame.
void PostgresBackend::emit_fakes(Turn& turn) {
    if (expected_.empty() || failed_ || expected_.front().request < Request::copy_done ||
        expected_.front().request > Request::fake_close)
        return;
    std::string reply;
    while (!expected_.empty()) {
        auto request = expected_.front().request;
        if (request == Request::fake_parse)
            parse_complete(reply);
        else if (request == Request::fake_close)
            close_complete(reply);
        else if (request != Request::copy_done || copy_in_)
            break;
        expected_.pop();
    }
    if (!reply.empty() && turn.client != nullptr)
        turn.to_client->inject(reply);
}

void PostgresBackend::on_complete(std::string_view whole, Turn& turn) {
    auto tag = read_command_complete(whole.substr(frame_header_size)).value_or(std::string_view());
    if (tag == "DISCARD ALL")
        discarded_ = true;
    if (tag == "DISCARD ALL" || tag == "DEALLOCATE ALL") {
        forget_prepared();
        if (turn.client != nullptr)
            turn.client->statements_.clear();
    }
    bool extended = !expected_.empty() && expected_.front().request == Request::execute;
    if (extended)
        expected_.pop();
    if (std::exchange(copy_in_, false) && extended)
        drop_copy_syncs(true);
}

// Syncs which the server read while it was in copy mode were ignored by it.
void PostgresBackend::drop_copy_syncs(bool through_copy_done) {
    auto done = std::find_if(expected_.begin(), expected_.end(),
                             [](const Expected& e) { return e.request == Request::copy_done; });
    if (done == expected_.end() && through_copy_done)
        return;
    auto before = static_cast<std::size_t>(done - expected_.begin());
    for (std::size_t i = 0, left = before; left != 0; --left) {
        auto at = expected_.begin() + static_cast<std::ptrdiff_t>(i);
        if (at->request == Request::sync)
            expected_.erase(at);
        else
            ++i;
    }
    if (!through_copy_done)
        return;
    done = std::find_if(expected_.begin(), expected_.end(),
                        [](const Expected& e) { return e.request == Request::copy_done; });
    if (done != expected_.end())
        expected_.erase(done);
}

void PostgresBackend::on_error(std::string_view whole, Turn& turn, BackendTurn& result) {
    auto fields = read_error_fields(whole.substr(frame_header_size));
    error_sqlstate_ = fields.sqlstate;
    error_message_ = fields.message;
    if (fields.severity == "FATAL" || fields.severity == "PANIC") {
        result.broken = true; // told to the client by lost(), which knows what it may go on with
        result.reason = "server ended the session";
        return;
    }
    if (expected_.empty() && !batch_open_) {
        result.broken = true;
        result.reason = "unsolicited error";
        return;
    }
    if (own_turn()) {
        own_failed_ = true;
        return;
    }
    bool ours = expected_.size() > 1 && expected_.front().request == Request::own_parse &&
                std::next(expected_.begin())->request == Request::own_sync;
    if (turn.client != nullptr && !ours)
        turn.to_client->forward(whole);
    error_seen_ = true;
    auto front = expected_.empty() ? Request::sync : expected_.front().request;
    if (copy_in_) {
        copy_in_ = false;
        if (front == Request::execute)
            drop_copy_syncs(false);
    }
    if (expected_.empty() || (front != Request::query && front != Request::function_call && front != Request::sync))
        failed_ = true;
}

void PostgresBackend::drop_to_sync(Turn& turn) {
    while (!expected_.empty()) {
        auto dropped = std::move(expected_.front());
        expected_.pop();
        switch (dropped.request) {
        case Request::sync:
            return;
        case Request::own_sync: // ours: the query behind it is answered by its own error
            own_sync_failed_ = true;
            return;
        case Request::parse:
            if (dropped.statement)
                statements_.erase(*dropped.statement);
            else
                unnamed_owner_ = 0;
            if (turn.client != nullptr && !turn.client->parsing_.empty()) {
                turn.client->statements_.erase(turn.client->parsing_.front());
                turn.client->parsing_.pop_front();
            }
            break;
        case Request::own_parse:
            if (dropped.statement)
                statements_.erase(*dropped.statement);
            else
                unnamed_owner_ = 0;
            break;
        case Request::own_close: // it is still there
            statements_.add(dropped.statement);
            break;
        case Request::own_query:
            own_.pop_front();
            break;
        case Request::query:
        case Request::function_call:
        case Request::bind:
        case Request::describe:
        case Request::execute:
        case Request::close:
        case Request::copy_done:
        case Request::fake_parse:
        case Request::fake_close:
            break;
        }
    }
}

void PostgresBackend::on_ready(std::string_view whole, Turn& turn, BackendTurn& result) {
    const char status = whole[frame_header_size];
    if (expected_.empty() || (status != 'I' && status != 'T' && status != 'E')) {
        result = {result.consumed, true, "ReadyForQuery that nobody asked for"};
        return;
    }
    copy_in_ = false;
    if (failed_) {
        failed_ = false;
        drop_to_sync(turn);
        if (std::exchange(own_sync_failed_, false)) {
            status_ = status;
            return;
        }
    } else {
        auto request = expected_.front().request;
        if (request == Request::own_query) {
            expected_.pop();
            status_ = status;
            auto own = own_.front();
            own_.pop_front();
            own_ready(own, turn, result);
            return;
        }
        if (request == Request::own_sync) {
            expected_.pop();
            return;
        }
        if (request != Request::query && request != Request::sync && request != Request::function_call) {
            result = {result.consumed, true, "ReadyForQuery out of order"};
            return;
        }
        expected_.pop();
    }
    status_ = status;
    client_ready(whole, turn);
}

void PostgresBackend::on_parameter(std::string_view body) {
    auto parameter = read_parameter_status(body);
    if (!parameter || frozen(parameter->name))
        return;
    reported_ = context_.parameters.with(reported_, parameter->name, parameter->value);
    reported_changed_ = true;
}

void PostgresBackend::on_row_of_probe(std::string_view body) {
    std::vector<std::optional<std::string_view>> columns;
    if (!read_data_row(body, columns) || columns.size() != 3) {
        own_failed_ = true;
        return;
    }
    auto text = [&](std::size_t i) { return std::string(columns[i].value_or(std::string_view())); };
    probe_rows_.push_back({text(0), text(1), text(2)});
}

bool PostgresBackend::safe_point() const {
    return expected_.empty() && status_ == 'I' && !batch_open_ && body_left_ == 0 && held_status_ == 0 && !failed_;
}

void PostgresBackend::forget_prepared() {
    statements_.clear();
    unnamed_owner_ = 0;
}

} // namespace rekey::protocol::postgres
