// Ends blocking waits from another thread.
#pragma once

#include "rotation/descriptor.hpp"

#include <atomic>

namespace rekey::rotation::http {

// All of it may be called from any thread. Once cancelled it stays so.
class Cancellation {
  public:
    Cancellation();
    void cancel();
    bool cancelled() const { return cancelled_; }
    // Readable once cancelled.
    int fd() const { return event_.get(); }

  private:
    std::atomic<bool> cancelled_ = false;
    Descriptor event_;
};

} // namespace rekey::rotation::http
