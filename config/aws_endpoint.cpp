#include "config/aws_endpoint.hpp"

#include "config/config.hpp"
#include "config/scalars.hpp"

namespace rekey::config {

std::string aws_endpoint(std::string_view service, std::string_view region) {
    auto host = std::string(service) + "." + std::string(region) + ".amazonaws.com";
    return "https://" + host + (region.starts_with("cn-") ? ".cn" : "");
}

bool is_aws_region(std::string_view text) {
    constexpr std::size_t longest = 32;
    return !text.empty() && text.size() <= longest &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string_view region_of_arn(std::string_view arn) {
    auto parts = split(arn, ':'); // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
    return parts.size() >= 6 && parts[0] == "arn" && is_aws_region(parts[3]) ? parts[3] : std::string_view();
}

std::string_view region_of_host(std::string_view host) {
    // NAME.ID.REGION.rds.amazonaws.com and NAME.ID.rds.REGION.amazonaws.com.cn
    constexpr std::size_t from_end = 4;
    bool china = host.ends_with(".amazonaws.com.cn");
    if (!china && !host.ends_with(".rds.amazonaws.com"))
        return {};
    auto parts = split(host, '.');
    if (parts.size() <= from_end || (china && parts[parts.size() - from_end - 1] != "rds"))
        return {};
    auto region = parts[parts.size() - from_end];
    return is_aws_region(region) ? region : std::string_view();
}

bool is_protected(const HttpUrl& url) {
    Address address;
    address.host = url.host;
    return url.tls || address.is_loopback();
}

} // namespace rekey::config
