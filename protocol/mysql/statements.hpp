// Prepared statements of the binary protocol through a pool: what a client prepared is prepared on whatever backend it
// meets, under that backend's number for it. MySQL manual, "Prepared Statements" of the client/server protocol.
//
// One table per worker; not for other threads.
#pragma once

#include "protocol/mysql/session_state.hpp"
#include "protocol/mysql/sql_scan_facts.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rekey::protocol::mysql {

// The settings that the meaning of a prepared text depends on.
inline constexpr std::string_view statement_context_names[] = {"character_set_client", "character_set_connection",
                                                               "collation_connection", schema_entry, "sql_mode"};

// A text and the settings it was prepared under, shared by all clients which prepared the same.
struct Statement {
    std::uint64_t id = 0;
    std::string text;
    StateRef context; // schema, sql_mode and character sets
    SqlFacts facts;
};
using StatementPtr = std::shared_ptr<const Statement>;

class StatementTable {
  public:
    // `facts` are made for a text that is new; they are not the same for a MariaDB as for a MySQL.
    StatementPtr intern(std::string_view text, const StateRef& context, bool mariadb,
                        const std::function<SqlFacts()>& facts);
    void sweep(); // drops statements nobody refers to
    std::size_t size() const { return statements_.size(); }

  private:
    struct Key {
        const StateSet* context;
        std::string_view text;
        bool mariadb;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::string_view>{}(key.text) ^ std::hash<const void*>{}(key.context);
        }
    };
    std::unordered_map<Key, StatementPtr, Hash> statements_; // the key lies in the value
    std::uint64_t next_id_ = 1;
};

// Under the client's number.
struct ClientStatement {
    StatementPtr statement;      // null: not kept, only its own backend has it
    std::uint32_t server_id = 0; // when not kept
    std::uint16_t parameters = 0;
    bool long_data = false, cursor = false;
    std::string types; // of the parameters, as last bound: two bytes each
};

struct BackendStatement {
    StatementPtr statement;
    std::uint32_t id = 0; // the server's
    std::string types;    // as last bound there
};

// What one backend has prepared, the longest unused first.
class BackendStatements {
  public:
    BackendStatement* find(const Statement& statement); // and takes it for used
    bool has(const Statement& statement) const { return index_.contains(statement.id); }
    void add(StatementPtr statement, std::uint32_t id);
    // The server's number of the longest unused one, which is forgotten.
    std::uint32_t drop_oldest();
    void erase(const Statement& statement);
    void clear();
    std::size_t size() const { return index_.size(); }

  private:
    std::list<BackendStatement> order_;
    std::unordered_map<std::uint64_t, std::list<BackendStatement>::iterator> index_;
};

} // namespace rekey::protocol::mysql
