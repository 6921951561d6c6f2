// The status as JSON (GET /api/status, `rekey status --json`).
#pragma once

#include "proxy/admin/control_plane.hpp"

#include <string>

namespace rekey::proxy::admin {

std::string status_json(const StatusReport& report);
std::string rotate_json(const std::string& credential, const rotation::RotateReply& reply);
std::string reload_json(const ReloadReply& reply);
std::string error_json(std::string_view message);

} // namespace rekey::proxy::admin
