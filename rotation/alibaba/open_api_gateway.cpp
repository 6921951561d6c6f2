// The shared gateway of a region, and an instance's: the same calls, signed with RAM keys.
#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/alibaba/caller.hpp"
#include "rotation/alibaba/identity.hpp"

namespace rekey::rotation::alibaba {

namespace {

constexpr const char* api_version = "2016-01-20";
constexpr const char* form = "application/x-www-form-urlencoded";

bool same(const Keys& a, const Keys& b) {
    return a.id == b.id && protocol::equal_in_constant_time(a.secret.reveal(), b.secret.reveal()) &&
           protocol::equal_in_constant_time(a.token.reveal(), b.token.reveal());
}

class OpenApiGateway final : public Gateway {
  public:
    OpenApiGateway(std::shared_ptr<const config::AliyunKms> kms, CallerOptions options,
                   const config::Environment& variables, const Patience& patience)
        : rpc_(kms->signature == config::AliyunSignature::rpc), identity_(kms, variables, patience.metadata),
          caller_(std::move(options), parse_error) {}

    Outcome decrypt(const std::string& blob, WallTime now, protocol::Secret& plaintext) override {
        auto reply = ask("Decrypt", {{"CiphertextBlob", blob}}, now);
        if (!reply.error.empty())
            return outcome(std::move(reply));
        plaintext = parse_plaintext(reply.body.reveal());
        return plaintext.empty() ? unreadable("the answer holds no Plaintext") : Outcome{};
    }

    Outcome secret_value(const std::string& name, const std::string& stage, WallTime now, SecretValue& value) override {
        auto reply = ask("GetSecretValue",
                         {{"SecretName", name}, {"VersionStage", stage}, {"FetchExtendedConfig", "true"}}, now);
        if (!reply.error.empty())
            return outcome(std::move(reply));
        std::string error;
        value = parse_secret_value(reply.body.reveal(), error);
        return error.empty() ? Outcome{} : unreadable(error);
    }

    bool rotates() const override { return true; }
    Outcome rotate_secret(const std::string& name, const std::string& version, WallTime now) override {
        return outcome(ask("RotateSecret", {{"SecretName", name}, {"VersionId", version}}, now));
    }

    bool pause(std::chrono::milliseconds span) override { return caller_.pause(span); }
    void cancel() override {
        identity_.cancel();
        caller_.cancel();
    }

  private:
    // Keys that were refused because their session is over are renewed, once.
    Reply ask(const std::string& action, const Parameters& parameters, WallTime now) {
        Reply reply;
        auto keys = identity_.keys(now);
        for (bool again : {true, false}) {
            if (!keys.keys) {
                reply.error = caller_.store() + ": " + keys.error;
                return reply;
            }
            reply = caller_.send([&](WallTime moment) { return attempt(action, parameters, *keys.keys, moment); }, now);
            if (!again || !is_expired(reply.service))
                break;
            identity_.forget();
            auto renewed = identity_.keys(now);
            if (renewed.keys && same(*renewed.keys, *keys.keys))
                break;
            keys = std::move(renewed);
        }
        return reply;
    }

    Attempt attempt(const std::string& action, const Parameters& parameters, const Keys& keys, WallTime now) const {
        constexpr std::size_t nonce_bytes = 16;
        auto nonce = config::lower_case_hex(protocol::auth::random_bytes(nonce_bytes));
        Attempt attempt;
        if (rpc_) {
            attempt.body = rpc_form(keys, action, api_version, parameters, nonce, now);
            attempt.headers.push_back({"Content-Type", protocol::Secret(form)});
            return attempt;
        }
        auto body = query_text(parameters);
        attempt.body = protocol::Secret::take(body);
        ToSign to_sign;
        to_sign.host = caller_.host();
        to_sign.action = action;
        to_sign.version = api_version;
        to_sign.content_type = form;
        to_sign.body = attempt.body.reveal();
        attempt.headers = sign_acs3(keys, to_sign, nonce, now);
        return attempt;
    }

    static Outcome outcome(Reply reply) { return {std::move(reply.error), reply.store_failed}; }
    Outcome unreadable(const std::string& what) const { return {caller_.store() + ": " + what, false}; }

    bool rpc_;
    Identity identity_;
    Caller caller_;
};

} // namespace

std::unique_ptr<Gateway> make_open_api_gateway(std::shared_ptr<const config::AliyunKms> kms, CallerOptions options,
                                               const config::Environment& variables, const Patience& patience) {
    return std::make_unique<OpenApiGateway>(std::move(kms), std::move(options), variables, patience);
}

} // namespace rekey::rotation::alibaba
