#include "config/scalars.hpp"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace rekey::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// A whole number directly followed by one of `units`, not above `limit`.
std::optional<std::uint64_t> parse_quantity(std::string_view text, const std::vector<Unit>& units,
                                            std::uint64_t limit) {
    auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    auto number = parse_integer(text.substr(0, digits));
    auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == text.substr(digits); });
    if (!number || unit == units.end() || *number > limit / unit->factor)
        return std::nullopt;
    return *number * unit->factor;
}

bool is_host(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return !text.empty() && text.size() <= 253 && text.front() != '-' &&
           text.find_first_not_of(allowed) == std::string_view::npos;
}

std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text) {
    if (text.size() != 5 || text[2] != ':')
        return std::nullopt;
    auto hours = parse_integer(text.substr(0, 2)), minutes = parse_integer(text.substr(3));
    if (!hours || !minutes || *hours > 23 || *minutes > 59)
        return std::nullopt;
    return std::chrono::minutes(*hours * 60 + *minutes);
}

// No bit is set behind the prefix; 10.1.2.3/8 is more likely a slip than meant.
bool host_bits_are_zero(const Network& network) {
    for (unsigned bit = network.prefix; bit < (network.v6 ? 128u : 32u); ++bit)
        if (network.bytes[bit / 8] & (0x80u >> bit % 8))
            return false;
    return true;
}

} // namespace

std::optional<std::uint64_t> parse_integer(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
    if (text == "true")
        return true;
    if (text == "false")
        return false;
    return std::nullopt;
}

std::optional<Duration> parse_duration(std::string_view text) {
    static const std::vector<Unit> units{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    constexpr std::uint64_t century = 36'500ull * 86'400'000;
    if (text == "0")
        return Duration(0);
    auto value = parse_quantity(text, units, century);
    return value ? std::optional(Duration(*value)) : std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    static const std::vector<Unit> units{{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    return parse_quantity(text, units, std::uint64_t{1} << 40);
}

std::optional<Address> parse_address(std::string_view text) {
    Address address;
    if (text.starts_with("unix:")) {
        address.unix_path = text.substr(5);
        bool usable = address.unix_path.starts_with('/') && address.unix_path.size() < sizeof(sockaddr_un::sun_path) &&
                      address.unix_path.find('\0') == std::string::npos;
        return usable ? std::optional(address) : std::nullopt;
    }
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    auto port = parse_integer(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (!port || *port > std::numeric_limits<std::uint16_t>::max())
        return std::nullopt;
    address.port = static_cast<std::uint16_t>(*port);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        address.host = host.substr(1, host.size() - 2);
        in6_addr v6{};
        return inet_pton(AF_INET6, address.host.c_str(), &v6) == 1 ? std::optional(address) : std::nullopt;
    }
    address.host = host;
    return is_host(host) ? std::optional(address) : std::nullopt;
}

std::optional<Network> parse_network(std::string_view text) {
    Network network;
    if (text == "unix") {
        network.unix_sockets = true;
        return network;
    }
    auto slash = text.find('/');
    std::string address(text.substr(0, slash));
    network.v6 = address.find(':') != std::string::npos;
    if (inet_pton(network.v6 ? AF_INET6 : AF_INET, address.c_str(), network.bytes) != 1)
        return std::nullopt;
    unsigned bits = network.v6 ? 128 : 32;
    auto prefix = slash == std::string_view::npos ? bits : parse_integer(text.substr(slash + 1));
    if (!prefix || *prefix > bits)
        return std::nullopt;
    network.prefix = static_cast<unsigned>(*prefix);
    return host_bits_are_zero(network) ? std::optional(network) : std::nullopt;
}

std::optional<RotationWindow> parse_window(std::string_view text) {
    if (text.size() != 15 || text[5] != '-' || text.substr(11) != " UTC")
        return std::nullopt;
    auto from = parse_time_of_day(text.substr(0, 5)), to = parse_time_of_day(text.substr(6, 5));
    if (!from || !to || *from == *to)
        return std::nullopt;
    return RotationWindow{*from, *to, std::string(text)};
}

std::optional<protocol::Secret> parse_key(std::string_view text) {
    std::array<unsigned char, 33> bytes{}; // base64 decodes in groups of three
    bool valid = false;
    if (text.size() == 64) {
        std::size_t size = 0;
        std::string terminated(text);
        valid = OPENSSL_hexstr2buf_ex(bytes.data(), bytes.size(), &size, terminated.c_str(), '\0') == 1 && size == 32;
        protocol::cleanse(terminated);
    } else if (text.size() == 44 && text.ends_with('=') && text[42] != '=') {
        valid = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), 44) == 33;
    }
    std::optional<protocol::Secret> key;
    if (valid)
        key.emplace(std::string_view(reinterpret_cast<const char*>(bytes.data()), 32));
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return key;
}

bool is_variable_name(std::string_view text) {
    auto is_word = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !text.empty() && is_word(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return is_word(c) || is_digit(c); });
}

bool is_name(std::string_view text) {
    constexpr std::size_t longest = 63; // PostgreSQL's NAMEDATALEN - 1
    auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    return !text.empty() && text.size() <= longest && text != "*" && std::none_of(text.begin(), text.end(), is_control);
}

std::string lower_case_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (unsigned char byte : bytes) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        auto end = std::min(text.find(separator), text.size());
        parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

namespace {

// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = previous;
        previous = row;
    }
    return previous[b.size()];
}

} // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    constexpr std::size_t longest_word = 64; // the cost is quadratic, and nothing longer is a slip of a key
    if (word.size() > longest_word)
        return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (auto candidate : candidates) {
        auto longer = std::max(word.size(), candidate.size()), shorter = std::min(word.size(), candidate.size());
        if (longer - shorter >= best_distance)
            continue;
        auto d = distance(word, candidate);
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

} // namespace rekey::config
