// Runs a program to its end, or to the end of its time. Blocking: for Environment::run_blocking.
//
// No shell. The child has its own process group, /dev/null as standard input, no other descriptor of ours, and only
// the environment it is given. When it ends, or is given up, the whole group is killed: a grandchild that keeps the
// pipe open holds nothing up. (One that leaves the group by setsid() is out of reach.)
#pragma once

#include "protocol/common/secret.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace rekey::rotation {

struct ChildCommand {
    std::vector<std::string> arguments;        // the program first; searched in PATH unless it holds a slash
    std::vector<protocol::Secret> environment; // "NAME=value"
    std::chrono::milliseconds timeout{10000};
    std::size_t output_limit = 64 * 1024; // bytes of standard output
};

struct ChildResult {
    protocol::Secret output; // standard output, at most the limit; of a failed program, too
    protocol::Secret errors; // the first 8 KiB of standard error
    std::string failure;     // empty: it ended with exit status 0. Never holds what it wrote
};

ChildResult run_child(const ChildCommand& command);

} // namespace rekey::rotation
