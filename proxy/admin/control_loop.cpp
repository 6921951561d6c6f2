#include "proxy/admin/control_loop.hpp"

#include "protocol/common/assert.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <openssl/rand.h>

#include <random>
#include <unordered_map>
#include <vector>

namespace rekey::proxy::admin {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int blocking_threads = 2;
constexpr int remote_threads = 4;

struct Watch {
    asio::posix::stream_descriptor descriptor;
    std::function<void()> readable;
    bool ended = false;
};

void wait_readable(std::shared_ptr<Watch> watch) {
    auto& descriptor = watch->descriptor;
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [watch](error_code error) {
        if (error || watch->ended)
            return;
        watch->readable();
        if (!watch->ended) // the callback may have unwatched it
            wait_readable(watch);
    });
}

void wait_signal(asio::signal_set& set, std::shared_ptr<std::function<void()>> handler) {
    set.async_wait([&set, handler](error_code error, int) {
        if (error)
            return;
        wait_signal(set, handler);
        (*handler)();
    });
}

} // namespace

struct ControlLoop::State {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    std::unordered_map<std::uint64_t, asio::steady_timer> timers;
    std::uint64_t last_timer = 0;
    std::unordered_map<int, std::shared_ptr<Watch>> watches;
    std::vector<std::unique_ptr<asio::signal_set>> signals;
    std::mt19937_64 generator{std::random_device{}()};
    // Last: joined before anything they post to goes.
    asio::thread_pool blocking{blocking_threads};
    asio::thread_pool remote{remote_threads};
};

ControlLoop::ControlLoop() : state_(std::make_unique<State>()) {}

ControlLoop::~ControlLoop() {
    state_->context.stop();
    for (auto* pool : {&state_->blocking, &state_->remote}) {
        pool->stop(); // what has not begun is dropped
        pool->join();
    }
    for (auto& [fd, watch] : state_->watches) {
        watch->ended = true;
        watch->descriptor.release(); // the descriptor is its owner's to close
    }
}

void ControlLoop::run() {
    state_->context.run();
}
void ControlLoop::stop() {
    state_->context.stop();
}
void ControlLoop::post(std::function<void()> task) {
    asio::post(state_->context, std::move(task));
}
asio::io_context& ControlLoop::context() {
    return state_->context;
}

ControlExecutor ControlLoop::executor() {
    return [this](std::function<void()> task) { post(std::move(task)); };
}

void ControlLoop::on_signal(int signal, std::function<void()> handler) {
    auto& set = *state_->signals.emplace_back(std::make_unique<asio::signal_set>(state_->context, signal));
    wait_signal(set, std::make_shared<std::function<void()>>(std::move(handler)));
}

rotation::Clock::time_point ControlLoop::now() const {
    return rotation::Clock::now();
}
std::chrono::system_clock::time_point ControlLoop::wall_now() const {
    return std::chrono::system_clock::now();
}

std::uint64_t ControlLoop::random(std::uint64_t bound) {
    if (bound == 0) // no jitter was wanted
        return 0;
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(state_->generator);
}

void ControlLoop::random_bytes(unsigned char* out, std::size_t size) {
    // A process without randomness must not make passwords.
    REKEY_ASSERT(RAND_bytes(out, static_cast<int>(size)) == 1);
}

std::uint64_t ControlLoop::call_at(rotation::Clock::time_point when, std::function<void()> task) {
    auto id = ++state_->last_timer;
    auto& timer = state_->timers.emplace(id, asio::steady_timer(state_->context, when)).first->second;
    timer.async_wait([this, id, task = std::move(task)](error_code) {
        // Whether it was cancelled is asked of the map: an expired timer's error code does not tell.
        if (state_->timers.erase(id) != 0)
            task();
    });
    return id;
}

void ControlLoop::cancel(std::uint64_t id) {
    state_->timers.erase(id);
}

void ControlLoop::run_blocking(std::function<void()> work, std::function<void()> done) {
    run_on(state_->blocking, std::move(work), std::move(done));
}
void ControlLoop::run_remote(std::function<void()> work, std::function<void()> done) {
    run_on(state_->remote, std::move(work), std::move(done));
}

void ControlLoop::run_on(asio::thread_pool& pool, std::function<void()> work, std::function<void()> done) {
    asio::post(pool, [this, work = std::move(work), done = std::move(done)]() mutable {
        work();
        post(std::move(done));
    });
}

void ControlLoop::watch(int fd, std::function<void()> readable) {
    unwatch(fd);
    auto watch =
        std::make_shared<Watch>(Watch{asio::posix::stream_descriptor(state_->context, fd), std::move(readable)});
    state_->watches.emplace(fd, watch);
    wait_readable(std::move(watch));
}

void ControlLoop::unwatch(int fd) {
    auto found = state_->watches.find(fd);
    if (found == state_->watches.end())
        return;
    found->second->ended = true;
    found->second->descriptor.release();
    state_->watches.erase(found);
}

} // namespace rekey::proxy::admin
