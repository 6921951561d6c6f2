// What every store promises, tried on each of them.
#include "rotation/credential_store.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/rotation/store_entries.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using tests::full_entry;
using tests::same;

class CredentialStoreContract : public ::testing::TestWithParam<const char*> {
  protected:
    CredentialStoreContract() {
        if (std::string_view(GetParam()) == "memory") {
            store_ = make_memory_store();
            return;
        }
        StoreError error{};
        std::string message;
        store_ = open_directory_store(directory_ / "store", protocol::Secret(std::string(32, 'k')), error, message);
        EXPECT_EQ(message, "");
    }

    std::optional<StoreEntry> read(std::string_view name) {
        std::optional<StoreEntry> entry = StoreEntry();
        EXPECT_EQ(store_->read(name, entry), StoreError::none) << store_->message();
        return entry;
    }

    tests::TemporaryDirectory directory_;
    std::unique_ptr<CredentialStore> store_;
};

TEST_P(CredentialStoreContract, HasNoEntryAtFirst) {
    EXPECT_FALSE(read("orders"));
}

TEST_P(CredentialStoreContract, ReturnsWhatWasWritten) {
    auto entry = full_entry();
    ASSERT_EQ(store_->write("orders", entry), StoreError::none) << store_->message();
    EXPECT_EQ(entry.sequence, 1u);
    auto found = read("orders");
    ASSERT_TRUE(found);
    EXPECT_TRUE(same(*found, entry));
}

TEST_P(CredentialStoreContract, ReturnsAnEmptyEntryToo) {
    StoreEntry entry;
    ASSERT_EQ(store_->write("orders", entry), StoreError::none);
    auto found = read("orders");
    ASSERT_TRUE(found);
    EXPECT_TRUE(same(*found, entry));
}

TEST_P(CredentialStoreContract, RefusesAWriteOverANewerSequence) {
    auto first = full_entry();
    ASSERT_EQ(store_->write("orders", first), StoreError::none);
    auto late = full_entry(); // sequence 0: made when there was no entry
    late.rotation_id = "late";
    EXPECT_EQ(store_->write("orders", late), StoreError::conflict);
    EXPECT_EQ(late.sequence, 0u);
    EXPECT_EQ(read("orders")->rotation_id, "r-17");
    ASSERT_EQ(store_->write("orders", first), StoreError::none);
    EXPECT_EQ(first.sequence, 2u);
}

TEST_P(CredentialStoreContract, RefusesToGoOnFromASequenceThatIsGone) {
    auto entry = full_entry();
    entry.sequence = 7;
    EXPECT_EQ(store_->write("orders", entry), StoreError::conflict);
    EXPECT_FALSE(read("orders"));
}

TEST_P(CredentialStoreContract, KeepsNamesApartWhateverTheyHold) {
    const std::string names[] = {"a",
                                 "A",
                                 "a/b",
                                 "a%2Fb",
                                 "../a",
                                 ".",
                                 "..",
                                 "",
                                 "a b",
                                 std::string("a\0b", 3),
                                 "ä",
                                 "\n",
                                 "lock",
                                 "key-check",
                                 "a.tmp",
                                 std::string(300, 'x'),
                                 std::string(301, 'x'),
                                 std::string(64, 'x') + "="};
    for (const auto& name : names) {
        StoreEntry entry;
        entry.rotation_id = name;
        ASSERT_EQ(store_->write(name, entry), StoreError::none) << name << store_->message();
    }
    for (const auto& name : names)
        EXPECT_EQ(read(name)->rotation_id, name);
}

TEST_P(CredentialStoreContract, KeepsValues) {
    std::optional<protocol::Secret> value;
    ASSERT_EQ(store_->read_value("mock-secret", value), StoreError::none);
    EXPECT_FALSE(value);
    const std::string_view bytes("\0\xff raw", 6);
    ASSERT_EQ(store_->write_value("mock-secret", protocol::Secret(bytes)), StoreError::none);
    ASSERT_EQ(store_->read_value("mock-secret", value), StoreError::none);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->reveal(), bytes);
    ASSERT_EQ(store_->write_value("mock-secret", protocol::Secret()), StoreError::none);
    ASSERT_EQ(store_->read_value("mock-secret", value), StoreError::none);
    ASSERT_TRUE(value);
    EXPECT_TRUE(value->empty());
}

TEST_P(CredentialStoreContract, AValueIsNoCredential) {
    ASSERT_EQ(store_->write_value("orders", protocol::Secret("x")), StoreError::none);
    EXPECT_FALSE(read("orders"));
}

TEST_P(CredentialStoreContract, MakesAKeyOnceAndFindsItAgain) {
    tests::ManualEnvironment environment;
    protocol::Secret made, found, other;
    ASSERT_EQ(read_or_make_key(*store_, "version-key", environment, made), StoreError::none);
    ASSERT_EQ(read_or_make_key(*store_, "version-key", environment, found), StoreError::none);
    ASSERT_EQ(read_or_make_key(*store_, "mock-secret", environment, other), StoreError::none);
    EXPECT_EQ(made.size(), 32u);
    EXPECT_EQ(made.reveal(), found.reveal());
    EXPECT_NE(made.reveal(), other.reveal());
}

INSTANTIATE_TEST_SUITE_P(Stores, CredentialStoreContract, ::testing::Values("memory", "directory"),
                         [](const auto& test) { return std::string(test.param); });

TEST(StoredCredential, ClonesAreEqualAndIndependent) {
    auto entry = full_entry();
    auto copy = entry.clone();
    EXPECT_TRUE(same(entry, copy));
    entry.current->password = protocol::Secret("changed");
    EXPECT_EQ(copy.current->password.reveal(), "the current password");
}

TEST(JournalStep, EveryStepHasANameOfItsOwn) {
    EXPECT_EQ(to_string(JournalStep::none), "none");
    EXPECT_EQ(to_string(JournalStep::staged), "staged");
    EXPECT_EQ(to_string(JournalStep::altered), "altered");
    EXPECT_EQ(to_string(JournalStep::tested), "tested");
    EXPECT_EQ(to_string(JournalStep::promoted), "promoted");
    EXPECT_EQ(to_string(JournalStep::replaced), "replaced");
    EXPECT_EQ(to_string(JournalStep::proven), "proven");
}

} // namespace
} // namespace rekey::rotation
