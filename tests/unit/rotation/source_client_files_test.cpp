// .pgpass, MySQL's option files and files that hold nothing but a password.
#include "rotation/sources/client_files.hpp"
#include "rotation/sources/credential_files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace rekey::rotation {
namespace {

using testing::HasSubstr;
using testing::Not;

const config::PassfileQuery orders{"db1", "5432", "orders"};

// "user/password", or the error, which holds no secret.
std::string told(const FetchResult& result) {
    if (result.credential)
        return result.credential->username + "/" + std::string(result.credential->password.reveal());
    EXPECT_THAT(result.error, Not(HasSubstr("s3cret")));
    return result.error;
}

std::string passfile(const std::string& text, const std::string& user = "app",
                     const config::PassfileQuery& query = orders) {
    return told(parse_passfile(text, query, user));
}

std::string option_file(const std::string& text, const std::string& user = {}) {
    return told(parse_option_file(text, user));
}

TEST(Passfile, GivesTheFirstLineThatMatches) {
    EXPECT_EQ(passfile("other:5432:orders:app:s3cret-1\ndb1:5433:orders:app:s3cret-2\ndb1:5432:x:app:s3cret-3\n"
                       "db1:5432:orders:else:s3cret-4\ndb1:5432:orders:app:s3cret-5\n*:*:*:*:s3cret-6\n"),
              "app/s3cret-5");
    EXPECT_EQ(passfile("*:*:*:*:s3cret-6\ndb1:5432:orders:app:s3cret-5"), "app/s3cret-6");
}

TEST(Passfile, HasEscapesCommentsAndLinesThatAreNone) {
    EXPECT_EQ(
        passfile("# db1:5432:orders:app:s3cret-1\n\nnonsense\ndb1:5432:orders\ndb1:5432:orders:app:a\\:b\\\\c:d\r\n"),
        "app/a:b\\c:d");
    EXPECT_EQ(passfile("h\\:1:5432:orders:app:s3cret", "app", {"h:1", "5432", "orders"}), "app/s3cret");
    EXPECT_EQ(passfile("\\*:5432:orders:app:s3cret-1\n*:5432:orders:app:s3cret-2"), "app/s3cret-2")
        << "an escaped star is a star";
}

TEST(Passfile, NamesTheUserWhereNoneIsConfigured) {
    EXPECT_EQ(passfile("*:*:*:*:s3cret-1\n*:*:*:app:s3cret-2", ""), "app/s3cret-2");
}

TEST(Passfile, TakesLocalhostForASocket) {
    EXPECT_EQ(passfile("localhost:5432:*:app:s3cret", "app", {"localhost", "5432", ""}), "app/s3cret");
}

TEST(Passfile, SaysThatNothingMatches) {
    EXPECT_EQ(passfile("db2:*:*:app:s3cret"), "no line matches db1:5432 and the user app");
    EXPECT_EQ(passfile("", "", {}), "no line matches the upstream");
    EXPECT_EQ(passfile("*:*:*:app:"), "the line that matches has no password");
}

TEST(OptionFile, ReadsTheClientsGroup) {
    EXPECT_EQ(option_file("[mysqld]\nuser=mysql\npassword=no\n\n[client]\n# c\n; c\nuser = app\npassword=s3cret-1\n"
                          "loose-password = s3cret-2  \n[mysql]\npassword=no\n"),
              "app/s3cret-2");
    EXPECT_EQ(option_file("[client]\npassword=s3cret", "app"), "app/s3cret");
}

TEST(OptionFile, UnderstandsQuotesEscapesAndComments) {
    EXPECT_EQ(option_file("[client]\nuser=app\npassword=\"a # b\" # comment"), "app/a # b");
    EXPECT_EQ(option_file("[client]\nuser='app'\npassword=a\\sb\\\\c\\td\\qe # comment"), "app/a b\\c\td\\qe");
}

TEST(OptionFile, TellsWhatIsMissing) {
    EXPECT_EQ(option_file("user=app\npassword=s3cret"), "[client] names no user");
    EXPECT_EQ(option_file("[client]\nuser=app"), "[client] names no password");
    EXPECT_EQ(option_file("[client]\nuser=app\n!include /etc/s\npassword=s3cret"),
              "line 3 includes another file, which is not followed");
}

class ClientFiles : public ::testing::Test {
  protected:
    std::string read(const std::string& text, config::DocumentFormat format, mode_t mode = 0600) {
        config::Source source;
        source.path = directory_ / "file";
        source.format = format;
        source.user = "app";
        source.passfile = orders;
        tests::write_text(source.path, text);
        EXPECT_EQ(::chmod(source.path.c_str(), mode), 0);
        return told(read_credential_files(source).result);
    }
    tests::TemporaryDirectory directory_;
};

TEST_F(ClientFiles, AreReadInTheirFormat) {
    EXPECT_EQ(read("db1:*:*:app:s3cret\n", config::DocumentFormat::pgpass), "app/s3cret");
    EXPECT_EQ(read("[client]\nuser=x\npassword=s3cret\n", config::DocumentFormat::my_cnf), "x/s3cret");
    EXPECT_EQ(read("{s3cret: 1}\n", config::DocumentFormat::password), "app/{s3cret: 1}");
    EXPECT_EQ(read(R"({"password":"s3cret"})", config::DocumentFormat::automatic), "app/s3cret");
    EXPECT_EQ(read("password=s3cret\n", config::DocumentFormat::automatic), "app/s3cret");
}

TEST_F(ClientFiles, HoldOnePasswordOnOneLine) {
    EXPECT_THAT(read("s3cret\nmore\n", config::DocumentFormat::password), HasSubstr("more than one line"));
    EXPECT_THAT(read("\n", config::DocumentFormat::password), HasSubstr("the password is empty"));
}

TEST_F(ClientFiles, AreRefusedWhenLibpqWouldRefuseThem) {
    for (mode_t mode : {0640, 0604})
        EXPECT_THAT(read("*:*:*:*:s3cret\n", config::DocumentFormat::pgpass, mode), HasSubstr("chmod 600 it"));
}

TEST_F(ClientFiles, MayBeADirectoryWithAPasswordOnly) {
    config::Source source;
    source.path = directory_.path();
    source.user = "app";
    tests::write_text(directory_ / "password", "s3cret\n");
    EXPECT_EQ(told(read_credential_files(source).result), "app/s3cret");
    tests::write_text(directory_ / "username", "named\n");
    EXPECT_EQ(told(read_credential_files(source).result), "named/s3cret");
    source.format = config::DocumentFormat::password;
    EXPECT_THAT(told(read_credential_files(source).result), HasSubstr("is a directory"));
}

} // namespace
} // namespace rekey::rotation
