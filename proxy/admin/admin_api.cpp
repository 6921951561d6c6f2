#include "proxy/admin/admin_api.hpp"

#include "config/scalars.hpp"
#include "proxy/admin/base64.hpp"
#include "proxy/admin/metrics.hpp"
#include "proxy/admin/page.hpp"
#include "proxy/admin/status_json.hpp"

namespace rekey::proxy::admin {
namespace {

using Reply = std::function<void(HttpReply)>;

constexpr std::string_view json_type = "application/json";

HttpReply json_reply(unsigned status, std::string body) {
    return {status, std::string(json_type), body + "\n", {}};
}

HttpReply error_reply(unsigned status, std::string_view message) {
    return json_reply(status, error_json(message));
}

// 409: the request was understood and the rotation did not end with a new credential in service.
unsigned status_of(rotation::RotationOutcome outcome) {
    switch (outcome) {
    case rotation::RotationOutcome::done:
    case rotation::RotationOutcome::unchanged:
    case rotation::RotationOutcome::superseded:
        return 200;
    case rotation::RotationOutcome::held:
    case rotation::RotationOutcome::rolled_back:
    case rotation::RotationOutcome::failed:
        return 409;
    }
    return 409;
}

class AdminApi {
  public:
    AdminApi(ControlPlane& control, AdminApiOptions options) : control_(control), options_(std::move(options)) {}

    void handle(const HttpRequest& request, const Reply& reply) {
        if (options_.loopback && !is_loopback_host(request.host))
            return reply(error_reply(421, "the Host header does not name this machine's loopback"));
        if (request.path == "/healthz")
            return get(request, reply, [&] { reply({200, "text/plain; charset=utf-8", "ok\n", {}}); });
        if (request.path == "/readyz")
            return get(request, reply, [&] { reply(readiness(request)); });
        if (!options_.loopback && !may_read(request))
            return reply(unauthorized());
        if (request.path == "/")
            return get(request, reply, [&] { reply(page()); });
        if (request.path == "/metrics" || request.path == "/api/status")
            return get(request, reply, [&] { report(request.path, reply); });
        if (request.path == "/api/rotate")
            return change(request, reply, [&] { rotate(request, reply); });
        if (request.path == "/api/reload")
            return change(request, reply, [&] { reload(reply); });
        reply(error_reply(404, "no such path"));
    }

  private:
    template <class Serve> void get(const HttpRequest& request, const Reply& reply, Serve serve) {
        if (request.method == "GET")
            return serve();
        auto refused = error_reply(405, "only GET here");
        refused.headers.emplace_back("Allow", "GET, HEAD");
        reply(std::move(refused));
    }

    template <class Serve> void change(const HttpRequest& request, const Reply& reply, Serve serve) {
        if (request.method != "POST") {
            auto refused = error_reply(405, "only POST here");
            refused.headers.emplace_back("Allow", "POST");
            return reply(std::move(refused));
        }
        if (!has_token(request))
            return reply(unauthorized());
        serve();
    }

    // An empty token admits nobody.
    bool is_token(std::string_view given) const {
        return !options_.token.empty() && protocol::equal_in_constant_time(given, options_.token.reveal());
    }

    bool has_token(const HttpRequest& request) const {
        constexpr std::string_view scheme = "Bearer ";
        std::string_view value = request.authorization;
        return value.starts_with(scheme) && is_token(value.substr(scheme.size()));
    }

    bool may_read(const HttpRequest& request) const {
        constexpr std::string_view scheme = "Basic ";
        std::string_view value = request.authorization;
        if (!value.starts_with(scheme))
            return has_token(request);
        auto login = base64_decoded(value.substr(scheme.size()));
        auto colon = login ? login->find(':') : std::string::npos;
        return colon != std::string::npos && is_token(std::string_view(*login).substr(colon + 1));
    }

    static HttpReply unauthorized() {
        auto reply = error_reply(401, "the admin token is missing or wrong");
        reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"rekey\", charset=\"UTF-8\"");
        return reply;
    }

    HttpReply readiness(const HttpRequest& request) const {
        auto missing = control_.not_ready();
        if (missing.empty())
            return {200, "text/plain; charset=utf-8", "ready\n", {}};
        HttpReply reply{503, "text/plain; charset=utf-8", "not ready\n", {}};
        if (!options_.loopback && !may_read(request))
            return reply; // reasons name paths and hosts
        for (auto& sentence : missing)
            reply.body += sentence + "\n";
        return reply;
    }

    static HttpReply page() {
        // The page is one file: nothing is loaded from elsewhere, and nobody may frame it.
        return {
            200,
            "text/html; charset=utf-8",
            std::string(page_html()),
            {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                                         "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"},
             {"Referrer-Policy", "no-referrer"}}};
    }

    void report(const std::string& path, const Reply& reply) {
        bool metrics = path == "/metrics";
        control_.status([reply, metrics](const StatusReport& report) {
            if (metrics)
                reply({200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(report), {}});
            else
                reply(json_reply(200, status_json(report)));
        });
    }

    void rotate(const HttpRequest& request, const Reply& reply) {
        auto name = request.query.find("credential");
        if (name == request.query.end())
            return reply(error_reply(400, "credential=NAME is missing"));
        if (!control_.has_credential(name->second))
            return reply(error_reply(404, "no credential is named \"" + name->second + "\""));
        rotation::RotateRequest wanted;
        wanted.dry_run = query_flag(request, "dry_run");
        wanted.emergency = query_flag(request, "emergency");
        wanted.recover = query_flag(request, "recover");
        if (auto deadline = request.query.find("deadline"); deadline != request.query.end()) {
            wanted.deadline = config::parse_duration(deadline->second);
            if (!wanted.deadline || !wanted.emergency)
                return reply(error_reply(400, "deadline=DURATION (30s) goes with emergency=1"));
        }
        auto credential = name->second;
        if (query_flag(request, "wait") || wanted.dry_run) {
            return control_.rotate(credential, wanted, [reply, credential](const rotation::RotateReply& result) {
                reply(json_reply(status_of(result.outcome), rotate_json(credential, result)));
            });
        }
        control_.rotate(credential, wanted, [](const rotation::RotateReply&) {}); // the log and the status tell
        reply(json_reply(202, "{\"outcome\":\"started\"}"));
    }

    void reload(const Reply& reply) {
        control_.reload([reply](const ReloadReply& result) {
            reply(json_reply(result.errors.empty() ? 200 : 422, reload_json(result)));
        });
    }

    ControlPlane& control_;
    AdminApiOptions options_;
};

} // namespace

HttpHandler make_admin_api(ControlPlane& control, AdminApiOptions options) {
    auto api = std::make_shared<AdminApi>(control, std::move(options));
    return [api](const HttpRequest& request, const Reply& reply) { api->handle(request, reply); };
}

bool is_loopback_host(std::string_view host) {
    if (host.starts_with("[")) {
        auto end = host.find(']');
        return end != std::string_view::npos && host.substr(0, end + 1) == "[::1]";
    }
    auto name = host.substr(0, host.find(':'));
    if (name.empty() || name == "localhost")
        return true;
    // 127.0.0.0/8, as digits only: 127.evil.example is a name.
    return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool query_flag(const HttpRequest& request, const std::string& name) {
    auto found = request.query.find(name);
    if (found == request.query.end())
        return false;
    auto& value = found->second;
    return value.empty() || value == "1" || value == "true" || value == "yes";
}

} // namespace rekey::proxy::admin
