#include "rotation/sources/breaker.hpp"

namespace rekey::rotation {

bool Breaker::allows(Clock::time_point now) {
    if (!open_until_)
        return true;
    if (probing_ || now < *open_until_)
        return false;
    probing_ = true;
    return true;
}

void Breaker::succeeded() {
    *this = Breaker();
}

void Breaker::failed(Clock::time_point now, std::uint64_t random) {
    ++failures_;
    if (failures_ < failures_in_a_row)
        return;
    probing_ = false;
    open_until_ = now + pauses_.next(random);
}

} // namespace rekey::rotation
