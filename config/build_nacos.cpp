#include "config/build.hpp"

namespace rekey::config {

namespace {

std::shared_ptr<const AliyunKms> build_kms(const Section& section, Building& building) {
    auto kms = std::make_shared<AliyunKms>();
    build_kms_access(section, *kms, building);
    return kms;
}

// Older servers know the public namespace by no name, newer ones by this one.
std::string without_public(std::string name_space) {
    return name_space == "public" ? std::string() : name_space;
}

} // namespace

std::shared_ptr<const Nacos> build_nacos(const Section& section, Building& building) {
    auto nacos = std::make_shared<Nacos>();
    nacos->addresses = section.texts("addresses");
    nacos->allow_http = section.boolean("allow_http");
    nacos->name_space = without_public(section.text("namespace"));
    nacos->group = section.text("group");
    nacos->data_id = section.text("data_id");
    nacos->api = section.choice<NacosApi>("api");
    nacos->format = section.choice<DocumentFormat>("format");
    auto fields = section.section("fields");
    auto named = [&](std::string_view key) { return fields.has(key) ? fields.text(key) : std::string(); };
    nacos->username_field = named("username");
    nacos->password_field = named("password");
    nacos->endpoint_fields = {named("host"), named("port"), named("database"), named("url")};
    nacos->ca = section.path("ca");
    nacos->server_name = section.text("server_name");
    nacos->certificate = section.path("certificate");
    nacos->key = section.path("key");
    if (auto login = section.section("login"); section.has("login")) {
        nacos->username = login.text("username");
        nacos->password = building.secrets.reference(login.node("password"), login.shown("password"));
    }
    nacos->access_key = build_access_key(section, building);
    nacos->region = section.text("region");
    nacos->product = section.text("product");
    if (section.has("kms"))
        nacos->kms = build_kms(section.section("kms"), building);
    return nacos;
}

} // namespace rekey::config
