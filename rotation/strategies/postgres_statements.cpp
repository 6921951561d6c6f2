#include "rotation/strategies/postgres_statements.hpp"

#include "rotation/strategies/postgres_quote.hpp"

namespace rekey::rotation::postgres {

std::vector<std::string> set_verifier(const std::string& family, const std::string& user,
                                      const std::string& verifier) {
    return {"SET lock_timeout = '5s'", "SELECT pg_advisory_lock(hashtext(" + quote_text("rekey:" + family) + "))",
            "ALTER ROLE " + quote_name(user) + " PASSWORD " + quote_text(verifier)};
}

} // namespace rekey::rotation::postgres
