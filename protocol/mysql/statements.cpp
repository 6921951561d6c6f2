#include "protocol/mysql/statements.hpp"

#include "protocol/common/assert.hpp"

namespace rekey::protocol::mysql {

StatementPtr StatementTable::intern(std::string_view text, const StateRef& context, bool mariadb,
                                    const std::function<SqlFacts()>& facts) {
    if (auto it = statements_.find({context.get(), text, mariadb}); it != statements_.end())
        return it->second;
    auto statement = std::make_shared<Statement>();
    statement->id = next_id_++;
    statement->text = text;
    statement->context = context;
    statement->facts = facts();
    statements_.emplace(Key{context.get(), statement->text, mariadb}, statement);
    return statement;
}

void StatementTable::sweep() {
    std::erase_if(statements_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

BackendStatement* BackendStatements::find(const Statement& statement) {
    auto it = index_.find(statement.id);
    if (it == index_.end())
        return nullptr;
    order_.splice(order_.end(), order_, it->second);
    return &*it->second;
}

void BackendStatements::add(StatementPtr statement, std::uint32_t id) {
    REKEY_ASSERT(!has(*statement));
    auto key = statement->id;
    order_.push_back({std::move(statement), id, {}});
    index_.emplace(key, std::prev(order_.end()));
}

std::uint32_t BackendStatements::drop_oldest() {
    REKEY_ASSERT(!order_.empty());
    auto id = order_.front().id;
    index_.erase(order_.front().statement->id);
    order_.pop_front();
    return id;
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

} // namespace rekey::protocol::mysql
