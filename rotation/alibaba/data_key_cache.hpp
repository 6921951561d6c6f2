// Data keys that KMS has decrypted, for while it cannot be reached. In memory only.
#pragma once

#include "protocol/common/secret.hpp"
#include "rotation/ports.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace rekey::rotation::alibaba {

class DataKeyCache {
  public:
    static constexpr std::size_t capacity = 1000; // then the one that was not used for the longest time goes
    static constexpr auto after_use = std::chrono::hours(1), after_write = std::chrono::hours(24);

    // Empty: there is none, or it is too old.
    protocol::Secret find(std::string_view encrypted, Clock::time_point now);
    void put(std::string_view encrypted, protocol::Secret key, Clock::time_point now);
    std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        protocol::Secret key;
        Clock::time_point written, used;
    };
    void drop_old(Clock::time_point now);

    std::map<std::string, Entry> entries_; // by the SHA-256 of what KMS decrypts
};

} // namespace rekey::rotation::alibaba
