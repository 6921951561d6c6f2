#include "protocol/mysql/compression.hpp"
#include "tests/support/compressed_frames.hpp"

#include <gtest/gtest.h>

#include <random>

namespace rekey::protocol::mysql {
namespace {

using namespace compressed_frames;
using namespace std::string_literals;

std::string noise(std::size_t size) {
    std::mt19937 random(7);
    std::string text(size, '\0');
    for (auto& byte : text)
        byte = static_cast<char>(random());
    return text;
}

// Fed in pieces, decoded into so much room at a time.
std::string decode(Transform& transform, std::string_view in, std::size_t chunk, std::size_t room) {
    std::string out, into(room, '\0');
    do {
        transform.feed(in.substr(0, chunk));
        in.remove_prefix(std::min(chunk, in.size()));
        while (auto size = transform.decode(into))
            out.append(into, 0, size);
    } while (!in.empty() && transform.failure().empty());
    return out;
}

std::string decode(Transform& transform, std::string_view in) {
    return decode(transform, in, in.size() + 1, 64 * 1024);
}

std::string encode(Transform& transform, std::string_view packets) {
    Output output;
    output.forward(packets);
    std::string out;
    transform.encode(output, out);
    return out;
}

class CompressionOf : public testing::TestWithParam<CompressionAlgorithm> {
  protected:
    CompressionAlgorithm algorithm = GetParam();
    Compression machine{algorithm};

    std::string decoded(std::string_view in) { return decode(machine, in); }
    std::vector<Frame> encoded(std::string_view packets) { return frames(algorithm, encode(machine, packets)); }
    // A command of one packet in one frame.
    void ask() { EXPECT_EQ(decoded(frame(0, packet(0, "\x0e"))), packet(0, "\x0e")); }
};

INSTANTIATE_TEST_SUITE_P(Algorithms, CompressionOf,
                         testing::Values(CompressionAlgorithm::zlib, CompressionAlgorithm::zstd),
                         [](const auto& which) { return which.param == CompressionAlgorithm::zlib ? "zlib" : "zstd"; });

// --- what clients send ---

TEST_P(CompressionOf, ReadsFramesHoweverTheyAreCut) {
    auto first = packet(0, "\x03" + std::string(300, 'a')), second = packet(0, "\x03" + noise(200));
    auto packets = first + second;
    // Cut within a header, within a body; one compressed, one not, one empty.
    auto in = compressed_frame(algorithm, 0, packets.substr(0, 2)) + frame(1, packets.substr(2, 100)) + frame(2, "") +
              compressed_frame(algorithm, 3, packets.substr(102));
    for (std::size_t chunk : {1u, 2u, 3u, 7u, 64u, 100000u}) {
        for (std::size_t room : {1u, 5u, 65536u}) {
            Compression reader(algorithm);
            EXPECT_EQ(decode(reader, in, chunk, room), packets) << chunk << " " << room;
            EXPECT_EQ(reader.failure(), "");
        }
    }
}

TEST_P(CompressionOf, HoldsNothingAgainstWhatIsNotAllThere) {
    auto packets = packet(0, "\x03" + std::string(200, 'a')) + packet(0, "\x0e");
    auto in = compressed_frame(algorithm, 0, packets.substr(0, 100)) + frame(1, packets.substr(100));
    for (std::size_t size = 0; size < in.size(); ++size) {
        Compression reader(algorithm);
        auto out = decode(reader, in.substr(0, size));
        EXPECT_EQ(reader.failure(), "") << size;
        EXPECT_TRUE(packets.starts_with(out) && out.size() < packets.size()) << size;
        out += decode(reader, in.substr(size));
        EXPECT_EQ(out, packets) << size;
    }
}

TEST_P(CompressionOf, RefusesFramesOutOfOrder) {
    auto command = packet(0, "\x03" + std::string(100, 'a'));
    for (auto& in :
         {frame(1, command), frame(0, command.substr(0, 50)) + frame(0, command.substr(50)),
          frame(0, command.substr(0, 50)) + frame(2, command.substr(50)), frame(0, command) + frame(2, "")}) {
        Compression reader(algorithm);
        decode(reader, in);
        EXPECT_EQ(reader.failure(), "compressed packets are out of order");
        EXPECT_EQ(decode(reader, frame(0, command)), "");
    }
}

TEST_P(CompressionOf, RefusesContentOfAnotherSizeThanSaid) {
    auto content = packet(0, "\x03" + std::string(100, 'a'));
    auto packed = compressed(algorithm, content);
    auto half = packed.substr(0, packed.size() / 2);
    for (auto& in : {frame(0, packed, content.size() - 1), frame(0, packed, content.size() + 1), frame(0, packed, 1),
                     frame(0, packed + "x", content.size()), frame(0, packed + packed, 2 * content.size()),
                     frame(0, half, content.size()), frame(0, "", content.size())}) {
        for (std::size_t chunk : {1u, 100000u}) {
            for (std::size_t room : {1u, 65536u}) {
                Compression reader(algorithm);
                auto out = decode(reader, in, chunk, room);
                EXPECT_EQ(reader.failure(), "a compressed packet has another size than it says");
                EXPECT_LE(out.size(), content.size());
            }
        }
    }
}

TEST_P(CompressionOf, RefusesWhatIsNotCompressed) {
    decoded(frame(0, std::string(100, 'a'), 1000));
    EXPECT_EQ(machine.failure(), "a compressed packet cannot be uncompressed");
}

TEST_P(CompressionOf, UncompressesABombNoFurtherThanThereIsRoom) {
    std::string content(frame_size_max, '\0');
    auto packed = compressed(algorithm, content);
    ASSERT_LT(packed.size(), content.size() / 100);
    std::string into(1000, 'x');
    machine.feed(frame(0, packed, content.size()));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(machine.decode(into), into.size());

    // One that says less than it holds ends there.
    Compression other(algorithm);
    EXPECT_LE(decode(other, frame(0, packed, 5000), 100, 1000).size(), 5000u);
    EXPECT_EQ(other.failure(), "a compressed packet has another size than it says");
}

TEST(Compression, RefusesAWindowThatNoFrameNeeds) {
    // A Zstandard header: magic, a window and no size of the content, 2^27 bytes.
    auto header = "\x28\xb5\x2f\xfd\x00\x88"s;
    Compression machine(CompressionAlgorithm::zstd);
    decode(machine, frame(0, header + "\x01\x00\x00"s, 100));
    EXPECT_EQ(machine.failure(), "a compressed packet cannot be uncompressed");
}

TEST_P(CompressionOf, PutsTheNumbersOfAFilesPacketsRight) {
    ask();
    encoded(packet(1, "\x01") + packet(2, "columns") + packet(3, "\xfb/file"));
    auto rows = packet(9, "row") + packet(9, "row") + packet(200, "");
    auto right = packet(4, "row") + packet(5, "row") + packet(6, "");
    EXPECT_EQ(decoded(frame(2, rows.substr(0, 10)) + compressed_frame(algorithm, 3, rows.substr(10))), right);
    EXPECT_EQ(encoded(packet(7, "\0\0\0\0\0\0\0"s)).at(0).number, 4);
    ask();
    EXPECT_EQ(encoded(packet(1, "\0\0\0\0\0\0\0"s)).at(0).number, 1);
}

TEST_P(CompressionOf, CountsThePacketsOfALongCommand) {
    std::string payload(packet_payload_max, 'a');
    auto long_command = packet(0, payload) + packet(1, "rest");
    auto in = compressed_frame(algorithm, 0, long_command.substr(0, frame_size_max)) +
              compressed_frame(algorithm, 1, long_command.substr(frame_size_max));
    ask();
    EXPECT_EQ(encoded(packet(1, "ok")).at(0).number, 1);
    EXPECT_TRUE(decoded(in) == long_command);
    EXPECT_EQ(encoded(packet(2, "ok")).at(0).number, 2);
    // In more frames than packets.
    EXPECT_TRUE(decoded(frame(0, long_command.substr(0, 10)) + frame(1, long_command.substr(10, 10)) +
                        frame(2, long_command.substr(20, 1 << 20)) +
                        compressed_frame(algorithm, 3, long_command.substr(20 + (1 << 20)))) == long_command);
    EXPECT_EQ(encoded(packet(2, "ok")).at(0).number, 4);
}

// --- what they are sent ---

TEST_P(CompressionOf, SendsWhatIsShortAsItIs) {
    ask();
    auto all = encoded(packet(1, std::string(compressed_min - 5, 'a')));
    ASSERT_EQ(all.size(), 1u);
    EXPECT_FALSE(all[0].compressed);
    EXPECT_EQ(all[0].number, 1);
    all = encoded(packet(2, std::string(compressed_min - 4, 'a')));
    ASSERT_EQ(all.size(), 1u);
    EXPECT_TRUE(all[0].compressed);
    EXPECT_EQ(all[0].content, packet(2, std::string(compressed_min - 4, 'a')));
    EXPECT_EQ(all[0].number, 2);
}

TEST_P(CompressionOf, SendsWhatDoesNotGetShorterAsItIs) {
    ask();
    auto all = encoded(packet(1, noise(1000)));
    ASSERT_EQ(all.size(), 1u);
    EXPECT_FALSE(all[0].compressed);
}

TEST_P(CompressionOf, SendsWholePacketsAtOnceAndTheRestLater) {
    auto first = packet(1, std::string(100, 'a')), second = packet(2, std::string(200, 'b'));
    auto packets = first + second;
    for (std::size_t cut = 0; cut <= packets.size(); ++cut) {
        Compression writer(algorithm);
        decode(writer, frame(0, packet(0, "\x0e")));
        auto one = frames(algorithm, encode(writer, packets.substr(0, cut)));
        auto two = frames(algorithm, encode(writer, packets.substr(cut)));
        EXPECT_EQ(joined(one), cut < first.size() ? "" : cut < packets.size() ? first : packets) << cut;
        EXPECT_EQ(joined(one) + joined(two), packets) << cut;
    }
}

TEST_P(CompressionOf, CountsFramesOverACommandAndBeginsAgainWithTheNext) {
    for (int round = 0; round < 3; ++round) {
        ask();
        // 300 packets: both counts pass 255, and a reply may end with 0.
        for (int i = 1; i <= 256 + round; ++i) {
            auto number = static_cast<std::uint8_t>(i);
            auto all = encoded(packet(number, "row"));
            ASSERT_EQ(all.size(), 1u);
            EXPECT_EQ(all[0].number, number);
        }
    }
}

TEST_P(CompressionOf, GivesRepliesToWhatWasSentAheadFramesOfTheirOwn) {
    EXPECT_EQ(decoded(frame(0, packet(0, "\x03"
                                         "a"))),
              packet(0, "\x03"
                        "a"));
    EXPECT_EQ(encoded(packet(1, "x") + packet(2, "y")).at(0).number, 1);
    decoded(frame(0, packet(0, "\x03"
                               "b")));
    auto all = encoded(packet(3, "z") + packet(1, "x") + packet(2, "y"));
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].number, 2);
    EXPECT_EQ(all[0].content, packet(3, "z"));
    EXPECT_EQ(all[1].number, 1);
    EXPECT_EQ(all[1].content, packet(1, "x") + packet(2, "y"));
}

TEST_P(CompressionOf, CountsNothingForCommandsWithoutReply) {
    for (int i = 0; i < 3; ++i)
        decoded(frame(0, packet(0, "\x19\1\0\0\0"s)));
    ask();
    for (int i = 1; i <= 600; ++i)
        EXPECT_EQ(encoded(packet(static_cast<std::uint8_t>(i), "row")).at(0).number, static_cast<std::uint8_t>(i));
}

TEST_P(CompressionOf, SaysAWordUnaskedForWithNumberZero) {
    ask();
    encoded(packet(1, "ok"));
    EXPECT_EQ(encoded(packet(0, "\xff")).at(0).number, 0);
}

TEST_P(CompressionOf, SendsALongPacketInTwoFramesAtMost) {
    for (std::size_t size : {std::size_t{300} << 10, std::size_t{packet_payload_max}}) {
        for (bool random : {false, true}) {
            auto before = packet(1, "before"), body = packet(2, random ? noise(size) : std::string(size, 'a')),
                 behind = packet(3, "behind");
            auto packets = before + body + behind;
            Compression writer(algorithm);
            decode(writer, frame(0, packet(0, "\x0e")));
            std::string out;
            for (std::size_t at = 0; at < packets.size(); at += 60000)
                out += encode(writer, std::string_view(packets).substr(at, 60000));
            auto all = frames(algorithm, out);
            EXPECT_TRUE(joined(all) == packets);
            EXPECT_LE(all.size(), 4u);
            EXPECT_EQ(all.front().content, before);
            std::uint8_t number = 1;
            for (const auto& one : all)
                EXPECT_EQ(one.number, number++);
        }
    }
}

TEST(Compression, TakesAnyLevel) {
    for (int level : {0, 1, 3, 22, 255}) {
        Compression machine(CompressionAlgorithm::zstd, level);
        decode(machine, frame(0, packet(0, "\x0e")));
        auto packets = packet(1, std::string(100000, 'a'));
        EXPECT_EQ(joined(frames(CompressionAlgorithm::zstd, encode(machine, packets))), packets) << level;
    }
}

} // namespace
} // namespace rekey::protocol::mysql
