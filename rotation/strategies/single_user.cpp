#include "rotation/strategies/single_user.hpp"

namespace rekey::rotation::postgres {

std::vector<std::string> SingleUser::change(const std::string& user, const std::string& verifier,
                                            const Answers&) const {
    return set_verifier(user, user, verifier);
}

} // namespace rekey::rotation::postgres
