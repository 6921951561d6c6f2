// A secret of Alibaba Cloud's KMS: its version that is ACSCurrent, and beside it ACSPrevious.
#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/sources/kms_secret.hpp"
#include "rotation/sources/secret_text.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/store_calls.hpp"
#include "rotation/sources/version_hash.hpp"

#include <atomic>
#include <mutex>

namespace rekey::rotation {

namespace {

// Version 4.
std::string random_uuid() {
    constexpr std::size_t bytes = 16;
    auto random = protocol::auth::random_bytes(bytes);
    random[6] = static_cast<char>((random[6] & 0x0f) | 0x40);
    random[8] = static_cast<char>((random[8] & 0x3f) | 0x80);
    auto text = config::lower_case_hex(random);
    for (std::size_t at : {8, 13, 18, 23})
        text.insert(at, 1, '-');
    return text;
}

// What the worker threads share with the source; outlives it until the last of them is done.
class Store {
  public:
    Store(const config::Source& source, std::string name, std::unique_ptr<alibaba::Gateway> gateway,
          const alibaba::Patience& patience, Environment& environment, const protocol::Secret& version_key)
        : kms_(source.kms), timeout_(source.timeout), unit_(patience.unit), name_(std::move(name)),
          gateway_(std::move(gateway)), versions_(version_key, environment) {}

    // On a worker thread, as all of these.
    FetchResult fetch(const Moment& moment) {
        std::lock_guard lock(mutex_);
        if (!breaker_.allows(moment))
            return failed_fetch(breaker_.last_error());
        bool store_failed = false;
        auto result = read("ACSCurrent", moment, store_failed);
        breaker_.account(store_failed, result.error, moment);
        return result;
    }

    std::vector<Fetched> fetch_others(const Moment& moment) {
        std::lock_guard lock(mutex_);
        std::vector<Fetched> others;
        bool store_failed = false;
        auto result = read("ACSPrevious", moment, store_failed);
        if (result.credential)
            others.push_back(std::move(*result.credential));
        return others;
    }

    // Empty, or what went wrong. KMS changes the password at the database and then moves ACSCurrent.
    std::string rotate(const Moment& moment) {
        std::lock_guard lock(mutex_);
        if (!breaker_.allows(moment))
            return breaker_.last_error();
        auto version = random_uuid();
        auto began = Clock::now();
        auto outcome = gateway_->rotate_secret(kms_->secret, version, moment.wall);
        breaker_.account(outcome.store_failed, outcome.error, moment);
        if (!outcome.error.empty())
            return outcome.error;
        for (;;) {
            alibaba::SecretValue value;
            outcome = gateway_->secret_value(kms_->secret, "ACSCurrent", moment.wall + (Clock::now() - began), value);
            if (outcome.error.empty() && value.version == version)
                return {};
            if (Clock::now() - began + unit_ >= timeout_ || !gateway_->pause(unit_))
                break;
        }
        if (!outcome.error.empty())
            return outcome.error;
        return name_ + ": KMS has begun a rotation, and not ended it in time";
    }

    void cancel() { gateway_->cancel(); }
    bool breaker_open() const { return breaker_.open(); } // any thread, as the next
    bool rotates() const { return rotates_; }

  private:
    FetchResult read(const char* stage, const Moment& moment, bool& store_failed) {
        FetchResult result;
        alibaba::SecretValue value;
        auto outcome = gateway_->secret_value(kms_->secret, stage, moment.wall, value);
        store_failed = outcome.store_failed;
        result.error = std::move(outcome.error);
        if (!result.error.empty())
            return result;
        rotates_ = gateway_->rotates() && kms_rotates(value.type);
        result = read_kms_secret(value, *kms_, moment.wall, moment.random);
        if (!result.credential) {
            result.error = name_ + ": " + result.error;
            return result;
        }
        auto& credential = *result.credential; // a person may name two versions alike
        credential.version = full_version(credential.version, versions_.of(credential));
        return result;
    }

    std::shared_ptr<const config::AliyunKms> kms_;
    std::chrono::milliseconds timeout_, unit_;
    std::string name_; // what errors begin with
    std::mutex mutex_;
    std::unique_ptr<alibaba::Gateway> gateway_;
    StoreBreaker breaker_;
    std::atomic<bool> rotates_ = false;
    VersionHash versions_;
};

class AliyunKmsSource final : public Source {
  public:
    AliyunKmsSource(std::shared_ptr<Store> store, Environment& environment) : calls_(std::move(store), environment) {}

    std::string_view type() const override { return "aliyun_kms"; }

    void fetch(std::function<void(FetchResult)> done) override { calls_.run(&Store::fetch, std::move(done)); }

    bool breaker_open() const override { return calls_->breaker_open(); }
    bool keeps_others() const override { return true; }

    void fetch_others(std::function<void(std::vector<Fetched>)> done) override {
        calls_.run(&Store::fetch_others, std::move(done));
    }

    Rotates rotates() const override { return calls_->rotates() ? Rotates::at_once : Rotates::no; }
    void rotate(std::function<void(std::string)> done) override { calls_.run(&Store::rotate, std::move(done)); }

  private:
    StoreCalls<Store> calls_;
};

} // namespace

std::unique_ptr<Source> make_aliyun_kms_source(const config::Source& source, Environment& environment,
                                               const protocol::Secret& version_key,
                                               const config::Environment& variables,
                                               const alibaba::Patience& patience) {
    auto name = "aliyun_kms: " + source.kms->secret;
    auto gateway = alibaba::make_gateway(source.kms, name, source.timeout, environment, variables, patience);
    auto store = std::make_shared<Store>(source, name, std::move(gateway), patience, environment, version_key);
    return std::make_unique<AliyunKmsSource>(std::move(store), environment);
}

} // namespace rekey::rotation
