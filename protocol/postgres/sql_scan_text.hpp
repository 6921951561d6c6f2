// The text of one SQL token while it is being read: the first 64 bytes are kept, a longer one is known by its hash.
//
// Bytes may come in any number of pieces; the hash depends on their sequence alone. No memory beyond the object.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace rekey::protocol::postgres {

__extension__ typedef unsigned __int128 WideWord; // not ISO C++, hence the marker

// Both halves of the product, folded: every input bit reaches every output bit.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const WideWord product = static_cast<WideWord>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Eight bytes as a little-endian number on every machine, so that tables built by the compiler agree.
constexpr std::uint64_t load_word(const char* bytes) {
    if (std::is_constant_evaluated()) {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < 8; ++i) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
        }
        return value;
    }
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof(value));
    if constexpr (std::endian::native == std::endian::big) {
        value = __builtin_bswap64(value);
    }
    return value;
}

// Lower case for A-Z in each of the eight bytes; all other bytes, those of multibyte characters too, stay.
constexpr std::uint64_t fold_word(std::uint64_t bytes) {
    constexpr std::uint64_t every = 0x0101010101010101;
    const std::uint64_t low = bytes & (0x7F * every);
    const std::uint64_t from_a = low + ((0x80 - 'A') * every);
    const std::uint64_t past_z = low + ((0x80 - 'Z' - 1) * every);
    const std::uint64_t upper = from_a & ~past_z & ~bytes & (0x80 * every);
    return bytes | (upper >> 2);
}

constexpr char fold_byte(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

class TokenText {
  public:
    static constexpr std::size_t capacity = 64;

    explicit TokenText(std::uint64_t seed) : seed_(seed) {}

    void clear() {
        used_ = 0;
        length_ = 0;
        overflow_ = 0;
        std::memset(bytes_, 0, 8);
    }
    void append(char c) {
        make_room();
        bytes_[used_++] = c;
        ++length_;
        pad();
    }
    void append(const char* bytes, std::size_t count);
    // The first `readable` bytes may be looked at, of which `count` belong to the token.
    void append_folded(const char* bytes, std::size_t count, std::size_t readable);

    std::size_t length() const { return length_; }
    bool whole() const { return length_ <= capacity; }
    // All of the token when whole(), else what came after the last 64 bytes that were hashed away. Eight bytes behind
    // a view shorter than a multiple of eight are zero.
    std::string_view view() const { return {bytes_, used_}; }

    // Folds the text into a running hash. The kind tells 'a' from "a" and from a.
    std::uint64_t absorb_into(std::uint64_t hash, std::uint64_t kind) const {
        hash = mix(hash ^ (kind << 32 | (length_ & 0xFFFFFFFF)), multiplier ^ seed_);
        if (!whole()) {
            hash = mix(hash ^ overflow_, multiplier ^ seed_);
        }
        for (std::size_t at = 0; at < used_; at += 8) {
            hash = mix(hash ^ load_word(bytes_ + at), multiplier ^ seed_);
        }
        return hash;
    }

  private:
    static constexpr std::uint64_t multiplier = 0xA0761D6478BD642F;

    void make_room() {
        if (used_ == capacity) {
            spill();
        }
    }
    void spill();
    void pad() { std::memset(bytes_ + used_, 0, 8); }

    std::uint64_t seed_;
    std::uint64_t length_ = 0;
    std::uint64_t overflow_ = 0;
    std::size_t used_ = 0;
    char bytes_[capacity + 8] = {};
};

} // namespace rekey::protocol::postgres
