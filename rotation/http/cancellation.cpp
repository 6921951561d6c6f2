#include "rotation/http/cancellation.hpp"

#include <sys/eventfd.h>

namespace rekey::rotation::http {

Cancellation::Cancellation() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Cancellation::cancel() {
    cancelled_ = true;
    ::eventfd_write(event_.get(), 1); // a counter that is full is readable, too
}

} // namespace rekey::rotation::http
