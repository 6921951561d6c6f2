#include "rotation/strategies/strategy.hpp"

#include "protocol/common/assert.hpp"
#include "rotation/strategies/alternating_users.hpp"
#include "rotation/strategies/dual_password.hpp"
#include "rotation/strategies/mysql_alternating_users.hpp"
#include "rotation/strategies/mysql_single_user.hpp"
#include "rotation/strategies/single_user.hpp"

namespace rekey::rotation {
namespace {

std::unique_ptr<Strategy> make_postgres(const config::Rotation& rotation, const std::string& first,
                                        const std::string& second) {
    switch (rotation.strategy) {
    case config::Strategy::single_user:
        return std::make_unique<postgres::SingleUser>();
    case config::Strategy::alternating_users:
        return std::make_unique<postgres::AlternatingUsers>(first, second);
    case config::Strategy::dual_password:
        break; // refused while loading: a role has one password
    }
    REKEY_ASSERT(!"a strategy that the configuration refuses");
    return nullptr;
}

std::unique_ptr<Strategy> make_mysql(const config::Rotation& rotation, const std::string& first,
                                     const std::string& second) {
    switch (rotation.strategy) {
    case config::Strategy::single_user:
        return std::make_unique<mysql::SingleUser>(rotation.admin.has_value());
    case config::Strategy::alternating_users:
        return std::make_unique<mysql::AlternatingUsers>(first, second);
    case config::Strategy::dual_password:
        break;
    }
    return std::make_unique<mysql::DualPassword>();
}

} // namespace

std::unique_ptr<Strategy> make_strategy(config::Protocol protocol, const config::Rotation& rotation,
                                        const std::string& first_user) {
    const bool named = rotation.users.size() == 2;
    const std::string first = named ? rotation.users[0] : first_user;
    const std::string second = named ? rotation.users[1] : first_user + "_clone";
    switch (protocol) {
    case config::Protocol::postgres:
        return make_postgres(rotation, first, second);
    case config::Protocol::mysql:
        break;
    }
    return make_mysql(rotation, first, second);
}

} // namespace rekey::rotation
