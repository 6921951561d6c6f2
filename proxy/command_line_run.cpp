#include "proxy/admin/process.hpp"
#include "proxy/application.hpp"
#include "proxy/command_line_commands.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>

namespace rekey::proxy {
namespace {

config::ConfigPtr load_or_explain(const std::string& file) {
    auto result = config::load(file);
    for (auto& error : result.errors)
        std::cerr << error << "\n";
    return result.config;
}

std::string counted(std::size_t count, std::string_view one) {
    return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

} // namespace

int run_command(const std::string& file) {
    admin::harden_process();
    std::signal(SIGPIPE, SIG_IGN);
    auto config = load_or_explain(file);
    if (!config)
        return exit_usage;
    std::optional<admin::Logging> log(std::in_place, config->log_level, config->log_format);
    admin::raise_descriptor_limit();
    admin::ControlLoop loop;
    std::optional<Application> application(std::in_place, config, loop, *log, ApplicationParts::real());
    // Delivered once the loop runs; a signal during the start is not lost.
    loop.on_signal(SIGTERM, [&] { application->shutdown("SIGTERM"); });
    loop.on_signal(SIGINT, [&] { application->shutdown("SIGINT"); });
    loop.on_signal(SIGHUP, [&] { application->reload([](const admin::ReloadReply&) {}); });
    try {
        application->start();
    } catch (const std::exception& error) {
        log->write(rotation::LogLevel::error, std::string("event=start_failed ") + error.what());
        return exit_failed;
    }
    admin::notify_service_manager("READY=1");
    loop.run();
    bool at_once = application->ended_at_once();
    application.reset();
    if (at_once) { // the loop would wait for blocking work, a source's hanging command perhaps
        log.reset();
        std::_Exit(exit_done);
    }
    return exit_done;
}

int check_command(const std::string& file) {
    auto config = load_or_explain(file);
    if (!config)
        return exit_usage;
    for (auto& warning : config->warnings)
        std::cout << "warning: " << warning << "\n";
    std::cout << file << ": ok: " << counted(config->listeners.size(), "listener") << ", "
              << counted(config->users.size(), "user") << ", " << counted(config->credentials.size(), "credential")
              << ", " << counted(config->upstreams.size(), "upstream") << ", "
              << counted(config->routes.size(), "route") << "\n";
    return exit_done;
}

} // namespace rekey::proxy
