// A secret of Alibaba Cloud's KMS, read into a credential. Pure. Errors never hold a secret.
#pragma once

#include "rotation/alibaba/answers.hpp"
#include "rotation/source.hpp"

namespace rekey::rotation {

// Rds and PolarDB: {"AccountName", "AccountPassword"}. Generic: a JSON object with the configured fields, or nothing
// but a password where `kms.user` says whose. Fetched::version is the store's; Fetched::look_again is set where a
// rotation is planned: a random moment shortly after it.
FetchResult read_kms_secret(const alibaba::SecretValue& value, const config::AliyunKms& kms,
                            std::chrono::system_clock::time_point now, std::uint64_t random);

// Whether KMS itself rotates secrets of this type.
bool kms_rotates(std::string_view type);

} // namespace rekey::rotation
