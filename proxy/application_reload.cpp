#include "proxy/admin/process.hpp"
#include "proxy/application.hpp"

#include <utility>

namespace rekey::proxy {

using rotation::LogLevel;

void Application::reload(std::function<void(admin::ReloadReply)> done) {
    if (shutting_down_)
        return done({{"Rekey is shutting down"}, {}, {}});
    if (reloading_) { // the file may have changed since it was read: read it once more afterwards
        next_reload_waiters_.push_back(std::move(done));
        return;
    }
    reloading_ = true;
    reload_waiters_.push_back(std::move(done));
    admin::notify_service_manager(admin::reloading_state());
    // The work holds nothing of the application, which may be gone before the file is read.
    auto result = std::make_shared<config::LoadResult>();
    loop_.run_blocking(
        [load = parts_.load, result, running = config_] { *result = load(running->file, running.get()); },
        [this, result] { loaded(std::move(*result)); });
}

void Application::loaded(config::LoadResult result) {
    if (!result.ok()) {
        for (auto& error : result.errors)
            say(LogLevel::error, "event=reload_error " + error);
        say(LogLevel::error, "event=reload result=failed the running configuration stays");
        ++reloads_failed_;
        return finish_reload({std::move(result.errors), {}, {}});
    }
    if (shutting_down_)
        return finish_reload({{"Rekey is shutting down"}, {}, {}});
    auto difference = config::diff(*config_, *result.config);
    config::keep_until_restart(*config_, *result.config);
    admin::ReloadReply reply{{}, difference.changes, difference.restart};
    config::ConfigPtr next = std::move(result.config);
    if (difference.changes.empty())
        return applied(next, difference, std::move(reply));
    data_plane_->apply(next, [this, next, difference, reply](const std::vector<std::string>& changes) mutable {
        reply.changes.insert(reply.changes.end(), changes.begin(), changes.end());
        applied(next, difference, std::move(reply));
    });
}

// The pools know the new upstreams by now, so that a new rotator finds hosts to verify at.
void Application::applied(config::ConfigPtr next, const config::Diff& diff, admin::ReloadReply reply) {
    config_ = std::move(next);
    for (auto& name : diff.credentials.removed) {
        if (auto removed = rotators_.extract(name))
            removed.mapped()->stop();
    }
    for (auto& name : diff.credentials.changed) {
        if (auto running = rotators_.find(name); running != rotators_.end())
            running->second->reconfigure(*config_->find_credential(name));
    }
    for (auto& name : diff.credentials.added) {
        auto& credential = *config_->find_credential(name);
        start_rotator(credential, make_source(credential));
    }
    look_for_mixed_listeners();
    log_.configure(config_->log_level, config_->log_format);
    log_reload(reply);
    ++reloads_done_;
    finish_reload(reply);
}

void Application::log_reload(const admin::ReloadReply& reply) const {
    for (auto& change : reply.changes)
        say(LogLevel::info, "event=reload_change " + change);
    for (auto& sentence : reply.needs_restart)
        say(LogLevel::warn, "event=reload_needs_restart " + sentence);
    for (auto& warning : config_->warnings)
        say(LogLevel::warn, "event=config_warning " + warning);
    say(LogLevel::info, "event=reload result=done changes=" + std::to_string(reply.changes.size()) +
                            " needs_restart=" + std::to_string(reply.needs_restart.size()));
}

void Application::finish_reload(const admin::ReloadReply& reply) {
    admin::notify_service_manager("READY=1");
    reloading_ = false;
    for (auto& waiter : std::exchange(reload_waiters_, {}))
        waiter(reply);
    auto later = std::exchange(next_reload_waiters_, {});
    for (auto& waiter : later)
        reload(std::move(waiter));
}

} // namespace rekey::proxy
