// AWS Secrets Manager: the version of a secret that is AWSCURRENT, and beside it AWSPENDING and AWSPREVIOUS.
#include "config/aws_endpoint.hpp"
#include "rotation/aws/identity.hpp"
#include "rotation/sources/breaker.hpp"
#include "rotation/sources/secrets_manager_api.hpp"
#include "rotation/sources/version_hash.hpp"

#include <atomic>
#include <mutex>

namespace rekey::rotation {

namespace {

// When a source is asked: taken on the control thread, used on a worker.
struct Moment {
    Clock::time_point now;
    std::chrono::system_clock::time_point wall;
    std::uint64_t random = 0;
};

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

    // On a worker thread.
    FetchResult fetch(const Moment& moment) {
        std::lock_guard lock(mutex_);
        FetchResult result;
        result.error = broken_;
        if (!broken_.empty())
            return result;
        if (!breaker_.allows(moment.now)) {
            result.error = last_error_;
            return result;
        }
        auto reply = ask("AWSCURRENT", moment);
        if (reply.store_failed)
            breaker_.failed(moment.now, moment.random);
        else
            breaker_.succeeded();
        breaker_open_ = breaker_.open();
        result = read(reply);
        last_error_ = result.error;
        return result;
    }

    std::vector<Fetched> fetch_others(const Moment& moment) {
        std::lock_guard lock(mutex_);
        std::vector<Fetched> others;
        for (std::string_view stage : {"AWSPENDING", "AWSPREVIOUS"}) {
            auto result = read(ask(stage, moment));
            if (!result.credential)
                continue;
            result.credential->coming = stage == "AWSPENDING";
            others.push_back(std::move(*result.credential));
        }
        return others;
    }

    void cancel() {
        chain_.cancel();
        caller_.cancel();
    }
    bool breaker_open() const { return breaker_open_; } // any thread

  private:
    // Keys that were refused because their session is over are renewed, once.
    aws::CallReply ask(std::string_view stage, const Moment& moment) {
        aws::CallReply reply;
        auto identity = chain_.keys(moment.wall);
        for (bool again : {true, false}) {
            if (!identity.keys) {
                reply.error = name_ + ": " + identity.error;
                return reply;
            }
            reply = get_value(stage, *identity.keys, moment);
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

    aws::CallReply get_value(std::string_view stage, const aws::Keys& keys, const Moment& moment) {
        aws::CallReply reply;
        if (region_.empty())
            region_ = region();
        auto address = aws_->endpoint.empty() ? config::aws_endpoint("secretsmanager", region_) : aws_->endpoint;
        auto url = config::parse_http_url(address);
        if (region_.empty() || !url) {
            reply.error = name_ + ": no region is known: neither `region` nor AWS_REGION nor the profile names one";
            return reply;
        }
        auto body = secret_value_request(aws_->secret, stage);
        aws::Call call;
        call.url = *url;
        call.scope = {region_, "secretsmanager"};
        call.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                        {"X-Amz-Target", "secretsmanager.GetSecretValue"}};
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
        // A hash tells versions apart that a store which was emptied names alike.
        constexpr std::size_t enough = 8;
        auto& credential = *result.credential;
        credential.version += "-" + versions_.of(credential.username, credential.password.reveal()).substr(0, enough);
        return result;
    }

    std::shared_ptr<const config::Aws> aws_;
    std::chrono::milliseconds timeout_;
    std::string name_, broken_; // what errors begin with; why it can never be asked
    std::mutex mutex_;
    aws::Chain chain_;
    aws::Caller caller_;
    std::string region_; // once it is known
    Breaker breaker_;
    std::atomic<bool> breaker_open_ = false;
    std::string last_error_;
    VersionHash versions_;
};

class SecretsManagerSource final : public Source {
  public:
    SecretsManagerSource(const config::Source& source, aws::Identity identity, Environment& environment,
                         const protocol::Secret& version_key)
        : environment_(environment),
          store_(std::make_shared<Store>(source, std::move(identity), environment, version_key)) {}
    ~SecretsManagerSource() override { store_->cancel(); } // the process does not wait for a store that hangs

    std::string_view type() const override { return "aws_secrets_manager"; }

    void fetch(std::function<void(FetchResult)> done) override { run(&Store::fetch, std::move(done)); }

    bool breaker_open() const override { return store_->breaker_open(); }
    bool keeps_others() const override { return true; }

    void fetch_others(std::function<void(std::vector<Fetched>)> done) override {
        run(&Store::fetch_others, std::move(done));
    }

  private:
    template <class Result> void run(Result (Store::*work)(const Moment&), std::function<void(Result)> done) {
        auto result = std::make_shared<Result>();
        Moment moment{environment_.now(), environment_.wall_now(), environment_.random(UINT64_MAX)};
        environment_.run_remote([store = store_, work, result, moment] { *result = (*store.*work)(moment); },
                                [alive = std::weak_ptr(alive_), result, done = std::move(done)] {
                                    if (!alive.expired())
                                        done(std::move(*result));
                                });
    }

    Environment& environment_;
    std::shared_ptr<Store> store_;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // expires with the source
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
