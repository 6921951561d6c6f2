// What AWS answers, read: keys, errors in JSON and XML, dates; shared files and commands.
#include "rotation/aws/answers.hpp"
#include "rotation/aws/profiles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::aws {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string whole = R"({"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"s3cret","Token":"t0ken",)"
                          R"("Expiration":"2030-01-02T03:04:05Z"})";

TEST(AwsKeys, AreReadFromEveryShapeOfJson) {
    auto result = parse_keys_json(whole);
    ASSERT_TRUE(result.keys) << result.error;
    EXPECT_EQ(result.keys->id, "ASIA1");
    EXPECT_EQ(result.keys->secret.reveal(), "s3cret");
    EXPECT_EQ(result.keys->session.reveal(), "t0ken");
    EXPECT_EQ(result.keys->expires, std::chrono::sys_days(std::chrono::year(2030) / 1 / 2) + 3h + 4min + 5s);
    auto process = parse_keys_json(R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t"})");
    ASSERT_TRUE(process.keys) << process.error;
    EXPECT_EQ(process.keys->session.reveal(), "t");
    EXPECT_FALSE(process.keys->expires);
}

TEST(AwsKeys, AreNotReadFromHalfAnAnswer) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        EXPECT_FALSE(parse_keys_json(std::string_view(whole).substr(0, cut)).keys) << cut;
    for (const char* text : {R"({"Version":2,"AccessKeyId":"A","SecretAccessKey":"s"})", R"({"AccessKeyId":"A"})",
                             R"({"AccessKeyId":5,"SecretAccessKey":"s"})",
                             R"({"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"soon"})",
                             R"({"Code":"AssumeRoleUnauthorizedAccess"})"}) {
        auto result = parse_keys_json(text);
        EXPECT_FALSE(result.keys) << text;
        EXPECT_THAT(result.error, Not(IsEmpty()));
    }
}

TEST(AwsKeys, AreReadFromXml) {
    auto result = parse_keys_xml("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>"
                                 "<SecretAccessKey>s3cret</SecretAccessKey><SessionToken>t0ken</SessionToken>"
                                 "<Expiration>2030-01-02T03:04:05Z</Expiration></Credentials></AssumeRoleResult>"
                                 "</AssumeRoleResponse>");
    ASSERT_TRUE(result.keys) << result.error;
    EXPECT_EQ(result.keys->id, "ASIA1");
    EXPECT_EQ(result.keys->session.reveal(), "t0ken");
    EXPECT_TRUE(result.keys->expires);
    EXPECT_FALSE(parse_keys_xml("<Credentials><AccessKeyId>A").keys);
}

ServiceError error(int status, const std::string& body, const std::string& type = {}) {
    http::Head head;
    head.status = status;
    if (!type.empty())
        head.headers = {{"X-Amzn-Errortype", type}};
    return parse_error(status, head, body);
}

TEST(AwsErrors, AreReadFromJsonXmlAndHeader) {
    auto json = error(400, R"({"__type":"com.amazon.coral.service#ThrottlingException","Message":"Rate exceeded"})");
    EXPECT_EQ(json.code, "ThrottlingException");
    EXPECT_EQ(json.message, "Rate exceeded");
    EXPECT_EQ(error(400, R"({"__type":"DecryptionFailure","message":"m"})").message, "m");
    EXPECT_EQ(error(400, "{}", "AccessDeniedException:http://internal.amazon.com/").code, "AccessDeniedException");
    auto xml = error(403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"
                          "</ErrorResponse>");
    EXPECT_EQ(xml.code, "SignatureDoesNotMatch");
    EXPECT_EQ(xml.message, "no");
    EXPECT_EQ(error(502, "<html>").code, "");
    EXPECT_EQ(error(400, R"({"__type":"pass=word"})").code, "") << "no name, and so nothing for a log";
}

TEST(AwsErrors, AreToldApart) {
    EXPECT_TRUE(is_passing(error(400, R"({"__type":"ThrottlingException"})")));
    EXPECT_TRUE(is_passing(error(400, R"({"__type":"TransactionInProgressException"})")));
    EXPECT_TRUE(is_passing(error(503, "")));
    EXPECT_FALSE(is_passing(error(400, R"({"__type":"ResourceNotFoundException"})")));
    EXPECT_FALSE(is_passing(error(403, R"({"__type":"AccessDeniedException"})")));
    EXPECT_TRUE(is_expired(error(400, R"({"__type":"ExpiredTokenException"})")));
    EXPECT_TRUE(is_expired(error(403, "<Code>InvalidClientTokenId</Code>")));
    EXPECT_FALSE(is_expired(error(400, R"({"__type":"InvalidSignatureException"})")));
    EXPECT_TRUE(is_skewed(error(400, R"({"__type":"InvalidSignatureException","message":"Signature expired: 1"})")));
    EXPECT_TRUE(is_skewed(error(403, R"({"__type":"RequestTimeTooSkewed"})")));
    EXPECT_FALSE(is_skewed(error(400, R"({"__type":"InvalidSignatureException","message":"The request"})")));
}

TEST(AwsErrors, SayWhatTheyMeanAndHideWhatMightBeASecret) {
    EXPECT_EQ(explain(error(400, R"({"__type":"ResourceNotFoundException","message":"not found"})")),
              "status 400 ResourceNotFoundException: there is no such secret, or no version with this stage (not "
              "found)");
    EXPECT_THAT(explain(error(400, R"({"__type":"X","message":"password=hunter2"})")), Not(HasSubstr("hunter2")));
}

TEST(AwsErrors, ReadTheDateOfAnAnswer) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
              std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s);
    for (const char* text :
         {"", "Sun, 06 Nov 1994 08:49:37 CET", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"})
        EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(AwsProfiles, AreReadFromBothKindsOfFiles) {
    std::map<std::string, Profile> profiles;
    parse_profiles("# comment\n[default]\naws_access_key_id = A\r\naws_secret_access_key=s=1\n\n[Two]\nRegion = x\n",
                   FileKind::credentials, profiles);
    parse_profiles("[default]\nregion = eu-west-1\naws_access_key_id = B\n[profile Two]\nregion = y\n"
                   "[sso-session s]\nregion = z\n[profile \"with blank\"]\nregion = q\ns3 =\n  max = 5\n",
                   FileKind::config, profiles);
    ASSERT_EQ(profiles.size(), 3u);
    EXPECT_EQ(profiles["default"]["aws_access_key_id"].reveal(), "A") << "credentials come first";
    EXPECT_EQ(profiles["default"]["aws_secret_access_key"].reveal(), "s=1");
    EXPECT_EQ(profiles["default"]["region"].reveal(), "eu-west-1");
    EXPECT_EQ(profiles["Two"]["region"].reveal(), "x");
    EXPECT_EQ(profiles["with blank"]["region"].reveal(), "q");
    EXPECT_FALSE(profiles["with blank"].contains("max"));
}

TEST(AwsProfiles, SplitCommandsWithoutAShell) {
    EXPECT_THAT(split_command(R"(/bin/a "b c" d\ e 'f\g' "" $HOME)"),
                ElementsAre("/bin/a", "b c", "d e", "f\\g", "", "$HOME"));
    EXPECT_THAT(split_command("  "), IsEmpty());
    EXPECT_THAT(split_command("a 'b"), IsEmpty());
}

} // namespace
} // namespace rekey::rotation::aws
