// A few threads for what must not stop a worker: name resolution and key derivation.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rekey::proxy::net {

class BlockingPool {
  public:
    explicit BlockingPool(unsigned threads);
    ~BlockingPool(); // waits for what is running, drops what is queued

    void run(std::function<void()> work); // any thread

  private:
    void serve();

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace rekey::proxy::net
