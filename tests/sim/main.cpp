// sim --seeds N [--from S]: that many seeds, then what they reached. sim --seed S: that one, with its trace.
#include "tests/sim/scenario.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool run_one(std::uint64_t seed, rekey::sim::Tally& tally, bool trace) {
    try {
        rekey::sim::Scenario scenario(seed, tally, trace);
        scenario.run();
        return true;
    } catch (const rekey::sim::Violation& violation) {
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.what());
        return false;
    }
}

// A simulation that reaches nothing proves nothing.
bool reached_all(const rekey::sim::Tally& tally) {
    bool all = true;
    for (const char* what :
         {"crash with the journal at staged", "crash with the journal at altered", "crash with the journal at tested",
          "crash with the journal at promoted", "crash with the journal at replaced", "crash with the journal at none",
          "answer lost after the change", "statement lost before the change", "change took effect late",
          "store unwritable at promoted", "write durable but reported as failed", "one retired first",
          "pinned ended by the policy", "pool login refused", "pool login no_slot", "wrong password in the source",
          "source gone", "admin without the right", "server down", "published past a lagging standby",
          "rotate answered done", "rotate answered held", "store unreadable", "lease renewed", "lease revoked",
          "lease ended by itself", "credential withdrawn", "leases revoked by somebody else",
          "the version to come served before it came", "the store rotated when asked",
          "a rotation at the store that never ended"}) {
        if (!tally.has(what)) {
            std::printf("never reached: %s\n", what);
            all = false;
        }
    }
    return all;
}

} // namespace

int main(int argc, char** argv) {
    std::uint64_t seeds = 1000, from = 0, only = 0;
    bool one = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
        if (std::strcmp(argv[i], "--seeds") == 0) {
            seeds = value;
        } else if (std::strcmp(argv[i], "--from") == 0) {
            from = value;
        } else if (std::strcmp(argv[i], "--seed") == 0) {
            only = value;
            one = true;
        } else {
            std::fprintf(stderr, "usage: sim [--seeds N] [--from S] | --seed S\n");
            return 2;
        }
    }
    rekey::sim::Tally tally;
    if (one) {
        return run_one(only, tally, true) ? 0 : 1;
    }
    std::uint64_t failed = 0;
    for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
        failed += run_one(seed, tally, false) ? 0 : 1;
        tally.next_seed();
    }
    tally.print();
    const bool complete = seeds < 1000 || reached_all(tally);
    std::printf("%llu seeds, %llu failed; replay one with --seed\n", static_cast<unsigned long long>(seeds),
                static_cast<unsigned long long>(failed));
    return failed == 0 && complete ? 0 : 1;
}
