// Whether a built configuration makes sense: references, combinations, cycles.
#pragma once

#include "config/problems.hpp"

namespace rekey::config {

struct Config;

// Findings are located through `problems`, in which check() has left every key's place.
void validate(const Config& config, Problems& problems);

// The part about credentials and their rotation.
void validate_credentials(const Config& config, Problems& problems);

} // namespace rekey::config
