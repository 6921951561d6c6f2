#include "rotation/alibaba/identity.hpp"

#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation::alibaba {

namespace {

constexpr auto renew_before = std::chrono::seconds(180); // the end

std::string text(const config::Environment& variables, const char* name) {
    return variables(name).value_or(std::string());
}

MetadataOptions metadata_options(const config::AliyunKms& configured, const config::Environment& variables,
                                 std::chrono::milliseconds timeout) {
    MetadataOptions options;
    options.address = configured.metadata;
    options.role = configured.ram_role.empty() ? text(variables, "ALIBABA_CLOUD_ECS_METADATA") : configured.ram_role;
    if (configured.ram_role.empty() && text(variables, "ALIBABA_CLOUD_ECS_METADATA_DISABLED") == "true")
        options.address.clear();
    options.token_only = text(variables, "ALIBABA_CLOUD_IMDSV1_DISABLED") == "true";
    options.timeout = timeout;
    return options;
}

KeysResult of_environment(const config::Environment& variables) {
    auto id = text(variables, "ALIBABA_CLOUD_ACCESS_KEY_ID");
    if (id.empty())
        return {};
    auto keys = std::make_shared<Keys>();
    keys->id = std::move(id);
    auto secret = text(variables, "ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    auto token = text(variables, "ALIBABA_CLOUD_SECURITY_TOKEN");
    keys->secret = protocol::Secret::take(secret);
    keys->token = protocol::Secret::take(token);
    if (keys->secret.empty())
        return {nullptr, "ALIBABA_CLOUD_ACCESS_KEY_ID is set and ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"};
    return {std::move(keys), {}};
}

bool found(const KeysResult& result) {
    return result.keys != nullptr || !result.error.empty();
}

} // namespace

KeysResult read_access_key(const config::AccessKey& configured) {
    if (!configured.file.empty()) {
        protocol::Secret content;
        if (auto error = read_secret({configured.file, {}}, content); !error.empty())
            return {nullptr, std::move(error)};
        auto result = parse_keys(content.reveal());
        if (!result.error.empty())
            result.error = configured.file + ": " + result.error;
        return result;
    }
    if (configured.id.empty())
        return {};
    auto keys = std::make_shared<Keys>();
    keys->id = configured.id;
    if (auto error = read_secret(configured.secret, keys->secret); !error.empty())
        return {nullptr, std::move(error)};
    if (configured.token.given())
        if (auto error = read_secret(configured.token, keys->token); !error.empty())
            return {nullptr, std::move(error)};
    return {std::move(keys), {}};
}

Identity::Identity(std::shared_ptr<const config::AliyunKms> configured, const config::Environment& variables,
                   std::chrono::milliseconds metadata_timeout)
    : configured_(std::move(configured)), environment_(of_environment(variables)),
      metadata_(metadata_options(*configured_, variables, metadata_timeout)) {}

KeysResult Identity::keys(WallTime now) {
    if (auto result = read_access_key(configured_->access_key); found(result))
        return result;
    if (configured_->ram_role.empty() && found(environment_))
        return environment_;
    auto result = of_instance(now);
    if (!found(result))
        result.error = "there are no keys in configuration, environment and instance metadata";
    else if (!result.keys && configured_->ram_role.empty())
        result.error = "there are no keys in configuration and environment; " + result.error;
    return result;
}

KeysResult Identity::of_instance(WallTime now) {
    if (kept_ && kept_->expires && now + renew_before < *kept_->expires)
        return {kept_, {}};
    auto result = metadata_.keys();
    if (result.keys)
        kept_ = result.keys;
    else if (kept_ && kept_->expires && now < *kept_->expires)
        result = {kept_, {}};
    return result;
}

} // namespace rekey::rotation::alibaba
