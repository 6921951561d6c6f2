#include "protocol/postgres/sql_scan_text.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

void TokenText::spill() {
    for (std::size_t at = 0; at < capacity; at += 8) {
        overflow_ = mix(overflow_ ^ load_word(bytes_ + at), multiplier ^ seed_);
    }
    used_ = 0;
}

void TokenText::append(const char* bytes, std::size_t count) {
    length_ += count;
    while (count > 0) {
        make_room();
        const std::size_t part = std::min(count, capacity - used_);
        std::memcpy(bytes_ + used_, bytes, part);
        used_ += part;
        bytes += part;
        count -= part;
    }
    pad();
}

void TokenText::append_folded(const char* bytes, std::size_t count, std::size_t readable) {
    static_cast<void>(readable);
    length_ += count;
    while (count > 0) {
        make_room();
        const std::size_t part = std::min(count, capacity - used_);
        std::transform(bytes, bytes + part, bytes_ + used_, fold_byte);
        used_ += part;
        bytes += part;
        count -= part;
    }
    pad();
}

} // namespace rekey::protocol::postgres
