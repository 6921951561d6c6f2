// Opens logins at the pace of a rotation and closes each when the next round opens its successor: what replacing a pool
// costs the server, whoever does it.
//
// logins CONNINFO COUNT WINDOW_MS EVERY_MS: COUNT logins, evenly over WINDOW_MS, every EVERY_MS, until its standard
// input ends; prints "ready" when the first round is open, and the number of logins at the end.
#include "bench/load/client.hpp"

#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

using rekey::bench::Client;

namespace {

using Clock = std::chrono::steady_clock;

// False: standard input ended meanwhile.
bool wait_until(Clock::time_point when) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
        pollfd input{0, POLLIN, 0};
        if (poll(&input, 1, left > 0 ? static_cast<int>(left) : 0) != 0)
            return false;
        if (left <= 0)
            return true;
    }
}

std::chrono::milliseconds milliseconds(const char* text) {
    return std::chrono::milliseconds(std::strtol(text, nullptr, 10));
}

} // namespace

int main(int argc, char** argv) {
    const unsigned long count = argc == 5 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (count == 0) {
        std::fprintf(stderr, "usage: %s CONNINFO COUNT WINDOW_MS EVERY_MS\n", argv[0]);
        return 2;
    }
    const auto gap = std::chrono::duration_cast<Clock::duration>(milliseconds(argv[3])) / static_cast<long>(count);
    const auto every = milliseconds(argv[4]);
    std::vector<Client> open;
    for (unsigned long i = 0; i < count; ++i)
        open.emplace_back(argv[1]);
    std::printf("ready\n");
    std::fflush(stdout);
    unsigned long logins = 0;
    for (auto round = Clock::now();; round += every) {
        for (unsigned long i = 0; i < count; ++i, ++logins) {
            if (!wait_until(round + static_cast<long>(i) * gap)) {
                std::printf("%lu\n", logins);
                return 0;
            }
            open[i] = Client(argv[1]); // the successor first, then the old one goes
        }
    }
}
