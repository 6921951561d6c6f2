#include "rotation/sources/vault_session.hpp"

#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation {

namespace {

constexpr auto least_validity = std::chrono::seconds(5);
constexpr auto renewal_retry = std::chrono::seconds(10);

VaultReply failure(std::string error) {
    VaultReply reply;
    reply.error = std::move(error);
    return reply;
}

} // namespace

VaultSession::VaultSession(std::shared_ptr<const config::Vault> vault, std::chrono::milliseconds timeout,
                           http::ClientOptions options)
    : vault_(std::move(vault)), timeout_(timeout),
      url_(config::parse_http_url(vault_->address).value_or(config::HttpUrl{})), client_(std::move(options)) {}

VaultReply VaultSession::send(const char* method, const std::string& path, const protocol::Secret& body,
                              bool repeatable, const protocol::Secret& token, int* status) {
    http::Request request;
    request.method = method;
    request.url = url_;
    request.target = "/v1/" + path;
    request.body = body.reveal();
    request.timeout = timeout_;
    request.repeatable = repeatable;
    request.redirects = 1; // a standby that cannot forward names the active node
    request.headers.push_back({"X-Vault-Request", protocol::Secret("true")});
    if (!token.empty())
        request.headers.push_back({"X-Vault-Token", token.clone()});
    if (!vault_->name_space.empty())
        request.headers.push_back({"X-Vault-Namespace", protocol::Secret(vault_->name_space)});
    if (!body.empty())
        request.headers.push_back({"Content-Type", protocol::Secret("application/json")});
    auto response = client_.send(request);
    if (status != nullptr)
        *status = response.status;
    VaultReply reply;
    reply.status = response.status;
    if (response.ok())
        reply.body = std::move(response.body);
    else if (response.status == 0)
        reply.error = std::move(response.error);
    else
        reply.error = client_.name_of(request) + ": " + explain_vault_status(response.status, response.body.reveal());
    reply.store_failed = !response.ok() && (response.status == 0 || http::is_passing_status(response.status));
    return reply;
}

VaultReply VaultSession::ask(const char* method, const std::string& path, const protocol::Secret& body, bool repeatable,
                             Clock::time_point now) {
    if (auto reply = have_token(now); !reply.error.empty())
        return reply;
    int status = 0;
    auto reply = send(method, path, body, repeatable, token_, &status);
    // A token that has died is answered as one that may not: the store is asked which it is, so that a missing policy
    // does not make a new token with every look.
    if (status != 403 || !(given_token_changed() || token_is_dead()))
        return reply;
    token_ = {};
    if (auto login = have_token(now); !login.error.empty())
        return login;
    return send(method, path, body, repeatable, token_);
}

void VaultSession::prolong_token(Clock::time_point now) {
    if (have_token(now).error.empty() && renew_at_)
        renew(now);
}

void VaultSession::fresh_token(Clock::time_point now) {
    prolong_token(now);
    if (token_.empty() || renew_at_ || !expires_at_)
        return;
    bool given = vault_->method == config::VaultMethod::token;
    if (given && given_token_changed())
        take_given_token(now);
    else if (!given && *expires_at_ - now < full_ttl_ / 2)
        log_in(now); // the old one is left to what it has made
}

VaultReply VaultSession::have_token(Clock::time_point now) {
    bool expired = expires_at_ && now + least_validity >= *expires_at_;
    if (!token_.empty() && !expired) {
        if (renew_at_ && now >= *renew_at_)
            renew(now); // without success the token serves until its end
        return {};
    }
    return vault_->method == config::VaultMethod::token ? take_given_token(now) : log_in(now);
}

// A token that may not look itself up serves without being renewed.
VaultReply VaultSession::take_given_token(Clock::time_point now) {
    protocol::Secret token;
    if (auto error = read_secret(vault_->secret, token); !error.empty())
        return failure("vault: " + error);
    int status = 0;
    auto reply = send("GET", "auth/token/lookup-self", {}, true, token, &status);
    if (!reply.error.empty() && status != 403)
        return reply;
    auto known = parse_vault_token(reply.body.reveal()).value_or(VaultToken{});
    if (known.counted)
        return failure("vault: the token may be used a limited number of times, which is of no use here");
    known.token = std::move(token);
    adopt(std::move(known), now);
    return {};
}

VaultReply VaultSession::log_in(Clock::time_point now) {
    protocol::Secret body;
    if (auto reply = read_login(body); !reply.error.empty())
        return reply;
    auto reply = send("POST", login_path(), body, true, {});
    if (!reply.error.empty())
        return reply;
    auto token = parse_vault_auth(reply.body.reveal());
    if (!token)
        return failure("vault: " + login_path() + ": the answer holds no token");
    if (token->counted)
        return failure("vault: " + login_path() +
                       ": the role's tokens may be used a limited number of times "
                       "(token_num_uses), which is of no use here");
    adopt(std::move(*token), now);
    full_ttl_ = ttl_;
    return {};
}

std::string VaultSession::login_path() const {
    auto path = "auth/" + vault_->mount + "/login";
    return vault_->method == config::VaultMethod::userpass ? path + "/" + vault_->username : path;
}

// What the method wants to be told. Files are read anew: projected tokens and secret ids are renewed in place.
VaultReply VaultSession::read_login(protocol::Secret& body) {
    protocol::Secret secret;
    if (vault_->wrapped) {
        if (auto reply = unwrap(secret); !reply.error.empty())
            return reply;
    } else if (auto error = read_secret(vault_->secret, secret); !error.empty()) {
        return failure("vault: " + error);
    }
    switch (vault_->method) {
    case config::VaultMethod::approle:
        body = vault_body({{"role_id", vault_->role_id}, {"secret_id", secret.reveal()}});
        break;
    case config::VaultMethod::kubernetes:
    case config::VaultMethod::jwt:
        body = vault_body({{"role", vault_->role}, {"jwt", secret.reveal()}});
        break;
    case config::VaultMethod::userpass:
        body = vault_body({{"password", secret.reveal()}});
        break;
    case config::VaultMethod::cert:
        body = vault_body({{"name", vault_->role}});
        break;
    case config::VaultMethod::token:
        break;
    }
    return {};
}

// A wrapping token can be used once; what it held is kept for later logins.
VaultReply VaultSession::unwrap(protocol::Secret& secret_id) {
    protocol::Secret wrapping_token;
    if (auto error = read_secret(vault_->secret, wrapping_token); !error.empty())
        return failure("vault: " + error);
    bool known =
        !unwrapped_.empty() && protocol::equal_in_constant_time(wrapping_token.reveal(), wrapping_token_.reveal());
    if (!known) {
        if (auto reply = check_wrapping(wrapping_token); !reply.error.empty())
            return reply;
        // The token goes into the header only: in the body, too, it would be used twice.
        auto reply = send("POST", "sys/wrapping/unwrap", {}, false, wrapping_token);
        if (!reply.error.empty())
            return reply;
        unwrapped_ = vault_data_text(reply.body.reveal(), "secret_id");
        if (unwrapped_.empty())
            return failure("vault: sys/wrapping/unwrap: the wrapping token holds no secret id");
        wrapping_token_ = std::move(wrapping_token);
    }
    secret_id = unwrapped_.clone();
    return {};
}

// Anybody can wrap something: only what the AppRole itself has issued is taken.
VaultReply VaultSession::check_wrapping(const protocol::Secret& wrapping_token) {
    auto reply = send("POST", "sys/wrapping/lookup", vault_body({{"token", wrapping_token.reveal()}}), true, {});
    if (!reply.error.empty()) {
        reply.error += "; the wrapping token is used up or expired, or somebody else has unwrapped the secret id: make "
                       "a new one, and find out who did";
        return reply;
    }
    auto path = vault_data_text(reply.body.reveal(), "creation_path");
    std::string_view made = path.reveal();
    const auto begin = "auth/" + vault_->mount + "/role/" + vault_->role;
    constexpr std::string_view end = "/secret-id";
    bool good = made.starts_with(begin) && made.ends_with(end) && made.size() > begin.size() + end.size() - 1;
    if (good && !vault_->role.empty())
        good = made.size() == begin.size() + end.size();
    if (!good)
        return failure("vault: sys/wrapping/lookup: the wrapping token was not made for the secret id of this role; it "
                       "may have been planted");
    return {};
}

void VaultSession::renew(Clock::time_point now) {
    auto reply = send("POST", "auth/token/renew-self", {}, true, token_);
    auto renewed = reply.error.empty() ? parse_vault_auth(reply.body.reveal()) : std::nullopt;
    if (!renewed) {
        renew_at_ = now + renewal_retry;
        return;
    }
    // A renewal that brings less than before has met the token's longest life: a new login takes over at its end.
    bool capped = ttl_.count() > 0 && renewed->ttl < ttl_;
    renewed->token = token_.clone();
    renewed->renewable = renewed->renewable && !capped;
    adopt(std::move(*renewed), now);
}

bool VaultSession::token_is_dead() {
    int status = 0;
    send("GET", "auth/token/lookup-self", {}, true, token_, &status);
    return status == 403;
}

bool VaultSession::given_token_changed() const {
    protocol::Secret token;
    return vault_->method == config::VaultMethod::token && read_secret(vault_->secret, token).empty() &&
           !protocol::equal_in_constant_time(token.reveal(), token_.reveal());
}

void VaultSession::adopt(VaultToken token, Clock::time_point now) {
    token_ = std::move(token.token);
    ttl_ = token.ttl;
    renew_at_.reset();
    expires_at_.reset();
    if (ttl_.count() == 0)
        return;
    expires_at_ = now + ttl_;
    if (token.renewable)
        renew_at_ = now + ttl_ * 2 / 3;
}

} // namespace rekey::rotation
