// Logins at Amazon RDS by tokens that Rekey makes for each of them; what is fetched is the identity that signs.
#include "rotation/aws/identity.hpp"
#include "rotation/aws/rds_tokens.hpp"
#include "rotation/sources/store_calls.hpp"

#include <algorithm>
#include <mutex>

namespace rekey::rotation {

namespace {

constexpr auto soonest = std::chrono::seconds(1);

// What the worker threads share with the source; outlives it until the last of them is done.
class Signer {
  public:
    Signer(const config::Source& source, aws::Identity identity)
        : user_(source.aws->user), broken_(std::move(identity.broken)),
          chain_(std::move(identity.variables), std::move(identity.chain)),
          tokens_(std::make_shared<aws::RdsTokens>(source.aws->user, source.aws->region)) {}

    // On a worker thread.
    FetchResult fetch(const Moment& moment) {
        std::lock_guard lock(mutex_);
        FetchResult result;
        result.error = broken_;
        if (!broken_.empty())
            return result;
        auto identity = chain_.keys(moment.wall);
        if (!identity.keys) {
            result.error = "rds_iam: " + identity.error;
            return result;
        }
        if (tokens_->needs_fallback() && region_.empty())
            region_ = chain_.region();
        tokens_->use(std::move(identity.keys), region_);
        auto& credential = result.credential.emplace();
        credential.username = user_;
        credential.tokens = tokens_;
        // What is logged in stays so, whatever signs: there is nothing to replace when that changes.
        credential.version = "token";
        if (auto renew_at = chain_.renew_at()) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(*renew_at - moment.wall);
            credential.look_again = std::max<std::chrono::milliseconds>(soonest, left);
        }
        return result;
    }

    void cancel() { chain_.cancel(); }

  private:
    std::string user_, broken_; // why it can never work
    std::mutex mutex_;
    aws::Chain chain_;
    std::string region_; // of hosts whose names say none, once it is known
    std::shared_ptr<aws::RdsTokens> tokens_;
};

class RdsIamSource final : public Source {
  public:
    RdsIamSource(const config::Source& source, aws::Identity identity, Environment& environment)
        : calls_(std::make_shared<Signer>(source, std::move(identity)), environment) {}

    std::string_view type() const override { return "rds_iam"; }
    void fetch(std::function<void(FetchResult)> done) override { calls_.run(&Signer::fetch, std::move(done)); }

  private:
    StoreCalls<Signer> calls_;
};

} // namespace

std::unique_ptr<Source> make_rds_iam_source(const config::Source& source, Environment& environment,
                                            const config::Environment& variables, const AwsPatience& patience) {
    return std::make_unique<RdsIamSource>(
        source, aws::make_identity(source, "rds_iam", environment, variables, patience), environment);
}

} // namespace rekey::rotation
