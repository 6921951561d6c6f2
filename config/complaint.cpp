#include "config/complaint.hpp"

#include "config/options.hpp"
#include "config/scalars.hpp"

namespace rekey::config {

namespace {

std::string quoted(std::string_view text) {
    constexpr std::size_t longest = 80;
    return '"' + std::string(text.substr(0, longest)) + (text.size() > longest ? "...\"" : "\"");
}

} // namespace

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
    auto best = nearest(word, candidates);
    return best.empty() ? std::string() : "; did you mean " + quoted(best) + "?";
}

// A number in the option's unit, for comparing with its range.
std::optional<std::uint64_t> parse_number(const Option& option, std::string_view text) {
    if (option.type == Type::duration) {
        auto duration = parse_duration(text);
        return duration ? std::optional(static_cast<std::uint64_t>(duration->count())) : std::nullopt;
    }
    return option.type == Type::size ? parse_size(text) : parse_integer(text);
}

namespace {

std::string range_complaint(const Option& option, std::string_view text, std::string_view expects) {
    auto number = parse_number(option, text);
    if (!number)
        return "expects " + std::string(expects) + ", not " + quoted(text);
    auto dots = option.values.find("..");
    if (dots == std::string_view::npos)
        return {};
    auto least = option.values.substr(0, dots), most = option.values.substr(dots + 2);
    if (*number < *parse_number(option, least) || *number > *parse_number(option, most))
        return "must be between " + std::string(least) + " and " + std::string(most) + ", not " + std::string(text);
    return {};
}

std::string choice_complaint(const Option& option, std::string_view text) {
    std::vector<std::string_view> names;
    std::string list;
    for (auto choice : choices_of(option)) {
        if (choice.name == text)
            return choice.supported ? std::string() : quoted(text) + " is not supported by this version";
        if (!choice.supported)
            continue;
        names.push_back(choice.name);
        list += (list.empty() ? "" : ", ") + std::string(choice.name);
    }
    return "expects one of " + list + ", not " + quoted(text) + suggestion(text, names);
}

std::string expectation(bool met, std::string_view expects, std::string_view text) {
    return met ? std::string() : "expects " + std::string(expects) + ", not " + quoted(text);
}

} // namespace

std::string complaint(const Option& option, std::string_view text) {
    switch (option.type) {
    case Type::boolean:
        return expectation(parse_boolean(text).has_value(), "true or false", text);
    case Type::integer:
        return range_complaint(option, text, "a whole number");
    case Type::threads:
        return text == "auto" ? std::string() : range_complaint(option, text, "a whole number or auto");
    case Type::duration:
        return range_complaint(option, text, "a duration such as 100ms, 5s, 10m, 24h or 7d");
    case Type::size:
        return range_complaint(option, text, "a size such as 64KiB or 16MiB");
    case Type::name:
        return expectation(is_name(text), "a name of 1 to 63 printable bytes", text);
    case Type::variable: // not shown: the value itself is easily written here by mistake
        return is_variable_name(text) ? "" : "expects the name of an environment variable";
    case Type::choice:
    case Type::choices:
        return choice_complaint(option, text);
    case Type::address:
    case Type::addresses:
        return expectation(parse_address(text).has_value(), "host:port, [v6]:port or unix:/path", text);
    case Type::networks:
        return expectation(parse_network(text).has_value(),
                           "a network such as 10.0.0.0/8 or ::1/128 (no bit set behind the prefix), or unix", text);
    case Type::window:
        return expectation(parse_window(text).has_value(), "a time of day such as \"02:00-04:00 UTC\"", text);
    case Type::text:
    case Type::texts:
    case Type::path:
    case Type::readable_path:
    case Type::uri:
        return text.empty() ? "is empty" : "";
    case Type::section:
    case Type::optional_section:
    case Type::named_list:
    case Type::list:
    case Type::secret:
    case Type::user_password:
        break;
    }
    return "expects a list or a mapping";
}

} // namespace rekey::config
