// zlib and Zstandard, one compressed text at a time and piece by piece. RFC 1950 and 8878.
//
// Whoever gives them what a peer sent bounds what may come of it: nothing here takes memory by what the peer announced,
// but the window of a Zstandard text, which is at most 16 MiB.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

enum class CompressionAlgorithm { zlib, zstd };

// A worker compresses for all of its clients: above these levels it would be busy with one of them. Those that clients
// ask for are served as the nearest.
inline constexpr int zlib_level = 1, zstd_level_max = 9, zstd_level_default = 3;
inline constexpr int zstd_window_log_max = 24; // no frame of the protocol holds more than 16 MiB

class Compressor {
  public:
    virtual ~Compressor() = default;
    virtual void append(std::string_view in, std::string& out) = 0;
    virtual void finish(std::string& out) = 0; // once, after all of the text
};
// `size`: of the whole text, exactly. `level` is Zstandard's.
std::unique_ptr<Compressor> make_compressor(CompressionAlgorithm algorithm, int level, std::size_t size);

class Decompressor {
  public:
    enum class State { more, end, broken };
    struct Turn {
        std::size_t consumed = 0, produced = 0;
        State state = State::more;
    };
    virtual ~Decompressor() = default;
    // `more` with nothing consumed and nothing produced, though there was room: more input is needed.
    virtual Turn run(std::string_view in, std::span<char> into) = 0;
};
std::unique_ptr<Decompressor> make_decompressor(CompressionAlgorithm algorithm);

} // namespace rekey::protocol::mysql
