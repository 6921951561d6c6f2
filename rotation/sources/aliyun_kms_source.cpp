// A secret of Alibaba Cloud's KMS: its version that is ACSCurrent, and beside it ACSPrevious.
#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/sources/breaker.hpp"
#include "rotation/sources/kms_secret.hpp"
#include "rotation/sources/sources.hpp"
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

// Version 4.
std::string random_uuid() {
    constexpr std::size_t bytes = 16;
    auto random = protocol::auth::random_bytes(bytes);
    random[6] = static_cast<char>((random[6] & 0x0f) | 0x40);
    random[8] = static_cast<char>((random[8] & 0x3f) | 0x80);
    auto text = config::lower_case_hex(random);
    for (std::size_t at : {8, 13, 18, 23})
        text.insert(at, "-");
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
        FetchResult result;
        if (!breaker_.allows(moment.now)) {
            result.error = last_error_;
            return result;
        }
        bool store_failed = false;
        result = read("ACSCurrent", moment, store_failed);
        account(store_failed, moment);
        last_error_ = result.error;
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
        if (!breaker_.allows(moment.now))
            return last_error_;
        auto version = random_uuid();
        auto began = Clock::now();
        auto outcome = gateway_->rotate_secret(kms_->secret, version, moment.wall);
        account(outcome.store_failed, moment);
        if (!outcome.error.empty())
            return last_error_ = outcome.error;
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
    bool breaker_open() const { return breaker_open_; } // any thread, as the next
    bool rotates() const { return rotates_; }

  private:
    void account(bool store_failed, const Moment& moment) {
        if (store_failed)
            breaker_.failed(moment.now, moment.random);
        else
            breaker_.succeeded();
        breaker_open_ = breaker_.open();
    }

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
        // A hash tells versions apart that are named alike: a person may name them.
        constexpr std::size_t enough = 8;
        auto& credential = *result.credential;
        credential.version += "-" + versions_.of(credential.username, credential.password.reveal()).substr(0, enough);
        return result;
    }

    std::shared_ptr<const config::AliyunKms> kms_;
    std::chrono::milliseconds timeout_, unit_;
    std::string name_; // what errors begin with
    std::mutex mutex_;
    std::unique_ptr<alibaba::Gateway> gateway_;
    Breaker breaker_;
    std::atomic<bool> breaker_open_ = false, rotates_ = false;
    std::string last_error_;
    VersionHash versions_;
};

class AliyunKmsSource final : public Source {
  public:
    AliyunKmsSource(std::shared_ptr<Store> store, Environment& environment)
        : environment_(environment), store_(std::move(store)) {}
    ~AliyunKmsSource() override { store_->cancel(); } // the process does not wait for a store that hangs

    std::string_view type() const override { return "aliyun_kms"; }

    void fetch(std::function<void(FetchResult)> done) override { run(&Store::fetch, std::move(done)); }

    bool breaker_open() const override { return store_->breaker_open(); }
    bool keeps_others() const override { return true; }

    void fetch_others(std::function<void(std::vector<Fetched>)> done) override {
        run(&Store::fetch_others, std::move(done));
    }

    bool rotates() const override { return store_->rotates(); }
    void rotate(std::function<void(std::string)> done) override { run(&Store::rotate, std::move(done)); }

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
