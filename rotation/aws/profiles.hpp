// What AWS's own programs are configured by: variables and the shared files with their profiles.
#pragma once

#include "config/load.hpp"
#include "protocol/common/secret.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::aws {

// The variables that count here, read once: workers must not look into an environment that others change.
class Variables {
  public:
    Variables() = default;
    explicit Variables(const config::Environment& environment);

    std::string text(const std::string& name) const; // empty: not set
    const protocol::Secret& secret(const std::string& name) const;
    bool is_true(const std::string& name) const { return text(name) == "true"; }
    const std::map<std::string, protocol::Secret>& all() const { return values_; }

  private:
    std::map<std::string, protocol::Secret> values_;
};

using Profile = std::map<std::string, protocol::Secret>; // keys in lower case

// "credentials" has sections [NAME], "config" has [profile NAME] and [default]. Lines that are indented belong to
// settings which mean nothing here.
enum class FileKind { credentials, config };
// Adds to `profiles`; what is there already stays.
void parse_profiles(std::string_view text, FileKind kind, std::map<std::string, Profile>& profiles);

class Profiles {
  public:
    // Reads both files, blocking; one that does not exist is empty. Returns what went wrong, or nothing.
    std::string read(const Variables& variables);

    const Profile* find(const std::string& name) const;
    // Empty: the profile or its key is not there.
    std::string text(const std::string& profile, const std::string& key) const;

  private:
    std::map<std::string, Profile> profiles_;
};

// Splits a command as a shell would, with quotes and backslashes, but without anything else that a shell does. Empty
// for one with a quote that is not closed.
std::vector<std::string> split_command(std::string_view text);

} // namespace rekey::rotation::aws
