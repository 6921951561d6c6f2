#include "rotation/credential_store_codec.hpp"
#include "rotation/directory_store_seal.hpp"
#include "tests/unit/rotation/store_entries.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using tests::full_entry;
using tests::same;

std::string replaced(std::string text, std::string_view what, std::string_view by) {
    auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), by);
}

TEST(StoreEntryCodec, ReadsWhatItWrote) {
    auto entry = full_entry();
    entry.sequence = 42;
    auto back = decode_entry(encode_entry(entry));
    ASSERT_TRUE(back);
    EXPECT_TRUE(same(*back, entry));
}

TEST(StoreEntryCodec, ReadsEveryStep) {
    for (auto step : {JournalStep::none, JournalStep::staged, JournalStep::altered, JournalStep::tested,
                      JournalStep::promoted, JournalStep::replaced, JournalStep::proven}) {
        StoreEntry entry;
        entry.step = step;
        auto back = decode_entry(encode_entry(entry));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->step, step);
    }
}

TEST(StoreEntryCodec, KeepsLongPasswords) {
    StoreEntry entry;
    entry.current = tests::stored("u", std::string(200'000, '\\'));
    auto back = decode_entry(encode_entry(entry));
    ASSERT_TRUE(back);
    EXPECT_TRUE(same(*back, entry));
}

TEST(StoreEntryCodec, RefusesEveryTruncation) {
    auto text = encode_entry(full_entry());
    for (std::size_t size = 0; size < text.size(); ++size)
        ASSERT_FALSE(decode_entry(std::string_view(text).substr(0, size))) << size;
}

TEST(StoreEntryCodec, RefusesWhatItDidNotWrite) {
    auto text = encode_entry(full_entry());
    ASSERT_TRUE(decode_entry(text));
    EXPECT_FALSE(decode_entry(text + "x"));
    EXPECT_FALSE(decode_entry(text + text));
    EXPECT_FALSE(decode_entry("null"));
    EXPECT_FALSE(decode_entry("[]"));
    EXPECT_FALSE(decode_entry(replaced(text, "\"format\":1", "\"format\":2")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"format\":1,", "")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"format\":1", "\"format\":1,\"extra\":0")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"sequence\":0", "\"sequence\":-1")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"sequence\":0", "\"sequence\":0.5")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"sequence\":0", "\"sequence\":\"0\"")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"step\":\"tested\"", "\"step\":\"guessed\"")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"retire_previous\":true", "\"retire_previous\":1")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"username\":\"orders\"", "\"username\":null")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"username\":\"orders\"", "\"username\":\"orders\",\"more\":1")));
    EXPECT_FALSE(decode_entry(replaced(text, "\"next_rotation\":1900000000000000000", "\"next_rotation\":\"soon\"")));
    EXPECT_FALSE(decode_entry(std::string(100'000, '[')));
}

class Seal : public ::testing::Test {
  protected:
    protocol::Secret key_{std::string(32, 'k')};
    protocol::Secret other_key_{std::string(31, 'k') + "x"};
};

TEST_F(Seal, OpensWithTheSameKeyAndContext) {
    for (std::string plaintext : {"", "x", "sixteen bytes ok", "more than sixteen bytes"}) {
        auto sealed = seal(key_, "file", plaintext);
        ASSERT_TRUE(sealed);
        auto opened = unseal(key_, "file", *sealed);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->reveal(), plaintext);
    }
}

TEST_F(Seal, StaysShutForAnotherKeyOrContext) {
    auto sealed = seal(key_, "file", "secret");
    EXPECT_FALSE(unseal(other_key_, "file", *sealed));
    EXPECT_FALSE(unseal(key_, "file2", *sealed));
    EXPECT_FALSE(unseal(key_, "", *sealed));
}

TEST_F(Seal, StaysShutForEveryTruncation) {
    auto sealed = seal(key_, "file", "secret");
    for (std::size_t size = 0; size < sealed->size(); ++size)
        ASSERT_FALSE(unseal(key_, "file", std::string_view(*sealed).substr(0, size))) << size;
}

} // namespace
} // namespace rekey::rotation
