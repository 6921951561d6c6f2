// What the seeds reached, so that a simulation that checks nothing shows; and the trace of one seed.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

namespace rekey::sim {

class Tally {
  public:
    // Counts the seeds in which `what` happened.
    void reached(const std::string& what) { ++this_seed_[what]; }
    void next_seed() {
        for (const auto& [what, times] : this_seed_) {
            ++seeds_[what];
            times_[what] += times;
        }
        this_seed_.clear();
    }
    void print() const {
        for (const auto& [what, seeds] : seeds_) {
            std::printf("  %-44s %6llu seeds %9llu times\n", what.c_str(), static_cast<unsigned long long>(seeds),
                        static_cast<unsigned long long>(times_.at(what)));
        }
    }
    bool has(const std::string& what) const { return seeds_.count(what) != 0; }

  private:
    std::map<std::string, std::uint64_t> this_seed_, seeds_, times_;
};

} // namespace rekey::sim
