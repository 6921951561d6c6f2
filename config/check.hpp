// Checks a gathered tree against the option table: unknown keys, missing keys, types, ranges, choices. What the keys
// mean to each other is the builder's and validate()'s.
#pragma once

#include "config/config.hpp"
#include "config/options.hpp"
#include "config/problems.hpp"
#include "config/tree.hpp"

#include <string>
#include <vector>

namespace rekey::config {

// Reports to `problems`, where afterwards every key path is located. Returns the settings in force, defaults
// included; those of secrets without a fingerprint.
std::vector<Setting> check(const Node& root, Problems& problems);

} // namespace rekey::config
