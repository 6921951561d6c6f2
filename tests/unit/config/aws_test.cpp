// Sources of types aws_secrets_manager and rds_iam: what the file says, what comes from the environment, what is
// refused.
#include "config/aws_endpoint.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string at = "/etc/rekey.yaml:3: credentials[main].source.";

std::string with_source(const std::string& rest, const std::string& upstream = upstreams) {
    return users + upstream + "credentials: [{ name: main, source: { " + rest + " } }]\n";
}

std::vector<std::string> errors(const std::string& rest, const FakeInputs& inputs = {}) {
    return inputs.errors(with_source(rest));
}

std::string upstream(const std::string& rest) {
    return "upstreams: [{ name: main, credential: main, " + rest + " }]\n";
}

TEST(SecretsManagerSource, TakesWhatTheFileSays) {
    auto result = FakeInputs().load(with_source(
        "type: aws_secrets_manager, secret: orders/db, region: eu-west-1, profile: p, endpoint: \"https://vpce:8443\", "
        "ca: ca.crt, user: app, fields: { username: u, password: pw }, timeout: 3s"));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& credential = result.config->credentials[0];
    EXPECT_EQ(credential.refresh, Duration(30'000));
    EXPECT_EQ(credential.source.timeout, Duration(3'000));
    const auto& aws = *credential.source.aws;
    EXPECT_EQ(aws.secret, "orders/db");
    EXPECT_EQ(aws.region, "eu-west-1");
    EXPECT_EQ(aws.profile, "p");
    EXPECT_EQ(aws.endpoint, "https://vpce:8443");
    EXPECT_EQ(aws.ca, "/etc/ca.crt");
    EXPECT_EQ(aws.user, "app");
    EXPECT_EQ(aws.username_field, "u");
    EXPECT_EQ(aws.password_field, "pw");
}

TEST(SecretsManagerSource, FallsBackToTheVariablesOfItsPrograms) {
    auto endpoint = [](const std::map<std::string, std::string>& variables) {
        FakeInputs inputs;
        inputs.variables = variables;
        auto result = inputs.load(with_source("type: aws_secrets_manager, secret: s"));
        EXPECT_THAT(result.errors, IsEmpty());
        return result.ok() ? result.config->credentials[0].source.aws->endpoint : std::string("?");
    };
    EXPECT_EQ(endpoint({}), "");
    EXPECT_EQ(endpoint({{"AWS_ENDPOINT_URL", "https://a"}}), "https://a");
    EXPECT_EQ(endpoint({{"AWS_ENDPOINT_URL", "https://a"}, {"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://b"}}),
              "https://b");
}

TEST(SecretsManagerSource, NeedsASecretAndAnAddressItCanTrust) {
    EXPECT_THAT(errors("type: aws_secrets_manager"), ElementsAre(at + "secret: is missing"));
    EXPECT_THAT(errors("type: aws_secrets_manager, secret: \"a b\""),
                ElementsAre(at + "secret: expects the name or the ARN of a secret"));
    EXPECT_THAT(errors("type: aws_secrets_manager, secret: a, endpoint: \"http://store\""),
                ElementsAre(at + "endpoint: expects https: secrets would cross the network in the clear"));
    EXPECT_THAT(errors("type: aws_secrets_manager, secret: a, endpoint: store"),
                ElementsAre(at + "endpoint: expects https://host"));
    EXPECT_THAT(errors("type: aws_secrets_manager, secret: a, region: \"EU West\""),
                ElementsAre(at + "region: expects a region such as us-east-1"));
}

TEST(SecretsManagerSource, IsNotRotatedByRekey) {
    EXPECT_THAT(FakeInputs().errors(users + upstreams +
                                    "credentials: [{ name: main, source: { type: aws_secrets_manager, secret: a }, "
                                    "rotation: { strategy: single_user } }]\n"),
                ElementsAre(HasSubstr("rotation: needs a source of type local")));
}

TEST(RdsIamSource, NeedsAUser) {
    EXPECT_THAT(errors("type: rds_iam"), ElementsAre(at + "user: is missing"));
    auto result = FakeInputs().load(with_source("type: rds_iam, user: app"));
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->credentials[0].source.aws->user, "app");
}

TEST(RdsIamSource, LogsInUnderTlsOnly) {
    auto refusals = [](const std::string& rest) {
        return FakeInputs().errors(with_source("type: rds_iam, user: app", upstream(rest)));
    };
    EXPECT_THAT(refusals("hosts: [\"db:5432\"]"), IsEmpty());
    EXPECT_THAT(refusals("hosts: [\"db:5432\"], tls: { mode: require }"), IsEmpty());
    auto refused = ElementsAre(HasSubstr("must be require, verify-ca or verify-full"));
    EXPECT_THAT(refusals("hosts: [\"db:5432\"], tls: { mode: prefer }"), refused);
    EXPECT_THAT(refusals("hosts: [\"db:5432\"], tls: { mode: disable }"), refused);
    EXPECT_THAT(refusals("hosts: [\"127.0.0.1:5432\"]"), refused) << "loopback prefers by default";
    EXPECT_THAT(refusals("hosts: [\"unix:/run/db\"], tls: { mode: require }"), refused);
}

TEST(AwsEndpoint, IsThatOfTheRegion) {
    EXPECT_EQ(aws_endpoint("secretsmanager", "us-east-1"), "https://secretsmanager.us-east-1.amazonaws.com");
    EXPECT_EQ(aws_endpoint("sts", "cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
}

TEST(AwsEndpoint, NamesTellTheirRegion) {
    EXPECT_EQ(region_of_arn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders-AbCdEf"), "eu-west-1");
    EXPECT_EQ(region_of_arn("orders"), "");
    EXPECT_EQ(region_of_host("db.abc.us-east-1.rds.amazonaws.com"), "us-east-1");
    EXPECT_EQ(region_of_host("db.abc.rds.cn-north-1.amazonaws.com.cn"), "cn-north-1");
    EXPECT_EQ(region_of_host("db.example.com"), "");
}

} // namespace
} // namespace rekey::config
