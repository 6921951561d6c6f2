// PostgresClient: what a client sends, message by message.
#include "protocol/postgres/exchange.hpp"

#include "protocol/postgres/messages.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

namespace {

// A text up to this size is read whole before it is forwarded; a longer one is scanned as it passes.
constexpr std::size_t text_collect_max = 64 * 1024;
// What a client may keep in its buffers while it is idle.
constexpr std::size_t kept_capacity_max = 1024;

bool long_frame_allowed(char type) { return type == 'Q' || type == 'P' || type == 'B' || type == 'F' || type == 'd'; }

} // namespace

PostgresClient::PostgresClient(Options options)
    : context_(*options.context), id_(options.id), pool_(options.pool), mode_(options.mode),
      prepared_max_(options.prepared_statements), startup_(std::move(options.startup)) {
    REKEY_ASSERT(id_ != 0);
    if (!startup_)
        startup_ = context_.parameters.empty();
    settings_ = startup_;
    if (mode_ == Multiplexing::session)
        pins_ = pin_session_mode;
}

ClientTurn PostgresClient::on_client(std::string_view in, BackendExchange* backend, Output& to_backend,
                                     Output& to_client) {
    Turn turn{static_cast<PostgresBackend*>(backend), &to_backend, &to_client, {}, 0};
    std::size_t at = 0;
    while (at < in.size()) {
        if (body_left_ != 0) {
            auto piece = in.substr(at, body_left_);
            if (!body_discarded_)
                to_backend.forward(piece);
            if (long_text_)
                long_text_->feed(piece);
            at += piece.size();
            body_left_ -= static_cast<std::uint32_t>(piece.size());
            if (body_left_ == 0 && long_text_) {
                note_effect(long_text_->finish(), {});
                long_text_.reset();
            }
            continue;
        }
        if (in.size() - at < frame_header_size)
            break;
        auto frame = read_frame_header(in.data() + at);
        turn.rest = in.substr(at);
        turn.used = 0;
        auto outcome = Outcome::violation;
        if (!frame.valid || (frame.body > short_frame_body_max && !long_frame_allowed(frame.type)))
            outcome = violation("invalid message length", turn);
        else
            outcome = on_frame(frame, turn);
        at += turn.used;
        switch (outcome) {
        case Outcome::done:
            break;
        case Outcome::incomplete:
            return {at, ClientWant::more};
        case Outcome::want_backend:
            return {at, ClientWant::backend};
        case Outcome::terminate:
            return {at, ClientWant::terminate};
        case Outcome::violation:
            return {at, ClientWant::violation};
        }
    }
    return {at, ClientWant::more};
}

PostgresClient::Outcome PostgresClient::on_frame(const Frame& frame, Turn& turn) {
    if (skip_to_sync_ && frame.type != 'S' && frame.type != 'X') {
        discard_frame(frame, turn);
        return Outcome::done;
    }
    switch (frame.type) {
    case 'Q':
        return on_query(frame, turn);
    case 'P':
        return on_parse(frame, turn);
    case 'B':
        return on_bind(frame, turn);
    case 'D':
    case 'C':
        return on_describe_or_close(frame, turn);
    case 'E':
        if (turn.backend == nullptr)
            return Outcome::want_backend;
        turn.backend->expected_.push(Request::execute);
        turn.backend->batch_open_ = true;
        forward_frame(frame, turn);
        return Outcome::done;
    case 'S':
        if (frame.body != 0)
            return violation("invalid Sync message", turn);
        return on_sync(turn);
    case 'H':
        if (frame.body != 0)
            return violation("invalid Flush message", turn);
        if (turn.backend != nullptr)
            forward_frame(frame, turn);
        else
            discard_frame(frame, turn);
        return Outcome::done;
    case 'F':
        return on_function_call(frame, turn);
    case 'd':
    case 'c':
    case 'f':
        return on_copy(frame, turn);
    case 'X':
        turn.used = frame_header_size;
        return Outcome::terminate;
    default:
        return violation("invalid frontend message type", turn);
    }
}

PostgresClient::Outcome PostgresClient::violation(std::string_view message, Turn& turn) {
    // Behind half a frame of the server's an error of ours would be read as its rest.
    if (turn.backend == nullptr || turn.backend->body_left_ == 0) {
        std::string error;
        error_response(error, "FATAL", "08P01", message);
        turn.to_client->inject(error);
    }
    return Outcome::violation;
}

void PostgresClient::forward_frame(const Frame& frame, Turn& turn) {
    auto piece = turn.rest.substr(0, frame_header_size + std::size_t{frame.body});
    turn.to_backend->forward(piece);
    turn.used = piece.size();
    body_left_ = static_cast<std::uint32_t>(frame_header_size + frame.body - piece.size());
    body_discarded_ = false;
}

void PostgresClient::discard_frame(const Frame& frame, Turn& turn) {
    turn.used = std::min(turn.rest.size(), frame_header_size + std::size_t{frame.body});
    body_left_ = static_cast<std::uint32_t>(frame_header_size + frame.body - turn.used);
    body_discarded_ = true;
}

PostgresClient::Outcome PostgresClient::on_query(const Frame& frame, Turn& turn) {
    bool whole = turn.rest.size() >= frame_header_size + frame.body;
    if (!whole && frame.body <= text_collect_max)
        return Outcome::incomplete;
    auto text = turn.rest.substr(frame_header_size, frame.body);
    if (whole && !text.empty() && text.back() == '\0')
        text.remove_suffix(1);
    if (whole && answer_deallocate(text, turn))
        return Outcome::done;
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    if (scans() && whole) {
        auto facts = scan(text);
        if (mode_ == Multiplexing::statement && refuse_block(facts.mentions, 'Q', turn)) {
            discard_frame(frame, turn);
            return Outcome::done;
        }
        note_effect(facts, text);
    } else if (mode_ == Multiplexing::automatic) {
        long_text_ = std::make_unique<SqlScanner>(scan_options());
        long_text_->feed(text);
    }
    bool executed = whole && execute_by_name(frame, text, turn);
    turn.backend->expected_.push(Request::query);
    turn.backend->unnamed_owner_ = 0; // a simple query destroys the unnamed statement
    drop_unnamed();
    if (!executed)
        forward_frame(frame, turn);
    return Outcome::done;
}

void PostgresClient::drop_unnamed() {
    has_unnamed_ = false;
    if (unnamed_parse_.capacity() > kept_capacity_max)
        unnamed_parse_ = std::string();
}

// Pool mode `statement`: a transaction over several messages cannot be served.
bool PostgresClient::refuse_block(std::uint32_t mentions, char type, Turn& turn) {
    if ((mentions & mention_begin) == 0 || !turn.backend->expected_.empty() || turn.backend->batch_open_)
        return false;
    local_error("0A000", "transaction blocks are not allowed in pool mode \"statement\"", type, *turn.to_client);
    return true;
}

void PostgresClient::local_error(std::string_view sqlstate, std::string_view message, char type, Output& to_client) {
    std::string reply;
    error_response(reply, "ERROR", sqlstate, message);
    if (type == 'Q' || type == 'F' || type == 'S')
        ready_for_query(reply, 'I');
    else
        skip_to_sync_ = true;
    to_client.inject(reply);
}

PostgresClient::Outcome PostgresClient::on_sync(Turn& turn) {
    if (turn.backend == nullptr || skip_to_sync_) {
        skip_to_sync_ = false;
        std::string reply;
        ready_for_query(reply, turn.backend == nullptr ? 'I' : turn.backend->status_);
        turn.to_client->inject(reply);
        turn.used = frame_header_size;
        return Outcome::done;
    }
    turn.backend->expected_.push(Request::sync);
    turn.backend->batch_open_ = false;
    turn.to_backend->forward(turn.rest.substr(0, frame_header_size));
    turn.used = frame_header_size;
    return Outcome::done;
}

PostgresClient::Outcome PostgresClient::on_copy(const Frame& frame, Turn& turn) {
    // The server ignores what comes after a copy ended; a backend that owes nothing has no copy under way.
    if (turn.backend == nullptr || turn.backend->expected_.empty()) {
        discard_frame(frame, turn);
        return Outcome::done;
    }
    auto first = turn.backend->expected_.front().request;
    if (frame.type != 'd' && first != Request::query)
        turn.backend->expected_.push(Request::copy_done);
    forward_frame(frame, turn);
    return Outcome::done;
}

PostgresClient::Outcome PostgresClient::on_function_call(const Frame& frame, Turn& turn) {
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    if (turn.rest.size() < frame_header_size + 4 && frame.body >= 4)
        return Outcome::incomplete;
    SqlFacts facts;
    facts.effect = SqlEffect::unknown;
    facts.fingerprint = frame.body >= 4 ? load_u32(turn.rest.data() + frame_header_size) : 0;
    if (mode_ == Multiplexing::automatic)
        note_effect(facts, {});
    turn.backend->expected_.push(Request::function_call);
    forward_frame(frame, turn);
    return Outcome::done;
}

std::size_t PostgresClient::cancel_waiting(std::string_view in, Output& to_client) {
    return refuse_waiting(in, "57014", "canceling statement due to user request", to_client);
}

std::size_t PostgresClient::refuse_waiting(std::string_view in, std::string_view sqlstate, std::string_view message,
                                           Output& to_client) {
    if (in.size() < frame_header_size || body_left_ != 0)
        return 0;
    auto frame = read_frame_header(in.data());
    Turn turn{nullptr, nullptr, &to_client, in, 0};
    local_error(sqlstate, message, frame.type, to_client);
    discard_frame(frame, turn);
    return turn.used;
}

void PostgresClient::farewell(std::string_view sqlstate, std::string_view message, Output& to_client) {
    std::string error;
    error_response(error, "FATAL", sqlstate, message);
    to_client.inject(error);
}

} // namespace rekey::protocol::postgres
