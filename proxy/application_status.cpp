#include "proxy/application.hpp"

namespace rekey::proxy {
namespace {

constexpr auto emergency_deadline = std::chrono::seconds(30); // unless the operator says otherwise

} // namespace

void Application::status(std::function<void(admin::StatusReport)> done) {
    data_plane_->snapshot([this, done = std::move(done)](Snapshot snapshot) {
        admin::StatusReport report;
        report.started = started_;
        report.now = loop_.wall_now();
        report.not_ready = not_ready();
        report.warnings = config_->warnings;
        report.warnings.insert(report.warnings.end(), mixed_listeners_.begin(), mixed_listeners_.end());
        report.snapshot = std::move(snapshot);
        report.log_dropped = log_.dropped();
        report.log_suppressed = log_.suppressed();
        report.reloads_done = reloads_done_;
        report.reloads_failed = reloads_failed_;
        report.shutting_down = shutting_down_;
        for (auto& [name, rotator] : rotators_) {
            admin::CredentialReport credential;
            credential.rotator = rotator->status();
            for (auto& upstream : config_->upstreams) {
                if (upstream.credential == name)
                    credential.upstreams.push_back(upstream.name);
            }
            report.credentials.push_back(std::move(credential));
        }
        done(std::move(report));
    });
}

std::vector<std::string> Application::not_ready() const {
    std::vector<std::string> missing;
    if (shutting_down_)
        missing.push_back("shutting down");
    std::set<std::string> seen;
    for (auto& upstream : config_->upstreams) {
        if (!seen.insert(upstream.credential).second)
            continue;
        auto found = rotators_.find(upstream.credential);
        if (found != rotators_.end() && found->second->current())
            continue;
        auto sentence = "credential " + upstream.credential + " of upstream " + upstream.name + " is not published yet";
        if (found != rotators_.end()) {
            auto status = found->second->status();
            sentence += " (" + std::string(to_string(status.state)) + ")";
            sentence += status.reason.empty() ? "" : ": " + status.reason;
        }
        missing.push_back(std::move(sentence));
    }
    return missing;
}

void Application::rotate(const std::string& name, const rotation::RotateRequest& request,
                         std::function<void(rotation::RotateReply)> done) {
    if (shutting_down_)
        return done({rotation::RotationOutcome::failed, "Rekey is shutting down", 0, {}});
    auto wanted = request;
    if (wanted.emergency && !wanted.deadline)
        wanted.deadline = emergency_deadline;
    rotators_.at(name)->rotate(wanted, std::move(done));
}

std::vector<admin::Setting> Application::settings() const {
    std::vector<admin::Setting> settings;
    for (auto& setting : config_->settings)
        settings.push_back({setting.path, setting.value});
    return settings;
}

} // namespace rekey::proxy
