#include "proxy/application.hpp"

namespace rekey::proxy {

ApplicationParts ApplicationParts::real() {
    ApplicationParts parts;
    parts.make_data_plane = [](DataPlaneOptions options) { return DataPlane::make(std::move(options)); };
    parts.make_rotator = [](const config::Credential& configuration, std::unique_ptr<rotation::Source> source,
                            const rotation::RotatorPorts& ports) {
        return rotation::make_rotator(configuration, std::move(source), ports);
    };
    parts.make_source = [](const config::Credential& configuration, rotation::Environment& environment,
                           rotation::DescriptorWatcher& watcher, rotation::LogSink log,
                           const protocol::Secret& version_key) {
        return rotation::make_source(configuration, environment, watcher, std::move(log), version_key);
    };
    parts.load = [](const std::string& path, const config::Config* previous) { return config::load(path, previous); };
    return parts;
}

} // namespace rekey::proxy
