#include "rotation/sources/keyed_document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using config::DocumentFormat;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view password = "s3cret-Passw0rd";

FetchResult read(std::string text, DocumentFormat format, const std::vector<KeyPair>& pairs = usual_keys()) {
    for (auto at = text.find("PW"); at != std::string::npos; at = text.find("PW", at + password.size()))
        text.replace(at, 2, password);
    return parse_keyed_document(text, format, pairs);
}
FetchResult properties(std::string text) {
    return read(std::move(text), DocumentFormat::properties);
}
FetchResult yaml(std::string text) {
    return read(std::move(text), DocumentFormat::yaml);
}
FetchResult json(std::string text) {
    return read(std::move(text), DocumentFormat::json);
}

void expect_credential(const FetchResult& result, std::string_view secret = password,
                       std::string_view username = "orders") {
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, username);
    EXPECT_EQ(result.credential->password.reveal(), secret);
}
void expect_error(const FetchResult& result, const std::string& part) {
    EXPECT_FALSE(result.credential);
    EXPECT_THAT(result.error, AllOf(HasSubstr(part), Not(HasSubstr(std::string(password)))));
}

TEST(Properties, AreReadByTheNamesOfSpringAndDruid) {
    expect_credential(properties("# db\nspring.datasource.url=jdbc:postgresql://db/orders\n"
                                 "spring.datasource.username=orders\nspring.datasource.password=PW\n"));
    expect_credential(properties("spring.datasource.druid.username=orders\r\nspring.datasource.druid.password=PW\r\n"));
    expect_credential(properties("druid.username=orders\ndruid.password=PW"));
    expect_credential(properties("username=orders\npassword=PW"));
    expect_credential(properties("username=other\npassword=x\nspring.datasource.username=orders\n"
                                 "spring.datasource.password=PW\n"));
}

TEST(Properties, AreReadByNamesOfOnesOwn) {
    auto text = "db.user=orders\ndb.pass=PW\nusername=x\npassword=y\n";
    expect_credential(read(text, DocumentFormat::properties, {{"db.user", "db.pass"}}));
    expect_error(read(text, DocumentFormat::properties, {{"db.name", "db.word"}}), "there is no db.name in it");
}

TEST(Properties, MeanWhatJavaMeans) {
    auto value = [](const std::string& line) { return properties("username=orders\n" + line + "\n"); };
    expect_credential(value("password : PW"));
    expect_credential(value("  password\tPW"));
    expect_credential(value("password==PW"), "=s3cret-Passw0rd");
    expect_credential(value("password=\"PW\""), "\"s3cret-Passw0rd\"");
    expect_credential(value("password=PW "), "s3cret-Passw0rd ");
    expect_credential(value("password=a\\\\b\\=c\\:d\\!e\\#f\\x\\t"), "a\\b=c:d!e#fx\t");
    expect_credential(value("password=\\u00e4\\u5bc6\\ud83d\\ude00"), "\xc3\xa4\xe5\xaf\x86\xf0\x9f\x98\x80");
    expect_credential(value("password=\xe5\xaf\x86"), "\xe5\xaf\x86");
    expect_credential(value("password=ab\\\n   cd\\\n  ef"), "abcdef");
    expect_credential(value("! password=y\n# password=z\\\npassword=PW")); // a comment does not go on
    expect_credential(value("pass\\u0077ord=PW"));
    expect_credential(value("password=PW\\"), "s3cret-Passw0rd");
}

TEST(Properties, AreRefusedWhenTheySayTooMuchOrTooLittle) {
    expect_error(properties("username=orders\n"), "\"password\" is missing or empty");
    expect_error(properties("password=PW\n"), "\"username\" is missing or empty");
    expect_error(properties("username=orders\npassword=\n"), "\"password\" is missing or empty");
    expect_error(properties("username=orders\npassword=PW\n\npassword=PW\n"), "line 4 says password again");
    expect_error(properties("username=orders\npassword=PW\\u12\n"), "line 2 has a \\u that is no character");
    expect_error(properties("username=orders\npassword=\\ude00\n"), "line 2 has a \\u");
    expect_error(properties("username=orders\npassword=PW\\u0000\n"), "NUL");
    expect_error(properties("username=orders\npassword=${DB_PASSWORD}\n"), "\"password\" is a placeholder");
    expect_error(properties("username=orders\npassword=ENC(PW)\n"), "\"password\" is encrypted by its applications");
    expect_error(properties(""), "it names no user");
}

TEST(NestedYaml, IsReadWhereverTheKeysStand) {
    expect_credential(yaml("spring:\n  datasource:\n    username: orders\n    password: PW\n"));
    expect_credential(yaml("---\n# all\nserver:\n  port: 80\nspring:\n  profiles: [a, b]\n  datasource:\n"
                           "    druid:\n      username: 'orders' # who\n      password: \"PW\"\nlast: 1\n"));
    expect_credential(yaml("spring.datasource:\n  username: orders\n  password: PW\n"));
    expect_credential(yaml("spring.datasource.username: orders\nspring.datasource.password: PW\n"));
    expect_credential(yaml("\"spring\":\n  'datasource' :\n    \"username\": orders\n    password: PW\r\n"));
    expect_credential(yaml("username: orders\npassword: 'it''s'\n"), "it's");
    expect_credential(yaml("{\"spring\": {\"datasource\": {\"username\": \"orders\", \"password\": \"PW\"}}}"));
}

TEST(NestedYaml, DoesNotTakeTheKeysOfOthers) {
    const std::string others = "list:\n- username: x\n  password: y\n- password: z\n"
                               "spring:\n"
                               "  other:\n    datasource:\n      username: x\n      password: y\n"
                               "  notes: |\n    datasource:\n      username: x\n"
                               "  flow: {datasource: {username: x,\n    password: y}}\n"
                               "  \"/**\":\n    username: x\n"
                               "  ? complex\n  : username: x\n"
                               "  text: \"many\n    words\n    username: x\"\n";
    expect_error(yaml(others), "it names no user");
    expect_credential(yaml(others + "  datasource:\n    username: orders\n    password: PW\n"));
}

TEST(NestedYaml, RefusesWhatItWouldMisread) {
    auto value = [](const std::string& text) { return yaml("spring:\n  datasource:\n    username: orders\n" + text); };
    for (auto word : {"|", ">-", "&a PW", "*PW", "!!str PW", "[PW]", "{PW}", "\"PW", "'PW", "'PW' PW"})
        expect_error(value("    password: " + std::string(word) + "\n"), "line 4 has a value that needs more of YAML");
    expect_error(value("    password: PW\n      more\n"), "line 5 goes on with the value before it");
    expect_error(value("    password: PW\n    password: PW\n"), "line 5 says spring.datasource.password again");
    expect_error(value("    password: PW\n---\nspring.datasource.password: PW\n"), "line 6 says");
    expect_error(value("    password:\n"), "\"spring.datasource.password\" is missing or empty");
    expect_error(value("    <<: *defaults\n"), "\"spring.datasource.password\" is missing or empty");
}

TEST(KeyedJson, IsReadInObjectsAndByDottedNames) {
    expect_credential(json(R"({"username":"orders","password":"PW","port":5432})"));
    expect_credential(json(R"({"spring":{"datasource":{"druid":{"username":"orders","password":"PW"}}}})"));
    expect_credential(json(R"({"spring.datasource.username":"orders","spring.datasource":{"password":"PW"}})"));
    expect_credential(json(R"({"spring":{"datasource.username":"orders","datasource":{"password":"PW"}}})"));
}

TEST(KeyedJson, IsRefusedWhenItIsNoObjectOfTexts) {
    expect_error(json(R"({"username":"orders","password":12})"), "\"password\" is not a text");
    expect_error(json(R"({"username":"orders","password":null})"), "\"password\" is missing or empty");
    expect_error(json(R"(["username"])"), "it is no JSON object");
    const std::string whole = R"({"username":"orders","password":"PW"})";
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(json(whole.substr(0, size)).credential) << size;
}

TEST(DocumentFormats, AreToldByNameThenTypeThenLook) {
    EXPECT_EQ(format_of("db.yaml", "properties", "{"), DocumentFormat::yaml);
    EXPECT_EQ(format_of("db.yml", "", ""), DocumentFormat::yaml);
    EXPECT_EQ(format_of("db.json", "text", ""), DocumentFormat::json);
    EXPECT_EQ(format_of("db.properties", "yaml", ""), DocumentFormat::properties);
    EXPECT_EQ(format_of("db", "properties", "a: b"), DocumentFormat::properties);
    EXPECT_EQ(format_of("db", "text", "\xEF\xBB\xBF {}"), DocumentFormat::json);
    EXPECT_EQ(format_of("db", "text", "# x: y\n\na=b: c\n"), DocumentFormat::properties);
    EXPECT_EQ(format_of("db", "text", "a: b=c\n"), DocumentFormat::yaml);
    EXPECT_EQ(format_of("yaml", "", "a=b"), DocumentFormat::properties) << "a name without an end";
}

} // namespace
} // namespace rekey::rotation
