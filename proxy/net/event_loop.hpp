// The epoll set of one worker: edge-triggered sockets, timers, tasks from other threads.
//
// Data sockets are waited for here and not through Asio: with edge-triggered events a request costs one recv and one
// send on either side and no epoll_ctl at all, where Asio 1.81 adds a recv that finds nothing per read and some 2,700
// instructions per transaction. The control plane (HTTP, console, timers of rotations) runs on Asio in its own thread.
//
// All functions but post() and stop() belong to the thread that calls run().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

struct epoll_event;

namespace rekey::proxy::net {

using Clock = std::chrono::steady_clock;

class EventHandler {
  public:
    virtual ~EventHandler() = default;
    virtual void on_event(std::uint32_t events) = 0; // EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR
};

// What is disposed of at the end of the turn.
class Disposable {
  public:
    virtual ~Disposable() = default;
};

class EventLoop {
  public:
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // Edge-triggered, both directions, until remove() or close(fd). False: errno tells.
    bool add(int fd, EventHandler* handler);
    bool add_level_in(int fd, EventHandler* handler); // listening sockets: level-triggered
    void remove(int fd);

    // Calls on_event(EPOLLIN) again after the other sockets had their turn.
    void again(EventHandler* handler);
    // No pending event of this turn reaches the handler any more.
    void forget(EventHandler* handler);
    // Destroys `object` at the end of the turn, when no frame of it is on the stack.
    void dispose(std::unique_ptr<Disposable> object);

    std::uint64_t call_at(Clock::time_point when, std::function<void()> task);
    void cancel(std::uint64_t id); // of a timer that ran already: nothing
    Clock::time_point now() const { return now_; } // of this turn

    void post(std::function<void()> task); // any thread
    void run();
    void stop(); // any thread

  private:
    void wake();
    void drain_wakeups();
    void run_tasks();
    void run_timers();
    int timeout_ms() const;

    int epoll_ = -1, wake_ = -1;
    Clock::time_point now_;
    bool stopping_ = false;
    std::map<std::pair<Clock::time_point, std::uint64_t>, std::function<void()>> timers_;
    std::map<std::uint64_t, Clock::time_point> timer_times_;
    std::uint64_t next_timer_ = 1;
    std::vector<EventHandler*> again_, again_now_;
    std::vector<std::unique_ptr<Disposable>> disposed_;
    ::epoll_event* events_ = nullptr;
    int event_count_ = 0, event_at_ = 0;

    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;
};

} // namespace rekey::proxy::net
