// Decides which of many identical messages are written: the first, then one a minute with a count. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rekey::proxy::admin {

class RepeatFilter {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr auto interval = std::chrono::minutes(1);
    static constexpr std::size_t texts_max = 512; // beyond, texts are not remembered: written, not lost

    // True: write it now. False: it was counted instead.
    bool admit(std::string_view text, Clock::time_point now);

    struct Repeated {
        std::string text;
        std::uint64_t count = 0;
    };
    // What was counted and is due at `now`; texts that did not come again in an interval are forgotten.
    std::vector<Repeated> due(Clock::time_point now);

  private:
    struct Entry {
        Clock::time_point written;
        std::uint64_t count = 0;
    };
    std::unordered_map<std::string, Entry> entries_;
};

} // namespace rekey::proxy::admin
