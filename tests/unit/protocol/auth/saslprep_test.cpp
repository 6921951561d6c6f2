#include "protocol/auth/saslprep.hpp"
#include "protocol/auth/saslprep_tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace rekey::protocol::auth {
namespace {

TEST(Saslprep, LeavesAsciiAsItIs) {
    EXPECT_EQ(saslprep(""), "");
    EXPECT_EQ(saslprep("user"), "user");
    EXPECT_EQ(saslprep("USER"), "USER");
    EXPECT_EQ(saslprep(" !~"), " !~");
    EXPECT_EQ(saslprep("a\tb\x7f"), "a\tb\x7f"); // the RFC prohibits them, PostgreSQL does not look
}

// RFC 4013, section 3.
TEST(Saslprep, PreparesTheExamplesOfTheRfc) {
    EXPECT_EQ(saslprep("I\u00adX"), "IX");
    EXPECT_EQ(saslprep("\u00aa"), "a");
    EXPECT_EQ(saslprep("\u2168"), "IX");
    EXPECT_EQ(saslprep("\u0627\u0031"), std::nullopt);
}

TEST(Saslprep, MapsSpacesAndDropsWhatIsCommonlyMappedToNothing) {
    EXPECT_EQ(saslprep("a\u00a0b\u3000c"), "a b c");
    EXPECT_EQ(saslprep("a\u200bb"), "a b"); // in both tables; PostgreSQL looks at the spaces first
    EXPECT_EQ(saslprep("a\u200db\ufe0f"), "ab");
}

TEST(Saslprep, RefusesWhatNothingIsLeftOf) {
    EXPECT_EQ(saslprep("\u00ad\u200d"), std::nullopt);
}

TEST(Saslprep, ComposesAndDecomposes) {
    EXPECT_EQ(saslprep("e\u0301"), "\u00e9");
    EXPECT_EQ(saslprep("\u00e9"), "\u00e9");
    EXPECT_EQ(saslprep("\u212b"), "\u00c5");
    EXPECT_EQ(saslprep("\ufb01"), "fi");
    EXPECT_EQ(saslprep("\uff41\uff42"), "ab");
    EXPECT_EQ(saslprep("\U0001d400\u00fc"), "A\u00fc");
    EXPECT_EQ(saslprep("a\u0323\u0307"), "\u1ea1\u0307"); // marks of two classes, in order
    EXPECT_EQ(saslprep("a\u0307\u0323"), "\u1ea1\u0307"); // and brought into it
    EXPECT_EQ(saslprep("\u1e9b\u0323"), "\u1e69");
    EXPECT_EQ(saslprep("\u0301a"), "\u0301a");           // a mark without a base
    EXPECT_EQ(saslprep("\u0915\u093c"), "\u0915\u093c"); // excluded from composition
}

TEST(Saslprep, ComposesHangulByArithmetic) {
    EXPECT_EQ(saslprep("\u1100\u1161\u11a8"), "\uac01");
    EXPECT_EQ(saslprep("\u1100\u1161"), "\uac00");
    EXPECT_EQ(saslprep("\uac00\u11a8"), "\uac01");
    EXPECT_EQ(saslprep("\uac01\u11a8"), "\uac01\u11a8");
    EXPECT_EQ(saslprep("\ud7a3"), "\ud7a3");
}

TEST(Saslprep, RefusesProhibitedAndUnassignedCodePoints) {
    EXPECT_EQ(saslprep("a\u0080"), std::nullopt);     // C.2.2
    EXPECT_EQ(saslprep("a\ue000"), std::nullopt);     // C.3 private use
    EXPECT_EQ(saslprep("a\uffff"), std::nullopt);     // C.4 not a character
    EXPECT_EQ(saslprep("a\u2028"), std::nullopt);     // C.2.2
    EXPECT_EQ(saslprep("a\ufffd"), std::nullopt);     // C.6
    EXPECT_EQ(saslprep("a\u2ff0"), std::nullopt);     // C.7
    EXPECT_EQ(saslprep("a\u200e"), std::nullopt);     // C.8
    EXPECT_EQ(saslprep("a\U000e0001"), std::nullopt); // C.9
    EXPECT_EQ(saslprep("a\u0221"), std::nullopt);     // A.1: not in Unicode 3.2
    EXPECT_EQ(saslprep("a\U0001f600"), std::nullopt);
}

TEST(Saslprep, ChecksDirections) {
    EXPECT_EQ(saslprep("\u05d0\u05d1"), "\u05d0\u05d1");
    EXPECT_EQ(saslprep("\u05d0"
                       "1"
                       "\u05d1"),
              "\u05d0"
              "1"
              "\u05d1");
    EXPECT_EQ(saslprep("\u05d0"
                       "a"
                       "\u05d1"),
              std::nullopt);
    EXPECT_EQ(saslprep("1\u05d0"), std::nullopt);
    EXPECT_EQ(saslprep("\u05d0"
                       "1"),
              std::nullopt);
}

TEST(Saslprep, RefusesWhatIsNotUtf8) {
    for (auto text : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80",
                      "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xf0\x9f\x98"})
        EXPECT_EQ(saslprep(text), std::nullopt);
}

TEST(SaslprepTables, AreSortedAndDoNotOverlap) {
    using namespace saslprep_tables;
    for (auto table : {spaces, mapped_to_nothing, refused, right_to_left, left_to_right})
        for (std::size_t i = 0; i < table.size(); ++i) {
            EXPECT_LE(table[i].first, table[i].last);
            if (i > 0) {
                EXPECT_GT(table[i].first, table[i - 1].last);
            }
        }
    auto by_pair = [](const Composition& a, const Composition& b) {
        return a.first != b.first ? a.first < b.first : a.second < b.second;
    };
    EXPECT_TRUE(std::is_sorted(compositions.begin(), compositions.end(), by_pair));
    for (const auto& entry : decompositions)
        EXPECT_LE(entry.offset + std::size_t{entry.size}, decomposed.size());
}

} // namespace
} // namespace rekey::protocol::auth
