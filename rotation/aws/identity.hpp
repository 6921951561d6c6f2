// What the sources at AWS have in common: how they ask, and as whom.
#pragma once

#include "config/config.hpp"
#include "rotation/aws/chain.hpp"
#include "rotation/sources/sources.hpp"

namespace rekey::rotation::aws {

struct Identity {
    Variables variables;
    CallerOptions caller; // for the source's own service
    ChainOptions chain;
    std::string broken; // why nothing can be asked; empty: nothing is wrong
};

// `store` is what errors begin with. Control thread.
Identity make_identity(const config::Source& source, const std::string& store, Environment& environment,
                       const config::Environment& variables, const AwsPatience& patience);

} // namespace rekey::rotation::aws
