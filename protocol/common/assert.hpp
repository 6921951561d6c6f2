// Assertions for our own broken invariants; on in release. Peers' mistakes are errors, never assertions.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace rekey::protocol {

[[noreturn]] inline void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "rekey: invariant broken: %s at %s:%d\n", expression, file, line);
    std::abort();
}

} // namespace rekey::protocol

#define REKEY_ASSERT(expression)                                                                                       \
    (static_cast<bool>(expression) ? void(0) : ::rekey::protocol::assertion_failed(#expression, __FILE__, __LINE__))
