#include "proxy/admin/console_command.hpp"

#include "config/scalars.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace rekey::proxy::admin {
namespace {

constexpr std::array help_rows{
    ConsoleHelp{"SHOW POOLS", "pools: clients, backends, who waits, why a login failed"},
    ConsoleHelp{"SHOW CLIENTS", "client sessions"},
    ConsoleHelp{"SHOW SERVERS", "backends, with the generation each logged in with"},
    ConsoleHelp{"SHOW CREDENTIALS", "credentials: state, generation, age, next rotation, reason"},
    ConsoleHelp{"SHOW ROTATIONS", "how far each rotation is, and what the rotations so far came to"},
    ConsoleHelp{"SHOW WHY", "pinned sessions: why, since when, by what, which rotation waits, what would free it"},
    ConsoleHelp{"SHOW STATS", "totals since the start"},
    ConsoleHelp{"SHOW CONFIG", "settings; secrets are not shown"},
    ConsoleHelp{"SHOW VERSION", "which Rekey this is"},
    ConsoleHelp{"ROTATE name [WAIT]", "rotate now (a followed source: fetch now); WAIT: answer when it is over"},
    ConsoleHelp{"ROTATE name DRY RUN", "what would be done"},
    ConsoleHelp{"ROTATE name EMERGENCY [DEADLINE 30s] [WAIT]", "newest generation only, old credential revoked"},
    ConsoleHelp{"ROTATE name RECOVER [WAIT]", "set a new password through `admin`"},
    ConsoleHelp{"RELOAD", "read the configuration file again"},
};

struct ShowWord {
    std::string_view word;
    ShowWhat what;
};
constexpr std::array show_words{
    ShowWord{"POOLS", ShowWhat::pools},         ShowWord{"CLIENTS", ShowWhat::clients},
    ShowWord{"SERVERS", ShowWhat::servers},     ShowWord{"CREDENTIALS", ShowWhat::credentials},
    ShowWord{"ROTATIONS", ShowWhat::rotations}, ShowWord{"WHY", ShowWhat::why},
    ShowWord{"VERSION", ShowWhat::version},     ShowWord{"HELP", ShowWhat::help},
    ShowWord{"CONFIG", ShowWhat::config},       ShowWord{"STATS", ShowWhat::stats},
};

bool is_space(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// Where the thing at `at` ends, if it is a comment or a quoted text; else `at`.
std::size_t end_of_opaque(std::string_view text, std::size_t at) {
    auto rest = text.substr(at);
    if (rest.starts_with("--")) {
        auto end = text.find('\n', at);
        return end == std::string_view::npos ? text.size() : end + 1;
    }
    if (rest.starts_with("/*")) {
        auto end = text.find("*/", at + 2);
        return end == std::string_view::npos ? text.size() : end + 2;
    }
    if (text[at] == '\'' || text[at] == '"') {
        auto end = text.find(text[at], at + 1);
        return end == std::string_view::npos ? text.size() : end + 1;
    }
    return at;
}

// An unclosed quote takes the rest.
std::string unquoted(std::string_view text) {
    bool closed = text.size() > 1 && text.back() == text.front();
    return std::string(text.substr(1, text.size() - 1 - (closed ? 1 : 0)));
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    bool open = false; // the last word goes on
    for (std::size_t at = 0; at < text.size();) {
        auto end = end_of_opaque(text, at);
        if (end != at) {
            if (text[at] == '\'' || text[at] == '"')
                words.push_back(unquoted(text.substr(at, end - at)));
            at = end;
            open = false;
            continue;
        }
        if (is_space(text[at])) {
            open = false;
        } else {
            if (!open)
                words.emplace_back();
            words.back() += text[at];
            open = true;
        }
        ++at;
    }
    return words;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

UnknownCommand syntax_error(std::string message) {
    return {"42601", std::move(message), "SHOW HELP lists the statements."};
}

ConsoleCommand parse_show(const std::vector<std::string>& words) {
    if (words.size() != 2)
        return syntax_error("SHOW wants one word");
    auto name = upper(words[1]);
    auto found = std::ranges::find(show_words, name, &ShowWord::word);
    if (found == show_words.end())
        return syntax_error("SHOW does not know \"" + words[1] + "\"");
    return ShowCommand{found->what};
}

ConsoleCommand parse_rotate(const std::vector<std::string>& words) {
    if (words.size() < 2)
        return syntax_error("ROTATE wants the name of a credential");
    RotateCommand command;
    command.credential = words[1];
    for (std::size_t i = 2; i < words.size(); ++i) {
        auto word = upper(words[i]);
        auto next = i + 1 < words.size() ? words[i + 1] : std::string{};
        if (word == "DRY" && upper(next) == "RUN") {
            command.request.dry_run = true;
            ++i;
        } else if (word == "EMERGENCY") {
            command.request.emergency = true;
        } else if (word == "RECOVER") {
            command.request.recover = true;
        } else if (word == "WAIT") {
            command.wait = true;
        } else if (word == "DEADLINE" && config::parse_duration(next)) {
            command.request.deadline = config::parse_duration(next);
            ++i;
        } else {
            return syntax_error("ROTATE does not know \"" + words[i] + "\"");
        }
    }
    if (command.request.deadline && !command.request.emergency)
        return syntax_error("DEADLINE goes with EMERGENCY");
    return command;
}

} // namespace

std::vector<std::string_view> split_statements(std::string_view text) {
    std::vector<std::string_view> statements;
    auto add = [&](std::string_view statement) {
        if (!words_of(statement).empty())
            statements.push_back(statement);
    };
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == ';') {
            add(text.substr(begin, at - begin));
            begin = ++at;
            continue;
        }
        auto end = end_of_opaque(text, at);
        at = end == at ? at + 1 : end;
    }
    add(text.substr(begin));
    if (statements.empty())
        statements.emplace_back();
    return statements;
}

ConsoleCommand parse_console_command(std::string_view statement) {
    auto words = words_of(statement);
    if (words.empty())
        return EmptyCommand{};
    auto first = upper(words[0]);
    if (first == "SHOW")
        return parse_show(words);
    if (first == "ROTATE")
        return parse_rotate(words);
    if (first == "RELOAD" && words.size() == 1)
        return ReloadCommand{};
    if (first == "HELP" && words.size() == 1)
        return ShowCommand{ShowWhat::help};
    if (first == "SELECT" || first == "WITH" || first == "TABLE")
        return UnknownCommand{"0A000", "this is Rekey's console, not a database: it has no tables",
                              "SHOW HELP lists the statements; psql's \\d commands need a database."};
    return UnknownCommand{"42601", "the console does not know \"" + words[0] + "\"", "SHOW HELP lists the statements."};
}

std::span<const ConsoleHelp> console_help() {
    return help_rows;
}

} // namespace rekey::proxy::admin
