// The running process: configuration, store, audit log, data plane, one rotator for each credential, admin port and
// console, wired together on the control thread.
//
// Everything here happens on the thread that runs the loop, start() before it. Loop and log outlive the application.
#pragma once

#include "config/diff.hpp"
#include "config/load.hpp"
#include "proxy/admin/console.hpp"
#include "proxy/admin/control_loop.hpp"
#include "proxy/admin/control_plane.hpp"
#include "proxy/admin/http_server.hpp"
#include "proxy/admin/logging.hpp"
#include "proxy/data_plane.hpp"
#include "rotation/rotator.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace rekey::proxy {

// What is made by others; tests put fakes here.
struct ApplicationParts {
    std::function<std::unique_ptr<DataPlane>(DataPlaneOptions)> make_data_plane;
    std::function<std::unique_ptr<rotation::Rotator>(const config::Credential&, std::unique_ptr<rotation::Source>,
                                                     const rotation::RotatorPorts&)>
        make_rotator;
    std::function<std::unique_ptr<rotation::Source>(const config::Credential&, rotation::Environment&,
                                                    rotation::DescriptorWatcher&, rotation::LogSink,
                                                    const protocol::Secret& version_key)>
        make_source;
    // Called off the control thread.
    std::function<config::LoadResult(const std::string& path, const config::Config* previous)> load;
    static ApplicationParts real();
};

class Application final : public admin::ControlPlane {
  public:
    Application(config::ConfigPtr config, admin::ControlLoop& loop, admin::Logging& log, ApplicationParts parts);
    ~Application() override;

    // Opens the store and the listeners and starts everything. Throws std::runtime_error with one sentence.
    void start();
    // The first call lets clients finish within limits.shutdown_timeout, the second ends at once; then the loop stops.
    void shutdown(const char* why);
    bool ended_at_once() const { return ended_at_once_; }
    std::uint16_t admin_port() const;
    std::uint16_t console_port() const;

    void status(std::function<void(admin::StatusReport)> done) override;
    std::vector<std::string> not_ready() const override;
    bool has_credential(const std::string& name) const override { return rotators_.contains(name); }
    void rotate(const std::string& name, const rotation::RotateRequest& request,
                std::function<void(rotation::RotateReply)> done) override;
    void reload(std::function<void(admin::ReloadReply)> done) override;
    std::vector<admin::Setting> settings() const override;

  private:
    void open_store();
    void start_data_plane();
    std::map<std::string, std::unique_ptr<rotation::Source>> make_sources();
    std::unique_ptr<rotation::Source> make_source(const config::Credential& configuration);
    void start_rotator(const config::Credential& configuration, std::unique_ptr<rotation::Source> source);
    void start_admin();
    void log_start() const;
    void log_reload(const admin::ReloadReply& reply) const;
    void every_few_seconds();
    protocol::Secret stored_key(const char* name);
    std::string listener_certificate();
    void recall_servers();
    bool note_store(const char* name, rotation::StoreError error) const; // false: logged
    void server_learnt(const std::string& upstream, const MysqlServer& server);
    void look_for_mixed_listeners();
    void loaded(config::LoadResult result);
    void applied(config::ConfigPtr next, const config::Diff& diff, admin::ReloadReply reply);
    void finish_reload(const admin::ReloadReply& reply);
    void say(rotation::LogLevel level, const std::string& text) const { log_.write(level, text); }

    config::ConfigPtr config_;
    admin::ControlLoop& loop_;
    admin::Logging& log_;
    ApplicationParts parts_;
    std::chrono::system_clock::time_point started_;
    std::unique_ptr<rotation::CredentialStore> store_;
    std::unique_ptr<rotation::Audit> audit_;
    MysqlServerMap mysql_servers_;             // what clients are greeted with
    std::vector<std::string> mixed_listeners_; // one sentence each
    std::unique_ptr<DataPlane> data_plane_;
    std::map<std::string, std::unique_ptr<rotation::Rotator>> rotators_;
    protocol::Secret token_, version_key_;
    std::unique_ptr<admin::HttpServer> http_;
    std::unique_ptr<admin::Console> console_;

    std::vector<std::function<void(admin::ReloadReply)>> reload_waiters_;      // of the reload under way
    std::vector<std::function<void(admin::ReloadReply)>> next_reload_waiters_; // came while one was under way
    bool reloading_ = false, shutting_down_ = false, ended_ = false, ended_at_once_ = false;
    std::uint64_t reloads_done_ = 0, reloads_failed_ = 0, tick_ = 0;
};

} // namespace rekey::proxy
