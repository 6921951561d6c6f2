#include "rotation/source.hpp"
#include "rotation/sources/credential_files.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

namespace rekey::rotation {
namespace {

namespace fs = std::filesystem;
using tests::write_text;

constexpr const char* document = R"({"username":"orders","password":"the secret"})";

class FileSource : public ::testing::Test {
  protected:
    std::unique_ptr<Source> make(const std::string& path, bool strict = false) {
        config::Credential configuration;
        configuration.source.type = config::SourceType::file;
        configuration.source.path = path;
        configuration.source.strict_permissions = strict;
        return make_source(
            configuration, environment_, watcher_, [this](LogLevel, std::string_view text) { log_.emplace_back(text); },
            protocol::Secret(key_));
    }
    // `text` only the owner may read.
    void put(const std::string& path, std::string_view text) {
        write_text(path, text);
        ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    }
    FetchResult fetch(Source& source) {
        FetchResult result;
        int calls = 0;
        source.fetch([&](FetchResult arrived) {
            result = std::move(arrived);
            ++calls;
        });
        EXPECT_EQ(calls, 0) << "never from inside the call";
        environment_.run_ready();
        EXPECT_EQ(calls, 1);
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        EXPECT_EQ(result.error.find("the secret"), std::string::npos);
        return result;
    }
    void expect_error(const std::string& path, std::string_view part, bool strict = false) {
        auto source = make(path, strict);
        auto result = fetch(*source);
        EXPECT_NE(result.error.find(part), std::string::npos) << result.error;
        EXPECT_NE(result.error.find(path), std::string::npos) << result.error;
    }
    void expect_credential(Source& source, std::string_view username, std::string_view password) {
        auto result = fetch(source);
        ASSERT_TRUE(result.credential) << result.error;
        EXPECT_EQ(result.credential->username, username);
        EXPECT_EQ(result.credential->password.reveal(), password);
    }

    tests::TemporaryDirectory directory_;
    tests::ManualEnvironment environment_;
    tests::ManualWatcher watcher_;
    std::vector<std::string> log_;
    std::string key_ = std::string(32, 'k');
};

TEST_F(FileSource, ReadsAFile) {
    put(directory_ / "orders.json", document);
    auto source = make(directory_ / "orders.json");
    EXPECT_EQ(source->type(), "file");
    expect_credential(*source, "orders", "the secret");
    put(directory_ / "orders.json", "username=orders\npassword=another\n");
    expect_credential(*source, "orders", "another");
}

TEST_F(FileSource, ReadsADirectory) {
    put(directory_ / "username", "orders\n");
    put(directory_ / "password", "the secret\r\n");
    auto source = make(directory_.path());
    expect_credential(*source, "orders", "the secret");
}

TEST_F(FileSource, TrimsOneNewlineOnly) {
    put(directory_ / "username", "orders");
    put(directory_ / "password", " x \n\n");
    auto source = make(directory_.path());
    expect_credential(*source, "orders", " x \n");
}

TEST_F(FileSource, ReadsAKubernetesMount) {
    fs::create_directory(directory_ / "..2026_01_01");
    fs::create_directory_symlink("..2026_01_01", directory_ / "..data");
    fs::create_symlink("..data/username", directory_ / "username");
    fs::create_symlink("..data/password", directory_ / "password");
    put(directory_ / "..2026_01_01/username", "orders");
    put(directory_ / "..2026_01_01/password", "the secret");
    auto source = make(directory_.path());
    expect_credential(*source, "orders", "the secret");
    expect_error(directory_ / "..data/password", "a password alone");
}

TEST_F(FileSource, GivesEqualContentAnEqualVersion) {
    put(directory_ / "a", document);
    put(directory_ / "b", "username=orders\npassword=the secret\n");
    put(directory_ / "c", "username=orders\npassword=another\n");
    auto version = [&](const char* name) {
        auto source = make(directory_ / name);
        return fetch(*source).credential->version;
    };
    auto a = version("a");
    EXPECT_EQ(a.size(), 16u);
    EXPECT_EQ(a, version("b"));
    EXPECT_NE(a, version("c"));
    key_ = std::string(32, 'x');
    EXPECT_NE(a, version("a")) << "keyed, so that it cannot be searched for";
    key_.clear();
    EXPECT_NE(a, version("a"));
    EXPECT_NE(version("a"), version("a")) << "without a key each source has its own";
}

TEST_F(FileSource, KeepsTheFilesOwnVersion) {
    put(directory_ / "a", "username=orders\npassword=the secret\nversion_id=17\n");
    auto source = make(directory_ / "a");
    EXPECT_EQ(fetch(*source).credential->version, "17");
}

TEST_F(FileSource, SaysWhatIsWrong) {
    expect_error(directory_ / "missing", "No such file");
    expect_error(directory_ / "missing/deeper", "No such file");
    put(directory_ / "raw", "the secret");
    expect_error(directory_ / "raw", "a password alone has no user name");
    put(directory_ / "broken", "{\"username\":\"the secret\"");
    expect_error(directory_ / "broken", "not valid JSON");
    ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
    expect_error(directory_ / "fifo", "not a regular file");
    put(directory_ / "large", std::string(65'537, 'x'));
    expect_error(directory_ / "large", "larger than 65536 bytes");
    fs::create_symlink("loop", directory_ / "loop");
    expect_error(directory_ / "loop", "symbolic links");
}

TEST_F(FileSource, SaysWhatADirectoryLacks) {
    fs::create_directory(directory_ / "d");
    expect_error(directory_ / "d", "/username cannot be opened");
    put(directory_ / "d/username", "orders");
    expect_error(directory_ / "d", "/password cannot be opened");
    put(directory_ / "d/password", "\n");
    expect_error(directory_ / "d", "password is empty");
    put(directory_ / "d/password", std::string_view("the\0secret", 10));
    expect_error(directory_ / "d", "NUL");
    put(directory_ / "d/username", "");
    expect_error(directory_ / "d", "user name is empty");
    fs::create_directory(directory_ / "d/..data");
    expect_error(directory_ / "d", "/username cannot be opened");
}

TEST_F(FileSource, WarnsOnceOfAFileThatOthersMayRead) {
    put(directory_ / "a", document);
    auto source = make(directory_ / "a");
    fetch(*source);
    EXPECT_TRUE(log_.empty());
    fs::permissions(directory_ / "a", fs::perms::others_read, fs::perm_options::add);
    expect_credential(*source, "orders", "the secret");
    fetch(*source);
    ASSERT_EQ(log_.size(), 1u);
    EXPECT_NE(log_[0].find(directory_ / "a"), std::string::npos);
    EXPECT_EQ(log_[0].find("the secret"), std::string::npos);
}

TEST_F(FileSource, RefusesAFileThatOthersMayReadWhenStrict) {
    put(directory_ / "username", "orders");
    put(directory_ / "password", "the secret");
    auto source = make(directory_.path(), true);
    expect_credential(*source, "orders", "the secret");
    fs::permissions(directory_ / "password", fs::perms::others_read, fs::perm_options::add);
    expect_error(directory_.path(), "strict_permissions", true);
    put(directory_ / "a", document);
    fs::permissions(directory_ / "a", fs::perms::others_read, fs::perm_options::add);
    expect_error(directory_ / "a", "strict_permissions", true);
}

TEST_F(FileSource, CallsNobodyBackAfterItsEnd) {
    put(directory_ / "a", document);
    auto source = make(directory_ / "a");
    int calls = 0;
    source->watch([&] { ++calls; });
    source->fetch([&](FetchResult) { ++calls; });
    source.reset();
    environment_.advance(std::chrono::seconds(10));
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(watcher_.size(), 0u);
}

// What the kubelet does: a new directory, then a rename of the link to it, then the old directory goes.
void swap_versions(const tests::TemporaryDirectory& directory, const std::atomic<bool>& stop, int& versions) {
    std::string old;
    while (!stop) {
        auto name = "..v" + std::to_string(++versions);
        fs::create_directory(directory / name);
        write_text(directory / (name + "/username"), "user-" + std::to_string(versions));
        write_text(directory / (name + "/password"), "pass-" + std::to_string(versions));
        fs::create_directory_symlink(name, directory / "..data_tmp");
        fs::rename(directory / "..data_tmp", directory / "..data");
        if (!old.empty())
            fs::remove_all(directory / old);
        old = name;
    }
}

TEST(CredentialFiles, AreOfOneVersionWhileKubernetesSwapsThem) {
    tests::TemporaryDirectory directory;
    std::atomic<bool> stop{false};
    int versions = 0;
    std::thread kubelet([&] { swap_versions(directory, stop, versions); });
    config::Source source;
    source.path = directory.path();
    int read = 0;
    std::set<std::string> seen;
    for (int i = 0; i < 20'000 && (seen.size() < 50 || read < 2000); ++i) {
        auto reading = read_credential_files(source);
        if (!reading.result.credential) // before the first version, or versions that go faster than they can be read
            continue;
        ++read;
        auto username = reading.result.credential->username;
        auto password = std::string(reading.result.credential->password.reveal());
        ASSERT_EQ(username.substr(5), password.substr(5)) << "a pair of two versions";
        seen.insert(username);
    }
    stop = true;
    kubelet.join();
    EXPECT_GT(seen.size(), 10u) << read << " readings of " << versions << " versions";
}

TEST(CredentialFiles, AreWholeWhileAFileIsReplaced) {
    tests::TemporaryDirectory directory;
    std::atomic<bool> stop{false};
    auto path = directory / "orders.json";
    write_text(path, R"({"username":"user-0","password":"pass-0"})");
    std::thread writer([&] {
        for (int i = 1; !stop; ++i) {
            auto number = std::to_string(i);
            write_text(path + ".new", R"({"username":"user-)" + number + R"(","password":"pass-)" + number + "\"}");
            fs::rename(path + ".new", path);
        }
    });
    config::Source source;
    source.path = path;
    for (int i = 0; i < 2000; ++i) {
        auto reading = read_credential_files(source);
        ASSERT_TRUE(reading.result.credential) << reading.result.error;
        ASSERT_EQ(reading.result.credential->username.substr(5),
                  reading.result.credential->password.reveal().substr(5));
    }
    stop = true;
    writer.join();
}

} // namespace
} // namespace rekey::rotation
