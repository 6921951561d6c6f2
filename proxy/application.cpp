#include "proxy/application.hpp"

#include "proxy/admin/admin_api.hpp"
#include "proxy/admin/admin_token.hpp"
#include "proxy/admin/listener_certificate.hpp"
#include "proxy/admin/process.hpp"
#include "proxy/version.hpp"

#include <algorithm>
#include <stdexcept>

namespace rekey::proxy {
namespace {

using rotation::LogLevel;

constexpr auto tick_interval = std::chrono::seconds(5);

// An audit log that was not asked for.
class NoAudit final : public rotation::Audit {
  public:
    void record(const rotation::AuditRecord&) override {}
};

bool needs_certificate(const config::Config& config) {
    return std::ranges::any_of(config.listeners, [](const config::Listener& listener) {
        return listener.tls.mode != config::ListenerTls::disable && listener.tls.certificate.empty();
    });
}

} // namespace

Application::Application(config::ConfigPtr config, admin::ControlLoop& loop, admin::Logging& log,
                         ApplicationParts parts)
    : config_(std::move(config)), loop_(loop), log_(log), parts_(std::move(parts)), started_(loop.wall_now()) {}

Application::~Application() {
    if (tick_ != 0)
        loop_.cancel(tick_);
    console_.reset();
    http_.reset();
    for (auto& [name, rotator] : rotators_)
        rotator->stop();
    if (data_plane_ && !ended_)
        data_plane_->stop();
}

void Application::start() {
    log_start();
    open_store();
    audit_ = config_->audit_path.empty() ? std::unique_ptr<rotation::Audit>(std::make_unique<NoAudit>())
                                         : std::make_unique<rotation::AuditFile>(config_->audit_path);
    version_key_ = stored_key("version-key");
    auto sources = make_sources();
    start_data_plane();
    for (auto& credential : config_->credentials)
        start_rotator(credential, std::move(sources[credential.name]));
    start_admin();
    every_few_seconds();
}

void Application::log_start() const {
    say(LogLevel::info, "event=start version=" + std::string(version) + " file=" + config_->file +
                            " workers=" + std::to_string(config_->workers) +
                            " upstreams=" + std::to_string(config_->upstreams.size()) +
                            " credentials=" + std::to_string(config_->credentials.size()));
    for (auto& warning : config_->warnings)
        say(LogLevel::warn, "event=config_warning " + warning);
    if (admin::running_as_root())
        say(LogLevel::warn, "event=running_as_root Rekey needs no privilege; run it as a user of its own");
}

void Application::open_store() {
    if (config_->store.path.empty()) {
        store_ = rotation::make_memory_store();
        return;
    }
    auto error = rotation::StoreError::none;
    std::string message;
    store_ = rotation::open_directory_store(config_->store.path, config_->store.key, error, message);
    if (!store_)
        throw std::runtime_error("store: " + message);
}

protocol::Secret Application::stored_key(const char* name) {
    protocol::Secret key;
    if (auto error = rotation::read_or_make_key(*store_, name, loop_, key); error != rotation::StoreError::none)
        throw std::runtime_error("store: " + std::string(name) + ": " + std::string(to_string(error)) + ": " +
                                 store_->message());
    return key;
}

std::string Application::listener_certificate() {
    constexpr auto name = "listener-certificate";
    if (!needs_certificate(*config_))
        return {};
    std::optional<protocol::Secret> stored;
    auto error = store_->read_value(name, stored);
    if (error == rotation::StoreError::none && !stored) {
        auto made = admin::make_listener_certificate();
        stored = protocol::Secret::take(made);
        error = store_->write_value(name, *stored);
    }
    if (error != rotation::StoreError::none)
        throw std::runtime_error("store: " + std::string(name) + ": " + std::string(to_string(error)) + ": " +
                                 store_->message());
    return std::string(stored->reveal());
}

void Application::start_data_plane() {
    DataPlaneOptions options;
    options.config = config_;
    options.control = loop_.executor();
    options.log = log_.sink();
    options.mock_secret = stored_key("mock-secret");
    options.self_signed_certificate = listener_certificate();
    recall_servers();
    options.mysql_servers = mysql_servers_;
    options.server_learnt = [this](const std::string& upstream, const MysqlServer& server) {
        server_learnt(upstream, server);
    };
    options.refused = [this](const std::string& name, rotation::Generation generation, const std::string& reason) {
        if (auto found = rotators_.find(name); found != rotators_.end())
            found->second->login_refused(generation, reason);
    };
    data_plane_ = parts_.make_data_plane(std::move(options));
    data_plane_->start();
    for (auto& listener : config_->listeners) {
        auto address = listener.address;
        address.port = data_plane_->port_of(listener.name);
        say(LogLevel::info, "event=listening listener=" + listener.name + " address=" + address.text());
    }
    look_for_mixed_listeners();
}

// Before the workers: forgetting the environment's passwords wants no other thread that reads it.
std::map<std::string, std::unique_ptr<rotation::Source>> Application::make_sources() {
    std::map<std::string, std::unique_ptr<rotation::Source>> sources;
    for (auto& credential : config_->credentials)
        sources[credential.name] = make_source(credential);
    rotation::forget_source_variables(config_->credentials);
    return sources;
}

std::unique_ptr<rotation::Source> Application::make_source(const config::Credential& configuration) {
    if (configuration.source.type == config::SourceType::local)
        return nullptr;
    return parts_.make_source(configuration, loop_, loop_, log_.sink(), version_key_);
}

void Application::start_rotator(const config::Credential& configuration, std::unique_ptr<rotation::Source> source) {
    rotation::RotatorPorts ports;
    ports.environment = &loop_;
    ports.prober = data_plane_.get();
    ports.administrator = data_plane_.get();
    ports.pools = data_plane_.get();
    ports.store = store_.get();
    ports.audit = audit_.get();
    ports.log = log_.sink();
    ports.current_of = [this](const std::string& name) -> rotation::CredentialPtr {
        auto found = rotators_.find(name);
        return found == rotators_.end() ? nullptr : found->second->current();
    };
    auto& rotator = rotators_[configuration.name];
    rotator = parts_.make_rotator(configuration, std::move(source), ports);
    rotator->start([this, name = configuration.name] {
        say(LogLevel::info, "event=credential_ready credential=" + name);
        if (not_ready().empty())
            say(LogLevel::info, "event=ready");
    });
}

void Application::start_admin() {
    auto& admin = config_->admin;
    token_ = admin.token.clone();
    if (token_.empty() && !admin.token_path.empty() && (admin.address || admin.console))
        token_ = admin::load_or_make_token(admin.token_path);
    if (admin.address) {
        auto handler = admin::make_admin_api(*this, {token_.clone(), admin.address->is_loopback()});
        http_ = std::make_unique<admin::HttpServer>(loop_, *admin.address, std::move(handler));
        auto address = *admin.address;
        address.port = http_->port();
        say(LogLevel::info, "event=listening admin=" + address.text());
    }
    if (token_.empty() && (admin.address || admin.console))
        say(LogLevel::warn, "event=no_admin_token rotate and reload are refused and the console stays closed: "
                            "set admin.token or store.path");
    if (admin.console && !token_.empty()) {
        console_ = std::make_unique<admin::Console>(loop_, *admin.console, *this, token_);
        auto address = *admin.console;
        address.port = console_->port();
        say(LogLevel::info, "event=listening console=" + address.text());
    }
}

void Application::every_few_seconds() {
    log_.flush_repeated(std::chrono::steady_clock::now());
    tick_ = loop_.call_at(loop_.now() + tick_interval, [this] { every_few_seconds(); });
}

void Application::shutdown(const char* why) {
    if (ended_)
        return;
    if (shutting_down_) {
        say(LogLevel::warn, std::string("event=stop_at_once reason=") + why);
        ended_ = ended_at_once_ = true;
        data_plane_->stop();
        return loop_.stop();
    }
    shutting_down_ = true;
    admin::notify_service_manager("STOPPING=1");
    say(LogLevel::info, std::string("event=shutdown reason=") + why +
                            " timeout_ms=" + std::to_string(config_->limits.shutdown_timeout.count()));
    for (auto& [name, rotator] : rotators_)
        rotator->stop();
    data_plane_->shutdown(config_->limits.shutdown_timeout, [this] {
        if (ended_)
            return;
        ended_ = true;
        say(LogLevel::info, "event=stopped");
        data_plane_->stop();
        loop_.stop();
    });
}

std::uint16_t Application::admin_port() const {
    return http_ ? http_->port() : std::uint16_t{0};
}
std::uint16_t Application::console_port() const {
    return console_ ? console_->port() : std::uint16_t{0};
}

} // namespace rekey::proxy
