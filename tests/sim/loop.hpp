// The simulated world's clock, event queue and randomness, as Environment. One process lives in it at a time; when it
// crashes, its timers and outstanding answers die with it, while what was sent to the server goes on.
#pragma once

#include "rotation/ports.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <stdexcept>
#include <string>

namespace rekey::sim {

using rotation::Clock;
using namespace std::chrono_literals;

// The process died here. Thrown through the rotator, caught by the event loop.
struct Crash {
    std::string where;
};

// A must is broken.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Loop final : public rotation::Environment {
  public:
    explicit Loop(std::uint64_t seed) : random_(seed) {}

    Clock::time_point now() const override { return now_; }
    std::chrono::system_clock::time_point wall_now() const override {
        return std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 56)) +
               std::chrono::duration_cast<std::chrono::system_clock::duration>(now_ - Clock::time_point{});
    }
    std::uint64_t random(std::uint64_t bound) override { return bound == 0 ? 0 : random_() % bound; }
    void random_bytes(unsigned char* out, std::size_t size) override {
        for (std::size_t i = 0; i < size; ++i) {
            out[i] = static_cast<unsigned char>(random_());
        }
    }
    std::uint64_t call_at(Clock::time_point when, std::function<void()> task) override {
        return add(when, process_, std::move(task));
    }
    void cancel(std::uint64_t id) override {
        const auto found = order_.find(id);
        if (found != order_.end()) {
            events_.erase({found->second, id});
            order_.erase(found);
        }
    }
    void run_blocking(std::function<void()> work, std::function<void()> done) override {
        call_at(now_ + 1ms, [work = std::move(work), done = std::move(done)] {
            work();
            done();
        });
    }

    // Events that no crash takes away: the server's and the scenario's own.
    void world_in(Clock::duration delay, std::function<void()> task) { add(now_ + delay, 0, std::move(task)); }
    // Answers to the process.
    void answer_in(Clock::duration delay, std::function<void()> task) { call_at(now_ + delay, std::move(task)); }
    void new_process() { ++process_; }
    std::uint64_t process() const { return process_; }

    Clock::duration between(Clock::duration least, Clock::duration most) {
        return least + Clock::duration(static_cast<Clock::rep>(random(static_cast<std::uint64_t>((most - least).count()) + 1)));
    }
    bool chance(unsigned percent) { return random(100) < percent; }

    // The process passes here; an armed crash may strike.
    void crash_point(const char* where) {
        if (crash_in_ > 0 && --crash_in_ == 0) {
            throw Crash{where};
        }
    }
    void arm_crash(std::uint64_t steps) { crash_in_ = steps; }
    void disarm_crash() { crash_in_ = 0; }

    // Runs the next event; false when there is none.
    bool step() {
        if (events_.empty()) {
            return false;
        }
        auto node = events_.extract(events_.begin());
        order_.erase(node.key().second);
        now_ = std::max(now_, node.key().first);
        if (node.mapped().process == 0 || node.mapped().process == process_) {
            ++steps_;
            node.mapped().task();
        }
        return true;
    }
    std::uint64_t steps() const { return steps_; }

  private:
    struct Event {
        std::uint64_t process;
        std::function<void()> task;
    };

    std::uint64_t add(Clock::time_point when, std::uint64_t process, std::function<void()> task) {
        const std::uint64_t id = ++last_id_;
        events_.emplace(std::make_pair(when, id), Event{process, std::move(task)});
        order_.emplace(id, when);
        return id;
    }

    std::mt19937_64 random_;
    Clock::time_point now_{std::chrono::hours(1)};
    std::map<std::pair<Clock::time_point, std::uint64_t>, Event> events_;
    std::map<std::uint64_t, Clock::time_point> order_;
    std::uint64_t last_id_ = 0, process_ = 1, crash_in_ = 0, steps_ = 0;
};

} // namespace rekey::sim
