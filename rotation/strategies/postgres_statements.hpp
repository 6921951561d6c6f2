// What both PostgreSQL strategies have in common.
#pragma once

#include "rotation/ports.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::postgres {

// `statement` behind the lock named after `family`: waits for it, at most `lock_timeout`; it is held until the
// connection ends, a few milliseconds later. A statement of ours whose connection was lost, but which is still at work
// in the server, holds it, too: what it does late cannot undo what came after. The lock belongs to the database that is
// connected to.
std::vector<std::string> under_lock(const std::string& family, const std::string& statement);

std::vector<std::string> set_verifier(const std::string& family, const std::string& user, const std::string& verifier);

// SCRAM-SHA-256 with the server's own number of iterations.
std::string scram_verifier(std::string_view password, std::string_view salt);

std::string advice_on(const StatementResult& failure);

} // namespace rekey::rotation::postgres
