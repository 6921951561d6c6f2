#include "protocol/common/bytes.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol {
namespace {

using namespace std::string_literals;

TEST(Reader, ReadsNetworkOrder) {
    auto bytes = "\x01\x02\x03\x04\x05\x06\x07name\0rest"s;
    Reader reader(bytes);
    EXPECT_EQ(reader.u8(), 1);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607u);
    EXPECT_EQ(reader.text(), "name");
    EXPECT_EQ(reader.left(), 4u);
    EXPECT_FALSE(reader.done());
    EXPECT_EQ(reader.rest(), "rest");
    EXPECT_TRUE(reader.done());
}

TEST(Reader, ReadsNegativeNumbers) {
    EXPECT_EQ(Reader("\xff\xff\xff\xff").i32(), -1);
}

TEST(Reader, FailsPastTheEndAndStaysFailed) {
    Reader reader("\x01\x02\x03");
    EXPECT_EQ(reader.u32(), 0u);
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(reader.left(), 0u);
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_EQ(reader.rest(), "");
    EXPECT_FALSE(reader.done());
}

TEST(Reader, RefusesATextWithoutTerminator) {
    Reader reader("name");
    EXPECT_EQ(reader.text(), "");
    EXPECT_TRUE(reader.failed());
}

TEST(Reader, RefusesMoreBytesThanThereAre) {
    Reader reader("abc");
    EXPECT_EQ(reader.bytes(3), "abc");
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.bytes(1), "");
    EXPECT_TRUE(reader.failed());
}

TEST(Reader, AnEmptyViewIsDone) {
    EXPECT_TRUE(Reader("").done());
    EXPECT_EQ(Reader("").bytes(0), "");
}

TEST(Writer, WritesWhatTheReaderReads) {
    std::string out = "before";
    Writer(out).u8(1).u16(0x0203).u32(0x04050607).i32(-1).text("name").bytes("rest");
    EXPECT_EQ(out, "before\x01\x02\x03\x04\x05\x06\x07\xff\xff\xff\xffname\0rest"s);
}

TEST(WriterDeathTest, ATextHoldsNoNul) {
    std::string out;
    EXPECT_DEATH(Writer(out).text("a\0b"s), "invariant broken");
}

TEST(LoadAndStore, AreEachOthersInverse) {
    char bytes[4];
    for (std::uint32_t value : {0u, 1u, 0x80u, 0xffu, 0x12345678u, 0xffffffffu}) {
        store_u32(bytes, value);
        EXPECT_EQ(load_u32(bytes), value);
    }
}

} // namespace
} // namespace rekey::protocol
