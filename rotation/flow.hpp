// Coroutines of the control thread, so that the steps of a rotation read from top to bottom.
//
//   Flow<T>   a coroutine; starts when awaited, or by start() at the top. Destroying it destroys what it awaits.
//   Reply<T>  the one answer of a port's call. The callback may arrive after the flow is gone: it is then ignored.
//   Signal    a wait that ends at a time or by notify(), whichever comes first. notify() never resumes from inside.
//
// An exception leaves through whoever resumed the flow (the event loop); the flow can then only be destroyed.
#pragma once

#include "protocol/common/assert.hpp"
#include "rotation/ports.hpp"

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace rekey::rotation {

template <class T> class Flow;

namespace flow_detail {

struct PromiseBase {
    std::coroutine_handle<> waiter;

    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
        struct Finish {
            std::coroutine_handle<> waiter;
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
                return waiter ? waiter : std::noop_coroutine();
            }
            void await_resume() noexcept {}
        };
        return Finish{waiter};
    }
    void unhandled_exception() { throw; }
};

template <class T> struct Promise : PromiseBase {
    std::optional<T> value;
    Flow<T> get_return_object();
    void return_value(T result) { value.emplace(std::move(result)); }
};

template <> struct Promise<void> : PromiseBase {
    Flow<void> get_return_object();
    void return_void() {}
};

} // namespace flow_detail

template <class T = void> class [[nodiscard]] Flow {
  public:
    using promise_type = flow_detail::Promise<T>;

    Flow() = default;
    explicit Flow(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    Flow(Flow&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Flow& operator=(Flow&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Flow() { reset(); }

    void start() { handle_.resume(); }
    bool running() const { return handle_ && !handle_.done(); }
    void reset() {
        if (handle_) {
            std::exchange(handle_, nullptr).destroy();
        }
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        handle_.promise().waiter = waiter;
        return handle_;
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) {
            return std::move(*handle_.promise().value);
        }
    }

  private:
    std::coroutine_handle<promise_type> handle_;
};

template <class T> Flow<T> flow_detail::Promise<T>::get_return_object() {
    return Flow<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Flow<void> flow_detail::Promise<void>::get_return_object() {
    return Flow<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

template <class T> class Reply {
  public:
    Reply() : state_(std::make_shared<State>()) {}
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply() { state_->waiter = nullptr; }

    std::function<void(T)> callback() {
        return [state = state_](T value) {
            REKEY_ASSERT(!state->value);
            state->value.emplace(std::move(value));
            if (const auto waiter = std::exchange(state->waiter, nullptr)) {
                waiter.resume();
            }
        };
    }

    bool await_ready() const { return state_->value.has_value(); }
    void await_suspend(std::coroutine_handle<> waiter) { state_->waiter = waiter; }
    T await_resume() { return std::move(*state_->value); }

  private:
    struct State {
        std::coroutine_handle<> waiter;
        std::optional<T> value;
    };
    std::shared_ptr<State> state_;
};

// One flow waits on it at a time. Outlives the flows that wait on it.
class Signal {
  public:
    explicit Signal(Environment& environment) : environment_(environment) {}
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    ~Signal() { disarm(); }

    // Remembered until the next wait, if nobody waits now.
    void notify() {
        pending_ = true;
        if (waiter_ && !woken_) {
            woken_ = true;
            arm(environment_.now());
        }
    }

    class Wait {
      public:
        Wait(Signal& signal, std::optional<Clock::time_point> when) : signal_(signal), when_(when) {}
        Wait(const Wait&) = delete;
        Wait& operator=(const Wait&) = delete;
        ~Wait() {
            if (waiting_) {
                signal_.waiter_ = nullptr;
                signal_.woken_ = false;
                signal_.disarm();
            }
        }
        bool await_ready() const { return signal_.pending_; }
        void await_suspend(std::coroutine_handle<> waiter) {
            REKEY_ASSERT(!signal_.waiter_);
            waiting_ = true;
            signal_.waiter_ = waiter;
            if (when_) {
                signal_.arm(*when_);
            }
        }
        // True when notified.
        bool await_resume() {
            waiting_ = false;
            return std::exchange(signal_.pending_, false);
        }

      private:
        Signal& signal_;
        std::optional<Clock::time_point> when_;
        bool waiting_ = false;
    };
    Wait until(std::optional<Clock::time_point> when) { return Wait(*this, when); }

  private:
    void arm(Clock::time_point when) {
        disarm();
        timer_ = environment_.call_at(when, [this] {
            timer_.reset();
            woken_ = false;
            std::exchange(waiter_, nullptr).resume();
        });
    }
    void disarm() {
        if (timer_) {
            environment_.cancel(*timer_);
            timer_.reset();
        }
    }

    Environment& environment_;
    std::coroutine_handle<> waiter_;
    std::optional<std::uint64_t> timer_;
    bool pending_ = false;
    bool woken_ = false;
};

} // namespace rekey::rotation
