// A control loop on a thread of its own, for tests that talk to its sockets.
#pragma once

#include "proxy/admin/control_loop.hpp"

#include <future>
#include <thread>
#include <type_traits>

namespace rekey::proxy::admin {

class LoopThread {
  public:
    LoopThread() : thread_([this] { loop.run(); }) {}
    ~LoopThread() { stop(); }

    void stop() {
        loop.stop();
        join();
    }
    // Until something on the loop stops it.
    void join() {
        if (thread_.joinable())
            thread_.join();
    }

    // Runs `task` on the loop and waits for its result.
    template <class Task> auto on_loop(Task task) -> std::invoke_result_t<Task> {
        std::packaged_task<std::invoke_result_t<Task>()> packaged(std::move(task));
        auto result = packaged.get_future();
        loop.post([&packaged] { packaged(); });
        return result.get();
    }

    ControlLoop loop;

  private:
    std::thread thread_;
};

} // namespace rekey::proxy::admin
