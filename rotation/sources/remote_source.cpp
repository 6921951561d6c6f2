#include "rotation/sources/remote_source.hpp"

#include "rotation/http/retry.hpp"

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
        if (!breaker_.allows(moment))
            return failed_fetch(breaker_.last_error());
        auto reply = store_->fetch(moment);
        breaker_.account(reply.store_failed, reply.result.error, moment);
        return std::move(reply.result);
    }

    void cancel() { store_->cancel(); }
    bool breaker_open() const { return breaker_.open(); } // any thread

  private:
    std::shared_ptr<RemoteStore> store_;
    std::mutex mutex_;
    StoreBreaker breaker_;
};

class RemoteSource final : public Source {
  public:
    RemoteSource(std::string_view type, std::shared_ptr<RemoteStore> store, Environment& environment)
        : type_(type), calls_(std::make_shared<Guarded>(std::move(store)), environment) {}

    std::string_view type() const override { return type_; }
    void fetch(std::function<void(FetchResult)> done) override { calls_.run(&Guarded::fetch, std::move(done)); }
    bool breaker_open() const override { return calls_->breaker_open(); }

  private:
    std::string_view type_;
    StoreCalls<Guarded> calls_;
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
