#include "config/aws_endpoint.hpp"
#include "config/config.hpp"
#include "config/validate.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

constexpr std::size_t longest_secret_id = 2048;

void validate_secret(const Aws& aws, const std::string& path, Problems& problems) {
    bool printable = std::all_of(aws.secret.begin(), aws.secret.end(), [](char c) { return c > ' ' && c < 127; });
    if (!problems.bad(path + ".secret") && (aws.secret.empty() || !printable || aws.secret.size() > longest_secret_id))
        problems.error(path + ".secret", "expects the name or the ARN of a secret");
    if (aws.endpoint.empty() || problems.bad(path + ".endpoint"))
        return;
    auto url = parse_http_url(aws.endpoint);
    if (!url)
        problems.error(path + ".endpoint", "expects https://host");
    else if (!is_protected(*url))
        problems.error(path + ".endpoint", "expects https: secrets would cross the network in the clear");
}

bool is_encrypted(const Upstream& upstream) {
    bool by_default = std::none_of(upstream.hosts.begin(), upstream.hosts.end(),
                                   [](const Address& host) { return host.is_loopback(); });
    bool unix_socket =
        std::any_of(upstream.hosts.begin(), upstream.hosts.end(), [](const Address& host) { return host.is_unix(); });
    return !unix_socket && (upstream.tls.mode ? *upstream.tls.mode >= UpstreamTls::require : by_default);
}

// The token is sent as it is: whoever reads it may log in for a quarter of an hour.
void validate_upstreams(const Config& config, const Credential& credential, const std::string& path,
                        Problems& problems) {
    bool administers = std::any_of(config.credentials.begin(), config.credentials.end(), [&](const Credential& other) {
        return other.rotation && other.rotation->admin && other.rotation->admin->credential == credential.name;
    });
    for (const auto& upstream : config.upstreams) {
        const auto* own = config.find_credential(upstream.credential);
        bool by_admin = administers && own != nullptr && own->rotation && own->rotation->admin &&
                        own->rotation->admin->credential == credential.name;
        if ((upstream.credential == credential.name || by_admin) && !is_encrypted(upstream))
            problems.error("upstreams[" + upstream.name + "].tls.mode",
                           "must be require, verify-ca or verify-full: the credential of type rds_iam (" + path +
                               ") logs in with a token in the clear");
    }
}

} // namespace

void validate_aws(const Config& config, const Credential& credential, const std::string& path, Problems& problems) {
    const auto& aws = *credential.source.aws;
    if (!problems.bad(path + ".region") && !aws.region.empty() && !is_aws_region(aws.region))
        problems.error(path + ".region", "expects a region such as us-east-1");
    if (credential.source.type == SourceType::aws_secrets_manager)
        return validate_secret(aws, path, problems);
    if (aws.user.empty() && !problems.bad(path + ".user"))
        problems.error(path + ".user", "is missing");
    validate_upstreams(config, credential, path, problems);
}

} // namespace rekey::config
