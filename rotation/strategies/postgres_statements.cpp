#include "rotation/strategies/postgres_statements.hpp"

#include "rotation/strategies/postgres_quote.hpp"

namespace rekey::rotation::postgres {

std::vector<std::string> under_lock(const std::string& family, const std::string& statement) {
    return {"SET lock_timeout = '5s'", "SELECT pg_advisory_lock(hashtext(" + quote_text("rekey:" + family) + "))",
            statement};
}

std::vector<std::string> set_verifier(const std::string& family, const std::string& user,
                                      const std::string& verifier) {
    return under_lock(family, "ALTER ROLE " + quote_name(user) + " PASSWORD " + quote_text(verifier));
}

} // namespace rekey::rotation::postgres
