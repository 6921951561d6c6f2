// Reads a configuration file, with what it includes and the secrets it names, into a checked Config.
//
// Never throws; all mistakes are reported, not only the first. Blocking (files; PBKDF2, some 3 ms for each user with a
// password): call it on the control thread. No file content and no secret is ever part of a message.
#pragma once

#include "config/config.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::config {

struct LoadResult {
    std::shared_ptr<Config> config;  // null when there are errors
    std::vector<std::string> errors; // `file:line: key.path: message`, in the order of the files
    bool ok() const { return config != nullptr; }
};

// The value of an environment variable; absent when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct FileRead {
    std::string text;
    bool others_may_read = false; // the mode says o+r
    std::string error;            // empty: read; else the reason, like `No such file or directory`
};

// Everything that comes from outside the text; replaced by tests and fuzzing.
struct Inputs {
    Environment environment;
    // At most `limit` bytes; a longer file is an error.
    std::function<FileRead(const std::string& path, std::size_t limit)> read_file;
    // The files a glob pattern names, sorted.
    std::function<std::vector<std::string>(const std::string& pattern)> matching_files;
};
Inputs process_inputs();

// `previous` spares the key derivation for users whose password did not change; it may be null.
LoadResult load(const std::string& path, const Config* previous = nullptr);
LoadResult load(const std::string& path, const Inputs& inputs, const Config* previous = nullptr);

// The same for a text that stands at `path_for_messages` (relative paths in it are relative to that file).
LoadResult load_text(std::string_view text, const std::string& path_for_messages, const Environment& environment);
LoadResult load_text(std::string_view text, const std::string& path_for_messages, const Inputs& inputs,
                     const Config* previous = nullptr);

} // namespace rekey::config
