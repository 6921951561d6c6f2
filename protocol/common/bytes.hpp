// Bounds-checked readers and writers of network byte order (big-endian) and NUL-terminated strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::protocol {

// Reads from a view without copying. A read past the end sets failed() and returns zero or an empty view from then
// on, so that a parser may read on and test once. A parser ends with done(), which also says that nothing is left.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
    // The text before the next NUL, which is consumed.
    std::string_view text();
    std::string_view bytes(std::size_t count);
    std::string_view rest() { return bytes(rest_.size()); }

    std::size_t left() const { return rest_.size(); }
    bool failed() const { return failed_; }
    bool done() const { return !failed_ && rest_.empty(); }

  private:
    std::uint64_t number(std::size_t size);
    void fail() {
        failed_ = true;
        rest_ = {};
    }

    std::string_view rest_;
    bool failed_ = false;
};

// Appends to a string the caller owns.
class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}

    Writer& u8(std::uint8_t value);
    Writer& u16(std::uint16_t value);
    Writer& u32(std::uint32_t value);
    Writer& i32(std::int32_t value) { return u32(static_cast<std::uint32_t>(value)); }
    Writer& text(std::string_view value); // with a terminating NUL; `value` holds none
    Writer& bytes(std::string_view value);

  private:
    std::string& out_;
};

inline std::uint32_t load_u32(const char* p) {
    auto b = reinterpret_cast<const unsigned char*>(p);
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

inline void store_u32(char* p, std::uint32_t value) {
    p[0] = static_cast<char>(value >> 24);
    p[1] = static_cast<char>(value >> 16);
    p[2] = static_cast<char>(value >> 8);
    p[3] = static_cast<char>(value);
}

} // namespace rekey::protocol
