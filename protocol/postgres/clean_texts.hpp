// Texts which the server was asked about and which left nothing behind in the session. Bounded; a text is asked about
// again after `uses_max` uses, since the function behind it may have been replaced meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rekey::protocol::postgres {

class CleanTexts {
  public:
    static constexpr std::size_t entries_max = 1 << 14; // a newer text takes the place of an older one
    static constexpr std::uint32_t uses_max = 10'000;

    CleanTexts() : entries_(entries_max) {}

    bool use(std::uint64_t fingerprint) {
        auto& entry = at(fingerprint);
        if (entry.fingerprint != fingerprint || entry.uses == 0 || entry.uses >= uses_max)
            return false;
        ++entry.uses;
        return true;
    }
    void add(std::uint64_t fingerprint) { at(fingerprint) = {fingerprint, 1}; }

  private:
    struct Entry {
        std::uint64_t fingerprint = 0;
        std::uint32_t uses = 0;
    };
    Entry& at(std::uint64_t fingerprint) { return entries_[(fingerprint ^ fingerprint >> 32) % entries_max]; }

    std::vector<Entry> entries_;
};

} // namespace rekey::protocol::postgres
