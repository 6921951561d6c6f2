#include "config/load.hpp"
#include "config/scalars.hpp"
#include "proxy/admin/admin_client.hpp"
#include "proxy/admin/admin_token.hpp"
#include "proxy/command_line_commands.hpp"
#include "proxy/command_line_status.hpp"

#include <boost/json.hpp>

#include <cstdlib>
#include <iostream>

namespace rekey::proxy {
namespace {

namespace json = boost::json;

struct Reached {
    std::optional<config::Address> address; // absent: the command line or configuration is wrong, and was explained
    protocol::Secret token;
};

// --token-file first, then the configuration's, then $REKEY_ADMIN_TOKEN.
protocol::Secret find_token(const AdminTarget& target, const config::Config* config) {
    if (!target.token_file.empty())
        return admin::read_token(target.token_file);
    if (config != nullptr && !config->admin.token.empty())
        return config->admin.token.clone();
    if (config != nullptr && !config->admin.token_path.empty())
        return admin::read_token(config->admin.token_path);
    const char* variable = std::getenv("REKEY_ADMIN_TOKEN");
    return protocol::Secret(variable == nullptr ? "" : variable);
}

Reached reach(const AdminTarget& target) {
    if (target.file.empty() && target.url.empty()) {
        std::cerr << "rekey: -c FILE or --admin URL says which process is meant\n";
        return {};
    }
    config::ConfigPtr config;
    if (!target.file.empty()) {
        auto result = config::load(target.file);
        for (auto& error : result.errors)
            std::cerr << error << "\n";
        if (!result.ok())
            return {};
        config = result.config;
    }
    auto address = target.url.empty() ? config->admin.address : admin::parse_admin_url(target.url);
    if (!address) {
        std::cerr << (target.url.empty() ? target.file + ": admin.address is not set\n"
                                         : "rekey: --admin wants http://HOST:PORT or unix:/PATH\n");
        return {};
    }
    if (address->host == "0.0.0.0")
        address->host = "127.0.0.1"; // bound to every address: this machine's is one of them
    if (address->host == "::")
        address->host = "::1";
    return {std::move(address), find_token(target, config.get())};
}

std::string text_of(const json::object& object, std::string_view key) {
    auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string{};
}

json::object parse_body(const std::string& body) {
    boost::system::error_code error;
    auto value = json::parse(body, error);
    return !error && value.is_object() ? std::move(value.as_object()) : json::object{};
}

// Codes of answers that are not about the call itself; absent: read the body.
std::optional<int> refused(const admin::AdminResponse& response) {
    if (response.status == 0) {
        std::cerr << "rekey: not reachable: " << response.error << "\n";
        return exit_unreachable;
    }
    if (response.status == 200 || response.status == 202 || response.status == 409 || response.status == 422)
        return std::nullopt;
    auto message = text_of(parse_body(response.body), "error");
    std::cerr << "rekey: " << (message.empty() ? "HTTP status " + std::to_string(response.status) : message) << "\n";
    return response.status >= 500 ? exit_failed : exit_usage;
}

std::string rotate_target(const RotateArguments& arguments) {
    auto target = "/api/rotate?credential=" + admin::percent_encoded(arguments.credential);
    target += arguments.wait ? "&wait=1" : "";
    target += arguments.dry_run ? "&dry_run=1" : "";
    target += arguments.recover ? "&recover=1" : "";
    target += arguments.emergency ? "&emergency=1" : "";
    target += arguments.deadline.empty() ? "" : "&deadline=" + arguments.deadline;
    return target;
}

int tell_rotation(const RotateArguments& arguments, const json::object& body) {
    auto outcome = text_of(body, "outcome"), reason = text_of(body, "reason"), plan = text_of(body, "plan");
    if (!plan.empty())
        std::cout << plan << (plan.ends_with('\n') ? "" : "\n");
    if (outcome == "started") {
        std::cout << arguments.credential << ": rotation started\n";
        return exit_done;
    }
    auto* generation = body.if_contains("generation");
    auto number = generation != nullptr && generation->is_number() ? generation->to_number<std::uint64_t>() : 0;
    bool good = outcome == "done" || outcome == "unchanged" || outcome == "superseded";
    auto line = arguments.credential + ": " + outcome + (reason.empty() ? "" : ": " + reason);
    if (good && !arguments.dry_run)
        line += " (generation " + std::to_string(number) + ")";
    (good ? std::cout : std::cerr) << line << "\n";
    return good ? exit_done : exit_failed;
}

void print_lines(std::ostream& out, const json::object& body, std::string_view key, std::string_view prefix) {
    auto* values = body.if_contains(key);
    if (values == nullptr || !values->is_array())
        return;
    for (auto& value : values->as_array()) {
        if (value.is_string())
            out << prefix << std::string_view(value.as_string()) << "\n";
    }
}

} // namespace

int rotate_command(const AdminTarget& target, const RotateArguments& arguments) {
    if (!arguments.deadline.empty() && !config::parse_duration(arguments.deadline)) {
        std::cerr << "rekey: --deadline wants a duration like 30s\n";
        return exit_usage;
    }
    auto reached = reach(target);
    if (!reached.address)
        return exit_usage;
    admin::AdminRequest request{"POST", rotate_target(arguments), &reached.token};
    if (arguments.wait || arguments.dry_run)
        request.reply_time.reset(); // drain_deadline may be long
    auto response = admin::ask_admin(*reached.address, request);
    if (auto code = refused(response))
        return *code;
    return tell_rotation(arguments, parse_body(response.body));
}

int status_command(const AdminTarget& target, bool as_json) {
    auto reached = reach(target);
    if (!reached.address)
        return exit_usage;
    auto response = admin::ask_admin(*reached.address, {"GET", "/api/status", &reached.token});
    if (auto code = refused(response))
        return *code;
    std::cout << (as_json ? response.body : status_text(response.body));
    return exit_done;
}

int reload_command(const AdminTarget& target) {
    auto reached = reach(target);
    if (!reached.address)
        return exit_usage;
    auto response = admin::ask_admin(*reached.address, {"POST", "/api/reload", &reached.token});
    if (auto code = refused(response))
        return *code;
    auto body = parse_body(response.body);
    print_lines(std::cerr, body, "errors", "");
    if (response.status != 200) {
        std::cerr << "reload refused: the running configuration stays\n";
        return exit_usage;
    }
    print_lines(std::cout, body, "changes", "");
    print_lines(std::cerr, body, "needs_restart", "");
    std::cout << "reloaded\n";
    return exit_done;
}

} // namespace rekey::proxy
