// The control thread: timers, randomness, watched descriptors, signals and a way to run blocking work elsewhere.
//
// Everything of the control plane (rotation, admin HTTP, console, reload) runs in run(), on the thread that calls it;
// post() and stop() may be called from any thread, all else only there or before run(). Must outlive whatever holds
// timers or watches of it.
#pragma once

#include "proxy/data_plane.hpp"
#include "rotation/ports.hpp"
#include "rotation/source.hpp"

#include <memory>

namespace boost::asio {
class io_context;
class thread_pool;
}

namespace rekey::proxy::admin {

class ControlLoop final : public rotation::Environment, public rotation::DescriptorWatcher {
  public:
    ControlLoop();
    ~ControlLoop() override;
    ControlLoop(const ControlLoop&) = delete;
    ControlLoop& operator=(const ControlLoop&) = delete;

    // Until stop(). Tasks not yet run are dropped with the loop.
    void run();
    void stop();
    void post(std::function<void()> task);
    ControlExecutor executor();
    // `handler` is called for every delivery of the signal, on the control thread.
    void on_signal(int signal, std::function<void()> handler);
    boost::asio::io_context& context();

    rotation::Clock::time_point now() const override;
    std::chrono::system_clock::time_point wall_now() const override;
    std::uint64_t random(std::uint64_t bound) override;
    void random_bytes(unsigned char* out, std::size_t size) override;
    std::uint64_t call_at(rotation::Clock::time_point when, std::function<void()> task) override;
    void cancel(std::uint64_t id) override;
    // On one of two threads; a third piece of work waits.
    void run_blocking(std::function<void()> work, std::function<void()> done) override;
    // On one of four others.
    void run_remote(std::function<void()> work, std::function<void()> done) override;

    void watch(int fd, std::function<void()> readable) override;
    void unwatch(int fd) override;

  private:
    struct State;
    void run_on(boost::asio::thread_pool& pool, std::function<void()> work, std::function<void()> done);

    std::unique_ptr<State> state_;
};

} // namespace rekey::proxy::admin
