#include "rotation/rotator.hpp"

#include "rotation/rotator_core.hpp"

namespace rekey::rotation {

std::string_view to_string(RotationState state) {
    switch (state) {
    case RotationState::idle:
        return "idle";
    case RotationState::fetching:
        return "fetching";
    case RotationState::verifying:
        return "verifying";
    case RotationState::published:
        return "published";
    case RotationState::replacing:
        return "replacing";
    case RotationState::proving:
        return "proving";
    case RotationState::revoking:
        return "revoking";
    case RotationState::held:
        return "held";
    case RotationState::rolled_back:
        break;
    }
    return "rolled_back";
}

std::string_view to_string(RotationOutcome outcome) {
    switch (outcome) {
    case RotationOutcome::done:
        return "done";
    case RotationOutcome::unchanged:
        return "unchanged";
    case RotationOutcome::held:
        return "held";
    case RotationOutcome::rolled_back:
        return "rolled_back";
    case RotationOutcome::superseded:
        return "superseded";
    case RotationOutcome::failed:
        break;
    }
    return "failed";
}

std::unique_ptr<Rotator> make_rotator(const config::Credential& configuration, std::unique_ptr<Source> source,
                                      const RotatorPorts& ports) {
    if (source && source->leases()) {
        return make_leased_rotator(configuration, std::move(source), ports);
    }
    if (source) {
        return make_followed_rotator(configuration, std::move(source), ports);
    }
    return make_local_rotator(configuration, ports);
}

} // namespace rekey::rotation
