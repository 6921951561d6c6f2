// The grammars of single values: durations, sizes, addresses, networks, windows. Pure; absent means "not such a value".
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::config {

std::optional<std::uint64_t> parse_integer(std::string_view text); // decimal digits only
std::optional<bool> parse_boolean(std::string_view text);          // true | false
std::optional<Duration> parse_duration(std::string_view text);     // 0, 100ms, 5s, 10m, 24h, 7d; up to 100 years
std::optional<std::uint64_t> parse_size(std::string_view text);    // bytes: 512B, 64KiB, 16MiB, 1GiB
std::optional<Address> parse_address(std::string_view text);       // host:port, [v6]:port, unix:/path
std::optional<Network> parse_network(std::string_view text);       // 10.0.0.0/8, ::1/128, 127.0.0.1, unix
std::optional<RotationWindow> parse_window(std::string_view text); // 02:00-04:00 UTC
// 32 bytes, from 64 hexadecimal digits or 44 characters of base64.
std::optional<protocol::Secret> parse_key(std::string_view text);

bool is_variable_name(std::string_view text); // of the environment: letters, digits, _
bool is_name(std::string_view text);          // 1 to 63 bytes, none of them a control character; not `*`

std::string lower_case_hex(std::string_view bytes);

// Split at every `separator`; an empty text has no parts.
std::vector<std::string_view> split(std::string_view text, char separator);

// The candidate that differs from `word` by the fewest insertions, deletions, substitutions and swaps of neighbours,
// if few enough that it is probably what was meant; else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

} // namespace rekey::config
