#include "rotation/sources/remote_source.hpp"

#include "rotation/http/retry.hpp"
#include "rotation/sources/breaker.hpp"

#include <atomic>
#include <mutex>

namespace rekey::rotation {

namespace {

// What the worker threads share with the source.
class Guarded {
  public:
    explicit Guarded(std::shared_ptr<RemoteStore> store) : store_(std::move(store)) {}

    // On a worker thread.
    FetchResult fetch(const Moment& moment) {
        std::lock_guard lock(mutex_);
        FetchResult refused;
        refused.error = last_error_;
        if (!breaker_.allows(moment.now))
            return refused;
        auto reply = store_->fetch(moment);
        if (reply.store_failed)
            breaker_.failed(moment.now, moment.random);
        else
            breaker_.succeeded();
        breaker_open_ = breaker_.open();
        last_error_ = reply.result.error;
        return std::move(reply.result);
    }

    void cancel() { store_->cancel(); }
    bool breaker_open() const { return breaker_open_; } // any thread

  private:
    std::shared_ptr<RemoteStore> store_;
    std::mutex mutex_;
    Breaker breaker_;
    std::atomic<bool> breaker_open_ = false;
    std::string last_error_;
};

class RemoteSource final : public Source {
  public:
    RemoteSource(std::string_view type, std::shared_ptr<RemoteStore> store, Environment& environment)
        : type_(type), environment_(environment), store_(std::make_shared<Guarded>(std::move(store))) {}
    ~RemoteSource() override { store_->cancel(); } // the process does not wait for a store that hangs

    std::string_view type() const override { return type_; }

    void fetch(std::function<void(FetchResult)> done) override {
        auto result = std::make_shared<FetchResult>();
        Moment moment{environment_.now(), environment_.wall_now(), environment_.random(UINT64_MAX)};
        environment_.run_remote([store = store_, result, moment] { *result = store->fetch(moment); },
                                [alive = std::weak_ptr(alive_), result, done = std::move(done)] {
                                    if (!alive.expired())
                                        done(std::move(*result));
                                });
    }

    bool breaker_open() const override { return store_->breaker_open(); }

  private:
    std::string_view type_;
    Environment& environment_;
    std::shared_ptr<Guarded> store_;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // expires with the source
};

} // namespace

std::unique_ptr<Source> make_remote_source(std::string_view type, std::shared_ptr<RemoteStore> store,
                                           Environment& environment) {
    return std::make_unique<RemoteSource>(type, std::move(store), environment);
}

bool is_store_failure(int status) {
    return status == 0 || http::is_passing_status(status);
}

} // namespace rekey::rotation
