// A store entry as text (JSON) and back. The text holds secrets: the caller encrypts and cleanses it.
#pragma once

#include "rotation/credential_store.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

std::string encode_entry(const StoreEntry& entry);

// Empty for anything that encode_entry() did not make: a missing or additional key, a value of another type or range.
std::optional<StoreEntry> decode_entry(std::string_view text);

} // namespace rekey::rotation
