#include "rotation/strategies/strategy.hpp"

#include "protocol/common/assert.hpp"
#include "rotation/strategies/alternating_users.hpp"
#include "rotation/strategies/single_user.hpp"

namespace rekey::rotation {

std::unique_ptr<Strategy> make_strategy(const config::Rotation& rotation, const std::string& first_user) {
    switch (rotation.strategy) {
    case config::Strategy::single_user:
        return std::make_unique<postgres::SingleUser>();
    case config::Strategy::alternating_users: {
        const bool named = rotation.users.size() == 2;
        return std::make_unique<postgres::AlternatingUsers>(named ? rotation.users[0] : first_user,
                                                            named ? rotation.users[1] : first_user + "_clone");
    }
    case config::Strategy::dual_password:
        break; // refused while loading: it is not PostgreSQL's
    }
    REKEY_ASSERT(!"a strategy that the configuration refuses");
    return nullptr;
}

} // namespace rekey::rotation
