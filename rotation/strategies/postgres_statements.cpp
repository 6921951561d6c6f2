#include "rotation/strategies/postgres_statements.hpp"

#include "protocol/auth/scram.hpp"
#include "rotation/strategies/postgres_quote.hpp"

namespace rekey::rotation::postgres {

std::vector<std::string> under_lock(const std::string& family, const std::string& statement) {
    return {"SET lock_timeout = '5s'", "SELECT pg_advisory_lock(hashtext(" + quote_text("rekey:" + family) + "))",
            statement};
}

std::vector<std::string> set_verifier(const std::string& family, const std::string& user, const std::string& verifier) {
    return under_lock(family, "ALTER ROLE " + quote_name(user) + " PASSWORD " + quote_text(verifier));
}

std::string scram_verifier(std::string_view password, std::string_view salt) {
    return protocol::auth::scram_verifier(password, salt, 4096).text();
}

std::string advice_on(const StatementResult& failure) {
    if (failure.sqlstate == "42501") {
        return "it needs CREATEROLE and, from PostgreSQL 16 on, ADMIN OPTION on the role";
    }
    if (failure.sqlstate == "55P03") {
        return "another rotation of this role is under way";
    }
    return {};
}

} // namespace rekey::rotation::postgres
