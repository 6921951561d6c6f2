// What a session has set: its variables and its default schema, as immutable interned sets. Equal content is the same
// object within one table, so that "is this backend as this client left it?" is a comparison of two pointers.
//
// One table per worker; neither the table nor its sets may be used from another thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rekey::protocol::mysql {

using Variable = std::pair<std::string, std::string>; // name in lower case, value as the server tells it

// The default schema lies under this name, which no variable has.
inline constexpr std::string_view schema_entry = "schema";

struct StateSet {
    std::vector<Variable> entries; // sorted by name, each once; what is not here is as the server has it by default
    const std::string* find(std::string_view name) const;
};
using StateRef = std::shared_ptr<const StateSet>;

class StateTable {
  public:
    StateRef intern(std::vector<Variable> entries); // later entries win
    StateRef empty() { return intern({}); }
    StateRef with(const StateRef& set, std::string_view name, std::string_view value);
    StateRef without(const StateRef& set, std::string_view name);
    // Those of `names` that are set.
    StateRef part(const StateRef& set, const std::string_view* names, std::size_t count);
    void sweep();
    std::size_t size() const { return sets_.size(); }

  private:
    std::unordered_map<std::string, std::weak_ptr<const StateSet>> sets_;
};

// What turns a session that has `from` into one that has `to`.
struct Replay {
    bool schema = false;
    std::string schema_name;
    std::string set;         // one SET statement; empty: none
    bool impossible = false; // `to` has no default schema: a session cannot be without one again
};
// `ignore_space`: the client's capability, which the server takes for a part of the default sql_mode.
Replay replay_of(const StateSet& from, const StateSet& to, bool ignore_space);

// Variables that are no setting: counters, clocks, values for one statement, and what Rekey itself sets.
bool is_kept(std::string_view name);

// As a value in a SET, whatever sql_mode and character set are.
void append_value(std::string& out, std::string_view value);

} // namespace rekey::protocol::mysql
