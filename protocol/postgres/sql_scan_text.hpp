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

inline void store_word(char* bytes, std::uint64_t value) {
    if constexpr (std::endian::native == std::endian::big) {
        value = __builtin_bswap64(value);
    }
    std::memcpy(bytes, &value, sizeof(value));
}

// Eight bytes of what may be a word: which belong to it (0x80 in each that does), and all in lower case. Letters,
// digits, `_`, `$`, and every byte of a multibyte character, which has no lower case here.
struct WordBytes {
    std::uint64_t in_word, folded;

    explicit constexpr WordBytes(std::uint64_t bytes) {
        constexpr std::uint64_t every = 0x0101010101010101;
        constexpr std::uint64_t top = 0x80 * every;
        // Bytes below 0x80 plus at most 0x80 do not carry into the next one: bit 7 tells `not less than`.
        const std::uint64_t low = bytes & ~top;
        const std::uint64_t lower = low | (0x20 * every);
        const std::uint64_t letters = (lower + (0x80 - 'a') * every) & ~(lower + (0x7F - 'z') * every);
        const std::uint64_t digits = (low + (0x80 - '0') * every) & ~(low + (0x7F - '9') * every);
        const std::uint64_t neither = ((low ^ '_' * every) + 0x7F * every) & ((low ^ '$' * every) + 0x7F * every);
        in_word = (letters | digits | ~neither | bytes) & top;
        folded = bytes | ((letters & ~bytes & top) >> 2);
    }
    // How many of the eight belong to the word.
    constexpr std::size_t size() const {
        const std::uint64_t outside = ~in_word & 0x8080808080808080;
        return outside == 0 ? 8 : static_cast<std::size_t>(std::countr_zero(outside)) / 8;
    }
};

constexpr char fold_byte(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

class TokenText {
  public:
    static constexpr std::size_t capacity = 64;

    explicit TokenText(std::uint64_t seed) : seed_(seed) { clear(); }

    void clear() {
        length_ = 0;
        store(0, 0);
    }
    void append(char c) { append(&c, 1); }
    void append(const char* bytes, std::size_t count);
    void append_folded(const char* bytes, std::size_t count);
    // Begins with the word of up to 15 bytes at `bytes`, of which 16 may be looked at, and returns its size. A longer
    // one is left alone: 0.
    std::size_t assign_word(const char* bytes) {
        const WordBytes head(load_word(bytes));
        std::size_t size = head.size();
        if (size < 8) {
            store(0, head.folded & below(size));
        } else {
            const WordBytes tail(load_word(bytes + 8));
            if (tail.size() == 8) {
                return 0;
            }
            size += tail.size();
            store(0, head.folded);
            store(8, tail.folded & below(tail.size()));
        }
        length_ = size;
        return size;
    }

    std::uint64_t length() const { return length_; }
    bool whole() const { return length_ <= capacity; }
    // All of the token when whole(), else what came after the last 64 bytes that were hashed away. The bytes
    // up to the next multiple of eight are zero, eight of them for an empty one.
    std::uint64_t first_bytes() const { return load_word(bytes_); }
    std::string_view view() const { return {bytes_, used()}; }

    // Folds the text into a running hash. The kind tells 'a' from "a" and from a.
    std::uint64_t absorb_into(std::uint64_t hash, std::uint64_t kind) const {
        // The first block takes kind and length along.
        hash = mix(hash ^ load_word(bytes_), (multiplier ^ seed_) + (kind << 56) + (length_ << 8));
        if (length_ > 8) {
            hash = absorb_rest(hash);
        }
        return hash;
    }

  private:
    static constexpr std::uint64_t multiplier = 0xA0761D6478BD642F;

    // A mask of the first `count` bytes of eight, fewer than all.
    static std::uint64_t below(std::size_t count) { return (std::uint64_t{1} << (8 * count)) - 1; }
    void store(std::size_t at, std::uint64_t word) { store_word(bytes_ + at, word); }
    std::size_t used() const { return whole() ? length_ : (length_ - 1) % capacity + 1; }
    std::uint64_t absorb_rest(std::uint64_t hash) const;
    template <class Copy> void append_with(const char* bytes, std::size_t count, Copy copy);

    std::uint64_t seed_;
    std::uint64_t length_;
    std::uint64_t overflow_; // hash of the full buffers before this one, when not whole()
    char bytes_[capacity + 8];
};

} // namespace rekey::protocol::postgres
