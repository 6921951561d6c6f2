// PostgresClient: prepared statements, by message and by SQL.
#include "protocol/postgres/exchange.hpp"

#include "protocol/postgres/messages.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

namespace {

// Names in a Bind, Describe or Close.
constexpr std::size_t names_max = 16 * 1024;
// A name that no statement has: the server's own error comes back for it.
constexpr std::string_view no_statement = "rekey_none";

struct ExecuteByName {
    std::size_t begin = 0, end = 0; // of the name as written; equal: the text is no EXECUTE
    std::string name;               // folded
};

// EXECUTE name … as the text of a simple query.
ExecuteByName read_execute(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    constexpr std::string_view word = "execute";
    auto at = text.find_first_not_of(space);
    if (at == std::string_view::npos || !same_name(text.substr(at, word.size()), word))
        return {};
    auto name = text.find_first_not_of(space, at + word.size());
    if (name == std::string_view::npos || name == at + word.size())
        return {};
    ExecuteByName found{name, name, {}};
    if (text[name] != '"') {
        found.end = std::min(text.find_first_of(" \t\r\n(;\"", name), text.size());
        for (char c : text.substr(name, found.end - name))
            found.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        return found;
    }
    for (std::size_t i = name + 1; i < text.size(); ++i) {
        if (text[i] == '"' && (i + 1 == text.size() || text[i + 1] != '"')) {
            found.end = i + 1;
            return found;
        }
        i += text[i] == '"' ? 1 : 0;
        found.name += text[i];
    }
    return {};
}

std::string_view query_of(std::string_view parse) { return parse.substr(0, parse.find('\0')); }

void append_header(std::string& out, char type, std::size_t body) {
    Writer(out).u8(static_cast<std::uint8_t>(type)).u32(static_cast<std::uint32_t>(body + 4));
}

} // namespace

// EXECUTE of a statement that was prepared by message: it has another name on the backend, if it is there at all.
bool PostgresClient::execute_by_name(const Frame& frame, std::string_view text, Turn& turn) {
    if (prepared_max_ == 0 || statements_.size() == 0 || text.empty() || turn.backend->batch_open_)
        return false;
    auto execute = read_execute(text);
    const auto* statement = execute.end > execute.begin ? statements_.find(execute.name) : nullptr;
    if (statement == nullptr)
        return false;
    if (!turn.backend->statements_.has(**statement)) {
        ensure_prepared(*statement, turn);
        std::string end_of_batch;
        sync(end_of_batch);
        turn.to_backend->inject(end_of_batch);
        turn.backend->expected_.push(Request::own_sync);
        turn.backend->batch_open_ = false;
    }
    std::string renamed;
    append_header(renamed, 'Q', text.size() - (execute.end - execute.begin) + (*statement)->name.size() + 1);
    renamed.append(text.substr(0, execute.begin)).append((*statement)->name).append(text.substr(execute.end));
    renamed.push_back('\0');
    turn.to_backend->inject(renamed);
    turn.used = frame_header_size + frame.body;
    if (tracks())
        note_effect((*statement)->facts, query_of((*statement)->parse));
    return true;
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

// A text that some backend of the pool has parsed well needs none to be prepared once more: it is sent with the first
// Bind. So a client that prepares while every backend is in use (by transactions of its own thread, as pgbench does)
// waits for nobody.
bool PostgresClient::prepare_locally(const Frame& frame, Turn& turn) {
    if (prepared_max_ == 0 || mode_ == Multiplexing::statement || turn.rest.size() < frame_header_size + frame.body)
        return false;
    auto body = turn.rest.substr(frame_header_size, frame.body);
    auto end = body.find('\0');
    if (end == 0 || end == std::string_view::npos || statements_.find(body.substr(0, end)) != nullptr)
        return false;
    auto statement = context_.statements.find(body.substr(end + 1));
    if (!statement || !statement->proven_in(pool_))
        return false;
    statements_.set(body.substr(0, end), std::move(statement));
    std::string reply;
    parse_complete(reply);
    turn.to_client->inject(reply);
    turn.used = frame_header_size + frame.body;
    return true;
}

PostgresClient::Outcome PostgresClient::on_parse(const Frame& frame, Turn& turn) {
    if (turn.backend == nullptr)
        return prepare_locally(frame, turn) ? Outcome::done : Outcome::want_backend;
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

} // namespace rekey::protocol::postgres
