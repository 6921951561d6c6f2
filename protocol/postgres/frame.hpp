// Type byte and length of a PostgreSQL message. PostgreSQL manual 55.2.
#pragma once

#include "protocol/common/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey::protocol::postgres {

inline constexpr std::size_t frame_header_size = 5;
// The server's own limits (MaxAllocSize - 1; 10,000 bytes for what is never long).
inline constexpr std::uint32_t frame_body_max = 0x3fffffff - 4;
inline constexpr std::uint32_t short_frame_body_max = 10'000;

struct Frame {
    char type = 0;
    std::uint32_t body = 0; // bytes behind the header
    bool valid = false;     // the length word is in range
};

// `in` holds at least frame_header_size bytes.
inline Frame read_frame_header(const char* in) {
    auto length = load_u32(in + 1);
    if (length < 4 || length - 4 > frame_body_max)
        return {in[0], 0, false};
    return {in[0], length - 4, true};
}

} // namespace rekey::protocol::postgres
