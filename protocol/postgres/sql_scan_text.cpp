#include "protocol/postgres/sql_scan_text.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

// A full buffer is hashed away only when another byte comes, so that a token of exactly its size stays whole.
template <class Copy> void TokenText::append_with(const char* bytes, std::size_t count, Copy copy) {
    while (count > 0) {
        if (length_ != 0 && length_ % capacity == 0) {
            overflow_ = length_ == capacity ? 0 : overflow_;
            for (std::size_t at = 0; at < capacity; at += 8) {
                overflow_ = mix(overflow_ ^ load_word(bytes_ + at), multiplier ^ seed_);
            }
        }
        const std::size_t at = length_ % capacity;
        const std::size_t part = std::min(count, capacity - at);
        copy(bytes, part, bytes_ + at);
        length_ += part;
        bytes += part;
        count -= part;
    }
    store(used(), 0);
}

std::uint64_t TokenText::absorb_rest(std::uint64_t hash) const {
    if (!whole()) {
        hash = mix(hash ^ overflow_, multiplier ^ seed_);
    }
    for (std::size_t at = 8; at < used(); at += 8) {
        hash = mix(hash ^ load_word(bytes_ + at), multiplier ^ seed_);
    }
    return hash;
}

void TokenText::append(const char* bytes, std::size_t count) {
    append_with(bytes, count, [](const char* from, std::size_t size, char* to) { std::memcpy(to, from, size); });
}

void TokenText::append_folded(const char* bytes, std::size_t count) {
    append_with(bytes, count,
                [](const char* from, std::size_t size, char* to) { std::transform(from, from + size, to, fold_byte); });
}

} // namespace rekey::protocol::postgres
