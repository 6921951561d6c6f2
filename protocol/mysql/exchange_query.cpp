// MysqlClient: texts of SQL, and questions that are answered without asking the server.
#include "protocol/mysql/exchange.hpp"
#include "protocol/mysql/exchange_errors.hpp"
#include "protocol/mysql/query_attributes.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

// A text up to this size is read whole before it is forwarded; a longer one is scanned as it passes.
constexpr std::size_t text_collect_max = 64 * 1024;

constexpr std::uint32_t questions =
    mention_connection_id | mention_last_insert_id | mention_row_count | mention_found_rows | mention_diagnostics;

// By the first letter of INSERT, REPLACE and LOAD; what begins otherwise than with a letter may be anything.
bool may_insert(std::string_view text) {
    char first = text.empty() ? 'i' : static_cast<char>(text[0] | 0x20);
    return first < 'a' || first > 'z' || first == 'i' || first == 'r' || first == 'l';
}

} // namespace

SqlOptions MysqlClient::scan_options() const {
    if (state_ == scan_options_of_)
        return scan_options_;
    SqlOptions options;
    options.mariadb = mariadb_;
    if (const auto* mode = state_->find("sql_mode")) {
        options.ansi_quotes = mode->find("ANSI") != std::string::npos;
        options.no_backslash_escapes = mode->find("NO_BACKSLASH_ESCAPES") != std::string::npos;
    }
    static constexpr std::string_view overlapping[] = {"gbk", "sjis", "cp932", "big5", "gb18030",
                                                       // the same by the numbers of their usual collations
                                                       "28", "87", "13", "88", "95", "96", "1", "84", "248", "249",
                                                       "250"};
    const auto* charset = state_->find("character_set_client");
    options.ascii_safe_charset = charset == nullptr || std::find(std::begin(overlapping), std::end(overlapping),
                                                                 *charset) == std::end(overlapping);
    scan_options_of_ = state_;
    scan_options_ = options;
    return options;
}

SqlFacts MysqlClient::scan(std::string_view text) const {
    auto options = scan_options();
    if (options.ascii_safe_charset && !options.no_backslash_escapes && is_plain_statement(text))
        return {.statements = 1};
    return scan_sql(text, options);
}

MysqlClient::Outcome MysqlClient::on_query(PacketHeader header, Turn& turn) {
    bool all = whole(header, turn);
    if (!all && header.size <= text_collect_max)
        return Outcome::incomplete;
    auto payload = turn.rest.substr(packet_header_size, header.size);
    std::size_t begin = 1;
    if (names_parameters()) {
        begin = attributes_size(payload);
        if (begin == 0 && payload.size() < std::min<std::size_t>(header.size, context_.message_collect))
            return Outcome::incomplete;
        if (begin == 0)
            return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
    }
    auto text = payload.substr(begin);
    SqlFacts facts;
    if (all)
        facts = scan(text);
    if ((facts.mentions & mention_kill) != 0)
        return on_kill_text(header, text, turn);
    if (all && (facts.mentions & questions) != 0 && facts.statements == 1 && turn.backend == nullptr &&
        answer_question(text, turn)) {
        turn.used = packet_header_size + header.size;
        return Outcome::done;
    }
    if (mode_ == Multiplexing::statement && (facts.mentions & (mention_begin | mention_autocommit)) != 0)
        return refuse(header, error::not_supported, "42000", "transactions are not allowed in pool mode \"statement\"",
                      turn);
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    begin_command();
    if (!all) {
        long_text_ = std::make_unique<SqlScanner>(scan_options());
        long_text_->feed(text);
    } else {
        sync_last_insert_id(facts, text, turn);
        note_effect(facts, text, false);
    }
    turn.backend->expected_.push({.request = Request::query});
    // White space before a text means nothing, and nothing moves.
    if (!turn.backend->takes_attributes())
        std::fill(writable(payload.data()) + 1, writable(payload.data()) + begin, ' ');
    forward_message(header, turn);
    return Outcome::done;
}

// Numbers of sessions are Rekey's: no KILL may reach a server with one.
MysqlClient::Outcome MysqlClient::on_kill_text(PacketHeader header, std::string_view text, Turn& turn) {
    auto kill = read_kill(text, scan_options());
    if (!kill)
        return refuse(header, error::not_supported, "42000",
                      "KILL is supported with a number, as the only statement of its text", turn);
    turn.used = packet_header_size + header.size;
    kill_ = {kill->id, kill->query_only};
    if (kill_.id == 0)
        answer_kill(KillAnswer::unknown, *turn.to_client);
    return Outcome::done;
}

// What the statement before left to be asked for: the server that ran it may serve another client by now.
bool MysqlClient::answer_question(std::string_view text, Turn& turn) {
    using Kind = SqlQuestion::Kind;
    auto question = read_question(text, scan_options());
    std::string packet;
    auto number = [&](std::int64_t value, bool is_unsigned) {
        append_number_result(packet, question.label, value, is_unsigned, capabilities_, last_.status, 1);
    };
    bool about_diagnostics = false;
    switch (question.kind) {
    case Kind::none:
        return false;
    case Kind::connection_id:
        number(connection_id_, true);
        break;
    case Kind::last_insert_id:
        context_.last_insert_id_used = true;
        number(static_cast<std::int64_t>(last_.last_insert_id), true);
        break;
    case Kind::row_count:
        number(last_.row_count, false);
        break;
    case Kind::found_rows:
        number(static_cast<std::int64_t>(last_.found_rows), false);
        break;
    case Kind::warnings:
    case Kind::errors:
        if (!last_.captured)
            return false;
        about_diagnostics = true;
        append_diagnostics_result(packet, last_, question, capabilities_, last_.status, 1);
        break;
    case Kind::warning_count:
    case Kind::error_count:
        if (!last_.captured)
            return false;
        about_diagnostics = text.size() > 4 && (text[0] == 's' || text[0] == 'S') && (text[1] | 0x20) == 'h';
        number(static_cast<std::int64_t>(count_diagnostics(last_, question.kind == Kind::error_count)), false);
        break;
    }
    turn.to_client->inject(packet);
    last_.row_count = -1;
    if (!about_diagnostics) {
        last_.found_rows = 1;
        last_.clear_diagnostics();
    }
    return true;
}

// A statement that asks for LAST_INSERT_ID() finds it as this client's last insert left it. So does one that may
// insert, where clients have asked: an insert that makes no number of its own leaves what was there.
void MysqlClient::sync_last_insert_id(const SqlFacts& facts, std::string_view text, Turn& turn) {
    bool asks = (facts.mentions & (mention_last_insert_id | mention_routine)) != 0;
    if (!asks && (!context_.last_insert_id_used || !may_insert(text)))
        return;
    if ((facts.mentions & mention_last_insert_id) != 0)
        context_.last_insert_id_used = true;
    auto& backend = *turn.backend;
    bool right = backend.last_insert_owner_ == id_ ? backend.last_insert_count_ == last_.inserts
                                                   : backend.last_insert_owner_ == 0 && last_.last_insert_id == 0;
    backend.last_insert_owner_ = id_;
    backend.last_insert_count_ = last_.inserts;
    if (right)
        return;
    backend.ask(Own::last_insert_id, Command::query, "SET last_insert_id = " + std::to_string(last_.last_insert_id),
                *turn.to_backend);
}

} // namespace rekey::protocol::mysql
