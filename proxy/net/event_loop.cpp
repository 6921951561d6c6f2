#include "proxy/net/event_loop.hpp"

#include "protocol/common/assert.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace rekey::proxy::net {

namespace {
constexpr int events_max = 256;
}

EventLoop::EventLoop() : now_(Clock::now()) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (epoll_ < 0 || wake_ < 0)
        throw std::system_error(errno, std::generic_category(), "epoll");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
    events_ = new epoll_event[events_max];
}

EventLoop::~EventLoop() {
    disposed_.clear();
    delete[] events_;
    close(wake_);
    close(epoll_);
}

bool EventLoop::add(int fd, EventHandler* handler) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = handler;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool EventLoop::add_level_in(int fd, EventHandler* handler) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = handler;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::remove(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::again(EventHandler* handler) {
    if (std::find(again_.begin(), again_.end(), handler) == again_.end())
        again_.push_back(handler);
}

void EventLoop::forget(EventHandler* handler) {
    std::erase(again_, handler);
    std::replace(again_now_.begin(), again_now_.end(), handler, static_cast<EventHandler*>(nullptr));
    for (int i = event_at_; i < event_count_; ++i) {
        if (events_[i].data.ptr == handler)
            events_[i].events = 0;
    }
}

void EventLoop::dispose(std::unique_ptr<Disposable> object) { disposed_.push_back(std::move(object)); }

std::uint64_t EventLoop::call_at(Clock::time_point when, std::function<void()> task) {
    auto id = next_timer_++;
    timers_.emplace(std::pair{when, id}, std::move(task));
    timer_times_.emplace(id, when);
    return id;
}

void EventLoop::cancel(std::uint64_t id) {
    auto it = timer_times_.find(id);
    if (it == timer_times_.end())
        return;
    timers_.erase({it->second, id});
    timer_times_.erase(it);
}

void EventLoop::wake() {
    std::uint64_t one = 1;
    [[maybe_unused]] auto n = write(wake_, &one, sizeof one); // full: it is awake already
}

void EventLoop::drain_wakeups() {
    std::uint64_t count = 0;
    [[maybe_unused]] auto n = read(wake_, &count, sizeof count);
}

void EventLoop::post(std::function<void()> task) {
    bool first = false;
    {
        std::lock_guard lock(mutex_);
        first = tasks_.empty();
        tasks_.push_back(std::move(task));
    }
    if (first)
        wake();
}

void EventLoop::stop() {
    post([this] { stopping_ = true; });
}

void EventLoop::run_tasks() {
    std::vector<std::function<void()>> tasks;
    {
        std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
    }
    for (auto& task : tasks)
        task();
}

void EventLoop::run_timers() {
    while (!timers_.empty() && timers_.begin()->first.first <= now_) {
        auto node = timers_.extract(timers_.begin());
        timer_times_.erase(node.key().second);
        node.mapped()();
    }
}

int EventLoop::timeout_ms() const {
    if (!again_.empty() || !disposed_.empty())
        return 0;
    if (timers_.empty())
        return -1;
    auto wait = timers_.begin()->first.first - Clock::now();
    if (wait <= Clock::duration::zero())
        return 0;
    // Rounded up, so that a timer is not spun upon in its last millisecond.
    auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    return static_cast<int>(std::min<std::int64_t>(ms, 60'000));
}

void EventLoop::run() {
    while (!stopping_) {
        int count = epoll_wait(epoll_, events_, events_max, timeout_ms());
        REKEY_ASSERT(count >= 0 || errno == EINTR);
        now_ = Clock::now();
        event_count_ = std::max(count, 0);
        bool tasks = false;
        for (event_at_ = 0; event_at_ < event_count_;) {
            auto event = events_[event_at_++];
            if (event.data.ptr == nullptr) {
                drain_wakeups();
                tasks = true;
            } else if (event.events != 0) {
                static_cast<EventHandler*>(event.data.ptr)->on_event(event.events);
            }
        }
        event_count_ = 0;
        if (tasks)
            run_tasks();
        again_now_.swap(again_);
        for (std::size_t i = 0; i < again_now_.size(); ++i) {
            if (again_now_[i] != nullptr)
                again_now_[i]->on_event(EPOLLIN);
        }
        again_now_.clear();
        run_timers();
        auto disposed = std::move(disposed_);
        disposed_.clear();
    }
    run_tasks();
    while (!disposed_.empty()) {
        auto disposed = std::move(disposed_);
        disposed_.clear();
    }
}

} // namespace rekey::proxy::net
