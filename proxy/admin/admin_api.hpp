// The routes of the admin port: health, metrics, status, the page, and the calls that change something.
//
//   GET  /              the page                      GET  /healthz   200 while the process runs
//   GET  /readyz        200, or 503 and why           GET  /metrics   Prometheus text
//   GET  /api/status    JSON
//   POST /api/rotate?credential=NAME[&dry_run=1][&emergency=1&deadline=30s][&recover=1][&wait=1]
//   POST /api/reload
//
// A call that changes something needs `Authorization: Bearer TOKEN`. When the port is not on loopback everything but
// the two health paths needs the token, for reading also as the password of Basic authentication (browsers). On
// loopback the Host header must name the loopback, so that a web page elsewhere cannot rebind a name to it.
#pragma once

#include "protocol/common/secret.hpp"
#include "proxy/admin/control_plane.hpp"
#include "proxy/admin/http_server.hpp"

#include <memory>

namespace rekey::proxy::admin {

struct AdminApiOptions {
    protocol::Secret token;
    bool loopback = true; // the port can be reached from this machine only
};

// `control` outlives the handler.
HttpHandler make_admin_api(ControlPlane& control, AdminApiOptions options);

// Whether a Host header (`name[:port]`) is empty or names the loopback.
bool is_loopback_host(std::string_view host);

// True in /api/rotate's query for 1, true, yes and the empty value.
bool query_flag(const HttpRequest& request, const std::string& name);

} // namespace rekey::proxy::admin
