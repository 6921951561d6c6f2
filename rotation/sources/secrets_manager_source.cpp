// AWS Secrets Manager: the version of a secret that is AWSCURRENT, and beside it AWSPENDING and AWSPREVIOUS.
#include "config/aws_endpoint.hpp"
#include "config/scalars.hpp"
#include "rotation/aws/identity.hpp"
#include "rotation/sources/secret_text.hpp"
#include "rotation/sources/secrets_manager_api.hpp"
#include "rotation/sources/store_calls.hpp"
#include "rotation/sources/version_hash.hpp"

#include <mutex>

namespace rekey::rotation {

namespace {

// 32 hexadecimal digits that no other call has.
std::string make_token(Environment& environment) {
    unsigned char bytes[16];
    environment.random_bytes(bytes, sizeof bytes);
    return config::lower_case_hex({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

bool same(const aws::Keys& a, const aws::Keys& b) {
    return a.id == b.id && protocol::equal_in_constant_time(a.session.reveal(), b.session.reveal());
}

// What the worker threads share with the source; outlives it until the last of them is done.
class Store {
  public:
    Store(const config::Source& source, aws::Identity identity, Environment& environment,
          const protocol::Secret& version_key)
        : aws_(source.aws), timeout_(source.timeout), name_(identity.caller.client.store),
          broken_(std::move(identity.broken)), chain_(std::move(identity.variables), std::move(identity.chain)),
          caller_(std::move(identity.caller)), versions_(version_key, environment) {}

    // On a worker thread, as all of these.
    FetchResult fetch(const Moment& moment) {
        std::lock_guard lock(mutex_);
        auto result = read(get_value("AWSCURRENT", moment));
        if (result.credential && !result.credential->rotating)
            awaited_.clear();
        return result;
    }

    std::vector<Fetched> fetch_others(const Moment& moment) {
        std::lock_guard lock(mutex_);
        std::vector<Fetched> others;
        for (std::string_view stage : {"AWSPENDING", "AWSPREVIOUS"}) {
            auto result = read(get_value(stage, moment));
            if (!result.credential)
                continue;
            result.credential->coming = stage == "AWSPENDING";
            others.push_back(std::move(*result.credential));
        }
        return others;
    }

    // Empty, or what went wrong.
    std::string rotate(const std::string& token, const Moment& moment) {
        std::lock_guard lock(mutex_);
        auto reply = ask("RotateSecret", rotate_secret_request(aws_->secret, token), moment);
        if (!reply.error.empty())
            return reply.error;
        awaited_ = parse_rotate_secret(reply.body.reveal());
        if (awaited_.empty())
            awaited_ = token; // which is what the version is called
        return {};
    }

    void cancel() {
        chain_.cancel();
        caller_.cancel();
    }
    bool breaker_open() const { return breaker_.open(); } // any thread

  private:
    aws::CallReply get_value(std::string_view stage, const Moment& moment) {
        return ask("GetSecretValue", secret_value_request(aws_->secret, stage), moment);
    }

    aws::CallReply ask(const std::string& operation, const std::string& body, const Moment& moment) {
        aws::CallReply reply;
        reply.error = broken_;
        if (!broken_.empty())
            return reply;
        if (!breaker_.allows(moment)) {
            reply.error = breaker_.last_error();
            return reply;
        }
        reply = ask_signed(operation, body, moment);
        breaker_.account(reply.store_failed, reply.error, moment);
        return reply;
    }

    // Keys that were refused because their session is over are renewed, once.
    aws::CallReply ask_signed(const std::string& operation, const std::string& body, const Moment& moment) {
        aws::CallReply reply;
        auto identity = chain_.keys(moment.wall);
        for (bool again : {true, false}) {
            if (!identity.keys) {
                reply.error = name_ + ": " + identity.error;
                return reply;
            }
            reply = send(operation, body, *identity.keys, moment);
            if (!again || !is_expired(reply.service))
                break;
            chain_.forget();
            auto renewed = chain_.keys(moment.wall);
            if (renewed.keys && same(*renewed.keys, *identity.keys))
                break;
            identity = std::move(renewed);
        }
        return reply;
    }

    aws::CallReply send(const std::string& operation, const std::string& body, const aws::Keys& keys,
                        const Moment& moment) {
        aws::CallReply reply;
        if (region_.empty())
            region_ = region();
        auto address = aws_->endpoint.empty() ? config::aws_endpoint("secretsmanager", region_) : aws_->endpoint;
        auto url = config::parse_http_url(address);
        if (region_.empty() || !url) {
            reply.error = name_ + ": no region is known: neither `region` nor AWS_REGION nor the profile names one";
            return reply;
        }
        aws::Call call;
        call.url = *url;
        call.scope = {region_, "secretsmanager"};
        call.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                        {"X-Amz-Target", "secretsmanager." + operation}};
        call.body = body;
        call.timeout = timeout_;
        return caller_.send(call, &keys, moment.wall);
    }

    std::string region() {
        if (!aws_->region.empty())
            return aws_->region;
        auto of_arn = config::region_of_arn(aws_->secret);
        return of_arn.empty() ? chain_.region() : std::string(of_arn);
    }

    FetchResult read(const aws::CallReply& reply) const {
        FetchResult result;
        result.error = reply.error;
        if (!result.error.empty())
            return result;
        result = parse_secret_value(reply.body.reveal(), *aws_);
        if (!result.credential) {
            result.error = name_ + ": " + result.error;
            return result;
        }
        auto& credential = *result.credential;
        credential.rotating = !awaited_.empty() && credential.version != awaited_;
        credential.version = full_version(credential.version, versions_.of(credential));
        return result;
    }

    std::shared_ptr<const config::Aws> aws_;
    std::chrono::milliseconds timeout_;
    std::string name_, broken_; // what errors begin with; why it can never be asked
    std::mutex mutex_;
    aws::Chain chain_;
    aws::Caller caller_;
    std::string region_; // once it is known
    StoreBreaker breaker_;
    std::string awaited_; // the version that a rotation is about to make
    VersionHash versions_;
};

class SecretsManagerSource final : public Source {
  public:
    SecretsManagerSource(const config::Source& source, aws::Identity identity, Environment& environment,
                         const protocol::Secret& version_key)
        : environment_(environment),
          calls_(std::make_shared<Store>(source, std::move(identity), environment, version_key), environment) {}

    std::string_view type() const override { return "aws_secrets_manager"; }

    void fetch(std::function<void(FetchResult)> done) override { calls_.run(&Store::fetch, std::move(done)); }

    bool breaker_open() const override { return calls_->breaker_open(); }
    bool keeps_others() const override { return true; }

    void fetch_others(std::function<void(std::vector<Fetched>)> done) override {
        calls_.run(&Store::fetch_others, std::move(done));
    }

    Rotates rotates() const override { return Rotates::in_time; }
    void rotate(std::function<void(std::string)> done) override {
        calls_.run([token = make_token(environment_)](Store& store,
                                                      const Moment& moment) { return store.rotate(token, moment); },
                   std::move(done));
    }

  private:
    Environment& environment_;
    StoreCalls<Store> calls_;
};

} // namespace

std::unique_ptr<Source> make_secrets_manager_source(const config::Source& source, Environment& environment,
                                                    const protocol::Secret& version_key,
                                                    const config::Environment& variables, const AwsPatience& patience) {
    auto name = "aws_secrets_manager: " + source.aws->secret;
    auto identity = aws::make_identity(source, name, environment, variables, patience);
    return std::make_unique<SecretsManagerSource>(source, std::move(identity), environment, version_key);
}

} // namespace rekey::rotation
