#include "proxy/application.hpp"

#include "proxy/admin/process.hpp"

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
    auto result = std::make_shared<config::LoadResult>();
    auto running = config_;
    loop_.run_blocking([this, result, running] { *result = parts_.load(running->file, running.get()); },
                       [this, result] { loaded(std::move(*result)); });
}

void Application::loaded(config::LoadResult result) {
    if (result.ok())
        return take_over(std::move(result.config), {});
    for (auto& error : result.errors)
        say(LogLevel::error, "event=reload_error " + error);
    say(LogLevel::error, "event=reload result=failed the running configuration stays");
    ++reloads_failed_;
    finish_reload({std::move(result.errors), {}, {}});
}

void Application::take_over(config::ConfigPtr next, admin::ReloadReply reply) {
    data_plane_->apply(next, [this, next, reply = std::move(reply)](std::vector<std::string> changes) mutable {
        reply.changes = std::move(changes);
        applied(next, std::move(reply));
    });
}

// The pools know the new upstreams by now, so that a new rotator finds hosts to verify at.
void Application::applied(config::ConfigPtr next, admin::ReloadReply reply) {
    for (auto rotator = rotators_.begin(); rotator != rotators_.end();) {
        if (next->find_credential(rotator->first) != nullptr) {
            ++rotator;
            continue;
        }
        rotator->second->stop();
        rotator = rotators_.erase(rotator);
    }
    config_ = next;
    for (auto& credential : config_->credentials) {
        auto running = rotators_.find(credential.name);
        if (running != rotators_.end())
            running->second->reconfigure(credential);
        else
            start_rotator(credential);
    }
    log_.configure(config_->log_level, config_->log_format);
    for (auto& change : reply.changes)
        say(LogLevel::info, "event=reload_change " + change);
    for (auto& sentence : reply.needs_restart)
        say(LogLevel::warn, "event=reload_needs_restart " + sentence);
    for (auto& warning : config_->warnings)
        say(LogLevel::warn, "event=config_warning " + warning);
    say(LogLevel::info, "event=reload result=done changes=" + std::to_string(reply.changes.size()));
    ++reloads_done_;
    finish_reload(reply);
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
