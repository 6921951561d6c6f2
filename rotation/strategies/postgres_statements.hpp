// The statements that both PostgreSQL strategies send.
#pragma once

#include <string>
#include <vector>

namespace rekey::rotation::postgres {

// Waits for the lock named after `family` (held until the connection ends, a few milliseconds later), at most
// `lock_timeout`, then sets the verifier. The lock belongs to the database that is connected to.
std::vector<std::string> set_verifier(const std::string& family, const std::string& user, const std::string& verifier);

} // namespace rekey::rotation::postgres
