// Compression: a client that sends anything. The first byte chooses the algorithm and how the input is cut up, the rest
// is what the client sends. Read whole and in pieces, it comes to the same; and what it comes to, sent back in pieces,
// is in frames that hold it.
#include "protocol/common/assert.hpp"
#include "tests/support/compressed_frames.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol;
using namespace rekey::protocol::mysql;

constexpr std::size_t decoded_max = 128 * 1024;

struct Decoded {
    std::string bytes;
    bool failed = false;
};

Decoded decode(CompressionAlgorithm algorithm, std::string_view in, std::size_t chunk, std::size_t room) {
    Compression machine(algorithm);
    Decoded result;
    std::string into(room, '\0');
    while (!in.empty() && !result.failed && result.bytes.size() < decoded_max) {
        machine.feed(in.substr(0, chunk));
        in.remove_prefix(std::min(chunk, in.size()));
        while (auto size = machine.decode(into)) {
            REKEY_ASSERT(size <= room);
            result.bytes.append(into, 0, size);
            if (result.bytes.size() >= decoded_max)
                break;
        }
        result.failed = !machine.failure().empty();
    }
    result.bytes.resize(std::min(result.bytes.size(), decoded_max));
    return result;
}

void encode(CompressionAlgorithm algorithm, std::string_view packets, std::size_t chunk) {
    Compression machine(algorithm);
    std::string out;
    for (auto rest = packets; !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size()))) {
        Output output;
        output.forward(rest.substr(0, chunk));
        machine.encode(output, out);
    }
    auto sent = compressed_frames::joined(compressed_frames::frames(algorithm, out));
    REKEY_ASSERT(packets.starts_with(sent));
    // What is held back is one packet that is not all there.
    auto rest = packets.substr(sent.size());
    REKEY_ASSERT(rest.size() < packet_header_size ||
                 rest.size() < packet_header_size + read_packet_header(rest.data()).size);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1)
        return 0;
    auto algorithm = data[0] & 1 ? CompressionAlgorithm::zstd : CompressionAlgorithm::zlib;
    std::size_t chunk = 1 + (data[0] >> 1 & 7), room = 1 + (data[0] >> 4);
    std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
    auto whole = decode(algorithm, in, in.size(), decoded_max);
    auto pieces = decode(algorithm, in, chunk, room);
    bool all = whole.bytes.size() < decoded_max && pieces.bytes.size() < decoded_max;
    REKEY_ASSERT(!all || whole.failed == pieces.failed);
    // What came with a failure may be lost.
    if (whole.failed || pieces.failed)
        REKEY_ASSERT(pieces.bytes.starts_with(whole.bytes) || whole.bytes.starts_with(pieces.bytes));
    else
        REKEY_ASSERT(whole.bytes == pieces.bytes);
    encode(algorithm, whole.bytes, chunk * 100);
    return 0;
}
