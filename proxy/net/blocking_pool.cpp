#include "proxy/net/blocking_pool.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace rekey::proxy::net {

namespace {
// A key derivation (PBKDF2, 4,096 rounds) takes about 2 ms of a core that clients' queries may be waiting for.
constexpr int niceness = 5;

void yield_to_clients() {
    // A thread's niceness is its own (setpriority(2), "C library/kernel differences"). Refused is no harm.
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}
} // namespace

BlockingPool::BlockingPool(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this] { serve(); });
}

BlockingPool::~BlockingPool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        queue_.clear();
    }
    ready_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void BlockingPool::run(std::function<void()> work) {
    {
        std::lock_guard lock(mutex_);
        if (stopping_)
            return;
        queue_.push_back(std::move(work));
    }
    ready_.notify_one();
}

void BlockingPool::serve() {
    yield_to_clients();
    std::unique_lock lock(mutex_);
    for (;;) {
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_)
            return;
        auto work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
    }
}

} // namespace rekey::proxy::net
