// Whether and when a request to a store is tried again. Pure.
#pragma once

#include "rotation/http/stream.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rekey::rotation::http {

struct RetryPolicy {
    unsigned attempts = 3;                             // at most, the first included
    std::chrono::milliseconds least{1000}, most{1500}; // between attempts, uniform
    std::chrono::milliseconds longest_wait{5000};      // a store that asks for more (Retry-After) is not waited for
    bool (*status)(int) = nullptr;                     // which statuses; null: none
};

// 429 and 5xx except 501.
bool is_passing_status(int status);

// What came of one attempt.
struct Attempt {
    Failure failure = Failure::none;
    int status = 0;                 // without a failure
    bool repeatable = true;         // twice does no more than once
    std::string_view retry_after{}; // the header; seconds
};

// The pause before the next attempt; nothing: this one was the last. `number` counts attempts from 1; `random` is any
// number drawn uniformly.
std::optional<std::chrono::milliseconds> pause_before_retry(const RetryPolicy& policy, const Attempt& attempt,
                                                            unsigned number, std::uint64_t random);

} // namespace rekey::rotation::http
