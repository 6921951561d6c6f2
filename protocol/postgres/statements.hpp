// Protocol-level prepared statements through a pool: what a client prepared under its own name is prepared on whatever
// backend it meets, under a name of ours. PostgreSQL manual 55.2.3.
//
// One table per worker; not for other threads.
#pragma once

#include "protocol/postgres/sql_scan.hpp"

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rekey::protocol::postgres {

// Text and parameter types of a Parse, shared by all clients which prepared the same.
struct Statement {
    std::uint64_t id = 0;
    std::string name;  // ours: rekey_<id>
    std::string parse; // body of the Parse message behind the name: query, NUL, parameter types
    SqlFacts facts;
    bool scanned = false;
    std::vector<std::uint64_t> pools; // where a server has parsed it well

    bool proven_in(std::uint64_t pool) const { return std::find(pools.begin(), pools.end(), pool) != pools.end(); }
    void prove_in(std::uint64_t pool) {
        if (!proven_in(pool))
            pools.push_back(pool);
    }
};
using StatementPtr = std::shared_ptr<Statement>;

class StatementTable {
  public:
    // `parse` as in Statement. Statements nobody refers to are dropped by sweep().
    StatementPtr intern(std::string_view parse);
    StatementPtr find(std::string_view parse) const; // null: nobody prepared it
    // Looks at a bounded number of entries; to be called now and then.
    void sweep();
    std::size_t size() const { return statements_.size(); }

  private:
    std::unordered_map<std::string_view, StatementPtr> statements_; // the key lies in the value
    std::uint64_t next_id_ = 1;
};

// A client's names. Few per client as a rule: a list beats a tree.
class ClientStatements {
  public:
    const StatementPtr* find(std::string_view name) const;
    void set(std::string_view name, StatementPtr statement);
    void erase(std::string_view name);
    void clear() { entries_ = {}; }
    std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        std::string name;
        StatementPtr statement;
    };
    std::vector<Entry> entries_;
    std::unordered_map<std::string, std::size_t> index_; // once there are many
};

// What one backend has prepared, the longest unused first.
class BackendStatements {
  public:
    bool has(const Statement& statement) const { return index_.contains(statement.id); }
    void touch(const Statement& statement);
    void add(const StatementPtr& statement);
    void erase(const Statement& statement);
    void clear();
    std::size_t size() const { return index_.size(); }
    // The one to close next; null when there is none.
    StatementPtr oldest() const { return order_.empty() ? nullptr : order_.front(); }

  private:
    std::list<StatementPtr> order_;
    std::unordered_map<std::uint64_t, std::list<StatementPtr>::iterator> index_;
};

} // namespace rekey::protocol::postgres
