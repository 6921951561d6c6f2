#include "rotation/http/retry.hpp"

#include "config/scalars.hpp"

#include <algorithm>

namespace rekey::rotation::http {

namespace {

bool worthwhile(const RetryPolicy& policy, const Attempt& attempt) {
    switch (attempt.failure) {
    case Failure::none:
        return policy.status != nullptr && policy.status(attempt.status);
    case Failure::connect:
        return true; // nothing was sent
    case Failure::lost:
    case Failure::timed_out:
        return attempt.repeatable;
    case Failure::tls:
    case Failure::protocol:
    case Failure::cancelled:
        break;
    }
    return false;
}

} // namespace

bool is_passing_status(int status) {
    return status == 429 || (status >= 500 && status != 501);
}

std::optional<std::chrono::milliseconds> pause_before_retry(const RetryPolicy& policy, const Attempt& attempt,
                                                            unsigned number, std::uint64_t random) {
    if (number >= policy.attempts || !worthwhile(policy, attempt))
        return std::nullopt;
    auto span = static_cast<std::uint64_t>((policy.most - policy.least).count()) + 1;
    auto pause = policy.least + std::chrono::milliseconds(random % span);
    if (attempt.retry_after.empty())
        return pause;
    auto seconds = config::parse_integer(attempt.retry_after); // the other form, a date, is not used by stores
    if (!seconds)
        return pause;
    auto longest = static_cast<std::uint64_t>(policy.longest_wait.count());
    if (*seconds * 1000 > longest || *seconds > longest)
        return std::nullopt;
    return std::max(pause, std::chrono::milliseconds(*seconds * 1000));
}

} // namespace rekey::rotation::http
