#include "config/build.hpp"

namespace rekey::config {

void build_kms_access(const Section& section, AliyunKms& kms, Building& building) {
    auto region = section.text("region");
    kms.endpoint = section.text("endpoint");
    if (kms.endpoint.empty() && !region.empty())
        kms.endpoint = "https://kms." + region + ".aliyuncs.com";
    kms.ca = section.path("ca");
    kms.signature = section.choice<AliyunSignature>("signature");
    auto reference = [&](const Section& parent, const char* key) {
        return building.secrets.reference(parent.node(key), parent.shown(key));
    };
    auto access_key = section.section("access_key");
    kms.access_key = access_key.text("id");
    kms.access_key_secret = reference(access_key, "secret");
    kms.access_key_token = reference(access_key, "token");
    kms.access_key_file = access_key.path("file");
    kms.ram_role = section.text("ram_role");
    kms.metadata = section.text("metadata");
    auto client_key = section.section("client_key");
    kms.client_key = client_key.path("file");
    kms.client_key_password = reference(client_key, "password");
}

std::shared_ptr<const AliyunKms> build_aliyun_kms(const Section& section, Building& building) {
    auto kms = std::make_shared<AliyunKms>();
    build_kms_access(section, *kms, building);
    kms->secret = section.text("secret");
    kms->user = section.text("user");
    kms->username_field = section.section("fields").text("username");
    kms->password_field = section.section("fields").text("password");
    return kms;
}

} // namespace rekey::config
