// Judges the text of a single value by its option.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::config {

struct Option;

// Why `text` is no value of the option, reading on from its key; empty when it is one.
std::string complaint(const Option& option, std::string_view text);

// A duration in ms, a size in bytes or a plain number, as the option's type says.
std::optional<std::uint64_t> parse_number(const Option& option, std::string_view text);

// `; did you mean "x"?`, or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

} // namespace rekey::config
