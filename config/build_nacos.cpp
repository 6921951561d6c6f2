#include "config/build.hpp"

namespace rekey::config {

namespace {

SecretReference reference(const Section& section, std::string_view key, Building& building) {
    return building.secrets.reference(section.node(key), section.shown(key));
}

void build_signature(const Section& section, Nacos& nacos, Building& building) {
    nacos.access_key = section.text("access_key");
    nacos.secret_key = reference(section, "secret_key", building);
    nacos.security_token = reference(section, "security_token", building);
    nacos.region = section.text("region");
    nacos.product = section.text("product");
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
    nacos->username_field = fields.has("username") ? fields.text("username") : std::string();
    nacos->password_field = fields.has("password") ? fields.text("password") : std::string();
    nacos->ca = section.path("ca");
    nacos->server_name = section.text("server_name");
    nacos->certificate = section.path("certificate");
    nacos->key = section.path("key");
    if (section.has("login")) {
        nacos->username = section.section("login").text("username");
        nacos->password = reference(section.section("login"), "password", building);
    }
    if (section.has("signature"))
        build_signature(section.section("signature"), *nacos, building);
    return nacos;
}

} // namespace rekey::config
