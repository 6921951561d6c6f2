// Where AWS's services are. Pure.
#pragma once

#include "config/http_url.hpp"

#include <string>
#include <string_view>

namespace rekey::config {

// https://SERVICE.REGION.amazonaws.com, in China with .cn behind it.
std::string aws_endpoint(std::string_view service, std::string_view region);

// Lower-case letters, digits and hyphens: us-east-1.
bool is_aws_region(std::string_view text);

// The region in an ARN, or in the name of a database's endpoint (NAME.ID.REGION.rds.amazonaws.com); empty: there is
// none.
std::string_view region_of_arn(std::string_view arn);
std::string_view region_of_host(std::string_view host);

// https, or a loopback host: secrets do not cross a network in the clear.
bool is_protected(const HttpUrl& url);

} // namespace rekey::config
