#include "config/build.hpp"

namespace rekey::config {

AccessKey build_access_key(const Section& section, Building& building) {
    auto access_key = section.section("access_key");
    auto reference = [&](const char* key) {
        return building.secrets.reference(access_key.node(key), access_key.shown(key));
    };
    return {access_key.text("id"), reference("secret"), reference("token"), access_key.path("file")};
}

void build_kms_access(const Section& section, AliyunKms& kms, Building& building) {
    auto region = section.text("region");
    kms.endpoint = section.text("endpoint");
    if (kms.endpoint.empty() && !region.empty())
        kms.endpoint = "https://kms." + region + ".aliyuncs.com";
    kms.ca = section.path("ca");
    kms.signature = section.choice<AliyunSignature>("signature");
    kms.access_key = build_access_key(section, building);
    kms.ram_role = section.text("ram_role");
    kms.metadata = section.text("metadata");
    auto client_key = section.section("client_key");
    kms.client_key = client_key.path("file");
    kms.client_key_password = building.secrets.reference(client_key.node("password"), client_key.shown("password"));
}

std::shared_ptr<const AliyunKms> build_aliyun_kms(const Section& section, Building& building) {
    auto kms = std::make_shared<AliyunKms>();
    build_kms_access(section, *kms, building);
    kms->secret = section.text("secret");
    kms->user = section.text("user");
    kms->username_field = section.section("fields").text("username");
    kms->password_field = section.section("fields").text("password");
    kms->endpoint_fields = build_endpoint_fields(section.section("fields"));
    return kms;
}

} // namespace rekey::config
