#include "config/build.hpp"

namespace rekey::config {

std::shared_ptr<const Aws> build_aws(const Section& section, SourceType type, Building& building) {
    auto variable = [&](const char* name) { return building.secrets.variable(name).value_or(""); };
    auto aws = std::make_shared<Aws>();
    aws->region = section.text("region");
    aws->profile = section.text("profile");
    aws->user = section.text("user");
    aws->ca = section.has("ca") ? section.path("ca") : variable("AWS_CA_BUNDLE");
    if (type == SourceType::rds_iam)
        return aws;
    aws->secret = section.text("secret");
    aws->endpoint = section.has("endpoint") ? section.text("endpoint") : variable("AWS_ENDPOINT_URL_SECRETS_MANAGER");
    if (aws->endpoint.empty())
        aws->endpoint = variable("AWS_ENDPOINT_URL");
    aws->username_field = section.section("fields").text("username");
    aws->password_field = section.section("fields").text("password");
    aws->endpoint_fields = build_endpoint_fields(section.section("fields"));
    return aws;
}

} // namespace rekey::config
