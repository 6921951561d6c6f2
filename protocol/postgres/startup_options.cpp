#include "protocol/postgres/startup_options.hpp"

#include <algorithm>
#include <array>

namespace rekey::protocol::postgres {

namespace {

bool is_name_start(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_part(char c) {
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '$';
}
// What isspace() of the C locale says, which PostgreSQL splits by.
bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Switches that stand for one parameter. An empty value: the switch takes it as its argument.
struct Switch {
    char letter;
    std::string_view name, value;
};
constexpr std::array switches{
    Switch{'B', "shared_buffers", ""},
    Switch{'e', "datestyle", "euro"},
    Switch{'F', "fsync", "false"},
    Switch{'O', "allow_system_table_mods", "true"},
    Switch{'P', "ignore_system_indexes", "true"},
    Switch{'S', "work_mem", ""},
    Switch{'s', "log_statement_stats", "true"},
    Switch{'W', "post_auth_delay", ""},
};

// Switches whose argument says which parameter is meant.
struct Choice {
    char letter;
    std::string_view argument, name, value;
};
constexpr std::array choices{
    Choice{'f', "s", "enable_seqscan", "false"},       Choice{'f', "i", "enable_indexscan", "false"},
    Choice{'f', "o", "enable_indexonlyscan", "false"}, Choice{'f', "b", "enable_bitmapscan", "false"},
    Choice{'f', "t", "enable_tidscan", "false"},       Choice{'f', "n", "enable_nestloop", "false"},
    Choice{'f', "m", "enable_mergejoin", "false"},     Choice{'f', "h", "enable_hashjoin", "false"},
    Choice{'t', "pa", "log_parser_stats", "true"},     Choice{'t', "pl", "log_planner_stats", "true"},
    Choice{'t', "e", "log_executor_stats", "true"},
};

// "name=value"; in the name, '-' stands for '_'.
bool add_setting(std::string_view text, Parameters& parameters) {
    auto equals = text.find('=');
    if (equals == std::string_view::npos)
        return false;
    std::string name(text.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    if (!is_parameter_name(name))
        return false;
    parameters.emplace_back(std::move(name), text.substr(equals + 1));
    return true;
}

// -d level: what PostgreSQL makes of it.
bool add_debug_level(std::string_view argument, Parameters& parameters) {
    if (argument.size() != 1 || argument[0] < '0' || argument[0] > '5')
        return false;
    auto level = argument[0] - '0';
    parameters.emplace_back("log_min_messages", level == 0 ? "notice" : "debug" + std::string(argument));
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> added{{{"log_statement", "all"},
                                                                                  {"debug_print_parse", "true"},
                                                                                  {"debug_print_plan", "true"},
                                                                                  {"debug_print_rewritten", "true"}}};
    for (int i = 0; i + 2 <= level; ++i)
        parameters.emplace_back(added[static_cast<std::size_t>(i)].first, added[static_cast<std::size_t>(i)].second);
    return true;
}

bool add_choice(char letter, std::string_view argument, Parameters& parameters) {
    for (const auto& choice : choices) {
        if (choice.letter == letter && argument.starts_with(choice.argument)) {
            parameters.emplace_back(choice.name, choice.value);
            return true;
        }
    }
    return false;
}

bool takes_argument(char letter) {
    for (const auto& known : switches)
        if (known.letter == letter)
            return known.value.empty();
    return letter == 'c' || letter == '-' || letter == 'd' || letter == 'f' || letter == 't';
}

bool add_switch(char letter, std::string_view argument, Parameters& parameters) {
    switch (letter) {
    case 'c':
    case '-':
        return add_setting(argument, parameters);
    case 'd':
        return add_debug_level(argument, parameters);
    case 'f':
    case 't':
        return add_choice(letter, argument, parameters);
    default:
        break;
    }
    for (const auto& known : switches) {
        if (known.letter == letter) {
            parameters.emplace_back(known.name, known.value.empty() ? argument : known.value);
            return true;
        }
    }
    return false;
}

} // namespace

bool is_parameter_name(std::string_view name) {
    bool at_start = true;
    for (char c : name) {
        if (c == '.' && !at_start)
            at_start = true;
        else if (at_start ? is_name_start(c) : is_name_part(c))
            at_start = false;
        else
            return false;
    }
    return !at_start;
}

std::vector<std::string> split_options(std::string_view options) {
    std::vector<std::string> arguments;
    bool inside = false;
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (is_space(options[i])) {
            inside = false;
            continue;
        }
        if (!inside)
            arguments.emplace_back();
        inside = true;
        if (options[i] == '\\') {
            ++i;
            if (i == options.size())
                break;
        }
        arguments.back().push_back(options[i]);
    }
    return arguments;
}

// As getopt() reads them: letters may be joined ("-eF"), an argument follows at once or is the next word.
bool read_options(std::string_view options, Parameters& parameters, std::string& wrong) {
    auto arguments = split_options(options);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        wrong = arguments[i];
        std::string_view letters = wrong;
        if (letters.size() < 2 || letters[0] != '-' || letters == "--")
            return false;
        letters.remove_prefix(1);
        while (!letters.empty()) {
            char letter = letters[0];
            letters.remove_prefix(1);
            std::string_view argument;
            if (takes_argument(letter)) {
                if (!letters.empty())
                    argument = std::exchange(letters, {});
                else if (++i < arguments.size())
                    argument = arguments[i];
                else
                    return false;
            }
            if (!add_switch(letter, argument, parameters))
                return false;
        }
    }
    wrong.clear();
    return true;
}

} // namespace rekey::protocol::postgres
