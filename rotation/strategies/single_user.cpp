#include "rotation/strategies/single_user.hpp"

#include "rotation/strategies/postgres_statements.hpp"

namespace rekey::rotation::postgres {

std::vector<std::string> SingleUser::change(const std::string& user, const std::string& verifier) const {
    return set_verifier(user, user, verifier);
}

} // namespace rekey::rotation::postgres
