// Signatures, against the published vectors.
#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/aws/rds_tokens.hpp"
#include "rotation/aws/sigv4.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::aws {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const auto when = std::chrono::sys_days(std::chrono::year(2015) / 8 / 30) + 12h + 36min;
const Scope scope{"us-east-1", "service"};

std::shared_ptr<Keys> example_keys(std::string_view session = {}) {
    auto keys = std::make_shared<Keys>();
    keys->id = "AKIDEXAMPLE";
    keys->secret = protocol::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    keys->session = protocol::Secret(session);
    return keys;
}

ToSign get(const std::string& path = "/") {
    ToSign request;
    request.host = "example.amazonaws.com";
    request.path = path;
    return request;
}

std::string hex_hash(std::string_view text) {
    return config::lower_case_hex(protocol::auth::view(protocol::auth::sha256({text})));
}

std::string authorization(const std::vector<http::Header>& headers) {
    for (const auto& header : headers)
        if (header.name == "Authorization")
            return std::string(header.value.reveal());
    return {};
}

std::string signature(ToSign request, const Scope& where = scope) {
    auto text = authorization(sign(*example_keys(), where, std::move(request), when));
    return text.substr(text.rfind('=') + 1);
}

TEST(SignatureV4, DerivesTheKeysOfThePublishedExamples) {
    auto key = [](const char* service) {
        return config::lower_case_hex(signing_key(example_keys()->secret, "20150830", {"us-east-1", service}).reveal());
    };
    EXPECT_EQ(key("iam"), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    EXPECT_EQ(key("service"), "938127b5336810ddb6a5d6af445fcac9e371f9ed418ed386b022aed82901be75");
}

TEST(SignatureV4, HashesTheCanonicalRequestOfThePublishedExample) {
    auto request = get();
    request.headers.push_back({"X-Amz-Date", protocol::Secret("20150830T123600Z")});
    std::string names;
    auto canonical = canonical_request(request, names);
    EXPECT_EQ(names, "host;x-amz-date");
    EXPECT_EQ(hex_hash(canonical), "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
}

TEST(SignatureV4, SignsThePublishedExamples) {
    EXPECT_EQ(signature(get()), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    auto query = get();
    query.query = {{"Param2", "value2"}, {"Param1", "value1"}};
    EXPECT_EQ(signature(std::move(query)), "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    EXPECT_EQ(signature(get("/example space/")), "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
}

TEST(SignatureV4, SignsABodyWithAllTheHeadersItIsGiven) {
    auto request = get();
    request.method = "POST";
    request.body = "Param1=value1";
    request.headers.push_back({"Content-Type", protocol::Secret("application/x-www-form-urlencoded")});
    request.headers.push_back({"Content-Length", protocol::Secret("13")});
    request.headers.push_back({"X-Amz-Content-Sha256", protocol::Secret(hex_hash(request.body))});
    EXPECT_EQ(signature(std::move(request)), "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b");
}

TEST(SignatureV4, SignsAGetSecretValue) {
    ToSign request;
    request.method = "POST";
    request.host = "secretsmanager.us-east-1.amazonaws.com";
    request.body = R"({"SecretId":"db1","VersionStage":"AWSCURRENT"})";
    request.headers.push_back({"Content-Type", protocol::Secret("application/x-amz-json-1.1")});
    request.headers.push_back({"X-Amz-Target", protocol::Secret("secretsmanager.GetSecretValue")});
    EXPECT_EQ(signature(std::move(request), {"us-east-1", "secretsmanager"}),
              "d46ac962044152ecd3a4bed0f10e2af277652bd6c14440f13b4bc17c4131fc06");
}

TEST(SignatureV4, NamesKeyScopeAndHeaders) {
    auto headers = sign(*example_keys(), scope, get(), when);
    EXPECT_THAT(authorization(headers),
                StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                           "SignedHeaders=host;x-amz-date, Signature="));
    for (const auto& header : headers)
        EXPECT_NE(header.name, "X-Amz-Security-Token") << "these are no session's keys";
}

TEST(SignatureV4, SignsTheTokenOfASession) {
    auto headers = sign(*example_keys("the-token"), scope, get(), when);
    EXPECT_THAT(authorization(headers), HasSubstr("SignedHeaders=host;x-amz-date;x-amz-security-token"));
    EXPECT_EQ(std::count_if(headers.begin(), headers.end(),
                            [](const http::Header& header) { return header.value.reveal() == "the-token"; }),
              1);
}

TEST(SignatureV4, WritesValuesWithoutBlanksThatMeanNothing) {
    auto request = get();
    request.headers.push_back({"My-Header1", protocol::Secret("  a   b  ")});
    request.headers.push_back({"my-header2", protocol::Secret("")});
    std::string names;
    EXPECT_THAT(canonical_request(request, names), HasSubstr("\nmy-header1:a b\nmy-header2:\n"));
}

TEST(SignatureV4, EscapesEverythingThatIsNotUnreserved) {
    EXPECT_EQ(escape("aZ09-_.~"), "aZ09-_.~");
    EXPECT_EQ(escape("a b+/=&\xc3\xa4"), "a%20b%2B%2F%3D%26%C3%A4");
}

TEST(SignatureV4, PresignsThePublishedExample) {
    auto address = presign(*example_keys(), scope, get(), 3600s, when);
    EXPECT_THAT(std::string(address.reveal()),
                EndsWith("&X-Amz-Signature=e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"));
    EXPECT_THAT(std::string(address.reveal()), StartsWith("example.amazonaws.com/?X-Amz-Algorithm=AWS4-HMAC-SHA256"));
}

const std::string database = "db.example.us-east-1.rds.amazonaws.com";

std::string token(const RdsTokens& tokens, std::chrono::system_clock::time_point now = when,
                  const std::string& host = database, std::uint16_t port = 5432) {
    return std::string(tokens.make(host, port, now).reveal());
}

TEST(RdsTokens, AreThePublishedExample) {
    RdsTokens tokens("app_user", "us-east-1");
    tokens.use(example_keys(), "");
    EXPECT_THAT(token(tokens), StartsWith(database + ":5432/?Action=connect&DBUser=app_user&X-Amz-Algorithm="));
    EXPECT_THAT(token(tokens), HasSubstr("&X-Amz-Expires=900&"));
    EXPECT_THAT(token(tokens),
                EndsWith("&X-Amz-Signature=598f2f79ec8592de0c13d802a6d8a2faab4b2d80ddb6cdaa4f044b27934892c6"));
}

TEST(RdsTokens, AreOfOneHostAndPort) {
    RdsTokens tokens("app_user", "us-east-1");
    tokens.use(example_keys(), "");
    EXPECT_NE(token(tokens), token(tokens, when, database, 3306));
    EXPECT_THAT(token(tokens, when, "db2.example.us-east-1.rds.amazonaws.com"), StartsWith("db2.example"));
}

TEST(RdsTokens, TakeTheRegionOfTheHostWhereNoneIsSaid) {
    RdsTokens tokens("app_user", "");
    tokens.use(example_keys(), "eu-west-1");
    EXPECT_THAT(token(tokens), HasSubstr("%2Fus-east-1%2Frds-db%2F"));
    EXPECT_THAT(token(tokens, when, "db.internal"), HasSubstr("%2Feu-west-1%2Frds-db%2F"));
}

TEST(RdsTokens, AreShownAgainForTenMinutesAtMost) {
    RdsTokens tokens("app_user", "us-east-1");
    tokens.use(example_keys(), "");
    auto first = token(tokens);
    EXPECT_EQ(token(tokens, when + 9min), first);
    auto second = token(tokens, when + 10min);
    EXPECT_NE(second, first);
    EXPECT_THAT(second, HasSubstr("X-Amz-Date=20150830T124600Z"));
    EXPECT_EQ(token(tokens, when), first) << "a clock that was put back";
}

TEST(RdsTokens, AreMadeAnewWhenTheKeysAreOthers) {
    RdsTokens tokens("app_user", "us-east-1");
    tokens.use(example_keys(), "");
    auto first = token(tokens);
    tokens.use(example_keys(), "");
    EXPECT_EQ(token(tokens, when + 1min), first) << "the same keys, read once more";
    const std::string session(1500, 's'); // as long as a role's are
    tokens.use(example_keys(session), "");
    EXPECT_THAT(token(tokens, when + 1min), HasSubstr("&X-Amz-Security-Token=" + session + "&"));
}

} // namespace
} // namespace rekey::rotation::aws
