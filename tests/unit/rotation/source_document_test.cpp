#include "rotation/rfc3339.hpp"
#include "rotation/sources/document.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

constexpr std::string_view password = "s3cret-Passw0rd";

// `text` with PW for the password.
std::string with_password(std::string text) {
    for (auto at = text.find("PW"); at != std::string::npos; at = text.find("PW", at + password.size()))
        text.replace(at, 2, password);
    return text;
}

void expect_credential(const FetchResult& result, std::string_view username = "orders",
                       std::string_view secret = password) {
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.credential->username, username);
    EXPECT_EQ(result.credential->password.reveal(), secret);
}

void expect_error(const FetchResult& result, std::string_view part) {
    EXPECT_FALSE(result.credential);
    EXPECT_NE(result.error.find(part), std::string::npos) << result.error;
    EXPECT_EQ(result.error.find(password), std::string::npos) << "the error must not show the password";
}

FetchResult file(std::string text) {
    return parse_file_document(with_password(std::move(text)));
}
FetchResult program(std::string text) {
    return parse_program_output(with_password(std::move(text)));
}

TEST(FileDocument, ReadsJson) {
    expect_credential(file(R"({"username": "orders", "password": "PW"})"));
    expect_credential(file("\xEF\xBB\xBF \n{\"password\":\"PW\",\"username\":\"orders\"}\n\n"));
    expect_credential(file(R"({"username":"orders","password":"PW","host":"db","port":5432,"version":"7"})"));
    expect_credential(file(R"({"username":"o\u00e4","password":"\"\\\u20ac "})"), "o\xc3\xa4", "\"\\\xe2\x82\xac ");
}

TEST(FileDocument, ReadsWhereTheDatabaseIs) {
    auto endpoint = [](std::string text) {
        auto result = file(std::move(text));
        expect_credential(result);
        return result.credential ? result.credential->endpoint.text() : std::string();
    };
    EXPECT_EQ(endpoint(R"({"username":"orders","password":"PW","host":"db","port":5433,"dbname":"shop"})"),
              "db:5433/shop");
    EXPECT_EQ(endpoint(R"({"username":"orders","password":"PW","host":"db","port":"5433"})"), "db:5433");
    EXPECT_EQ(endpoint(R"({"username":"orders","password":"PW","url":"jdbc:mysql://db/shop"})"), "")
        << "the applications'";
    EXPECT_EQ(endpoint(R"({"username":"orders","password":"PW","host":7,"port":[]})"), "");
    EXPECT_EQ(endpoint("username=orders\npassword=PW\nhost=db\nport=5433\ndbname=shop\n"), "db:5433/shop");
    EXPECT_EQ(endpoint("username: orders\npassword: PW\nhost: *anchor\n"), "") << "of no interest to most";
}

TEST(FileDocument, ReadsVersionAndExpirationOfJson) {
    auto result =
        file(R"({"username":"orders","password":"PW","version_id":"v7","expiration":"2030-01-01T00:00:00Z"})");
    expect_credential(result);
    EXPECT_EQ(result.credential->version, "v7");
    EXPECT_EQ(result.credential->not_after, parse_rfc3339("2030-01-01T00:00:00Z"));
    result = file(R"({"username":"orders","password":"PW","expiration":null})");
    expect_credential(result);
    EXPECT_EQ(result.credential->version, "");
    EXPECT_FALSE(result.credential->not_after);
}

TEST(FileDocument, NamesWhatJsonLacks) {
    expect_error(file(R"({"password":"PW"})"), "\"username\" is missing");
    expect_error(file(R"({"username":"orders"})"), "\"password\" is missing");
    expect_error(file(R"({"username":"","password":"PW"})"), "\"username\" is missing or empty");
    expect_error(file(R"({"username":"orders","password":""})"), "\"password\" is missing or empty");
    expect_error(file(R"({"username":"orders","password":12345})"), "\"password\" is not a text");
    expect_error(file(R"({"username":["PW"],"password":"PW"})"), "\"username\" is not a text");
    expect_error(file(R"({"username":"orders","password":"PW","expiration":"soon"})"), "\"expiration\" is not a time");
    expect_error(file(R"({"username":"orders","password":"PW\u0000"})"), "NUL");
    expect_error(file(R"({"username":"or\u0000ders","password":"PW"})"), "NUL");
}

TEST(FileDocument, RefusesEveryTruncationOfJson) {
    auto text = with_password(R"({"username":"orders","password":"PW"})");
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(parse_file_document(text.substr(0, size)).credential) << size;
    expect_error(parse_file_document(text + text), "not valid JSON");
    expect_error(file(R"([{"username":"orders","password":"PW"}])"), "neither JSON nor");
    expect_error(file("{\"username\":\"orders\",\"password\":" + std::string(10000, '[')), "not valid JSON");
}

TEST(FileDocument, ReadsKeyValueLines) {
    expect_credential(file("username=orders\npassword=PW\n"));
    expect_credential(file("# from the vault\r\n\r\nhost=db\r\nusername = orders\r\npassword = PW"));
    expect_credential(file("username='orders'\npassword=\"PW\"\n"));
    expect_credential(file("username=orders\npassword=a=b: c # d'\n"), "orders", "a=b: c # d'");
    expect_credential(file("username=orders\npassword=\" PW \"\n"), "orders", " s3cret-Passw0rd ");
    auto result = file("username=orders\npassword=PW\nversion_id=9\nexpiration=2030-01-01T00:00:00Z\n");
    expect_credential(result);
    EXPECT_EQ(result.credential->version, "9");
    EXPECT_TRUE(result.credential->not_after);
}

TEST(FileDocument, ReadsFlatYaml) {
    expect_credential(file("---\nusername: orders\npassword: PW\n"));
    expect_credential(file("username: 'orders' # the role\npassword: \"PW\"   # its password\n"));
    expect_credential(file("username: orders # the role\npassword: a#b\n"), "orders", "a#b");
    expect_credential(file("username: orders\npassword: 'it''s'\n"), "orders", "it's");
    expect_credential(file("username: orders\npassword: \"\\\\\\\"\\/\\t\\n\\r\"\n"), "orders", "\\\"/\t\n\r");
    expect_credential(file("username: orders\npassword: -x?:y\nport: 5432\nempty:\n"), "orders", "-x?:y");
}

TEST(FileDocument, RefusesYamlThatItWouldMisread) {
    for (auto value : {"|",    ">-",   "&a PW", "*PW", "!!str PW",    "[PW]",    "{PW}",     "@PW",   "`PW", "%PW",
                       "- PW", "? PW", "\"PW",  "'PW", "\"PW\\x41\"", "'PW' PW", "\"PW\"PW", "a: PW", "PW:", "\"PW\\"})
        expect_error(file("username: orders\npassword: " + std::string(value) + "\n"), "line 2");
    expect_error(file("username: orders\npassword: PW\n  more\n"), "line 3");
    expect_error(file("username: orders\n  password: PW\n"), "line 2");
}

TEST(FileDocument, RefusesLinesThatSayTooMuchOrTooLittle) {
    expect_error(file("username=orders\n"), "names no password");
    expect_error(file("password=PW\n"), "names no username");
    expect_error(file("username=orders\npassword=\n"), "password is empty");
    expect_error(file("username=\npassword=PW\n"), "user name is empty");
    expect_error(file("username=orders\npassword=PW\npassword=PW\n"), "line 3 says password again");
    expect_error(file("username=orders\npassword=PW\nwhat is this\n"), "line 3");
    expect_error(file("username=orders\npassword=PW\nexpiration=soon\n"), "\"expiration\" is not a time");
    expect_error(parse_file_document(std::string_view("username=orders\npassword=a\0b\n", 29)), "NUL");
}

TEST(FileDocument, SaysWhatToDoAboutAPasswordAlone) {
    for (auto text : {"PW\n", "PW", "", "\n", "# only a comment\n", "some=thing\n", "PW:x=y\n"})
        expect_error(file(text), "a directory with the files username and password");
}

TEST(ProgramOutput, ReadsItsOwnShape) {
    expect_credential(program(R"({"version":1,"username":"orders","password":"PW"})"));
    auto result = program(
        R"({"version":1,"username":"orders","password":"PW","expiration":"2030-01-01T00:00:00+01:00","version_id":"a"})");
    expect_credential(result);
    EXPECT_EQ(result.credential->version, "a");
    EXPECT_EQ(result.credential->not_after, parse_rfc3339("2029-12-31T23:00:00Z"));
    expect_error(program(R"({"version":2,"username":"orders","password":"PW"})"), "\"version\" is not 1");
    expect_error(program(R"({"version":"1","username":"orders","password":"PW"})"), "\"version\" is not 1");
}

TEST(ProgramOutput, ReadsKubectlsShape) {
    auto result = program(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",
        "status":{"token":"PW","username":"orders","expirationTimestamp":"2030-01-01T00:00:00Z"}})");
    expect_credential(result);
    EXPECT_TRUE(result.credential->not_after);
    expect_error(program(R"({"kind":"ExecCredential","status":{"token":"PW"}})"), "names no user");
    expect_credential(
        parse_program_output(with_password(R"({"kind":"ExecCredential","status":{"token":"PW"}})"), "orders"));
    expect_error(program(R"({"kind":"ExecCredential","status":{"username":"orders"}})"), "\"token\" is missing");
    expect_error(program(R"({"kind":"ExecCredential"})"), "without \"status\"");
    expect_error(program(R"({"kind":"ExecCredential","status":"PW"})"), "without \"status\"");
}

TEST(ProgramOutput, ReadsTheShapeOfCredentialProcess) {
    auto result = program(
        R"({"Version":1,"AccessKeyId":"orders","SecretAccessKey":"PW","SessionToken":"t","Expiration":"2030-01-01T00:00:00Z"})");
    expect_credential(result);
    EXPECT_TRUE(result.credential->not_after);
    expect_error(program(R"({"Version":2,"AccessKeyId":"orders","SecretAccessKey":"PW"})"), "\"Version\" is not 1");
    expect_error(program(R"({"Version":1,"AccessKeyId":"orders"})"), "\"SecretAccessKey\" is missing");
}

TEST(ProgramOutput, RefusesWhatIsNotOneObject) {
    for (auto text : {"", "PW", "\"PW\"", "[]", "{} {}", "username=orders\npassword=PW\n", "{\"username\":\"PW\""})
        expect_error(program(text), "is not one JSON object");
    expect_error(program("{}"), "\"username\" is missing");
}

TEST(ProgramOutput, RefusesEveryTruncation) {
    auto text = with_password(R"({"kind":"ExecCredential","status":{"token":"PW","username":"orders"}})");
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(parse_program_output(text.substr(0, size)).credential) << size;
}

} // namespace
} // namespace rekey::rotation
