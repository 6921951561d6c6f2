// Reads what a configuration keeps elsewhere: secrets in files and variables, and files whose content matters.
#pragma once

#include "config/load.hpp"
#include "config/problems.hpp"
#include "config/tree.hpp"

#include <map>
#include <set>
#include <string>

namespace rekey::config {

// Equal for equal content within this process; tells nothing of the content without the process's key.
std::string fingerprint(std::string_view content);

// HMAC-SHA256, 32 raw bytes; an empty key stands for this process's own.
std::string keyed_digest(std::string_view key, std::string_view content);

class SecretReader {
  public:
    // `settings` is completed with fingerprints.
    SecretReader(const Inputs& inputs, Problems& problems, std::vector<Setting>& settings);

    // `mapping` is { file | env | value }, already checked for shape; null reads nothing. What cannot be read is
    // reported and comes back empty.
    protocol::Secret read(const Node* mapping, const std::string& path);
    // The same for one that is read when it is used: a file is only named, and warned of when it cannot be read now.
    SecretReference reference(const Node* mapping, const std::string& path);
    // Of the process's environment; absent when it is not set or empty.
    std::optional<std::string> variable(const std::string& name) const;
    // Notes the content of a file that others read later; `private_file` warns when everybody may read it.
    // Returns its fingerprint; empty when it cannot be read, which is reported.
    std::string digest_of(const std::string& file, const std::string& path, bool private_file);

  private:
    protocol::Secret read_file(const Node& value, const std::string& path, bool strict);
    void judge_permissions(const std::string& file, const std::string& path, bool strict);
    void note(const std::string& path, const std::string& print);

    const Inputs& inputs_;
    Problems& problems_;
    std::vector<Setting>& settings_;
    std::map<std::string, std::size_t> by_path_;
    std::set<std::string> warned_; // files
};

} // namespace rekey::config
