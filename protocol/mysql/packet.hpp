// MySQL packets: a header of three bytes of length and one of sequence, little-endian numbers, length-encoded integers
// and strings. MySQL internals manual, "MySQL Packets" and "Basic Data Types"; MariaDB, "Clientserver Protocol".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

inline constexpr std::size_t packet_header_size = 4;
// A payload of exactly this size goes on in the next packet; one that ends on a multiple of it ends with an empty one.
inline constexpr std::uint32_t packet_payload_max = 0xffffff;

struct PacketHeader {
    std::uint32_t size = 0; // of the payload
    std::uint8_t sequence = 0;
    bool continued() const { return size == packet_payload_max; }
};

inline std::uint16_t load_le16(const char* p) {
    auto b = reinterpret_cast<const unsigned char*>(p);
    return static_cast<std::uint16_t>(b[0] | b[1] << 8);
}
inline std::uint32_t load_le24(const char* p) {
    auto b = reinterpret_cast<const unsigned char*>(p);
    return std::uint32_t{b[0]} | std::uint32_t{b[1]} << 8 | std::uint32_t{b[2]} << 16;
}
inline std::uint32_t load_le32(const char* p) {
    return load_le24(p) | std::uint32_t{static_cast<unsigned char>(p[3])} << 24;
}
inline void store_le24(char* p, std::uint32_t value) {
    p[0] = static_cast<char>(value);
    p[1] = static_cast<char>(value >> 8);
    p[2] = static_cast<char>(value >> 16);
}
inline void store_le32(char* p, std::uint32_t value) {
    store_le24(p, value);
    p[3] = static_cast<char>(value >> 24);
}

// `in` holds at least packet_header_size bytes.
inline PacketHeader read_packet_header(const char* in) {
    return {load_le24(in), static_cast<std::uint8_t>(in[3])};
}
inline void store_packet_header(char* out, std::uint32_t size, std::uint8_t sequence) {
    store_le24(out, size);
    out[3] = static_cast<char>(sequence);
}

// The input of an exchange is its own to change: numbers of packets and statements are put right where they lie.
inline char* writable(const char* at) {
    return const_cast<char*>(at);
}

// Reads from a view without copying. A read past the end, or a length that is none, sets failed() and returns zero or
// an empty view from then on, so that a parser may read on and test once.
class PacketReader {
  public:
    explicit PacketReader(std::string_view bytes) : rest_(bytes) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    // 0xfb (NULL, or the request for a local file) and 0xff are no integers.
    std::uint64_t lenenc();
    std::string_view lenenc_text();
    // The text before the next NUL, which is consumed.
    std::string_view text();
    // The same, but the end of the packet may stand for the NUL.
    std::string_view text_or_rest();
    std::string_view bytes(std::uint64_t count);
    std::string_view rest() { return bytes(rest_.size()); }

    // The next byte without consuming it; -1 at the end.
    int peek() const { return rest_.empty() ? -1 : static_cast<unsigned char>(rest_[0]); }
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

inline constexpr std::size_t lenenc_size(std::uint64_t value) {
    return value < 0xfb ? 1 : value <= 0xffff ? 3 : value <= 0xffffff ? 4 : 9;
}

// Appends one packet to a string the caller owns: the header's place is kept at the start and filled by end().
class PacketWriter {
  public:
    PacketWriter(std::string& out, std::uint8_t sequence) : out_(out), start_(out.size()), sequence_(sequence) {
        out_.append(packet_header_size, '\0');
    }

    PacketWriter& u8(std::uint64_t value) { return number(value, 1); }
    PacketWriter& u16(std::uint64_t value) { return number(value, 2); }
    PacketWriter& u24(std::uint64_t value) { return number(value, 3); }
    PacketWriter& u32(std::uint64_t value) { return number(value, 4); }
    PacketWriter& u64(std::uint64_t value) { return number(value, 8); }
    PacketWriter& zeros(std::size_t count);
    PacketWriter& lenenc(std::uint64_t value);
    PacketWriter& lenenc_text(std::string_view value);
    PacketWriter& text(std::string_view value); // with a terminating NUL; `value` holds none
    PacketWriter& bytes(std::string_view value);

    // Splits what is longer than a packet may be. Returns the sequence number after the last header written.
    std::uint8_t end();

  private:
    PacketWriter& number(std::uint64_t value, std::size_t size);

    std::string& out_;
    std::size_t start_;
    std::uint8_t sequence_;
};

} // namespace rekey::protocol::mysql
