#include "protocol/postgres/parameters.hpp"

#include "protocol/common/assert.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

namespace {

char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool name_less(std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return fold(x) < fold(y); });
}

std::uint64_t hash_of(const std::vector<Parameter>& entries) {
    std::uint64_t hash = 14695981039346656037ULL;
    auto mix = [&hash](unsigned char c) { hash = (hash ^ c) * 1099511628211ULL; };
    for (const auto& [name, value] : entries) {
        for (char c : name)
            mix(static_cast<unsigned char>(fold(c)));
        mix(0);
        for (char c : value)
            mix(static_cast<unsigned char>(c));
        mix(1);
    }
    return hash;
}

bool equal(const std::vector<Parameter>& a, const std::vector<Parameter>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Parameter& x, const Parameter& y) {
        return x.second == y.second && same_name(x.first, y.first);
    });
}

bool is_role(std::string_view name) { return same_name(name, "role"); }

void append_name(std::string& out, std::string_view name) {
    for (bool first = true; !name.empty() || first; first = false) {
        auto dot = name.find('.');
        out.append(first ? "\"" : ".\"").append(name.substr(0, dot)).append("\"");
        name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
    }
}

// Quoted names are not folded, but parameter names are looked up without regard to case.
void append_reset(std::string& out, std::string_view name) {
    out += "RESET ";
    append_name(out, name);
    out += ';';
}

} // namespace

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return fold(x) == fold(y); });
}

const std::string* ParameterSet::find(std::string_view name) const {
    auto it = std::lower_bound(entries_.begin(), entries_.end(), name,
                               [](const Parameter& p, std::string_view n) { return name_less(p.first, n); });
    return it != entries_.end() && same_name(it->first, name) ? &it->second : nullptr;
}

void ParameterRef::release() {
    if (set_ != nullptr && --set_->references_ == 0)
        set_->table_->remove(set_);
    set_ = nullptr;
}

ParameterTable::~ParameterTable() { REKEY_ASSERT(sets_.empty()); }

ParameterRef ParameterTable::intern(std::vector<Parameter> entries) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Parameter& a, const Parameter& b) { return name_less(a.first, b.first); });
    std::vector<Parameter> unique;
    unique.reserve(entries.size());
    for (auto& entry : entries) {
        if (!unique.empty() && same_name(unique.back().first, entry.first))
            unique.back() = std::move(entry);
        else
            unique.push_back(std::move(entry));
    }
    auto hash = hash_of(unique);
    auto [first, last] = sets_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
        if (equal(it->second->entries_, unique))
            return ParameterRef(it->second);
    }
    auto* set = new ParameterSet;
    set->entries_ = std::move(unique);
    set->hash_ = hash;
    set->table_ = this;
    sets_.emplace(hash, set);
    return ParameterRef(set);
}

ParameterRef ParameterTable::with(const ParameterRef& set, std::string_view name, std::string_view value) {
    if (const auto* known = set->find(name); known != nullptr && *known == value)
        return set;
    auto entries = set->entries();
    entries.emplace_back(name, value);
    return intern(std::move(entries));
}

ParameterRef ParameterTable::without(const ParameterRef& set, std::string_view name) {
    if (set->find(name) == nullptr)
        return set;
    auto entries = set->entries();
    std::erase_if(entries, [name](const Parameter& p) { return same_name(p.first, name); });
    return intern(std::move(entries));
}

void ParameterTable::remove(ParameterSet* set) {
    auto [first, last] = sets_.equal_range(set->hash_);
    for (auto it = first; it != last; ++it) {
        if (it->second == set) {
            sets_.erase(it);
            break;
        }
    }
    delete set;
}

void append_literal(std::string& out, std::string_view text) {
    out += "E'";
    for (char c : text) {
        if (c == '\'' || c == '\\')
            out += c;
        out += c;
    }
    out += '\'';
}

std::string replay_text(const ParameterSet& from, const ParameterSet& to) {
    std::string text, sets;
    if (const auto* role = from.find("role")) {
        const auto* wanted = to.find("role");
        if (wanted == nullptr || *wanted != *role)
            append_reset(text, "role");
    }
    for (const auto& [name, value] : from.entries()) {
        if (!is_role(name) && to.find(name) == nullptr)
            append_reset(text, name);
    }
    auto set = [&sets](std::string_view name, std::string_view value) {
        sets += sets.empty() ? "SELECT pg_catalog.set_config(" : ",pg_catalog.set_config(";
        append_literal(sets, name);
        sets += ',';
        append_literal(sets, value);
        sets += ",false)";
    };
    auto differs = [&from](std::string_view name, const std::string& value) {
        const auto* known = from.find(name);
        return known == nullptr || *known != value;
    };
    for (const auto& [name, value] : to.entries()) {
        if (!is_role(name) && differs(name, value))
            set(name, value);
    }
    if (const auto* role = to.find("role"); role != nullptr && differs("role", *role))
        set("role", *role);
    return text + sets;
}

} // namespace rekey::protocol::postgres
