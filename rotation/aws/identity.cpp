#include "rotation/aws/identity.hpp"

namespace rekey::rotation::aws {

Identity make_identity(const config::Source& source, const std::string& store, Environment& environment,
                       const config::Environment& variables, const AwsPatience& patience) {
    Identity identity;
    identity.variables = Variables(variables);
    auto& client = identity.caller.client;
    client.store = store;
    client.tls.ca = source.aws->ca;
    client.proxy = http::ProxySettings(variables, identity.broken);
    client.seed = environment.random(UINT64_MAX);
    identity.caller.unit = patience.unit;
    auto& chain = identity.chain;
    chain.profile = source.aws->profile;
    chain.caller = identity.caller;
    chain.metadata = {source.aws->ca, client.seed, patience.metadata, patience.metadata};
    chain.process_timeout = source.timeout;
    if (!identity.broken.empty())
        identity.broken = store + ": " + identity.broken;
    return identity;
}

} // namespace rekey::rotation::aws
