#include "config/aws_endpoint.hpp"
#include "config/config.hpp"
#include "config/validate.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

bool is_word(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

void validate_endpoint(const AliyunKms& kms, const std::string& path, Problems& problems) {
    if (problems.bad(path + ".endpoint") || problems.bad(path + ".region"))
        return;
    bool own = problems.located(path + ".endpoint");
    if (kms.endpoint.empty())
        return problems.error(path + ".region", "is missing; it or endpoint says where KMS is");
    auto url = parse_http_url(kms.endpoint);
    if (!own) {
        constexpr std::string_view before = "https://kms.", behind = ".aliyuncs.com";
        auto region = std::string_view(kms.endpoint).substr(before.size());
        if (!is_aws_region(region.substr(0, region.size() - behind.size()))) // made of the same characters
            problems.error(path + ".region", "expects a region such as cn-hangzhou");
    } else if (!url || !url->path.empty()) {
        problems.error(path + ".endpoint", "expects https://host");
    } else if (!is_protected(*url)) {
        problems.error(path + ".endpoint", "expects https: secrets would cross the network in the clear");
    }
}

void validate_metadata(const AliyunKms& kms, const std::string& path, Problems& problems) {
    if (problems.bad(path))
        return;
    auto url = parse_http_url(kms.metadata);
    if (!url || !url->path.empty() || !(is_protected(*url) || url->host == "100.100.100.200"))
        problems.error(path, "expects http://100.100.100.200 or an address of this host");
}

} // namespace

void validate_access_key(const AccessKey& key, const std::string& path, Problems& problems) {
    constexpr std::size_t longest_id = 128;
    if (!problems.located(path) || problems.bad(path))
        return;
    bool parts = false;
    for (auto part : {".id", ".secret", ".token"})
        parts = parts || problems.located(path + part);
    bool file = problems.located(path + ".file");
    if (parts == file)
        return problems.error(path, "expects either id and secret or file");
    for (auto part : {".id", ".secret"})
        if (parts && !problems.located(path + part) && !problems.bad(path + part))
            problems.error(path + part, "is missing");
    if (!key.id.empty() && !is_word(key.id, longest_id))
        problems.error(path + ".id", "expects the id of an access key");
}

void validate_kms_access(const AliyunKms& kms, const std::string& path, Problems& problems) {
    validate_endpoint(kms, path, problems);
    validate_access_key(kms.access_key, path + ".access_key", problems);
    validate_metadata(kms, path + ".metadata", problems);
    if (!problems.bad(path + ".ram_role") && !kms.ram_role.empty() &&
        (!is_word(kms.ram_role, 64) || kms.ram_role.find('/') != std::string::npos))
        problems.error(path + ".ram_role", "expects the name of a RAM role");
    int ways = 0;
    for (auto key : {".access_key", ".ram_role", ".client_key"})
        ways += problems.located(path + key) ? 1 : 0;
    if (ways > 1)
        problems.error(path, "access_key, ram_role and client_key exclude each other");
    bool client_key = problems.located(path + ".client_key") && !problems.bad(path + ".client_key");
    if (client_key && !problems.located(path + ".endpoint"))
        problems.error(path + ".endpoint", "is missing; client_key needs that of the KMS instance");
}

void validate_aliyun_kms(const AliyunKms& kms, const std::string& path, Problems& problems) {
    constexpr std::size_t longest_secret = 192;
    if (!problems.bad(path + ".secret") && !is_word(kms.secret, longest_secret))
        problems.error(path + ".secret", "expects the name of a secret");
    validate_kms_access(kms, path, problems);
}

} // namespace rekey::config
