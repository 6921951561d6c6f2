// The one table of configuration options: what exists, of which type, with which default, range and effect of a
// change. Parsing, unknown-key detection, the restart rule and docs/options.md all derive from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rekey::config {

inline constexpr std::string_view from_credential = "from_credential"; // as `upstreams[].hosts`

enum class Type {
    section,          // a mapping; missing means all defaults
    optional_section, // a mapping whose absence means something
    named_list,       // a list of mappings told apart by their `name`
    list,             // a list of mappings in order
    boolean,
    integer,
    threads, // an integer or `auto`
    duration,
    size,
    text,
    name,     // printable, up to 63 bytes
    variable, // the name of an environment variable
    choice,
    choices,       // a list of them
    path,          // relative to the file it stands in
    readable_path, // the same; its content counts for what changed
    address,
    addresses,
    networks,
    texts,
    window,
    uri,
    secret,        // { file | env | value }
    user_password, // { file | env | value | verifier }
};

// What a reload does about a change.
enum class Apply {
    live,        // at once
    replacement, // by replacing backends one by one
    restart,     // nothing: named, and needs a restart
    not_yet,     // the key belongs to the contract and is refused by this version
};

struct Option {
    std::string_view path{}; // listeners[].tls.mode
    Type type = Type::section;
    std::string_view fallback{}; // as one would write it; prose in parentheses; empty: none
    std::string_view values{};   // of a choice: `a|b|!c`, ! for "not in this version"; of numbers: `least..most`
    Apply apply = Apply::live;
    std::string_view text{};     // one line
    std::string_view only_for{}; // `type=file|exec`: applies only with such a value of the key beside it

    bool required() const { return fallback == "(required)"; }
    // The default as a value, empty when there is none or it is computed.
    std::string_view default_value() const { return fallback.starts_with('(') ? std::string_view() : fallback; }
    std::string_view key() const; // the last part of the path, without []
};

const std::vector<Option>& options();
// By the path as in the table; null when there is none.
const Option* find_option(std::string_view path);
// The options directly under a path ("" for the top level), in the order of the table.
std::vector<const Option*> options_under(std::string_view path);
// Paths with their names or indices replaced by []: `listeners[pg].address` is of the option `listeners[].address`.
std::string child_path(std::string_view parent, std::string_view key);

// What may stand in the mapping of a secret.
const std::vector<Option>& secret_options();

struct Choice {
    std::string_view name;
    bool supported = true;
};
std::vector<Choice> choices_of(const Option& option);

// docs/options.md.
std::string options_markdown();

} // namespace rekey::config
