#include "protocol/mysql/query_attributes.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace std::string_literals;

// Of one attribute called `n` with a type (two bytes) and a value.
std::string one(std::string_view type, std::string_view value, char nulls = 0) {
    return "\3\1\1"s + nulls + "\1"s + std::string(type) + "\1n" + std::string(value);
}

TEST(MysqlQueryAttributes, EndWhereTheTextBegins) {
    for (const auto& block : {
             "\3\0\1"s,
             one("\1\0"s, "x"),
             one("\1\x80", "x"),
             one("\2\0"s, "xx"),
             one("\3\0"s, "xxxx"),
             one("\4\0"s, "xxxx"),
             one("\5\0"s, "xxxxxxxx"),
             one("\x08\0"s, "xxxxxxxx"),
             one("\0\0"s, "\3abc"),
             one("\x0c\0"s, "\4abcd"),
             one("\x0a\0"s, "\0"s),
             one("\xfe\0"s, "\xfc\3\0abc"s),
             one("\xf6\0"s, "\3abc"),
             one("\xfe\0"s, "", 1),
             one("\6\0"s, "", 1),
         }) {
        EXPECT_EQ(attributes_size(block + "SELECT 1"), block.size()) << block;
        EXPECT_EQ(attributes_size(block), block.size()) << block;
        for (std::size_t size = 0; size < block.size(); ++size)
            EXPECT_EQ(attributes_size(block.substr(0, size)), 0u) << block << " " << size;
    }
}

TEST(MysqlQueryAttributes, OfSeveralAreReadInTheirOrder) {
    std::string block = "\3\x09\1"s + "\x02\1"s + "\1"s; // nine, of which the second and the ninth are null
    for (int i = 0; i < 9; ++i)
        block += "\1\0\1n"s;
    block += "abcdefg";
    EXPECT_EQ(attributes_size(block + "SELECT 1"), block.size());
}

TEST(MysqlQueryAttributes, ThatServersMayReadDifferentlyAreMalformed) {
    const std::string text(300, ' ');
    for (const auto& block : {
             one("\6\0"s, ""),
             one("\x09\0"s, "xxxx"),
             one("\x0d\0"s, "xx"),
             one("\xf4\0"s, "x"),
             one("\1\1"s, "x"),
             "\3\0\0"s,
             "\3\0\2"s,
             "\3\1\1\0\0"s,
             "\3\1\1\0\2\1\0\1nx"s,
             "\3\xfb\1"s,
             "\3\xff\1"s,
             "\3\xfd\0\0\1\1"s,
             one("\xfe\0"s, "\xfb"),
             one("\xfe\0"s, "\xff"),
             one("\xfe\0"s, "\xfd\xff\xff\xff"),
         })
        EXPECT_EQ(attributes_size(block + text), 0u) << block;
}

std::string execution(std::string_view rest, char flags = 8) {
    return "\x17\1\0\0\0"s + flags + "\1\0\0\0"s + std::string(rest);
}

TEST(MysqlExecuteHead, IsReadWithNamesAndWithout) {
    ExecuteHead plain;
    auto bytes = execution("\0\1\3\0\xfe\0"s, 0);
    auto whole = bytes + "values"; // outlives what points into it
    ASSERT_TRUE(read_execute_head(whole, false, 2, plain));
    EXPECT_EQ(plain.size, bytes.size());
    EXPECT_EQ(plain.bound_at, execute_head_size + 1);
    EXPECT_EQ(plain.types(), "\3\0\xfe\0"s);
    ExecuteHead named;
    bytes = execution("\2\0\1\3\0\0\xfe\0\4name"s);
    whole = bytes + "values";
    ASSERT_TRUE(read_execute_head(whole, true, 1, named));
    EXPECT_EQ(named.size, bytes.size());
    EXPECT_EQ(named.count, 2u);
    EXPECT_EQ(named.types(), "\3\0"s);
    EXPECT_EQ(without_attributes(bytes, 1, named), execution("\0\1\3\0"s, 0));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ExecuteHead cut;
        EXPECT_FALSE(read_execute_head(std::string_view(bytes).substr(0, size), true, 1, cut)) << size;
    }
}

TEST(MysqlExecuteHead, HasACountBeforeParametersWhateverItsFlagSays) {
    ExecuteHead head;
    EXPECT_TRUE(read_execute_head(execution("\1\0\1\3\0\0"s, 0), true, 1, head));
    EXPECT_TRUE(head.types_given);
    ExecuteHead none;
    EXPECT_TRUE(read_execute_head(execution("", 0), true, 0, none));
    EXPECT_EQ(none.size, execute_head_size);
    EXPECT_EQ(without_attributes(execution(""), 0, none), execution("", 0));
}

TEST(MysqlExecuteHead, HasTypesWhereItHasAttributes) {
    ExecuteHead head, fewer, many;
    EXPECT_FALSE(read_execute_head(execution("\2\0\0"s), true, 1, head));
    EXPECT_FALSE(read_execute_head(execution("\1\0\1\3\0\0"s), true, 2, fewer));
    EXPECT_FALSE(read_execute_head(execution("\xfd\0\0\1"s + std::string(9000, '\0')), true, 1, many));
}

TEST(MysqlExecuteHead, IsGivenTypes) {
    auto head = execution("\1\0\0"s);
    EXPECT_EQ(with_types(head, head.size() - 1, "\3\0\xfe\0"s, true), execution("\1\0\1\3\0\0\xfe\0\0"s));
    EXPECT_EQ(with_types(head, head.size() - 1, "\3\0\xfe\0"s, false), execution("\1\0\1\3\0\xfe\0"s));
}

} // namespace
} // namespace rekey::protocol::mysql
