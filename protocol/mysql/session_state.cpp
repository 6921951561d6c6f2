#include "protocol/mysql/session_state.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

constexpr std::string_view connection_charset = "character_set_connection",
                           connection_collation = "collation_connection";
constexpr std::string_view result_charset = "character_set_results", mode_name = "sql_mode";
// To MySQL, DEFAULT switches these off whatever their global value is.
constexpr std::string_view foreign_key_checks = "foreign_key_checks", unique_checks = "unique_checks";

bool is_number(std::string_view value) {
    if (!value.empty() && value.front() == '-')
        value.remove_prefix(1);
    auto digits = [](std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    auto dot = value.find('.');
    return digits(value.substr(0, dot)) && (dot == std::string_view::npos || digits(value.substr(dot + 1)));
}

bool differs(const std::string* a, const std::string* b) {
    return (a == nullptr) != (b == nullptr) || (a != nullptr && *a != *b);
}

void add_assignment(std::string& set, std::string_view name, const std::string* value, bool ignore_space) {
    set += set.empty() ? "SET " : ", ";
    set.append(name).append(" = ");
    if (value == nullptr && name == mode_name && ignore_space)
        set += "CONCAT(@@GLOBAL.sql_mode, ',IGNORE_SPACE')";
    else if (value == nullptr && (name == foreign_key_checks || name == unique_checks))
        set.append("@@GLOBAL.").append(name);
    else if (value == nullptr)
        set += "DEFAULT";
    else if (value->empty() && name == result_charset)
        set += "NULL";
    else
        append_value(set, *value);
}

} // namespace

const std::string* StateSet::find(std::string_view name) const {
    auto it = std::lower_bound(entries.begin(), entries.end(), name,
                               [](const Variable& entry, std::string_view wanted) { return entry.first < wanted; });
    return it != entries.end() && it->first == name ? &it->second : nullptr;
}

StateRef StateTable::intern(std::vector<Variable> entries) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Variable& a, const Variable& b) { return a.first < b.first; });
    std::vector<Variable> unique;
    for (auto& entry : entries) {
        if (!unique.empty() && unique.back().first == entry.first)
            unique.back() = std::move(entry);
        else
            unique.push_back(std::move(entry));
    }
    std::string key;
    for (const auto& [name, value] : unique)
        key.append(name).append(1, '\0').append(std::to_string(value.size())).append(1, '\0').append(value);
    auto& slot = sets_[key];
    if (auto known = slot.lock())
        return known;
    auto set = std::make_shared<StateSet>();
    set->entries = std::move(unique);
    slot = set;
    return set;
}

StateRef StateTable::with(const StateRef& set, std::string_view name, std::string_view value) {
    const auto* known = set->find(name);
    if (known != nullptr && *known == value)
        return set;
    auto entries = set->entries;
    entries.emplace_back(name, value);
    return intern(std::move(entries));
}

StateRef StateTable::without(const StateRef& set, std::string_view name) {
    if (set->find(name) == nullptr)
        return set;
    auto entries = set->entries;
    std::erase_if(entries, [&](const Variable& entry) { return entry.first == name; });
    return intern(std::move(entries));
}

StateRef StateTable::part(const StateRef& set, const std::string_view* names, std::size_t count) {
    std::vector<Variable> entries;
    for (std::size_t i = 0; i < count; ++i) {
        if (const auto* value = set->find(names[i]))
            entries.emplace_back(names[i], *value);
    }
    return intern(std::move(entries));
}

void StateTable::sweep() {
    std::erase_if(sets_, [](const auto& entry) { return entry.second.expired(); });
}

Replay replay_of(const StateSet& from, const StateSet& to, bool ignore_space) {
    Replay replay;
    const auto* schema = to.find(schema_entry);
    if (differs(from.find(schema_entry), schema)) {
        replay.schema = schema != nullptr;
        replay.impossible = schema == nullptr;
        if (schema != nullptr)
            replay.schema_name = *schema;
    }
    auto special = [](std::string_view name) {
        return name == schema_entry || name == connection_charset || name == connection_collation;
    };
    for (const auto& [name, value] : to.entries) {
        const auto* before = from.find(name);
        if (!special(name) && (before == nullptr || *before != value))
            add_assignment(replay.set, name, &value, ignore_space);
    }
    for (const auto& entry : from.entries) {
        if (!special(entry.first) && to.find(entry.first) == nullptr)
            add_assignment(replay.set, entry.first, nullptr, ignore_space);
    }
    // Each of the two sets the other.
    const auto* charset = to.find(connection_charset);
    const auto* collation = to.find(connection_collation);
    if (differs(from.find(connection_charset), charset) || differs(from.find(connection_collation), collation)) {
        if (charset != nullptr || collation == nullptr)
            add_assignment(replay.set, connection_charset, charset, ignore_space);
        if (collation != nullptr)
            add_assignment(replay.set, connection_collation, collation, ignore_space);
    }
    return replay;
}

bool is_kept(std::string_view name) {
    static constexpr std::string_view others[] = {"character_set_database",
                                                  "collation_database",
                                                  "debug_sync",
                                                  "error_count",
                                                  "gtid_next",
                                                  "gtid_seq_no",
                                                  "identity",
                                                  "in_transaction",
                                                  "insert_id",
                                                  "last_gtid",
                                                  "last_insert_id",
                                                  "pseudo_thread_id",
                                                  "rand_seed1",
                                                  "rand_seed2",
                                                  "redirect_url",
                                                  "statement_id",
                                                  "timestamp",
                                                  "warning_count"};
    constexpr std::string_view tracking = "session_track_";
    if (name.empty() || name == schema_entry || name.substr(0, tracking.size()) == tracking)
        return false;
    bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
    return plain && !std::binary_search(std::begin(others), std::end(others), name);
}

void append_value(std::string& out, std::string_view value) {
    if (is_number(value)) {
        out += value;
        return;
    }
    bool plain =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '\\'; });
    if (plain) {
        out.append(1, '\'').append(value).append(1, '\'');
        return;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    out += "CONVERT(x'";
    for (const char c : value) {
        auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    out += "' USING utf8mb4)";
}

} // namespace rekey::protocol::mysql
