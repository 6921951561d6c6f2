#include "rotation/aws/chain.hpp"

#include "config/aws_endpoint.hpp"
#include "rotation/sources/child_process.hpp"

namespace rekey::rotation::aws {

namespace {

using WallTime = std::chrono::system_clock::time_point;

constexpr auto renew_before = std::chrono::minutes(15); // the end
constexpr auto retry_after = std::chrono::minutes(1);
constexpr auto stale_retry = std::chrono::minutes(10); // and two to ten more

KeysResult failure(std::string error) {
    return {nullptr, std::move(error)};
}

bool found(const KeysResult& result) {
    return result.keys != nullptr || !result.error.empty();
}

std::shared_ptr<const Keys> make_keys(std::string_view id, std::string_view secret, std::string_view session) {
    auto keys = std::make_shared<Keys>();
    keys->id = id;
    keys->secret = protocol::Secret(secret);
    keys->session = protocol::Secret(session);
    return keys;
}

} // namespace

Chain::Chain(Variables variables, ChainOptions options)
    : variables_(std::move(variables)), options_(std::move(options)), sts_(variables_, options_.caller),
      metadata_(variables_, options_.metadata),
      random_(static_cast<std::minstd_rand::result_type>(options_.metadata.seed)) {}

void Chain::cancel() {
    sts_.cancel();
    metadata_.cancel();
}

std::string Chain::profile() const {
    for (const auto& name : {options_.profile, variables_.text("AWS_PROFILE"), variables_.text("AWS_DEFAULT_PROFILE")})
        if (!name.empty())
            return name;
    return "default";
}

std::string Chain::configured_region() const {
    for (const auto& name : {variables_.text("AWS_REGION"), variables_.text("AWS_DEFAULT_REGION")})
        if (!name.empty())
            return name;
    return profiles_.text(profile(), "region");
}

std::string Chain::region() {
    profiles_.read(variables_); // what is wrong with them is said by keys()
    auto region = configured_region();
    return region.empty() ? metadata_.region() : config::is_aws_region(region) ? region : std::string();
}

KeysResult Chain::keys(WallTime now) {
    if (cached_ && renew_at_ && now < *renew_at_)
        return {cached_, {}};
    auto result = find(now);
    auto kept = std::exchange(cached_, result.keys);
    renew_at_.reset();
    if (result.keys && !result.keys->expires) {
        cached_.reset(); // read anew every time: files change
        return result;
    }
    if (result.keys) {
        renew_at_ = *result.keys->expires - renew_before;
        if (*renew_at_ > now)
            return result;
        // The instance hands out keys that are at their end while it cannot renew them; AWS takes them that long.
        renew_at_ = now + (of_instance_ ? stale_retry + std::chrono::minutes(2 + random_() % 9) : retry_after);
        return result;
    }
    if (kept && (of_instance_ || (kept->expires && *kept->expires > now))) {
        cached_ = std::move(kept);
        renew_at_ = now + retry_after;
        return {cached_, {}};
    }
    return result;
}

KeysResult Chain::find(WallTime now) {
    if (auto error = profiles_.read(variables_); !error.empty())
        return failure("aws: " + error);
    if (options_.profile.empty())
        if (auto result = environment(); found(result))
            return result;
    auto name = profile();
    bool explicitly = name != "default" || !options_.profile.empty();
    if (explicitly && profiles_.find(name) == nullptr)
        return failure("aws: there is no profile \"" + name + "\" in the shared files");
    std::set<std::string> seen;
    bool role = !profiles_.text(name, "role_arn").empty();
    if (role || explicitly)
        if (auto result = of_profile(name, now, seen); found(result))
            return result;
    if (auto result = web_identity(now); found(result))
        return result;
    if (!role && !explicitly)
        if (auto result = of_profile(name, now, seen); found(result))
            return result;
    if (auto result = metadata_.container(); found(result))
        return result;
    auto result = metadata_.instance();
    of_instance_ = of_instance_ || result.keys != nullptr;
    if (!found(result))
        return failure("aws: there are no credentials: neither environment, profile, container nor instance has some");
    if (!result.error.empty())
        result.error = "aws: there are no credentials in environment, profile and container; " + result.error;
    return result;
}

KeysResult Chain::environment() const {
    const auto& id = variables_.secret("AWS_ACCESS_KEY_ID");
    const auto& secret = variables_.secret("AWS_SECRET_ACCESS_KEY");
    const auto& session = variables_.secret("AWS_SESSION_TOKEN");
    if (id.empty())
        return {};
    if (secret.empty())
        return failure("aws: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
    return {make_keys(id.reveal(), secret.reveal(),
                      session.empty() ? variables_.secret("AWS_SECURITY_TOKEN").reveal() : session.reveal()),
            {}};
}

// Neither keys nor an error: the profile is not there, or speaks of something else.
KeysResult Chain::of_profile(const std::string& name, WallTime now, std::set<std::string>& seen) {
    const auto* settings = profiles_.find(name);
    if (settings == nullptr)
        return {};
    bool again = !seen.insert(name).second;
    // A role's profile may name itself as its source: then its own keys are meant.
    if (settings->contains("role_arn") && !again)
        return of_role(name, now, seen);
    auto id = profiles_.text(name, "aws_access_key_id");
    auto secret = settings->find("aws_secret_access_key");
    if (!id.empty()) {
        auto session = settings->find("aws_session_token");
        if (secret == settings->end())
            return failure("aws: profile " + name + " lacks aws_secret_access_key");
        return {make_keys(id, secret->second.reveal(),
                          session == settings->end() ? std::string_view() : session->second.reveal()),
                {}};
    }
    if (settings->contains("credential_process"))
        return of_process(name);
    if (again)
        return failure("aws: profile " + name + ": its source_profile leads back to it");
    if (settings->contains("sso_session") || settings->contains("sso_start_url"))
        return failure("aws: profile " + name + " logs in by SSO, which is not supported");
    return {};
}

KeysResult Chain::of_role(const std::string& name, WallTime now, std::set<std::string>& seen) {
    auto text = [&](const char* key) { return profiles_.text(name, key); };
    Role role;
    role.arn = text("role_arn");
    if (auto session = text("role_session_name"); !session.empty())
        role.session = session;
    if (auto seconds = text("duration_seconds"); !seconds.empty())
        role.seconds = seconds;
    role.external_id = text("external_id");
    if (auto file = text("web_identity_token_file"); !file.empty())
        return sts_.assume_with_web_identity(role, file, configured_region(), now);
    auto source = role_source(name, now, seen);
    if (!source.keys)
        return source.error.empty() ? failure("aws: profile " + name + ": there are no keys to take its role with")
                                    : std::move(source);
    return sts_.assume(role, configured_region(), *source.keys, now);
}

KeysResult Chain::role_source(const std::string& name, WallTime now, std::set<std::string>& seen) {
    auto profile = profiles_.text(name, "source_profile"), place = profiles_.text(name, "credential_source");
    if (!profile.empty() && place.empty()) {
        if (profiles_.find(profile) == nullptr)
            return failure("aws: profile " + name + ": there is no profile \"" + profile + "\", its source_profile");
        return of_profile(profile, now, seen);
    }
    if (profile.empty() && place == "Environment")
        return environment();
    if (profile.empty() && place == "EcsContainer")
        return metadata_.container();
    if (profile.empty() && place == "Ec2InstanceMetadata")
        return metadata_.instance();
    return failure("aws: profile " + name +
                   " has a role_arn and wants either source_profile or credential_source (Environment, EcsContainer or "
                   "Ec2InstanceMetadata)");
}

KeysResult Chain::web_identity(WallTime now) {
    auto file = variables_.text("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (file.empty())
        return {};
    Role role;
    role.arn = variables_.text("AWS_ROLE_ARN");
    if (role.arn.empty())
        return failure("aws: AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    if (auto session = variables_.text("AWS_ROLE_SESSION_NAME"); !session.empty())
        role.session = session;
    return sts_.assume_with_web_identity(role, file, configured_region(), now);
}

KeysResult Chain::of_process(const std::string& name) {
    ChildCommand command;
    command.arguments = split_command(profiles_.text(name, "credential_process"));
    command.timeout = options_.process_timeout;
    for (const auto& [variable, value] : variables_.all()) {
        auto text = variable + "=" + std::string(value.reveal());
        command.environment.push_back(protocol::Secret::take(text));
    }
    if (command.arguments.empty())
        return failure("aws: profile " + name + ": credential_process is no command");
    auto where = "aws: profile " + name + ": " + command.arguments.front();
    auto ended = run_child(command);
    if (!ended.failure.empty())
        return failure(where + " " + ended.failure);
    auto result = parse_keys_json(ended.output.reveal());
    if (!result.error.empty())
        result.error = where + ": " + result.error;
    return result;
}

} // namespace rekey::rotation::aws
