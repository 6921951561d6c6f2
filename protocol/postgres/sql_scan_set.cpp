// SET, RESET and DEALLOCATE, read exactly: VariableSetStmt and VariableResetStmt of src/backend/parser/gram.y, and
// flatten_set_variable_args() of guc_funcs.c for what becomes of the values.
#include "protocol/postgres/sql_scan.hpp"
#include "protocol/postgres/sql_scan_tokens.hpp"
#include "protocol/postgres/sql_scan_words.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace rekey::protocol::postgres {
namespace {

constexpr std::size_t token_limit = 256;

std::string lower(std::string_view name) {
    std::string folded(name);
    std::transform(folded.begin(), folded.end(), folded.begin(), fold_byte);
    return folded;
}

bool among(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Parameters whose list elements are names (GUC_LIST_QUOTE); of the others with lists those a session may set.
bool lists_names(std::string_view parameter) {
    return among(parameter,
                 {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"});
}
bool lists_words(std::string_view parameter) {
    return among(parameter, {"datestyle", "createrole_self_grant", "restrict_nonsystem_relation_kind"});
}

bool is_keyword(std::string_view name) {
    char padded[TokenText::capacity + 8] = {};
    if (name.size() > TokenText::capacity) {
        return false;
    }
    std::copy(name.begin(), name.end(), padded);
    const WordInfo info = find_word({padded, name.size()});
    return info.callable == Callable::never || info.word == Word::join || info.word == Word::join_type;
}

std::string quote_identifier(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    const bool safe = !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
                      std::all_of(name.begin(), name.end(), plain) && !is_keyword(name);
    if (safe) {
        return std::string(name);
    }
    std::string quoted = "\"";
    for (const char c : name) {
        quoted.append(c == '"' ? 2 : 1, c);
    }
    return quoted + '"';
}

// Integers come back as the number they are, everything else as written. Empty: not read here (0x1F, 1_000).
std::string number_value(std::string_view written, bool negative) {
    const bool digits = written.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits && written.find_first_not_of("0123456789.eE+-") != std::string_view::npos) {
        return {};
    }
    std::string value(written);
    if (digits) {
        const std::size_t first = std::min(written.find_first_not_of('0'), written.size() - 1);
        const std::string_view short_form = written.substr(first);
        const bool fits = short_form.size() < 10 ||
                          (short_form.size() == 10 && short_form <= std::to_string(std::numeric_limits<int>::max()));
        value = fits ? short_form : written;
        negative = negative && value != "0";
    }
    return negative ? "-" + value : value;
}

// Walks the tokens of one statement.
class Reader {
  public:
    explicit Reader(std::vector<SqlToken> tokens) : tokens_(std::move(tokens)) {}

    bool take(std::string_view word) { return peek().is_word(word) && ++at_ != 0; }
    bool take(std::string_view first, std::string_view second) {
        return peek().is_word(first) && peek(1).is_word(second) && (at_ += 2) != 0;
    }
    bool take_symbol(char c) { return peek().is_symbol(c) && ++at_ != 0; }
    const SqlToken& peek(std::size_t ahead = 0) const {
        return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : nothing_;
    }
    const SqlToken& next() { return at_ < tokens_.size() ? tokens_[at_++] : nothing_; }
    bool done() const { return at_ == tokens_.size(); }
    // A variable may have the name of any keyword that is not reserved: SET local.x = 1, SET session TO on.
    bool at_variable() const { return peek(1).is_symbol('.') || peek(1).is_symbol('=') || peek(1).is_word("to"); }

  private:
    std::vector<SqlToken> tokens_;
    std::size_t at_ = 0;
    SqlToken nothing_;
};

bool read_name(Reader& in, std::string& name) {
    do {
        const SqlToken& part = in.next();
        if (!part.is_name()) {
            return false;
        }
        name += (name.empty() ? "" : ".") + lower(part.text);
    } while (in.take_symbol('.'));
    return true;
}

// One value, which is never DEFAULT.
bool read_value(Reader& in, bool as_name, std::string& value) {
    const bool negative = in.take_symbol('-');
    const bool sign = negative || in.take_symbol('+');
    const SqlToken& token = in.next();
    if (token.kind == SqlToken::Kind::number) {
        value = number_value(token.text, negative);
        return !value.empty();
    }
    if (sign || !token.exact || (token.kind != SqlToken::Kind::string && !token.is_name()) ||
        token.is_word("default")) {
        return false;
    }
    value = as_name ? quote_identifier(token.text) : token.text;
    return true;
}

bool read_values(Reader& in, SimpleSet& set) {
    if (in.take("default")) {
        set.to_default = true;
        return in.done();
    }
    const bool names = lists_names(set.name);
    std::size_t count = 0;
    do {
        std::string value;
        if (!read_value(in, names, value)) {
            return false;
        }
        set.value += (count++ == 0 ? "" : ", ") + value;
    } while (in.take_symbol(','));
    return in.done() && (count == 1 || names || lists_words(set.name));
}

bool read_one_value(Reader& in, SimpleSet& set, bool as_name) {
    return !in.peek().is_word("interval") && read_value(in, as_name, set.value) && in.done();
}

// The forms of SET with words of their own.
bool read_special(Reader& in, SimpleSet& set) {
    const bool string_next = in.peek(1).kind == SqlToken::Kind::string;
    if (in.take("time", "zone")) {
        set.name = "timezone";
        set.to_default = in.take("local") || in.take("default");
        return set.to_default ? in.done() : read_one_value(in, set, false);
    }
    if (in.take("session", "authorization")) {
        set.name = "session_authorization";
        set.to_default = in.take("default");
        return set.to_default ? in.done() : read_one_value(in, set, false);
    }
    if (in.take("names")) {
        set.name = "client_encoding";
        set.to_default = in.done() || in.take("default");
        return set.to_default ? in.done() : string_next && read_one_value(in, set, false);
    }
    if (in.take("role")) {
        set.name = "role";
        return read_one_value(in, set, false);
    }
    if (string_next && in.take("schema")) {
        set.name = "search_path";
        return read_one_value(in, set, true);
    }
    return false;
}

SimpleSet read_set(Reader& in) {
    SimpleSet set;
    const bool authorization = in.peek().is_word("session") && in.peek(1).is_word("authorization");
    if (!in.at_variable() && !authorization) {
        in.take("session");
    }
    set.found = in.at_variable()
                    ? read_name(in, set.name) && (in.take_symbol('=') || in.take("to")) && read_values(in, set)
                    : read_special(in, set);
    return set;
}

SimpleSet read_reset(Reader& in) {
    SimpleSet set;
    set.to_default = true;
    if (in.take("all")) {
        set.to_default = false;
        set.reset_all = true;
        set.found = in.done();
    } else if (in.take("time", "zone")) {
        set.name = "timezone";
        set.found = in.done();
    } else if (in.take("session", "authorization")) {
        set.name = "session_authorization";
        set.found = in.done();
    } else {
        set.found = read_name(in, set.name) && in.done();
    }
    return set;
}

} // namespace

SimpleSet read_simple_set(std::string_view text, bool standard_conforming_strings) {
    auto tokens = read_tokens(text, standard_conforming_strings, token_limit);
    if (!tokens) {
        return {};
    }
    Reader in(std::move(*tokens));
    SimpleSet set;
    if (in.take("set")) {
        set = read_set(in);
    } else if (in.take("reset")) {
        set = read_reset(in);
    }
    const bool of_session =
        !among(set.name, {"transaction_isolation", "transaction_read_only", "transaction_deferrable", "seed"});
    return set.found && of_session ? set : SimpleSet{};
}

SimpleDeallocate read_simple_deallocate(std::string_view text) {
    auto tokens = read_tokens(text, true, 8);
    SimpleDeallocate result;
    if (!tokens) {
        return result;
    }
    Reader in(std::move(*tokens));
    if (!in.take("deallocate")) {
        return result;
    }
    if (in.peek().is_word("prepare") && in.peek(1).kind != SqlToken::Kind::other) {
        in.next();
    }
    const SqlToken& name = in.next();
    result.all = name.is_word("all");
    result.found = name.is_name() && in.done();
    if (!result.found) {
        return {};
    }
    result.name = result.all ? std::string() : name.text;
    return result;
}

} // namespace rekey::protocol::postgres
