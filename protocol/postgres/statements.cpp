#include "protocol/postgres/statements.hpp"

namespace rekey::protocol::postgres {

namespace {
constexpr std::size_t indexed_from = 16; // below, a walk over the names is faster than hashing
}

StatementPtr StatementTable::intern(std::string_view parse) {
    if (auto it = statements_.find(parse); it != statements_.end())
        return it->second;
    auto statement = std::make_shared<Statement>();
    statement->id = next_id_++;
    statement->name = "rekey_" + std::to_string(statement->id);
    statement->parse = parse;
    statements_.emplace(statement->parse, statement);
    return statement;
}

StatementPtr StatementTable::find(std::string_view parse) const {
    auto it = statements_.find(parse);
    return it == statements_.end() ? nullptr : it->second;
}

void StatementTable::sweep() {
    for (auto it = statements_.begin(); it != statements_.end();)
        it = it->second.use_count() == 1 ? statements_.erase(it) : std::next(it);
}

const StatementPtr* ClientStatements::find(std::string_view name) const {
    if (!index_.empty()) {
        auto it = index_.find(std::string(name));
        return it == index_.end() ? nullptr : &entries_[it->second].statement;
    }
    for (const auto& entry : entries_) {
        if (entry.name == name)
            return &entry.statement;
    }
    return nullptr;
}

void ClientStatements::set(std::string_view name, StatementPtr statement) {
    erase(name);
    entries_.push_back({std::string(name), std::move(statement)});
    if (!index_.empty()) {
        index_.emplace(name, entries_.size() - 1);
    } else if (entries_.size() >= indexed_from) {
        for (std::size_t i = 0; i < entries_.size(); ++i)
            index_.emplace(entries_[i].name, i);
    }
}

void ClientStatements::erase(std::string_view name) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].name != name)
            continue;
        if (!index_.empty())
            index_.erase(entries_[i].name);
        if (i + 1 != entries_.size()) {
            entries_[i] = std::move(entries_.back());
            if (!index_.empty())
                index_[entries_[i].name] = i;
        }
        entries_.pop_back();
        return;
    }
}

void BackendStatements::touch(const Statement& statement) {
    if (auto it = index_.find(statement.id); it != index_.end())
        order_.splice(order_.end(), order_, it->second);
}

void BackendStatements::add(const StatementPtr& statement) {
    if (index_.contains(statement->id))
        return;
    order_.push_back(statement);
    index_.emplace(statement->id, std::prev(order_.end()));
}

void BackendStatements::erase(const Statement& statement) {
    if (auto it = index_.find(statement.id); it != index_.end()) {
        order_.erase(it->second);
        index_.erase(it);
    }
}

void BackendStatements::clear() {
    order_.clear();
    index_.clear();
}

} // namespace rekey::protocol::postgres
