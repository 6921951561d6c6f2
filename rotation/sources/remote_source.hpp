// A source whose store is asked over a network: on worker threads, one request at a time, spared when it fails.
#pragma once

#include "rotation/sources/store_calls.hpp"

#include <memory>
#include <string_view>

namespace rekey::rotation {

struct RemoteReply {
    FetchResult result;
    bool store_failed = false; // not for want of permission or for a wrong name: it gave no answer, or 429 or 5xx
};

// Outlives its source until the last request is done.
class RemoteStore {
  public:
    virtual ~RemoteStore() = default;
    // Blocking; one thread at a time.
    virtual RemoteReply fetch(const Moment& moment) = 0;
    // Ends what is under way, and everything that comes. Any thread.
    virtual void cancel() = 0;
};

// `type` is static.
std::unique_ptr<Source> make_remote_source(std::string_view type, std::shared_ptr<RemoteStore> store,
                                           Environment& environment);

// For RemoteReply: neither a redirect nor a refusal, which would be the same the next time.
bool is_store_failure(int status);

} // namespace rekey::rotation
