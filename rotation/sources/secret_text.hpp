// A secret's text read into a credential, whichever store keeps it. Pure; errors never hold a secret.
#pragma once

#include "rotation/source.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation {

enum class Bare { refused, password }; // what a text is that is no JSON object

// A JSON object with the parts that `shape` names; others do not count. Without a user name it is `shape.user`'s.
// `bare`: the whole text is the password of `shape.user`.
FetchResult read_secret_text(std::string_view text, const config::SecretShape& shape, Bare bare);

// "7-1a2b3c4d": fractions of a hash tell versions apart that a store which was emptied numbers alike. Without a
// version of the store's the whole hash.
std::string full_version(const std::string& of_store, const std::string& hash);

} // namespace rekey::rotation
