// What Google Cloud's Secret Manager is asked and answers. Pure. Errors never hold a secret.
#pragma once

#include "rotation/source.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::rotation {

// projects/P/secrets/S/versions/V, with locations/L where it is regional; `project` serves where `gcp` names none.
// Empty: no project is known.
std::string gcp_version_name(const config::Gcp& gcp, const std::string& project);
// https://host of the service that has it.
std::string gcp_endpoint(const config::Gcp& gcp);

// Castagnoli's, as RFC 3720 has it.
std::uint32_t crc32c(std::string_view bytes);

// The answer to `access`. A checksum that is there must be right. `version` is the number in the answer.
FetchResult parse_gcp_version(std::string_view body, const config::Gcp& gcp);

} // namespace rekey::rotation
