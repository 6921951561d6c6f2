// The running configuration as key and value, for SHOW CONFIG.
#pragma once

#include "config/config.hpp"
#include "proxy/admin/control_plane.hpp"

#include <vector>

namespace rekey::proxy::admin {

// Keys as in the file, lists by name: upstreams[orders].pool.size. A secret's value is "***" when it is set.
std::vector<Setting> settings_of(const config::Config& config);

} // namespace rekey::proxy::admin
