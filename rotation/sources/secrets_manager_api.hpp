// What AWS Secrets Manager is asked and answers. Pure. Errors never hold a secret.
#pragma once

#include "rotation/source.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation {

// The body of a GetSecretValue. The stage is always named: not everything that speaks this protocol has the default
// that its documentation gives.
std::string secret_value_request(const std::string& secret, std::string_view stage);

// The body of a RotateSecret; `token` (32 to 64 characters) makes it one rotation however often it is sent.
std::string rotate_secret_request(const std::string& secret, std::string_view token);
// The answer to that: the version which the rotation is about to make. Empty: it names none.
std::string parse_rotate_secret(std::string_view body);

// The answer to a GetSecretValue. The secret is a JSON object whose members `fields` names, as those of RDS are (with
// or without host and port), or nothing but a password, of the user who is configured. `version` is the store's
// VersionId.
FetchResult parse_secret_value(std::string_view body, const config::Aws& aws);

} // namespace rekey::rotation
