// The part of the option table about where credentials come from.
#pragma once

#include "config/options.hpp"

namespace rekey::config {

// What stands under credentials[].source.
const std::vector<Option>& source_options();

} // namespace rekey::config
