// What sources have in common whose store is asked over a network: calls on worker threads, and a store that is spared
// when it fails.
#pragma once

#include "rotation/source.hpp"
#include "rotation/sources/breaker.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace rekey::rotation {

// When a store is asked: taken on the control thread, used on a worker.
struct Moment {
    Clock::time_point now;
    std::chrono::system_clock::time_point wall;
    std::uint64_t random = 0;
};

// A breaker with what is to be said while the store is spared. One thread at a time, but for open().
class StoreBreaker {
  public:
    // Whether the store may be asked now; else last_error() is the answer.
    bool allows(const Moment& moment) { return breaker_.allows(moment.now); }
    const std::string& last_error() const { return last_error_; }
    // What came of what was allowed; `error` is empty where nothing went wrong, and may be without the store's fault.
    void account(bool store_failed, const std::string& error, const Moment& moment) {
        if (store_failed)
            breaker_.failed(moment.now, moment.random);
        else
            breaker_.succeeded();
        open_ = breaker_.open();
        last_error_ = error;
    }
    bool open() const { return open_; } // any thread

  private:
    Breaker breaker_;
    std::atomic<bool> open_ = false;
    std::string last_error_;
};

// A source's calls of its `Store`, which its worker threads share: it has cancel(), for any thread, lets one call in at
// a time, and outlives the source until the last call is done. For the control thread; `environment` outlives it.
template <class Store> class StoreCalls {
  public:
    StoreCalls(std::shared_ptr<Store> store, Environment& environment)
        : environment_(environment), store_(std::move(store)) {}
    ~StoreCalls() { store_->cancel(); } // the process does not wait for a store that hangs
    StoreCalls(const StoreCalls&) = delete;
    StoreCalls& operator=(const StoreCalls&) = delete;

    const Store* operator->() const { return store_.get(); }

    // Calls `work` with the store and the moment on a worker thread, then `done` with what it returned; not any more
    // when the source has gone.
    template <class Result, class Work> void run(Work work, std::function<void(Result)> done) const {
        auto result = std::make_shared<Result>();
        Moment moment{environment_.now(), environment_.wall_now(), environment_.random(UINT64_MAX)};
        environment_.run_remote(
            [store = store_, work = std::move(work), result, moment] { *result = std::invoke(work, *store, moment); },
            [alive = std::weak_ptr(alive_), result, done = std::move(done)] {
                if (!alive.expired())
                    done(std::move(*result));
            });
    }

  private:
    Environment& environment_;
    std::shared_ptr<Store> store_;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // expires with the source
};

} // namespace rekey::rotation
