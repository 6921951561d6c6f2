// The compressed protocol: behind a login that agreed on it, packets travel in frames that hold any cut of them. MySQL
// manual, "Compression"; MariaDB, "Clientserver Protocol: compressed packet".
//
//   frame: size u24, number u8, size of the content before compression u24 (0: not compressed), content
//
// Of a peer's frame nothing but its content so far is held: it is decompressed into what room the caller has, and what
// it comes to is held against the size it announced. Our frames begin and end with packets, and a packet is in two of
// them at most, whatever its size: there are clients that read no more.
#pragma once

#include "protocol/common/transform.hpp"
#include "protocol/mysql/compression_algorithms.hpp"
#include "protocol/mysql/compression_numbers.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

inline constexpr std::size_t frame_header_size = 7;
inline constexpr std::uint32_t frame_size_max = 0xffffff;
// Shorter content is sent as it is, as servers do.
inline constexpr std::size_t compressed_min = 50;

class CompressedReader {
  public:
    CompressedReader(CompressionAlgorithm algorithm, CompressionNumbers& numbers)
        : algorithm_(algorithm), numbers_(numbers) {}

    void feed(std::string_view in);
    // The size of the next piece of packets, put into `into` (not empty); 0: more input is needed, or there is a
    // failure(). Packets' numbers are put right on the way.
    std::size_t read(std::span<char> into);
    std::string_view failure() const { return failure_; }

  private:
    bool open() const { return left_ != 0 || decompressor_ != nullptr; }
    std::string_view held() const { return std::string_view(held_).substr(at_); }
    bool begin_frame();
    std::size_t copy(std::span<char> into);
    std::size_t decompress(std::span<char> into);
    void number_packets(std::span<char> bytes);
    void drop_held();

    CompressionAlgorithm algorithm_;
    CompressionNumbers& numbers_;
    std::string held_;
    std::size_t at_ = 0;
    std::uint32_t left_ = 0, raw_left_ = 0; // of the frame, and of its content before compression
    std::unique_ptr<Decompressor> decompressor_;
    bool drained_ = false; // the decompressor has nothing more to give for what it got
    std::string_view failure_;

    char header_[4] = {}; // of a packet
    std::size_t header_size_ = 0;
    std::uint32_t packet_left_ = 0;
    bool continued_ = false; // the message goes on in another packet
};

class CompressedWriter {
  public:
    CompressedWriter(CompressionAlgorithm algorithm, int level, CompressionNumbers& numbers)
        : algorithm_(algorithm), level_(level), numbers_(numbers) {}

    void write(std::string_view packets, std::string& out);
    // No more for now: whole packets leave.
    void flush(std::string& out);

  private:
    void take_header(std::string_view& packets, std::string& out);
    void take_body(std::string_view& packets, std::string& out);
    void packet_ended(std::string& out);
    void send_whole(std::string& out);
    void spill(std::string& out);
    void end_stream(std::string& out);

    CompressionAlgorithm algorithm_;
    int level_;
    CompressionNumbers& numbers_;

    std::string pending_;   // begins with a packet, or with the rest of one that was cut
    std::size_t whole_ = 0; // of `pending_`, ends with a packet
    std::size_t header_size_ = 0;
    std::uint32_t packet_left_ = 0;
    // A packet too long to be collected is compressed as it comes, into a frame of its own.
    std::unique_ptr<Compressor> stream_;
    std::string frame_;
    std::uint32_t frame_left_ = 0, frame_raw_ = 0;
};

// `level`: Zstandard's, as the client asks for it.
class Compression final : public Transform {
  public:
    explicit Compression(CompressionAlgorithm algorithm, int level = zstd_level_default)
        : reader_(algorithm, numbers_), writer_(algorithm, level, numbers_) {}

    void feed(std::string_view in) override { reader_.feed(in); }
    std::size_t decode(std::span<char> into) override { return reader_.read(into); }
    std::string_view failure() const override { return reader_.failure(); }
    void encode(const Output& output, std::string& out) override;

  private:
    CompressionNumbers numbers_;
    CompressedReader reader_;
    CompressedWriter writer_;
};

} // namespace rekey::protocol::mysql
