// Whether a built configuration makes sense: references, combinations, cycles.
#pragma once

#include "config/problems.hpp"

namespace rekey::config {

struct Config;
struct Nacos;
struct Vault;

// Findings are located through `problems`, in which check() has left every key's place.
void validate(const Config& config, Problems& problems);

// The part about credentials and their rotation.
void validate_credentials(const Config& config, Problems& problems);

// A source of type vault or nacos, which stands at `path`.
void validate_vault(const Vault& vault, const std::string& path, Problems& problems);
void validate_nacos(const Nacos& nacos, const std::string& path, Problems& problems);

} // namespace rekey::config
