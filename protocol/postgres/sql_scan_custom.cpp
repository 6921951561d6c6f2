// The custom parameters a text sets: their names are nowhere to be asked for, pg_settings does not list them.
#include "protocol/postgres/sql_scan.hpp"

#include <algorithm>
#include <utility>

namespace rekey::protocol::postgres {
namespace {

// A sink of SqlLexer. Looks for SET [SESSION] name.name and set_config('name.name'.
class CustomNames {
  public:
    void on_word(const TokenText& text) {
        const std::string_view word = text.whole() ? text.view() : std::string_view{};
        switch (at_) {
        case At::start:
            at_ = word == "set" ? At::set : At::elsewhere;
            break;
        case At::set:
            begin_name(text);
            scope_ = word == "session" || word == "local";
            break;
        case At::name:
            if (scope_ && !dotted_) {
                const bool local = name_ == "local";
                begin_name(text);
                scope_ = false;
                at_ = local ? At::elsewhere : At::name;
            } else {
                end_name(); // TO
            }
            break;
        case At::dot:
            extend_name(text);
            break;
        case At::call:
        case At::elsewhere:
            at_ = At::elsewhere;
            break;
        }
        function_ = word == "set_config";
    }
    void on_quoted(const TokenText& text, bool) {
        on_word(text);
        scope_ = false; // "session" is a variable's name
    }
    void on_string(const TokenText& text, StringKind kind) {
        if (at_ == At::call && kind == StringKind::plain) {
            begin_name(text);
            end_name();
        }
        other();
    }
    void on_number(const TokenText&) { other(); }
    void on_parameter() { other(); }
    void on_cast() { other(); }
    void on_symbol(char c) {
        if (c == '.' && at_ == At::name) {
            at_ = At::dot;
            dotted_ = true;
            return;
        }
        if (at_ == At::name) {
            end_name(); // =
        }
        at_ = c == ';' ? At::start : c == '(' && function_ ? At::call : At::elsewhere;
        function_ = false;
    }
    bool wants_content() const { return at_ == At::call; }

    std::vector<std::string> take() { return std::move(names_); }

  private:
    enum class At : std::uint8_t { start, set, name, dot, call, elsewhere };

    void begin_name(const TokenText& text) {
        name_.clear();
        dotted_ = false;
        extend_name(text);
    }
    void extend_name(const TokenText& text) {
        name_ += name_.empty() ? "" : ".";
        std::transform(text.view().begin(), text.view().end(), std::back_inserter(name_), fold_byte);
        whole_ = text.whole() && (whole_ || name_.size() == text.view().size());
        at_ = At::name;
    }
    void end_name() {
        const bool custom = name_.find('.') != std::string::npos; // "a.b" is one as well
        if (custom && whole_ && std::find(names_.begin(), names_.end(), name_) == names_.end()) {
            names_.push_back(name_);
        }
        at_ = At::elsewhere;
    }
    void other() {
        at_ = At::elsewhere;
        function_ = false;
    }

    std::vector<std::string> names_;
    std::string name_;
    At at_ = At::start;
    bool scope_ = false; // the name may be SESSION or LOCAL
    bool dotted_ = false;
    bool whole_ = false;    // no part was too long to be kept
    bool function_ = false; // the last token was set_config
};

} // namespace

std::vector<std::string> custom_parameters_set(std::string_view text, bool standard_conforming_strings) {
    SqlLexer lexer(standard_conforming_strings, 0);
    CustomNames names;
    lexer.feed(text, names);
    lexer.finish(names);
    return names.take();
}

} // namespace rekey::protocol::postgres
