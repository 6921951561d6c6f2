// A second reading of SQL to hold the scan against: slow, over the whole text at once, written without looking at it.
// Reads what PostgreSQL 12 to 18 all accept; a text with anything else is `odd` and proves nothing.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sql_reference {

struct Token {
    char kind = 0; // w word (lower case), q quoted name, s string, n number or parameter, else the symbol itself
    std::string text;
};

class Text {
  public:
    Text(std::string_view text, bool standard_strings) : rest_(text), standard_(standard_strings) {
        while (!odd_ && !rest_.empty()) {
            next();
        }
    }

    bool odd() const { return odd_; }
    const std::vector<Token>& tokens() const { return tokens_; }

    // Whether the text surely does what must not be taken for harmless.
    bool dangerous() const {
        std::vector<Token> statement;
        bool danger = false;
        for (const Token& token : tokens_) {
            if (token.kind == ';') {
                danger = danger || statement_dangerous(statement);
                statement.clear();
            } else {
                statement.push_back(token);
            }
        }
        return danger || statement_dangerous(statement);
    }
    bool balanced() const {
        std::ptrdiff_t depth = 0;
        for (const Token& token : tokens_) {
            depth += token.kind == '(' ? 1 : token.kind == ')' ? -1 : 0;
            if (depth < 0 || (token.kind == ';' && depth != 0)) {
                return false;
            }
        }
        return depth == 0;
    }

  private:
    static bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0; }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    void take(std::size_t size) { rest_.remove_prefix(size); }
    void add(char kind, std::string text = {}) { tokens_.push_back({kind, std::move(text)}); }

    void next() {
        const char c = rest_[0];
        if (std::string_view(" \t\n\r\f\v").find(c) != std::string_view::npos) {
            take(1);
        } else if (rest_.starts_with("--")) {
            take(std::min(rest_.find_first_of("\r\n"), rest_.size()));
        } else if (rest_.starts_with("/*")) {
            comment();
        } else if (c == '\'') {
            string(!standard_);
        } else if (c == '"') {
            take(1);
            const std::string name = until_quote('"', false);
            add('q', name);
        } else if (c == '$') {
            dollar();
        } else if (is_digit(c)) {
            number();
        } else if (is_letter(c)) {
            word();
        } else {
            add(c);
            take(1);
        }
    }

    // Behind the opening quote; takes the closing one along.
    std::string until_quote(char quote, bool escapes) {
        std::string value;
        while (!rest_.empty()) {
            const char c = rest_[0];
            if (c == '\\' && escapes && rest_.size() > 1) {
                take(2);
            } else if (c == quote && rest_.substr(1).starts_with(quote)) {
                value += quote;
                take(2);
            } else if (c == quote) {
                take(1);
                return value;
            } else {
                value += c;
                take(1);
            }
        }
        odd_ = true;
        return value;
    }

    void string(bool escapes) {
        take(1);
        until_quote('\'', escapes);
        // A string on the next line goes on with this one.
        std::string_view ahead = rest_;
        bool line = false;
        while (!ahead.empty()) {
            if (std::isspace(static_cast<unsigned char>(ahead[0])) != 0) {
                line = line || ahead[0] == '\n' || ahead[0] == '\r';
                ahead.remove_prefix(1);
            } else if (ahead.starts_with("--")) {
                ahead.remove_prefix(std::min(ahead.find_first_of("\r\n"), ahead.size()));
            } else {
                break;
            }
        }
        if (line && ahead.starts_with('\'') && !odd_) {
            rest_ = ahead;
            string(escapes);
            return;
        }
        add('s');
    }

    void comment() {
        std::size_t depth = 0;
        do {
            if (rest_.size() < 2) {
                odd_ = true;
                return;
            }
            depth += rest_.starts_with("/*") ? 1 : 0;
            const bool closes = rest_.starts_with("*/");
            take(closes || rest_.starts_with("/*") ? 2 : 1);
            depth -= closes ? 1 : 0;
        } while (depth > 0);
    }

    void dollar() {
        std::size_t at = 1;
        while (at < rest_.size() && is_digit(rest_[at])) {
            ++at;
        }
        if (at > 1) {
            odd_ = at < rest_.size() && (is_letter(rest_[at]) || rest_[at] == '$');
            take(at);
            add('n');
            return;
        }
        while (at < rest_.size() && (is_letter(rest_[at]) || (at > 1 && is_digit(rest_[at])))) {
            ++at;
        }
        if (at == rest_.size() || rest_[at] != '$' || at > 60) {
            odd_ = true;
            return;
        }
        const std::string tag(rest_.substr(0, at + 1));
        const std::size_t close = rest_.find(tag, tag.size());
        if (close == std::string_view::npos) {
            odd_ = true;
            return;
        }
        // $a$b$a$: the tag must not be looked for within another one.
        take(close + tag.size());
        add('s');
    }

    void number() {
        std::size_t at = 0;
        while (at < rest_.size() && (is_digit(rest_[at]) || rest_[at] == '.')) {
            ++at;
        }
        odd_ = at < rest_.size() && (is_letter(rest_[at]) || rest_[at] == '$'); // junk, or not the same in all releases
        take(at);
        add('n');
    }

    void word() {
        std::size_t at = 0;
        while (at < rest_.size() && (is_letter(rest_[at]) || is_digit(rest_[at]) || rest_[at] == '$')) {
            ++at;
        }
        std::string text(rest_.substr(0, at));
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return c < 0x80 ? std::tolower(c) : c; });
        take(at);
        if (rest_.starts_with('\'') && (text == "e" || text == "n" || text == "b" || text == "x")) {
            string(text == "e" || (text == "n" && !standard_));
        } else if (text == "u" && rest_.starts_with("&'")) {
            odd_ = !standard_;
            take(1);
            string(false);
        } else if (text == "u" && rest_.starts_with("&\"")) {
            take(2);
            add('q', until_quote('"', false) + "\\"); // whatever it is, no name we look for
        } else {
            add('w', text);
        }
    }

    static bool is(const Token& token, std::string_view word) { return token.kind == 'w' && token.text == word; }

    static bool statement_dangerous(const std::vector<Token>& all) {
        static const std::set<std::string> first = {"listen", "unlisten", "load",   "discard", "deallocate",
                                                    "reset",  "insert",   "update", "delete",  "merge",
                                                    "call",   "do",       "execute"};
        static const std::set<std::string> queries = {"select", "values", "with", "insert", "update", "delete"};
        const auto begin = std::find_if(all.begin(), all.end(), [](const Token& t) { return t.kind != '('; });
        const std::vector<Token> s(begin, all.end());
        if (s.empty() || s[0].kind != 'w') {
            return false;
        }
        if (first.contains(s[0].text)) {
            return true;
        }
        if (is(s[0], "set") && s.size() > 1) {
            static const std::set<std::string> scopes = {"local", "transaction", "constraints"};
            return s[1].kind == 'w' && !scopes.contains(s[1].text);
        }
        if (is(s[0], "create") && s.size() > 1 && (is(s[1], "temp") || is(s[1], "temporary"))) {
            return true;
        }
        return queries.contains(s[0].text) && calls_something(s);
    }

    static bool calls_something(const std::vector<Token>& s) {
        static const std::set<std::string> never_harmless = {"pg_advisory_lock",
                                                             "pg_advisory_lock_shared",
                                                             "pg_try_advisory_lock",
                                                             "pg_advisory_unlock",
                                                             "pg_advisory_unlock_all",
                                                             "currval",
                                                             "lastval",
                                                             "dblink_connect",
                                                             "setseed"};
        static const std::set<std::string> opens_value = {"select",   "where", "and",   "or",   "not",
                                                          "distinct", "when",  "then",  "else", "by",
                                                          "having",   "limit", "offset"};
        const bool lists = std::any_of(s.begin(), s.end(), [](const Token& t) { return is(t, "with"); });
        for (std::size_t i = 0; i + 1 < s.size(); ++i) {
            if ((s[i].kind != 'w' && s[i].kind != 'q') || s[i + 1].kind != '(') {
                continue;
            }
            if (never_harmless.contains(s[i].text)) {
                return true;
            }
            const bool value = i > 0 && (s[i - 1].kind == ',' || s[i - 1].kind == '(' || s[i - 1].kind == '+' ||
                                         (s[i - 1].kind == 'w' && opens_value.contains(s[i - 1].text)));
            if (value && !lists && (s[i].text.starts_with("evil") || s[i].text == "nextval")) {
                return true;
            }
            if (s[i].text == "set_config" && !is_local(s, i + 1)) {
                return true;
            }
        }
        return false;
    }

    // Whether the call whose parenthesis stands at `open` ends with `, true)`.
    static bool is_local(const std::vector<Token>& s, std::size_t open) {
        std::size_t depth = 0;
        for (std::size_t i = open; i < s.size(); ++i) {
            depth += s[i].kind == '(' ? 1 : 0;
            depth -= s[i].kind == ')' ? 1 : 0;
            if (depth == 0) {
                return is(s[i - 1], "true") && s[i - 2].kind == ',';
            }
        }
        return false;
    }

    std::string_view rest_;
    bool standard_;
    bool odd_ = false;
    std::vector<Token> tokens_;
};

} // namespace sql_reference
