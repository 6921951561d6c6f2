#include "config/aws_endpoint.hpp"
#include "config/config.hpp"
#include "config/http_url.hpp"
#include "config/validate.hpp"

#include <algorithm>
#include <cctype>

namespace rekey::config {

namespace {

// What a server takes in the names of configurations and groups.
bool is_nacos_name(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("._:-").find(c) != std::string::npos;
    });
}

void validate_address(const std::string& text, const Nacos& nacos, const std::string& path, Problems& problems) {
    auto url = parse_http_url(text);
    if (!url)
        return problems.error(path, "expects https://host:port, not \"" + text + "\"");
    Address address;
    address.host = url->host;
    if (!url->tls && !address.is_loopback() && !nacos.allow_http)
        problems.error(path, "expects https: secrets would cross the network in the clear; allow_http takes that risk");
}

void validate_names(const Nacos& nacos, const std::string& path, Problems& problems) {
    auto check = [&](const std::string& name, const char* key) {
        if (!is_nacos_name(name) && !problems.bad(path + key))
            problems.error(path + key, "expects letters, digits and the characters . _ : - only");
    };
    check(nacos.data_id, ".data_id");
    check(nacos.group, ".group");
    check(nacos.name_space, ".namespace");
}

// Both or none: what is sealed cannot be read without, and nobody needs a key that nothing is sealed with.
void validate_kms(const Nacos& nacos, const std::string& path, Problems& problems) {
    bool encrypted = nacos.data_id.starts_with("cipher-");
    if (nacos.kms)
        validate_kms_access(*nacos.kms, path + ".kms", problems);
    if (problems.bad(path + ".data_id") || problems.bad(path + ".kms"))
        return;
    if (encrypted && !nacos.kms)
        problems.error(path + ".kms", "is missing: a data id that begins with cipher- is of a configuration that KMS "
                                      "has encrypted");
    if (!encrypted && nacos.kms)
        problems.error(path + ".kms", "applies only with a data id that begins with cipher-");
}

void validate_signature(const Nacos& nacos, const std::string& path, Problems& problems) {
    validate_access_key(nacos.access_key, path + ".access_key", problems);
    for (auto key : {".region", ".product"})
        if (problems.located(path + key) && !problems.located(path + ".access_key"))
            problems.error(path + key, "has no effect without access_key, whose signatures it is for");
    if (problems.located(path + ".product") && !problems.located(path + ".region"))
        problems.error(path + ".product", "has no effect without region");
    if (!problems.bad(path + ".region") && !nacos.region.empty() && !is_aws_region(nacos.region)) // the same characters
        problems.error(path + ".region", "expects a region such as cn-hangzhou");
}

// Both or none: half of a pair of the defaults would be a surprise.
void validate_fields(const Nacos& nacos, const std::string& path, Problems& problems) {
    if (nacos.username_field.empty() != nacos.password_field.empty())
        problems.error(path + (nacos.username_field.empty() ? ".fields.username" : ".fields.password"),
                       "is missing; with nacos both are named or none");
}

void validate_format(const Nacos& nacos, const std::string& path, Problems& problems) {
    using enum DocumentFormat;
    if (nacos.format == password || nacos.format == pgpass || nacos.format == my_cnf)
        problems.error(path + ".format", "expects auto, properties, yaml or json with type: nacos");
}

} // namespace

void validate_nacos(const Nacos& nacos, const std::string& path, Problems& problems) {
    if (nacos.addresses.empty() && !problems.bad(path + ".addresses"))
        problems.error(path + ".addresses", "is empty");
    for (const auto& address : nacos.addresses)
        validate_address(address, nacos, path + ".addresses", problems);
    validate_names(nacos, path, problems);
    validate_fields(nacos, path, problems);
    validate_format(nacos, path, problems);
    validate_signature(nacos, path, problems);
    validate_kms(nacos, path, problems);
    if (nacos.certificate.empty() != nacos.key.empty())
        problems.error(path + (nacos.key.empty() ? ".key" : ".certificate"),
                       "is missing; certificate and key go together");
}

} // namespace rekey::config
