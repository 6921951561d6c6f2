#include "protocol/postgres/sql_scan_tokens.hpp"

#include <utility>

namespace rekey::protocol::postgres {
namespace {

// A sink of SqlLexer that keeps tokens with their text.
class Collector {
  public:
    Collector(std::string_view text, std::size_t limit) : text_(text), limit_(limit) {}

    void attach(const SqlLexer& lexer) { lexer_ = &lexer; }

    void on_word(const TokenText& word) {
        if (SqlToken* token = add(SqlToken::Kind::word)) {
            token->text = word.whole() ? std::string(word.view()) : std::string(written());
        }
    }
    void on_quoted(const TokenText& name, bool unicode) {
        if (SqlToken* token = add(SqlToken::Kind::quoted)) {
            token->exact = name.whole() && !unicode;
            token->text = token->exact ? std::string(name.view()) : std::string();
        }
    }
    void on_string(const TokenText&, StringKind kind) {
        if (SqlToken* token = add(SqlToken::Kind::string)) {
            auto value = decode_string(written(), kind);
            token->string = kind;
            token->exact = value.has_value();
            token->text = std::move(value).value_or(std::string());
        }
    }
    void on_number(const TokenText&) {
        if (SqlToken* token = add(SqlToken::Kind::number)) {
            token->text = written();
        }
    }
    void on_parameter() { add(SqlToken::Kind::other); }
    void on_cast() { add(SqlToken::Kind::other); }
    void on_symbol(char c) {
        if (c == ';') {
            ended_ = !tokens_.empty();
        } else if (SqlToken* token = add(SqlToken::Kind::symbol)) {
            token->symbol = c;
        }
    }
    bool wants_content() const { return false; }

    bool failed() const { return failed_; }
    std::vector<SqlToken>& tokens() { return tokens_; }

  private:
    std::string_view written() const {
        const Lexeme at = lexer_->lexeme();
        return text_.substr(at.begin, at.end - at.begin);
    }
    SqlToken* add(SqlToken::Kind kind) {
        failed_ = failed_ || tokens_.size() == limit_ || ended_;
        if (failed_) {
            return nullptr;
        }
        tokens_.emplace_back().kind = kind;
        return &tokens_.back();
    }

    std::string_view text_;
    std::size_t limit_;
    const SqlLexer* lexer_ = nullptr;
    std::vector<SqlToken> tokens_;
    bool ended_ = false;
    bool failed_ = false;
};

} // namespace

std::optional<std::vector<SqlToken>> read_tokens(std::string_view text, bool standard_conforming_strings,
                                                 std::size_t limit) {
    SqlLexer lexer(standard_conforming_strings, 0);
    Collector collector(text, limit);
    collector.attach(lexer);
    lexer.feed(text, collector);
    const bool complete = lexer.finish(collector);
    if (!complete || lexer.uncertain() || collector.failed()) {
        return std::nullopt;
    }
    return std::move(collector.tokens());
}

std::optional<std::string> decode_string(std::string_view written, StringKind kind) {
    if (kind != StringKind::plain && kind != StringKind::escaped) {
        return std::nullopt;
    }
    if (written.starts_with('$')) {
        const std::size_t tag = written.find('$', 1) + 1;
        return std::string(written.substr(tag, written.size() - 2 * tag));
    }
    const bool prefixed = kind == StringKind::escaped && (written.starts_with('e') || written.starts_with('E'));
    written.remove_prefix(prefixed ? 1 : 0);
    if (written.size() < 2 || written.front() != '\'') {
        return std::nullopt; // N'…'
    }
    written = written.substr(1, written.size() - 2);
    if (kind == StringKind::escaped && written.find('\\') != std::string_view::npos) {
        return std::nullopt;
    }
    std::string value;
    while (!written.empty()) {
        const std::size_t quote = written.find('\'');
        value += written.substr(0, quote);
        if (quote == std::string_view::npos) {
            break;
        }
        if (written.substr(quote, 2) != "''") {
            return std::nullopt; // 'a' ⏎ 'b'
        }
        value += '\'';
        written.remove_prefix(quote + 2);
    }
    return value;
}

} // namespace rekey::protocol::postgres
