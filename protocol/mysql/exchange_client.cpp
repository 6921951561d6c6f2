// MysqlClient: what a client sends, packet by packet.
#include "protocol/mysql/exchange.hpp"
#include "protocol/mysql/exchange_errors.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

// What a client may send ahead of the replies; drivers that do so send some commands, not a bulk load.
constexpr std::size_t queue_max = 64 << 20;
constexpr std::size_t kept_capacity_max = 512; // of what an idle client keeps

} // namespace

void ExchangeContext::sweep() {
    std::erase_if(normal, [](const auto& entry) { return entry.first.use_count() == 1; });
    statements.sweep();
    states.sweep();
}

MysqlClient::MysqlClient(Options options)
    : context_(*options.context), id_(options.id), mode_(options.mode), prepared_max_(options.prepared_statements),
      capabilities_(options.capabilities), connection_id_(options.connection_id), greeted_(options.greeted),
      mariadb_(options.greeted.mariadb), multi_statements_((options.capabilities & capability::multi_statements) != 0),
      startup_(std::move(options.startup)) {
    REKEY_ASSERT(id_ != 0);
    REKEY_ASSERT(options.nonce.empty() || options.nonce.size() == nonce_.size());
    std::copy(options.nonce.begin(), options.nonce.end(), nonce_.begin());
    if (!startup_)
        startup_ = context_.states.empty();
    auto normal = context_.normal.find(startup_);
    state_ = normal != context_.normal.end() ? normal->second : startup_;
    if (mode_ == Multiplexing::session)
        pins_ = pin_session_mode;
}

Pin MysqlClient::pin() const {
    return pin_of(pins_ | (queue_.empty() ? 0 : std::uint32_t{pin_sent_ahead}));
}

ClientTurn MysqlClient::on_client(std::string_view in, BackendExchange* backend, Output& to_backend,
                                  Output& to_client) {
    Turn turn{static_cast<MysqlBackend*>(backend), &to_backend, &to_client, false, {}, 0};
    if (kill_.id != 0 || login_wanted())
        return {0, ClientWant::more};
    if (!queue_.empty() && turn.backend != nullptr) {
        if (in.size() > queue_max - std::min(queue_.size(), queue_max)) {
            violation(error::packet_too_large, "too much was sent ahead of the replies", turn);
            return {in.size(), ClientWant::violation};
        }
        queue_.append(in);
        auto held = std::move(queue_);
        queue_.clear();
        turn.copy = true;
        auto result = consume(held, turn);
        queue_.assign(held, result.consumed);
        REKEY_ASSERT(result.want != ClientWant::backend);
        return {in.size(), result.want};
    }
    auto result = consume(in, turn);
    // What waits for a reply is kept here: the driver would not ask again.
    if (result.want == ClientWant::more && kill_.id == 0 && turn.backend != nullptr &&
        !turn.backend->expected_.empty() && result.consumed < in.size()) {
        if (in.size() - result.consumed > queue_max) {
            violation(error::packet_too_large, "too much was sent ahead of the replies", turn);
            return {in.size(), ClientWant::violation};
        }
        queue_.assign(in.substr(result.consumed));
        result.consumed = in.size();
    }
    return result;
}

// The server owes nothing any more: on with what was sent ahead.
void MysqlClient::run_queue(Turn& turn) {
    if (queue_.empty() || kill_.id != 0 || login_wanted())
        return;
    auto held = std::move(queue_);
    queue_.clear();
    turn.copy = true;
    auto result = consume(held, turn);
    if (result.consumed < held.size())
        queue_.assign(held, result.consumed);
    else if (held.capacity() <= kept_capacity_max) {
        held.clear();
        queue_ = std::move(held);
    }
}

ClientTurn MysqlClient::consume(std::string_view in, Turn& turn) {
    std::size_t at = 0;
    while (at < in.size()) {
        if (body_left_ != 0 || body_more_) {
            if (!pass_body(in, at, turn))
                break;
            continue;
        }
        if (in.size() - at < packet_header_size || kill_.id != 0)
            break;
        turn.rest = in.substr(at);
        turn.used = 0;
        auto outcome = on_packet(read_packet_header(in.data() + at), turn);
        at += turn.used;
        switch (outcome) {
        case Outcome::done:
            break;
        case Outcome::incomplete:
        case Outcome::busy:
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

// The rest of a message, which may come in several packets. False: a header is not all there.
bool MysqlClient::pass_body(std::string_view in, std::size_t& at, Turn& turn) {
    if (body_left_ == 0) {
        if (in.size() - at < packet_header_size)
            return false;
        auto header = read_packet_header(in.data() + at);
        if (!body_discarded_)
            forward(in.substr(at, packet_header_size), turn);
        at += packet_header_size;
        body_left_ = header.size;
        body_more_ = header.continued();
        ++packets_;
    } else {
        auto piece = in.substr(at, body_left_);
        if (!body_discarded_)
            forward(piece, turn);
        if (long_text_)
            long_text_->feed(piece);
        at += piece.size();
        body_left_ -= static_cast<std::uint32_t>(piece.size());
    }
    if (body_left_ != 0 || body_more_)
        return true;
    if (long_text_) {
        note_effect(long_text_->finish(), {}, false);
        long_text_.reset();
    }
    if (!late_error_.empty()) {
        late_error_[3] = static_cast<char>(packets_);
        turn.to_client->inject(late_error_);
        late_error_.clear();
    }
    return true;
}

MysqlClient::Outcome MysqlClient::on_packet(PacketHeader header, Turn& turn) {
    if (turn.backend != nullptr) {
        if (turn.backend->infile())
            return on_file_data(header, turn);
        if (!turn.backend->expected_.empty())
            return Outcome::busy;
    }
    if (header.sequence != 0)
        return violation(error::out_of_order, "Got packets out of order", turn);
    if (header.size == 0)
        return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
    if (turn.rest.size() <= packet_header_size)
        return Outcome::incomplete;
    return on_command(header, turn);
}

MysqlClient::Outcome MysqlClient::on_command(PacketHeader header, Turn& turn) {
    switch (static_cast<Command>(turn.rest[packet_header_size])) {
    case Command::query:
        return on_query(header, turn);
    case Command::stmt_execute:
    case Command::mariadb_stmt_bulk_execute:
        return on_execute(header, turn);
    case Command::stmt_prepare:
        return on_prepare(header, turn);
    case Command::stmt_send_long_data:
    case Command::stmt_reset:
    case Command::stmt_fetch:
        return on_statement_command(header, turn);
    case Command::stmt_close:
        return on_close(header, turn);
    case Command::init_db:
        return on_init_db(header, turn);
    case Command::ping:
        return on_ping(header, turn);
    case Command::field_list:
        return on_simple(header, Request::rows, turn);
    case Command::statistics:
        return on_simple(header, Request::statistics, turn);
    case Command::set_option:
        return on_set_option(header, turn);
    case Command::reset_connection:
        return on_reset_connection(header, turn);
    case Command::process_kill:
        return on_process_kill(header, turn);
    case Command::change_user:
        return on_change_user(header, turn);
    case Command::quit:
        turn.used = turn.rest.size();
        return Outcome::terminate;
    default: // what replicates, administers or is gone from newer servers
        return refuse(header, error::unknown_command, "08S01", "Unknown command", turn);
    }
}

MysqlClient::Outcome MysqlClient::violation(std::uint16_t code, std::string_view message, Turn& turn) {
    // Behind half a packet of the server's an error of ours would be read as its rest.
    if (turn.backend == nullptr || (turn.backend->packet_left_ == 0 && !turn.backend->packet_more_)) {
        std::string packet;
        write_err(packet, asked_ && turn.backend != nullptr ? turn.backend->sequence_ : std::uint8_t{1},
                  {code, "08S01", message});
        turn.to_client->inject(packet);
    }
    return Outcome::violation;
}

// Answers the command without a server. Of a message that is not all there the end is waited for.
MysqlClient::Outcome MysqlClient::refuse(PacketHeader header, std::uint16_t code, std::string_view sqlstate,
                                         std::string_view message, Turn& turn) {
    std::string packet;
    write_err(packet, 1, {code, sqlstate, message});
    discard_message(header, turn);
    if (between_messages())
        turn.to_client->inject(packet);
    else
        late_error_ = std::move(packet);
    return Outcome::done;
}

void MysqlClient::forward(std::string_view piece, Turn& turn) const {
    if (turn.copy)
        turn.to_backend->inject(piece);
    else
        turn.to_backend->forward(piece);
}

bool MysqlClient::whole(PacketHeader header, const Turn& turn) const {
    return !header.continued() && turn.rest.size() >= packet_header_size + header.size;
}

void MysqlClient::forward_message(PacketHeader header, Turn& turn) {
    auto piece = turn.rest.substr(0, packet_header_size + header.size);
    forward(piece, turn);
    turn.used = piece.size();
    body_left_ = static_cast<std::uint32_t>(packet_header_size + header.size - piece.size());
    body_more_ = header.continued();
    body_discarded_ = false;
    packets_ = 1;
}

void MysqlClient::discard_message(PacketHeader header, Turn& turn) {
    turn.used = std::min(turn.rest.size(), packet_header_size + std::size_t{header.size});
    body_left_ = static_cast<std::uint32_t>(packet_header_size + header.size - turn.used);
    body_more_ = header.continued();
    body_discarded_ = true;
    packets_ = 1;
}

// A command that will be answered by the server is about to be forwarded.
void MysqlClient::begin_command() {
    asked_ = true;
    mentions_ = 0;
    changes_.clear();
    collation_.reset();
    schema_.clear();
    pins_ &= ~std::uint32_t{pin_last_statement};
}

// What a server asked for by LOAD DATA LOCAL, until an empty packet.
MysqlClient::Outcome MysqlClient::on_file_data(PacketHeader header, Turn& turn) {
    auto& backend = *turn.backend;
    writable(turn.rest.data())[3] = static_cast<char>(header.sequence - backend.delta_);
    forward_message(header, turn);
    body_more_ = false; // each packet is looked at by itself
    backend.sequence_ = static_cast<std::uint8_t>(header.sequence + 1);
    if (header.size == 0)
        backend.phase_ = MysqlBackend::Phase::first;
    return Outcome::done;
}

std::size_t MysqlClient::cancel_waiting(std::string_view in, Output& to_client) {
    return refuse_waiting(in, "57014", "Query execution was interrupted", to_client);
}

std::size_t MysqlClient::refuse_waiting(std::string_view in, std::string_view sqlstate, std::string_view message,
                                        Output& to_client) {
    if (in.size() <= packet_header_size || !between_messages())
        return 0;
    auto header = read_packet_header(in.data());
    Turn turn{nullptr, nullptr, &to_client, false, in, 0};
    if (static_cast<Command>(in[packet_header_size]) == Command::stmt_send_long_data) {
        discard_message(header, turn); // has no reply; what would have used it is refused, too
        return turn.used;
    }
    auto number = error_number(sqlstate);
    refuse(header, number.code, number.sqlstate, message, turn);
    return turn.used;
}

void MysqlClient::farewell(std::string_view sqlstate, std::string_view message, Output& to_client) {
    // Read as the answer to what was asked, or to what will be asked next.
    auto number = error_number(sqlstate);
    std::string packet;
    write_err(packet, asked_ ? 1 : 0, {number.code, number.sqlstate, message});
    to_client.inject(packet);
}

} // namespace rekey::protocol::mysql
