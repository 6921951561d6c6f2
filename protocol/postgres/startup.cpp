#include "protocol/postgres/startup.hpp"

#include "protocol/common/bytes.hpp"
#include "protocol/postgres/messages.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_set>

namespace rekey::protocol::postgres {

namespace {

constexpr std::string_view protocol_option_prefix = "_pq_.";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_in_any_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// What PostgreSQL takes for a boolean: any beginning of these words that is not ambiguous.
std::optional<bool> read_bool(std::string_view text) {
    struct Word {
        std::string_view text;
        std::size_t shortest;
        bool value;
    };
    constexpr std::array words{Word{"true", 1, true}, Word{"false", 1, false}, Word{"yes", 1, true},
                               Word{"no", 1, false},  Word{"on", 2, true},     Word{"off", 2, false},
                               Word{"1", 1, true},    Word{"0", 1, false}};
    for (const auto& word : words)
        if (text.size() >= word.shortest && equal_in_any_case(text, word.text.substr(0, text.size())))
            return word.value;
    return std::nullopt;
}

bool refuse(StartupFault& fault, std::string sqlstate, std::string message, std::string hint = {}) {
    fault = {std::move(sqlstate), std::move(message), std::move(hint)};
    return false;
}

bool agree_on_version(Startup& startup, StartupFault& fault) {
    auto major = startup.requested_version >> 16, minor = startup.requested_version & 0xffff;
    if (major != 3)
        return refuse(fault, "0A000",
                      "unsupported frontend protocol " + std::to_string(major) + "." + std::to_string(minor) +
                          ": server supports 3.0 to 3.2");
    // 3.1 was never made; who asks for it is told 3.0.
    startup.version = minor >= 2 ? version_3_2 : version_3_0;
    return true;
}

bool read_replication(std::string_view value, Startup& startup, StartupFault& fault) {
    auto on = value == "database" ? std::optional(true) : read_bool(value);
    if (!on)
        return refuse(fault, "22023", "invalid value for parameter \"replication\": \"" + std::string(value) + "\"",
                      "Valid values are: \"false\", 0, \"true\", 1, \"database\".");
    startup.replication = *on;
    return true;
}

bool add_parameter(std::string_view name, std::string_view value, Startup& startup, StartupFault& fault) {
    if (!is_parameter_name(name))
        return refuse(fault, "42602", "invalid configuration parameter name \"" + std::string(name) + "\"");
    startup.parameters.emplace_back(name, value);
    return true;
}

// Names and values up to the terminator, which is the last byte.
bool read_pairs(Reader& reader, Startup& startup, std::string& options, StartupFault& fault) {
    while (true) {
        auto name = reader.text();
        if (reader.failed() || (name.empty() && reader.left() != 0))
            return refuse(fault, "08P01", "invalid startup packet layout: expected terminator as last byte");
        if (name.empty())
            return true;
        auto value = reader.text();
        if (reader.failed())
            return refuse(fault, "08P01", "invalid startup packet layout: expected terminator as last byte");
        if (name == "user")
            startup.user = value;
        else if (name == "database")
            startup.database = value;
        else if (name == "options")
            options = value;
        else if (name.starts_with(protocol_option_prefix))
            startup.unknown_protocol_options.emplace_back(name);
        else if (name == "replication" ? !read_replication(value, startup, fault)
                                       : !add_parameter(name, value, startup, fault))
            return false;
    }
}

// Keeps the last of each name, in the place of the last.
void drop_overridden(Parameters& parameters) {
    Parameters kept;
    std::unordered_set<std::string> seen;
    for (auto it = parameters.rbegin(); it != parameters.rend(); ++it) {
        auto folded = it->first;
        std::transform(folded.begin(), folded.end(), folded.begin(), lower);
        if (seen.insert(std::move(folded)).second)
            kept.push_back(std::move(*it));
    }
    std::reverse(kept.begin(), kept.end());
    parameters = std::move(kept);
}

} // namespace

std::optional<Startup> read_startup(std::string_view body, StartupFault& fault) {
    Startup startup;
    Reader reader(body);
    startup.requested_version = reader.u32();
    std::string options;
    if (!agree_on_version(startup, fault) || !read_pairs(reader, startup, options, fault))
        return std::nullopt;
    if (startup.user.empty()) {
        refuse(fault, "28000", "no PostgreSQL user name specified in startup packet");
        return std::nullopt;
    }
    if (startup.database.empty())
        startup.database = startup.user;
    Parameters settings;
    std::string wrong;
    if (!read_options(options, settings, wrong)) {
        refuse(fault, "42601", "invalid command-line argument for server process: " + wrong);
        return std::nullopt;
    }
    settings.insert(settings.end(), std::make_move_iterator(startup.parameters.begin()),
                    std::make_move_iterator(startup.parameters.end()));
    startup.parameters = std::move(settings);
    drop_overridden(startup.parameters);
    return startup;
}

} // namespace rekey::protocol::postgres
