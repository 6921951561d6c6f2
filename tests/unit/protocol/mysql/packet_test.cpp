#include "protocol/mysql/packet.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace std::string_literals;

TEST(Packet, HeaderIsLengthAndSequence) {
    auto header = read_packet_header("\x03\x02\x01\xfe");
    EXPECT_EQ(header.size, 0x010203u);
    EXPECT_EQ(header.sequence, 0xfe);
    EXPECT_FALSE(header.continued());
    EXPECT_TRUE(read_packet_header("\xff\xff\xff\0").continued());
    char bytes[4];
    store_packet_header(bytes, 0x010203, 0xfe);
    EXPECT_EQ(std::string(bytes, 4), "\x03\x02\x01\xfe");
}

TEST(PacketReader, ReadsLittleEndian) {
    auto bytes = "\x01\x02\x01\x03\x02\x01\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03\x02\x01"s;
    PacketReader reader(bytes);
    EXPECT_EQ(reader.u8(), 1);
    EXPECT_EQ(reader.u16(), 0x0102);
    EXPECT_EQ(reader.u24(), 0x010203u);
    EXPECT_EQ(reader.u32(), 0x01020304u);
    EXPECT_EQ(reader.u64(), 0x0102030405060708u);
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.peek(), -1);
    EXPECT_EQ(load_le32("\x04\x03\x02\x01"), 0x01020304u);
    EXPECT_EQ(load_le16("\x02\x01"), 0x0102u);
}

TEST(PacketReader, ReadsLengthEncodedIntegersOfEachSize) {
    auto bytes = "\xfa\xfc\xfb\x00\xfd\x00\x00\x01\xfe\x00\x00\x00\x01\x00\x00\x00\x00"s;
    PacketReader reader(bytes);
    EXPECT_EQ(reader.lenenc(), 0xfau);
    EXPECT_EQ(reader.lenenc(), 0xfbu);
    EXPECT_EQ(reader.lenenc(), 0x10000u);
    EXPECT_EQ(reader.lenenc(), 0x1000000u);
    EXPECT_TRUE(reader.done());
}

TEST(PacketReader, RefusesWhatIsNoLength) {
    for (auto bytes : {"\xfb"s, "\xff"s, "\xfc\x01"s, "\xfe\x01\x02\x03"s, ""s}) {
        PacketReader reader(bytes);
        EXPECT_EQ(reader.lenenc(), 0u);
        EXPECT_TRUE(reader.failed());
    }
}

TEST(PacketReader, RefusesTextsThatRunPastTheEnd) {
    PacketReader longer("\x05"
                        "abcd");
    EXPECT_EQ(longer.lenenc_text(), "");
    EXPECT_TRUE(longer.failed());
    auto huge = "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                "abcd"s;
    PacketReader overflow(huge);
    overflow.lenenc_text();
    EXPECT_TRUE(overflow.failed());
    PacketReader endless("abc");
    EXPECT_EQ(endless.text(), "");
    EXPECT_TRUE(endless.failed());
    EXPECT_EQ(endless.u8(), 0);
    EXPECT_FALSE(endless.done());
}

TEST(PacketReader, TakesTheEndForTheLastNulWhereAsked) {
    auto bytes = "abc\0def"s;
    PacketReader reader(bytes);
    EXPECT_EQ(reader.text_or_rest(), "abc");
    EXPECT_EQ(reader.text_or_rest(), "def");
    EXPECT_TRUE(reader.done());
}

TEST(PacketWriter, WritesWhatTheReaderReads) {
    std::string out = "before";
    PacketWriter writer(out, 7);
    writer.u8(1).u16(2).u24(3).u32(4).u64(5).zeros(2).text("name").bytes("raw");
    for (std::uint64_t value : {0xfaull, 0xfbull, 0xffffull, 0x10000ull, 0xffffffull, 0x1000000ull})
        writer.lenenc(value);
    writer.lenenc_text("text");
    EXPECT_EQ(writer.end(), 8);
    auto packet = std::string_view(out).substr(6);
    auto header = read_packet_header(packet.data());
    EXPECT_EQ(header.sequence, 7);
    ASSERT_EQ(header.size, packet.size() - packet_header_size);
    PacketReader reader(packet.substr(packet_header_size));
    EXPECT_EQ(reader.u8(), 1);
    EXPECT_EQ(reader.u16(), 2);
    EXPECT_EQ(reader.u24(), 3u);
    EXPECT_EQ(reader.u32(), 4u);
    EXPECT_EQ(reader.u64(), 5u);
    EXPECT_EQ(reader.bytes(2), "\0\0"s);
    EXPECT_EQ(reader.text(), "name");
    EXPECT_EQ(reader.bytes(3), "raw");
    for (std::uint64_t value : {0xfaull, 0xfbull, 0xffffull, 0x10000ull, 0xffffffull, 0x1000000ull})
        EXPECT_EQ(reader.lenenc(), value);
    EXPECT_EQ(reader.lenenc_text(), "text");
    EXPECT_TRUE(reader.done());
}

TEST(PacketWriter, SplitsWhatIsTooLongForOnePacket) {
    std::string out;
    auto next = PacketWriter(out, 255).bytes(std::string(packet_payload_max + 2, 'x')).end();
    EXPECT_EQ(next, 1);
    ASSERT_EQ(out.size(), packet_payload_max + 2 + 2 * packet_header_size);
    EXPECT_TRUE(read_packet_header(out.data()).continued());
    auto second = read_packet_header(out.data() + packet_header_size + packet_payload_max);
    EXPECT_EQ(second.size, 2u);
    EXPECT_EQ(second.sequence, 0);
}

TEST(PacketWriter, EndsAFullPacketWithAnEmptyOne) {
    std::string out;
    EXPECT_EQ(PacketWriter(out, 0).bytes(std::string(packet_payload_max, 'x')).end(), 2);
    auto second = read_packet_header(out.data() + packet_header_size + packet_payload_max);
    EXPECT_EQ(second.size, 0u);
    EXPECT_EQ(second.sequence, 1);
}

} // namespace
} // namespace rekey::protocol::mysql
