#include "rotation/aws/profiles.hpp"

#include "rotation/sources/secret_file.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace rekey::rotation::aws {

namespace {

constexpr const char* names[] = {"HOME",
                                 "LANG",
                                 "PATH",
                                 "AWS_ACCESS_KEY_ID",
                                 "AWS_SECRET_ACCESS_KEY",
                                 "AWS_SESSION_TOKEN",
                                 "AWS_SECURITY_TOKEN",
                                 "AWS_PROFILE",
                                 "AWS_DEFAULT_PROFILE",
                                 "AWS_REGION",
                                 "AWS_DEFAULT_REGION",
                                 "AWS_SHARED_CREDENTIALS_FILE",
                                 "AWS_CONFIG_FILE",
                                 "AWS_WEB_IDENTITY_TOKEN_FILE",
                                 "AWS_ROLE_ARN",
                                 "AWS_ROLE_SESSION_NAME",
                                 "AWS_ENDPOINT_URL_STS",
                                 "AWS_ENDPOINT_URL",
                                 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                 "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                 "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                 "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                 "AWS_EC2_METADATA_DISABLED",
                                 "AWS_EC2_METADATA_V1_DISABLED",
                                 "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                 "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"};

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return result;
}

// Empty: a section of another kind.
std::string profile_name(std::string_view section, FileKind kind) {
    constexpr std::string_view word = "profile";
    if (kind == FileKind::credentials || section == "default")
        return std::string(section);
    if (!section.starts_with(word) || section.size() == word.size() || blanks.find(section[word.size()]) == blanks.npos)
        return {};
    auto name = trimmed(section.substr(word.size()));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
        name = name.substr(1, name.size() - 2);
    return std::string(name);
}

} // namespace

Variables::Variables(const config::Environment& environment) {
    for (const char* name : names)
        if (auto value = environment(name); value && !value->empty())
            values_.emplace(name, protocol::Secret::take(*value));
}

const protocol::Secret& Variables::secret(const std::string& name) const {
    static const protocol::Secret none;
    auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

std::string Variables::text(const std::string& name) const {
    return std::string(secret(name).reveal());
}

void parse_profiles(std::string_view text, FileKind kind, std::map<std::string, Profile>& profiles) {
    Profile* profile = nullptr;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty() || blanks.find(line.front()) != blanks.npos || line.front() == '#' || line.front() == ';')
            continue;
        line = trimmed(line);
        if (line.starts_with('[')) {
            auto name = profile_name(trimmed(line.substr(1, line.find(']') - 1)), kind);
            profile = name.empty() ? nullptr : &profiles[name];
            continue;
        }
        auto equals = line.find('=');
        if (profile != nullptr && equals != std::string_view::npos)
            profile->emplace(lower(trimmed(line.substr(0, equals))),
                             protocol::Secret(trimmed(line.substr(equals + 1))));
    }
}

std::string Profiles::read(const Variables& variables) {
    profiles_.clear();
    for (auto kind : {FileKind::credentials, FileKind::config}) {
        bool credentials = kind == FileKind::credentials;
        auto file = variables.text(credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
        auto home = variables.text("HOME");
        if (file.empty() && !home.empty())
            file = home + (credentials ? "/.aws/credentials" : "/.aws/config");
        if (file.starts_with("~/"))
            file = home + file.substr(1);
        std::error_code ignored;
        if (file.empty() || !std::filesystem::exists(file, ignored) || std::filesystem::is_empty(file, ignored))
            continue;
        protocol::Secret content;
        if (auto error = read_secret({file, {}}, content); !error.empty())
            return error;
        parse_profiles(content.reveal(), kind, profiles_);
    }
    return {};
}

const Profile* Profiles::find(const std::string& name) const {
    auto found = profiles_.find(name);
    return found == profiles_.end() ? nullptr : &found->second;
}

std::string Profiles::text(const std::string& profile, const std::string& key) const {
    const auto* settings = find(profile);
    auto found = settings == nullptr ? Profile::const_iterator() : settings->find(key);
    return settings == nullptr || found == settings->end() ? std::string() : std::string(found->second.reveal());
}

std::vector<std::string> split_command(std::string_view text) {
    std::vector<std::string> words;
    bool inside = false; // of a word, which may be empty in quotes
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size();
        if (quote == 0 && blanks.find(c) != blanks.npos) {
            inside = false;
            continue;
        }
        if (!std::exchange(inside, true))
            words.emplace_back();
        if (escapes)
            words.back() += text[++i];
        else if (c == quote)
            quote = 0;
        else if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else
            words.back() += c;
    }
    return quote == 0 ? words : std::vector<std::string>();
}

} // namespace rekey::rotation::aws
