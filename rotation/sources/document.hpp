// What files and programs write, read into a credential. Pure; the texts hold secrets, the errors never do.
#pragma once

#include "rotation/source.hpp"

#include <string_view>

namespace rekey::rotation {

inline constexpr std::size_t largest_document = 64 * 1024;

// A file: {"username": …, "password": …} (with "expiration" and "version_id" if it likes), or flat `key=value` or
// `key: value` lines with these keys. `host`, `port` and `dbname` say where the database is (rotation/endpoint.hpp);
// others are ignored.
// In `key=value` a quoted value is taken without its quotes; in `key: value` YAML's quotes and comments count, and
// what else YAML can say is refused rather than misread.
// `user` is whose the password is where nobody is named; empty: nobody's.
FetchResult parse_file_document(std::string_view text, const std::string& user = {});

// A program's output, one of
//   {"version": 1, "username", "password", "expiration"?, "version_id"?}
//   {"kind": "ExecCredential", "status": {"token", "expirationTimestamp"?, "username"?}}   kubectl; `username` is ours
//   {"Version": 1, "AccessKeyId", "SecretAccessKey", "Expiration"?}                        AWS credential_process
// "expiration" is RFC 3339. `user` as above.
FetchResult parse_program_output(std::string_view text, const std::string& user = {});

// Empty when the database protocols can carry the credential, else why not.
std::string reason_against(const Fetched& credential);

} // namespace rekey::rotation
