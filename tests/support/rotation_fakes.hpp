// Time, randomness and descriptors under a test's control.
#pragma once

#include "rotation/ports.hpp"
#include "rotation/source.hpp"

#include <poll.h>

#include <deque>
#include <map>
#include <random>
#include <utility>

namespace rekey::tests {

// Nothing happens by itself: run_ready() runs what is due now, advance() moves the clock. Blocking work runs inside
// run_ready(), so that a callback never arrives from inside the call that started it.
class ManualEnvironment final : public rotation::Environment {
  public:
    using Clock = rotation::Clock;

    Clock::time_point now() const override { return now_; }
    std::chrono::system_clock::time_point wall_now() const override { return wall_now_; }
    std::uint64_t random(std::uint64_t bound) override { return bound == 0 ? 0 : engine_() % bound; }
    void random_bytes(unsigned char* out, std::size_t size) override {
        for (std::size_t i = 0; i < size; ++i)
            out[i] = static_cast<unsigned char>(engine_());
    }
    std::uint64_t call_at(Clock::time_point when, std::function<void()> task) override {
        timers_.emplace(std::pair(when, ++last_id_), std::move(task));
        return last_id_;
    }
    void cancel(std::uint64_t id) override {
        std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
    }
    void run_blocking(std::function<void()> work, std::function<void()> done) override {
        blocking_.emplace_back(std::move(work), std::move(done));
    }

    void run_ready() {
        while (true) {
            if (!blocking_.empty()) {
                auto [work, done] = std::move(blocking_.front());
                blocking_.pop_front();
                work();
                done();
            } else if (!timers_.empty() && timers_.begin()->first.first <= now_) {
                auto task = std::move(timers_.begin()->second);
                timers_.erase(timers_.begin());
                task();
            } else {
                return;
            }
        }
    }
    void advance(Clock::duration by) {
        now_ += by;
        wall_now_ += std::chrono::duration_cast<std::chrono::system_clock::duration>(by);
        run_ready();
    }
    std::size_t timers() const { return timers_.size(); }

  private:
    Clock::time_point now_{std::chrono::hours(1)};
    std::chrono::system_clock::time_point wall_now_{std::chrono::seconds(1'800'000'000)};
    std::mt19937_64 engine_{1};
    std::uint64_t last_id_ = 0;
    std::map<std::pair<Clock::time_point, std::uint64_t>, std::function<void()>> timers_;
    std::deque<std::pair<std::function<void()>, std::function<void()>>> blocking_;
};

// Calls back from deliver() only.
class ManualWatcher final : public rotation::DescriptorWatcher {
  public:
    void watch(int fd, std::function<void()> readable) override { watched_[fd] = std::move(readable); }
    void unwatch(int fd) override { watched_.erase(fd); }

    // Tells every watched descriptor that is readable now; how many there were.
    int deliver() {
        int readable = 0;
        auto watched = watched_;
        for (auto& [fd, callback] : watched) {
            pollfd item{fd, POLLIN, 0};
            if (::poll(&item, 1, 0) != 1 || !watched_.contains(fd))
                continue;
            ++readable;
            callback();
        }
        return readable;
    }
    std::size_t size() const { return watched_.size(); }

  private:
    std::map<int, std::function<void()>> watched_;
};

} // namespace rekey::tests
