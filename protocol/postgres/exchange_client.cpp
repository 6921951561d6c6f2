// PostgresClient: what a client sends, message by message.
#include "protocol/postgres/exchange.hpp"

#include "protocol/postgres/messages.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

namespace {

// A text up to this size is read whole before it is forwarded; a longer one is scanned as it passes.
constexpr std::size_t text_collect_max = 64 * 1024;
// Names in a Bind, Describe or Close.
constexpr std::size_t names_max = 16 * 1024;
constexpr std::size_t custom_names_max = 64;
constexpr std::size_t fingerprints_max = 16;
// What a client may keep in its buffers while it is idle.
constexpr std::size_t kept_capacity_max = 1024;
// A name that no statement has: the server's own error comes back for it.
constexpr std::string_view no_statement = "rekey_none";

bool long_frame_allowed(char type) { return type == 'Q' || type == 'P' || type == 'B' || type == 'F' || type == 'd'; }

std::string_view query_of(std::string_view parse) { return parse.substr(0, parse.find('\0')); }

void append_header(std::string& out, char type, std::size_t body) {
    Writer(out).u8(static_cast<std::uint8_t>(type)).u32(static_cast<std::uint32_t>(body + 4));
}

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
    turn.backend->expected_.push(Request::query);
    turn.backend->unnamed_owner_ = 0; // a simple query destroys the unnamed statement
    drop_unnamed();
    forward_frame(frame, turn);
    return Outcome::done;
}

void PostgresClient::drop_unnamed() {
    has_unnamed_ = false;
    if (unnamed_parse_.capacity() > kept_capacity_max)
        unnamed_parse_ = std::string();
}

// DEALLOCATE of a statement that was prepared by message and may not exist on this backend, or under this name.
bool PostgresClient::answer_deallocate(std::string_view text, Turn& turn) {
    auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos || (text[start] | 0x20) != 'd' || text.size() > 256 || prepared_max_ == 0)
        return false;
    auto found = read_simple_deallocate(text);
    if (!found.found || (pins_ & pin_sql_prepare) != 0)
        return false;
    auto* backend = turn.backend;
    if (backend != nullptr && (!backend->expected_.empty() || backend->batch_open_ || backend->status_ == 'E'))
        return false;
    if (found.all)
        statements_.clear();
    else if (statements_.find(found.name) == nullptr)
        return false;
    else
        statements_.erase(found.name);
    std::string reply;
    command_complete(reply, found.all ? "DEALLOCATE ALL" : "DEALLOCATE");
    ready_for_query(reply, backend == nullptr ? 'I' : backend->status_);
    turn.to_client->inject(reply);
    turn.used = frame_header_size + read_frame_header(turn.rest.data()).body;
    drop_unnamed();
    return true;
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

PostgresClient::Outcome PostgresClient::on_parse(const Frame& frame, Turn& turn) {
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    auto& backend = *turn.backend;
    bool whole = turn.rest.size() >= frame_header_size + frame.body;
    if (!whole && frame.body <= context_.message_collect)
        return Outcome::incomplete;
    auto body = turn.rest.substr(frame_header_size, frame.body);
    auto end = body.find('\0');
    if (end == std::string_view::npos && whole)
        return violation("invalid Parse message", turn);
    auto name = body.substr(0, end);
    auto parse = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    if (!whole || (prepared_max_ == 0 && !name.empty())) { // cannot be prepared again elsewhere
        pins_ |= mode_ == Multiplexing::automatic ? std::uint32_t{pin_long_statement} : 0;
        probe_wanted_ |= mode_ == Multiplexing::automatic;
    } else if (!name.empty()) {
        return parse_named(name, parse, turn);
    } else {
        auto facts = scans() ? scan(query_of(parse)) : SqlFacts{};
        if (mode_ == Multiplexing::statement && refuse_block(facts.mentions, 'P', turn)) {
            discard_frame(frame, turn);
            return Outcome::done;
        }
        unnamed_parse_ = parse;
        unnamed_facts_ = facts;
        has_unnamed_ = true;
        backend.unnamed_owner_ = id_;
    }
    parsing_.emplace_back(name);
    backend.expected_.push(Request::parse);
    backend.batch_open_ = true;
    forward_frame(frame, turn);
    return Outcome::done;
}

PostgresClient::Outcome PostgresClient::parse_named(std::string_view name, std::string_view parse, Turn& turn) {
    auto& backend = *turn.backend;
    auto statement = context_.statements.intern(parse);
    if (!statement->scanned && scans()) {
        statement->facts = scan(query_of(parse));
        statement->scanned = true;
    }
    if (mode_ == Multiplexing::statement && refuse_block(statement->facts.mentions, 'P', turn)) {
        turn.used = frame_header_size + read_frame_header(turn.rest.data()).body;
        return Outcome::done;
    }
    turn.used = frame_header_size + read_frame_header(turn.rest.data()).body;
    backend.batch_open_ = true;
    // A name that is taken: the server finds it taken, too, and refuses it as it would have (42P05).
    const auto* taken = statements_.find(name);
    if (taken != nullptr)
        ensure_prepared(*taken, turn);
    bool prepared = taken == nullptr && backend.statements_.has(*statement);
    if (prepared) {
        backend.statements_.touch(*statement);
        statements_.set(name, statement);
        if (backend.expected_.empty() && !backend.failed_) {
            std::string reply;
            parse_complete(reply);
            turn.to_client->inject(reply);
        } else {
            backend.expected_.push(Request::fake_parse);
        }
        return Outcome::done;
    }
    if (taken == nullptr) {
        make_room(turn);
        statements_.set(name, statement);
        backend.statements_.add(statement);
        parsing_.emplace_back(name);
    } else {
        parsing_.emplace_back();
    }
    const auto& ours = taken != nullptr ? (*taken)->name : statement->name;
    std::string head;
    append_header(head, 'P', ours.size() + 1 + parse.size());
    head.append(ours).push_back('\0');
    turn.to_backend->inject(head);
    turn.to_backend->forward(parse);
    backend.expected_.push(Request::parse, taken == nullptr ? statement : nullptr);
    return Outcome::done;
}

void PostgresClient::make_room(Turn& turn) {
    auto& backend = *turn.backend;
    while (backend.statements_.size() >= prepared_max_) {
        auto oldest = backend.statements_.oldest();
        std::string close;
        close_statement(close, oldest->name);
        turn.to_backend->inject(close);
        backend.statements_.erase(*oldest);
        backend.expected_.push(Request::own_close, std::move(oldest));
        backend.batch_open_ = true;
    }
}

void PostgresClient::ensure_prepared(const StatementPtr& statement, Turn& turn) {
    auto& backend = *turn.backend;
    if (backend.statements_.has(*statement)) {
        backend.statements_.touch(*statement);
        return;
    }
    make_room(turn);
    std::string head;
    append_header(head, 'P', statement->name.size() + 1 + statement->parse.size());
    head.append(statement->name).push_back('\0');
    turn.to_backend->inject(head);
    turn.to_backend->inject(statement->parse);
    backend.statements_.add(statement);
    backend.expected_.push(Request::own_parse, statement);
    backend.batch_open_ = true;
}

// The unnamed statement that Bind or Describe means is this client's last unnamed Parse, wherever that was sent.
bool PostgresClient::ensure_unnamed(Turn& turn) {
    auto& backend = *turn.backend;
    if (backend.unnamed_owner_ == id_)
        return true;
    if (!has_unnamed_)
        return false;
    std::string head;
    append_header(head, 'P', 1 + unnamed_parse_.size());
    head.push_back('\0');
    turn.to_backend->inject(head);
    turn.to_backend->inject(unnamed_parse_);
    backend.unnamed_owner_ = id_;
    backend.expected_.push(Request::own_parse);
    backend.batch_open_ = true;
    return true;
}

PostgresClient::Outcome PostgresClient::on_bind(const Frame& frame, Turn& turn) {
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    auto& backend = *turn.backend;
    auto body = turn.rest.substr(frame_header_size, frame.body);
    auto portal_end = body.find('\0');
    auto name_end = portal_end == std::string_view::npos ? portal_end : body.find('\0', portal_end + 1);
    if (name_end == std::string_view::npos)
        return body.size() < frame.body && body.size() < names_max ? Outcome::incomplete
                                                                    : violation("invalid Bind message", turn);
    auto name = body.substr(portal_end + 1, name_end - portal_end - 1);
    std::string_view ours = name;
    if (!name.empty()) {
        if (const auto* statement = statements_.find(name)) {
            ensure_prepared(*statement, turn);
            if (tracks())
                note_effect((*statement)->facts, query_of((*statement)->parse));
            ours = (*statement)->name;
        }
    } else if (!ensure_unnamed(turn)) {
        ours = no_statement;
    } else if (tracks()) {
        note_effect(unnamed_facts_, query_of(unnamed_parse_));
    }
    backend.expected_.push(Request::bind);
    backend.batch_open_ = true;
    if (ours == name) {
        forward_frame(frame, turn);
        return Outcome::done;
    }
    std::string head;
    append_header(head, 'B', frame.body - name.size() + ours.size());
    head.append(body.substr(0, portal_end + 1)).append(ours);
    turn.to_backend->inject(head);
    auto rest = body.substr(name_end);
    turn.to_backend->forward(rest);
    turn.used = frame_header_size + body.size();
    body_left_ = frame.body - static_cast<std::uint32_t>(body.size());
    body_discarded_ = false;
    return Outcome::done;
}

PostgresClient::Outcome PostgresClient::on_describe_or_close(const Frame& frame, Turn& turn) {
    if (turn.rest.size() < frame_header_size + frame.body)
        return Outcome::incomplete;
    Reader reader(turn.rest.substr(frame_header_size, frame.body));
    auto what = static_cast<char>(reader.u8());
    auto name = reader.text();
    bool close = frame.type == 'C';
    if (!reader.done() || (what != 'S' && what != 'P'))
        return violation(close ? "invalid Close message" : "invalid Describe message", turn);
    const auto* statement = what == 'S' && !name.empty() ? statements_.find(name) : nullptr;
    if (close && statement != nullptr) { // kept on the backend for the next who wants it
        statements_.erase(name);
        turn.used = frame_header_size + frame.body;
        if (turn.backend != nullptr && (!turn.backend->expected_.empty() || turn.backend->failed_)) {
            turn.backend->expected_.push(Request::fake_close);
            return Outcome::done;
        }
        std::string reply;
        close_complete(reply);
        turn.to_client->inject(reply);
        return Outcome::done;
    }
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    auto& backend = *turn.backend;
    std::string_view ours = name;
    if (statement != nullptr) {
        ensure_prepared(*statement, turn);
        ours = (*statement)->name;
    } else if (what == 'S' && name.empty()) {
        if (close)
            drop_unnamed();
        else if (!ensure_unnamed(turn))
            ours = no_statement;
    }
    backend.expected_.push(close ? Request::close : Request::describe);
    backend.batch_open_ = true;
    if (ours == name) {
        forward_frame(frame, turn);
        return Outcome::done;
    }
    std::string renamed;
    append_header(renamed, frame.type, 1 + ours.size() + 1);
    renamed.push_back(what);
    renamed.append(ours).push_back('\0');
    turn.to_backend->inject(renamed);
    turn.used = frame_header_size + frame.body;
    return Outcome::done;
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

SqlScanner::Options PostgresClient::scan_options() const {
    const std::string* strings = reported_ ? reported_->find("standard_conforming_strings") : nullptr;
    const std::string* encoding = reported_ ? reported_->find("client_encoding") : nullptr;
    static constexpr std::string_view overlapping[] = {"SJIS",  "BIG5", "GBK",           "UHC",
                                                       "GB18030", "JOHAB", "SHIFT_JIS_2004"};
    bool safe = encoding == nullptr || std::none_of(std::begin(overlapping), std::end(overlapping),
                                                    [&](std::string_view name) { return same_name(*encoding, name); });
    return {strings == nullptr || *strings == "on", safe};
}

SqlFacts PostgresClient::scan(std::string_view text) const { return scan_sql(text, scan_options()); }

// Called when a text is about to run. `text` is empty when it was too long to be read whole.
void PostgresClient::note_effect(const SqlFacts& facts, std::string_view text) {
    if (facts.effect == SqlEffect::none)
        return;
    // A session that keeps its backend anyway is only watched for what takes its start-up parameters from it.
    if (mode_ == Multiplexing::statement || (mode_ == Multiplexing::session &&
                                             (facts.mentions & (mention_reset | mention_discard)) == 0))
        return;
    auto fingerprint = facts.fingerprint ^ pool_ * 0x9e3779b97f4a7c15ULL;
    if (facts.effect == SqlEffect::unknown && facts.mentions == 0 && facts.lexable &&
        context_.clean_texts.use(fingerprint))
        return;
    mentions_ |= facts.mentions;
    if (facts.effect == SqlEffect::state) {
        note_state_text(facts, text);
        return;
    }
    probe_wanted_ = true;
    if (facts.mentions == 0 && facts.lexable && fingerprints_.size() < fingerprints_max)
        fingerprints_.push_back(fingerprint);
    if ((facts.mentions & mention_sequence_value) != 0)
        pins_ |= pin_sequence_value;
}

void PostgresClient::note_state_text(const SqlFacts& facts, std::string_view text) {
    if ((facts.mentions & mention_custom_set_config) != 0 || (text.empty() && (facts.mentions & mention_set) != 0))
        pins_ |= pin_custom_setting;
    if ((facts.mentions & mention_load) != 0)
        pins_ |= pin_loaded_library;
    if ((facts.mentions & mention_sequence_value) != 0)
        pins_ |= pin_sequence_value;
    bool conforming = scan_options().standard_conforming_strings;
    if ((facts.mentions & mention_set) != 0) {
        for (auto& name : custom_parameters_set(text, conforming)) {
            if (custom_names_.size() >= custom_names_max)
                pins_ |= pin_custom_setting;
            else if (is_parameter_name(name) &&
                     std::find(custom_names_.begin(), custom_names_.end(), name) == custom_names_.end())
                custom_names_.push_back(std::move(name));
        }
    }
    constexpr std::uint32_t plain = mention_set | mention_reset | mention_encoding;
    if (facts.statements == 1 && (facts.mentions & ~plain) == 0 && facts.lexable) {
        auto set = read_simple_set(text, conforming);
        if (set.found && (set.reset_all || is_parameter_name(set.name))) {
            pending_sets_.push_back(std::move(set));
            return;
        }
    }
    probe_wanted_ = true;
}

void PostgresClient::forget_effects() {
    probe_wanted_ = false;
    mentions_ = 0;
    fingerprints_.clear();
    pending_sets_.clear();
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
