// The real file system and environment.
#include "config/load.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace rekey::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::TemporaryDirectory;
using tests::write_text;

TEST(ProcessInputs, ReadFilesWithTheirPermissions) {
    TemporaryDirectory directory;
    auto file = directory / "secret";
    write_text(file, "pencil\n");
    ASSERT_EQ(chmod(file.c_str(), 0640), 0);
    auto read = process_inputs().read_file(file, 100);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(read.text, "pencil\n");
    EXPECT_FALSE(read.others_may_read);
    ASSERT_EQ(chmod(file.c_str(), 0644), 0);
    EXPECT_TRUE(process_inputs().read_file(file, 100).others_may_read);
}

TEST(ProcessInputs, RefuseFilesThatAreTooLongOrNone) {
    TemporaryDirectory directory;
    auto file = directory / "long";
    write_text(file, std::string(40'000, 'x'));
    EXPECT_EQ(process_inputs().read_file(file, 40'000).text.size(), 40'000u);
    EXPECT_EQ(process_inputs().read_file(file, 39'999).error, "is longer than 39999 bytes");
    EXPECT_EQ(process_inputs().read_file(file, 39'999).text, "");
    EXPECT_EQ(process_inputs().read_file(directory / "none", 10).error, "No such file or directory");
    EXPECT_EQ(process_inputs().read_file(directory.path(), 10).error, "Is a directory");
}

TEST(ProcessInputs, ListMatchingFilesInOrder) {
    TemporaryDirectory directory;
    for (auto name : {"b.yaml", "a.yaml", "c.txt"})
        write_text(directory / name, "");
    EXPECT_THAT(process_inputs().matching_files(directory / "*.yaml"),
                ElementsAre(directory / "a.yaml", directory / "b.yaml"));
    EXPECT_THAT(process_inputs().matching_files(directory / "*.json"), IsEmpty());
}

TEST(ProcessInputs, ReadTheEnvironment) {
    EXPECT_FALSE(process_environment()("REKEY_TEST_VARIABLE_THAT_IS_NOT_SET"));
    EXPECT_TRUE(process_environment()("PATH"));
}

TEST(Load, ReadsAFileWithWhatItNames) {
    TemporaryDirectory directory;
    std::filesystem::create_directory(directory / "conf.d");
    write_text(directory / "rekey.yaml", "include: [conf.d/*.yaml]\n"
                                         "credentials: [{ name: main, source: { type: file, path: main.json } }]\n"
                                         "upstreams: [{ name: main, hosts: [\"db:5432\"], credential: main }]\n");
    write_text(directory / "conf.d/app.yaml", "users: [{ name: app, password: { file: app.password } }]\n");
    write_text(directory / "conf.d/app.password", "pencil\n");
    ASSERT_EQ(chmod((directory / "conf.d/app.password").c_str(), 0600), 0);
    auto result = load(directory / "rekey.yaml");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_THAT(result.config->warnings, IsEmpty());
    EXPECT_EQ(result.config->file, directory / "rekey.yaml");
    EXPECT_EQ(result.config->credentials[0].source.path, directory / "main.json");
    EXPECT_EQ(result.config->users[0].verifiers.size(), 1u);
}

TEST(Load, MakesPathsAbsoluteForAFileNamedRelatively) {
    auto result = load_text("credentials: [{ name: main, source: { type: file, path: main.json } }]\n"
                            "upstreams: [{ name: main, hosts: [\"db:5432\"], credential: main }]\n",
                            "some/../rekey.yaml", process_environment());
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->credentials[0].source.path, std::filesystem::current_path() / "main.json");
}

} // namespace
} // namespace rekey::config
