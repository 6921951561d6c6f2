#include "rotation/directory_store_files.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/rotation/store_entries.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

namespace rekey::rotation {
namespace {

namespace fs = std::filesystem;
using tests::full_entry;
using tests::read_text;
using tests::same;
using tests::write_text;

unsigned mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

class DirectoryStore : public ::testing::Test {
  protected:
    std::unique_ptr<CredentialStore> open(char key = 'k') {
        return open_directory_store(path_, protocol::Secret(std::string(32, key)), error_, message_);
    }
    StoreError read(CredentialStore& store, std::string_view name = "orders") {
        entry_.reset();
        return store.read(name, entry_);
    }

    tests::TemporaryDirectory directory_;
    std::string path_ = directory_ / "store";
    std::string file_ = path_ + "/credential.orders";
    StoreError error_{};
    std::string message_;
    std::optional<StoreEntry> entry_;
};

TEST_F(DirectoryStore, OutlivesTheProcess) {
    auto written = full_entry();
    ASSERT_EQ(open()->write("orders", written), StoreError::none);
    auto store = open();
    ASSERT_TRUE(store) << message_;
    ASSERT_EQ(read(*store), StoreError::none);
    EXPECT_TRUE(same(*entry_, written));
}

TEST_F(DirectoryStore, MakesDirectoryAndFilesForTheOwnerOnly) {
    auto mask = ::umask(0);
    auto entry = full_entry();
    ASSERT_EQ(open()->write("orders", entry), StoreError::none);
    ::umask(mask);
    EXPECT_EQ(mode_of(path_), 0700u);
    for (const auto& item : fs::directory_iterator(path_))
        EXPECT_EQ(mode_of(item.path()), 0600u) << item.path();
}

TEST_F(DirectoryStore, LeavesNoPlaintextOnDisk) {
    auto entry = full_entry();
    auto store = open();
    ASSERT_EQ(store->write("orders", entry), StoreError::none);
    ASSERT_EQ(store->write_value("mock-secret", protocol::Secret("a process-wide secret")), StoreError::none);
    for (const auto& item : fs::directory_iterator(path_)) {
        auto bytes = read_text(item.path());
        for (auto word : {"current password", "process-wide", "orders", "r-17", "username"})
            EXPECT_EQ(bytes.find(word), std::string::npos) << item.path();
    }
}

TEST_F(DirectoryStore, UsesANewNonceForEveryWrite) {
    auto store = open();
    ASSERT_EQ(store->write_value("same", protocol::Secret("same")), StoreError::none);
    auto first = read_text(path_ + "/value.same");
    ASSERT_EQ(store->write_value("same", protocol::Secret("same")), StoreError::none);
    EXPECT_NE(first, read_text(path_ + "/value.same"));
}

TEST_F(DirectoryStore, IsLockedWhileAnotherHasIt) {
    auto first = open();
    ASSERT_TRUE(first);
    EXPECT_FALSE(open());
    EXPECT_EQ(error_, StoreError::locked);
    EXPECT_NE(message_.find(path_), std::string::npos);
    first.reset();
    EXPECT_TRUE(open());
}

TEST_F(DirectoryStore, TellsAWrongKey) {
    auto entry = full_entry();
    ASSERT_EQ(open()->write("orders", entry), StoreError::none);
    EXPECT_FALSE(open('x'));
    EXPECT_EQ(error_, StoreError::wrong_key);
    EXPECT_TRUE(open()) << "the attempt changed nothing";
}

TEST_F(DirectoryStore, TellsAWrongKeyOfAnEmptyStore) {
    ASSERT_TRUE(open());
    EXPECT_FALSE(open('x'));
    EXPECT_EQ(error_, StoreError::wrong_key);
}

TEST_F(DirectoryStore, RefusesAKeyOfAnotherLength) {
    for (std::size_t size : {0u, 16u, 31u, 33u}) {
        EXPECT_FALSE(open_directory_store(path_, protocol::Secret(std::string(size, 'k')), error_, message_));
        EXPECT_EQ(error_, StoreError::wrong_key);
    }
    EXPECT_FALSE(fs::exists(path_));
}

TEST_F(DirectoryStore, MendsADamagedKeyCheckWhenAnEntryProvesTheKey) {
    auto entry = full_entry();
    ASSERT_EQ(open()->write("orders", entry), StoreError::none);
    write_text(path_ + "/key-check", "torn");
    EXPECT_FALSE(open('x'));
    EXPECT_EQ(error_, StoreError::wrong_key);
    EXPECT_TRUE(open()) << message_;
    fs::remove(path_ + "/key-check");
    EXPECT_FALSE(open('x'));
    EXPECT_EQ(error_, StoreError::wrong_key) << "a missing key check is no licence to take any key";
    EXPECT_TRUE(open()) << message_;
    write_text(path_ + "/credential.broken", "broken");
    write_text(path_ + "/key-check", "torn");
    EXPECT_TRUE(open()) << message_;
}

TEST_F(DirectoryStore, CallsEveryTruncatedOrAlteredFileUnreadable) {
    auto entry = full_entry();
    ASSERT_EQ(open()->write("orders", entry), StoreError::none);
    auto bytes = read_text(file_);
    auto store = open();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        write_text(file_, bytes.substr(0, size));
        ASSERT_EQ(read(*store), StoreError::unreadable) << size;
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto altered = bytes;
        altered[at] = static_cast<char>(altered[at] ^ 1);
        write_text(file_, altered);
        ASSERT_EQ(read(*store), StoreError::unreadable) << at;
        ASSERT_FALSE(entry_);
    }
    write_text(file_, bytes + "x");
    EXPECT_EQ(read(*store), StoreError::unreadable);
    EXPECT_NE(store->message().find(file_), std::string::npos);
    write_text(file_, bytes);
    EXPECT_EQ(read(*store), StoreError::none);
}

TEST_F(DirectoryStore, NeverReplacesAnUnreadableFile) {
    auto store = open();
    write_text(file_, "damaged");
    auto entry = full_entry();
    EXPECT_EQ(store->write("orders", entry), StoreError::unreadable);
    EXPECT_EQ(entry.sequence, 0u);
    EXPECT_EQ(read_text(file_), "damaged");
}

TEST_F(DirectoryStore, RefusesFilesThatChangedPlaces) {
    auto store = open();
    auto one = full_entry(), two = full_entry();
    ASSERT_EQ(store->write("orders", one), StoreError::none);
    ASSERT_EQ(store->write("billing", two), StoreError::none);
    ASSERT_EQ(store->write_value("orders", protocol::Secret("x")), StoreError::none);
    fs::copy_file(path_ + "/credential.billing", file_, fs::copy_options::overwrite_existing);
    EXPECT_EQ(read(*store), StoreError::unreadable);
    fs::copy_file(path_ + "/value.orders", file_, fs::copy_options::overwrite_existing);
    EXPECT_EQ(read(*store), StoreError::unreadable);
}

TEST_F(DirectoryStore, RefusesWhatIsNoFileOfAStore) {
    auto store = open();
    fs::create_directory(file_);
    EXPECT_EQ(read(*store), StoreError::unreadable);
    fs::remove(file_);
    fs::create_symlink("/etc/hostname", file_);
    EXPECT_EQ(read(*store), StoreError::unreadable);
    fs::remove(file_);
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
    EXPECT_EQ(read(*store), StoreError::unreadable) << "and does not wait for a writer";
    fs::remove(file_);
    write_text(file_, "");
    fs::resize_file(file_, 64u << 20);
    EXPECT_EQ(read(*store), StoreError::unreadable);
}

TEST_F(DirectoryStore, IgnoresTemporaryFilesOfACrash) {
    auto entry = full_entry();
    ASSERT_EQ(open()->write("orders", entry), StoreError::none);
    write_text(file_ + ".tmp", "half a fi");
    write_text(path_ + "/key-check.tmp", "half");
    auto store = open();
    ASSERT_TRUE(store) << message_;
    ASSERT_EQ(read(*store), StoreError::none);
    EXPECT_TRUE(same(*entry_, entry));
    ASSERT_EQ(store->write("orders", entry), StoreError::none);
    EXPECT_FALSE(fs::exists(file_ + ".tmp"));
}

TEST_F(DirectoryStore, SaysWhatCouldNotBeWritten) {
    auto store = open();
    fs::create_directory(file_ + ".tmp"); // stands in the way of the temporary file, also for root
    auto entry = full_entry();
    EXPECT_EQ(store->write("orders", entry), StoreError::unwritable);
    EXPECT_EQ(entry.sequence, 0u);
    EXPECT_NE(store->message().find(file_), std::string::npos);
    EXPECT_EQ(store->message().find("current password"), std::string::npos);
    EXPECT_EQ(read(*store), StoreError::none);
    EXPECT_FALSE(entry_);
}

TEST_F(DirectoryStore, SaysWhichPathCannotBeOpened) {
    path_ = directory_ / "missing/store";
    EXPECT_FALSE(open());
    EXPECT_EQ(error_, StoreError::unwritable);
    EXPECT_NE(message_.find(path_), std::string::npos);
    path_ = directory_ / "file";
    write_text(path_, "");
    EXPECT_FALSE(open());
    EXPECT_EQ(error_, StoreError::unreadable);
}

TEST(FileName, EncodesWhatAFileSystemWouldMisread) {
    EXPECT_EQ(file_name_of("credential", "orders-app_1"), "credential.orders-app_1");
    EXPECT_EQ(file_name_of("credential", "../x.tmp"), "credential.%2E%2E%2Fx%2Etmp");
    EXPECT_EQ(file_name_of("value", ""), "value.");
    EXPECT_LT(file_name_of("credential", std::string(5000, '/')).size(), 255u);
}

std::string password_of(std::uint64_t generation) {
    std::string password;
    while (password.size() < 4096)
        password += std::to_string(generation) + ",";
    return password;
}

// Tells `written` of every entry that is in the store.
[[noreturn]] void write_until_killed(const std::string& path, int written) {
    StoreError error{};
    std::string message;
    auto store = open_directory_store(path, protocol::Secret(std::string(32, 'k')), error, message);
    std::optional<StoreEntry> entry;
    if (!store || store->read("orders", entry) != StoreError::none)
        ::_exit(1);
    StoreEntry next = entry ? entry->clone() : StoreEntry();
    while (true) {
        ++next.generation;
        next.current = tests::stored("orders", password_of(next.generation));
        if (store->write("orders", next) != StoreError::none)
            ::_exit(2);
        if (::write(written, "w", 1) != 1)
            ::_exit(3);
    }
}

TEST_F(DirectoryStore, HoldsACompleteEntryWheneverTheWriterIsKilled) {
    std::mt19937 random(7); // NOLINT: the same moments every time
    std::uint64_t last = 0;
    for (int round = 0; round < 200; ++round) {
        tests::Child writer([this](int written) { write_until_killed(path_, written); });
        ASSERT_TRUE(writer.kill_after(1 + random() % 4, random() % 20'000));

        auto store = open();
        ASSERT_TRUE(store) << message_;
        ASSERT_EQ(read(*store), StoreError::none) << store->message();
        ASSERT_TRUE(entry_);
        ASSERT_GT(entry_->generation, last) << "what the child reported as written was lost";
        ASSERT_EQ(entry_->sequence, entry_->generation);
        ASSERT_EQ(entry_->current->password.reveal(), password_of(entry_->generation));
        last = entry_->generation;
    }
}

} // namespace
} // namespace rekey::rotation
