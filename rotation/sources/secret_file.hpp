// A secret that is read for every use, where its file is renewed by somebody else.
#pragma once

#include "config/config.hpp"

#include <string>

namespace rekey::rotation {

// Returns what went wrong, naming the file; empty: `secret` has the content without blanks and line ends behind it.
// Blocking. At most 64 KiB.
std::string read_secret(const config::SecretReference& reference, protocol::Secret& secret);

} // namespace rekey::rotation
