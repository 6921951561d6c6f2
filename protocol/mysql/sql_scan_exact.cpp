// The exact reading of short texts, for what the scan only mentions.
#include "protocol/mysql/sql_scan.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace rekey::protocol::mysql {

namespace {

constexpr std::size_t tokens_max = 64;

struct KeptToken {
    TokenKind kind;
    bool exact;
    std::string text;
    bool word(std::string_view wanted) const { return kind == TokenKind::word && text == wanted; }
    bool symbol(char c) const { return kind == TokenKind::symbol && text[0] == c; }
};

class Keeper final : public TokenSink {
  public:
    void token(const Token& token) override {
        if (tokens.size() < tokens_max)
            tokens.push_back({token.kind, token.exact, std::string(token.text)});
        else
            cut = true;
    }
    std::vector<KeptToken> tokens;
    bool cut = false;
};

struct Reading {
    std::vector<KeptToken> tokens;
    bool whole = false;
    std::size_t at = 0;

    const KeptToken* peek(std::size_t ahead = 0) const {
        return at + ahead < tokens.size() ? &tokens[at + ahead] : nullptr;
    }
    bool take(std::string_view word) {
        if (peek() == nullptr || !peek()->word(word))
            return false;
        ++at;
        return true;
    }
    bool take(char symbol) {
        if (peek() == nullptr || !peek()->symbol(symbol))
            return false;
        ++at;
        return true;
    }
    bool end() {
        while (take(';')) {
        }
        return at == tokens.size();
    }
};

Reading read(std::string_view text, SqlOptions options) {
    Keeper keeper;
    SqlLexer lexer(options);
    lexer.feed(text, keeper);
    Reading reading;
    reading.whole = lexer.finish(keeper) && !keeper.cut && !lexer.uncertain();
    reading.tokens = std::move(keeper.tokens);
    return reading;
}

std::string folded(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return out;
}

using Kind = SqlChange::Kind;

// [schema.]name; the change without a name when it cannot be told.
SqlChange named(Reading& reading, Kind kind) {
    const auto* token = reading.peek();
    bool name = token != nullptr && (token->kind == TokenKind::word || token->kind == TokenKind::quoted);
    if (!name || !token->exact)
        return {Kind::unnamed, {}};
    SqlChange change{kind, folded(token->text)};
    ++reading.at;
    if (reading.take('.')) {
        token = reading.peek();
        if (token == nullptr || !token->exact)
            return {Kind::unnamed, {}};
        change.name += '.' + folded(token->text);
        ++reading.at;
    }
    return change;
}

void read_lock(Reading& reading, std::vector<SqlChange>& changes) {
    bool all = reading.peek()->text == "release_all_locks";
    bool free = reading.peek()->text == "release_lock";
    bool take = reading.peek()->text == "get_lock";
    if (!all && !free && !take) {
        changes.push_back({Kind::unnamed, {}});
        ++reading.at;
        return;
    }
    ++reading.at;
    if (!reading.take('('))
        return;
    if (all) {
        changes.push_back({Kind::all_locks_freed, {}});
        return;
    }
    const auto* name = reading.peek();
    const auto* behind = reading.peek(1);
    bool literal = name != nullptr && name->kind == TokenKind::string && name->exact && behind != nullptr &&
                   behind->symbol(take ? ',' : ')');
    if (literal)
        changes.push_back({take ? Kind::lock_taken : Kind::lock_freed, folded(name->text)});
    else if (take)
        changes.push_back({Kind::unnamed, {}});
}

void read_statement(Reading& reading, std::vector<SqlChange>& changes) {
    if (reading.take("prepare"))
        return changes.push_back(named(reading, Kind::prepared));
    if (reading.take("deallocate")) {
        reading.take("prepare");
        return changes.push_back(named(reading, Kind::deallocated));
    }
    if (reading.take("handler")) {
        auto change = named(reading, Kind::handler_opened);
        if (reading.take("open")) {
            reading.take("as");
            if (reading.peek() != nullptr && reading.peek()->kind != TokenKind::symbol)
                change = named(reading, Kind::handler_opened);
            changes.push_back(std::move(change));
        } else if (reading.take("close")) {
            change.kind = change.kind == Kind::unnamed ? Kind::unnamed : Kind::handler_closed;
            changes.push_back(std::move(change));
        }
        return;
    }
    bool create = reading.take("create");
    if (!create && !reading.take("drop"))
        return;
    if (reading.take("or"))
        reading.take("replace");
    if (!create && reading.take("prepare"))
        return changes.push_back(named(reading, Kind::deallocated));
    bool temporary = reading.take("temporary");
    if (create && !temporary)
        return;
    if (!reading.take("table") && !reading.take("tables") && !reading.take("sequence"))
        return;
    if (reading.take("if")) {
        reading.take("not");
        reading.take("exists");
    }
    do
        changes.push_back(named(reading, create ? Kind::temp_made : Kind::table_dropped));
    while (!create && reading.take(','));
}

// What SELECT has one of: name() or @@[scope.]name.
SqlQuestion::Kind question_about(Reading& reading) {
    using Question = SqlQuestion::Kind;
    const auto* token = reading.peek();
    if (token == nullptr)
        return Question::none;
    std::string name = token->text;
    bool system = token->kind == TokenKind::system;
    if (!system && token->kind != TokenKind::word)
        return Question::none;
    ++reading.at;
    if (system && (name == "session" || name == "local") && reading.take('.')) {
        if (reading.peek() == nullptr)
            return Question::none;
        name = reading.peek()->text;
        ++reading.at;
    } else if (!system && (!reading.take('(') || !reading.take(')'))) {
        return Question::none;
    }
    if (system)
        return name == "identity" || name == "last_insert_id" ? Question::last_insert_id
               : name == "warning_count"                      ? Question::warning_count
               : name == "error_count"                        ? Question::error_count
                                                              : Question::none;
    return name == "connection_id"    ? Question::connection_id
           : name == "last_insert_id" ? Question::last_insert_id
           : name == "row_count"      ? Question::row_count
           : name == "found_rows"     ? Question::found_rows
                                      : Question::none;
}

bool read_number(Reading& reading, std::uint64_t& number) {
    const auto* token = reading.peek();
    if (token == nullptr || token->kind != TokenKind::number)
        return false;
    auto [end, error] = std::from_chars(token->text.data(), token->text.data() + token->text.size(), number);
    ++reading.at;
    return error == std::errc() && end == token->text.data() + token->text.size();
}

SqlQuestion read_show(Reading& reading) {
    using Question = SqlQuestion::Kind;
    SqlQuestion question;
    bool count = reading.take("count");
    if (count && (!reading.take('(') || !reading.take('*') || !reading.take(')')))
        return {};
    bool warnings = reading.take("warnings");
    if (!warnings && !reading.take("errors"))
        return {};
    question.kind = count ? (warnings ? Question::warning_count : Question::error_count)
                          : (warnings ? Question::warnings : Question::errors);
    if (count)
        question.label = warnings ? "@@session.warning_count" : "@@session.error_count";
    if (!count && reading.take("limit")) {
        if (!read_number(reading, question.limit))
            return {};
        if (reading.take(',')) {
            question.offset = question.limit;
            if (!read_number(reading, question.limit))
                return {};
        }
    }
    return reading.end() ? question : SqlQuestion{};
}

} // namespace

std::vector<SqlChange> read_changes(std::string_view text, SqlOptions options) {
    auto reading = read(text, options);
    std::vector<SqlChange> changes;
    bool start = true;
    while (reading.peek() != nullptr) {
        const auto* token = reading.peek();
        if (std::exchange(start, token->symbol(';')))
            read_statement(reading, changes);
        if (reading.peek() == nullptr)
            break;
        token = reading.peek();
        if (token->kind == TokenKind::word && (token->text.find("_lock") != std::string::npos))
            read_lock(reading, changes);
        else
            start = reading.tokens[reading.at++].symbol(';');
    }
    if (!reading.whole)
        changes.push_back({Kind::unnamed, {}});
    return changes;
}

std::optional<SqlKill> read_kill(std::string_view text, SqlOptions options) {
    auto reading = read(text, options);
    SqlKill kill;
    if (!reading.whole || !reading.take("kill"))
        return std::nullopt;
    if (!reading.take("hard"))
        reading.take("soft");
    kill.query_only = reading.take("query");
    if (kill.query_only && reading.take("id"))
        return std::nullopt;
    if (!kill.query_only)
        reading.take("connection");
    if (!read_number(reading, kill.id) || !reading.end())
        return std::nullopt;
    return kill;
}

SqlQuestion read_question(std::string_view text, SqlOptions options) {
    auto reading = read(text, options);
    if (!reading.whole)
        return {};
    if (reading.take("show"))
        return read_show(reading);
    if (!reading.take("select"))
        return {};
    SqlQuestion question;
    question.kind = question_about(reading);
    if (question.kind == SqlQuestion::Kind::none)
        return {};
    auto begin = text.find_first_not_of(" \t\r\n", folded(text).find("select") + 6);
    auto end = text.find(')', begin);
    if (text[begin] == '@')
        end = text.find_first_of(" \t\r\n;", begin);
    else
        end += 1;
    question.label = text.substr(begin, end - begin);
    bool as = reading.take("as");
    const auto* alias = reading.peek();
    if (alias != nullptr && !alias->symbol(';')) {
        if (alias->kind == TokenKind::word || alias->kind == TokenKind::number) {
            auto at = folded(text).rfind(alias->text);
            if (!as && find_word(alias->text) != Word::other)
                return {}; // not an alias but FROM, INTO, UNION …
            question.label = text.substr(at, alias->text.size());
        } else if ((alias->kind == TokenKind::quoted || alias->kind == TokenKind::string) && alias->exact) {
            question.label = alias->text;
        } else {
            return {};
        }
        ++reading.at;
    }
    return reading.end() ? question : SqlQuestion{};
}

std::optional<std::string> read_names_collation(std::string_view text, SqlOptions options) {
    auto reading = read(text, options);
    std::optional<std::string> collation;
    for (std::size_t i = 0; i < reading.tokens.size(); ++i) {
        if (reading.tokens[i].word("names"))
            collation.reset();
        if (!reading.tokens[i].word("collate") || i + 1 == reading.tokens.size())
            continue;
        const auto& value = reading.tokens[i + 1];
        if (value.exact && (value.kind == TokenKind::word || value.kind == TokenKind::string))
            collation = folded(value.text);
    }
    return collation;
}

} // namespace rekey::protocol::mysql
