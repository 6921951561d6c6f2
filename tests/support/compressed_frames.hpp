// MySQL's compressed protocol from the other side: frames by hand, made and taken apart.
#pragma once

#include "protocol/common/assert.hpp"
#include "protocol/mysql/compression.hpp"
#include "protocol/mysql/packet.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::mysql::compressed_frames {

inline std::string packet(std::uint8_t number, std::string_view payload) {
    std::string out(packet_header_size, '\0');
    store_packet_header(out.data(), static_cast<std::uint32_t>(payload.size()), number);
    return out.append(payload);
}

// Any numbers, right or wrong. `raw` 0: `content` is as it is.
inline std::string frame(std::uint8_t number, std::string_view content, std::size_t raw = 0) {
    std::string out(frame_header_size, '\0');
    store_packet_header(out.data(), static_cast<std::uint32_t>(content.size()), number);
    store_le24(out.data() + packet_header_size, static_cast<std::uint32_t>(raw));
    return out.append(content);
}

inline std::string compressed(CompressionAlgorithm algorithm, std::string_view content) {
    std::string out;
    auto compressor = make_compressor(algorithm, zstd_level_default, content.size());
    compressor->append(content, out);
    compressor->finish(out);
    return out;
}

inline std::string compressed_frame(CompressionAlgorithm algorithm, std::uint8_t number, std::string_view content) {
    return frame(number, compressed(algorithm, content), content.size());
}

inline std::string decompressed(CompressionAlgorithm algorithm, std::string_view content, std::size_t raw) {
    std::string out(raw + 1, '\0');
    auto turn = make_decompressor(algorithm)->run(content, out);
    REKEY_ASSERT(turn.state == Decompressor::State::end && turn.produced == raw && turn.consumed == content.size());
    out.resize(raw);
    return out;
}

struct Frame {
    std::uint8_t number = 0;
    bool compressed = false;
    std::string content; // before compression
};

// Whole frames, and nothing behind them.
inline std::vector<Frame> frames(CompressionAlgorithm algorithm, std::string_view bytes) {
    std::vector<Frame> all;
    while (!bytes.empty()) {
        REKEY_ASSERT(bytes.size() >= frame_header_size);
        auto header = read_packet_header(bytes.data());
        auto raw = load_le24(bytes.data() + packet_header_size);
        REKEY_ASSERT(header.size != 0 && bytes.size() >= frame_header_size + header.size);
        auto content = bytes.substr(frame_header_size, header.size);
        all.push_back(
            {header.sequence, raw != 0, raw != 0 ? decompressed(algorithm, content, raw) : std::string(content)});
        bytes.remove_prefix(frame_header_size + header.size);
    }
    return all;
}

inline std::string joined(const std::vector<Frame>& all) {
    std::string out;
    for (const auto& one : all)
        out += one.content;
    return out;
}

} // namespace rekey::protocol::mysql::compressed_frames
