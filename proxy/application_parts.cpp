#include "proxy/application.hpp"

namespace rekey::proxy {

ApplicationParts ApplicationParts::real() {
    ApplicationParts parts;
    parts.make_data_plane = [](DataPlaneOptions options) { return DataPlane::make(std::move(options)); };
    parts.make_rotator = [](const config::Credential& configuration, std::unique_ptr<rotation::Source> source,
                            const rotation::RotatorPorts& ports) {
        return rotation::make_rotator(configuration, std::move(source), ports);
    };
    parts.make_source = rotation::make_source;
    parts.load = [](const std::string& path, const config::Config* previous) { return config::load(path, previous); };
    return parts;
}

} // namespace rekey::proxy
