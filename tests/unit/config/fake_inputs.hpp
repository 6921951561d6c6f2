// A world for the loader without environment and file system.
#pragma once

#include "config/load.hpp"

#include <fnmatch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace rekey::config {

struct FakeInputs {
    std::map<std::string, std::string> variables, files; // files by absolute path
    std::set<std::string> readable_by_all;

    Inputs inputs() const {
        return {[this](const std::string& name) -> std::optional<std::string> {
                    auto found = variables.find(name);
                    return found == variables.end() ? std::nullopt : std::optional(found->second);
                },
                [this](const std::string& path, std::size_t limit) -> FileRead {
                    auto found = files.find(path);
                    if (found == files.end())
                        return {{}, false, "No such file or directory"};
                    if (found->second.size() > limit)
                        return {{}, false, "is too long"};
                    return {found->second, readable_by_all.contains(path), {}};
                },
                [this](const std::string& pattern) {
                    std::vector<std::string> matches;
                    for (const auto& [path, text] : files)
                        if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0)
                            matches.push_back(path);
                    return matches;
                }};
    }

    LoadResult load(const std::string& text, const Config* previous = nullptr) const {
        return load_text(text, "/etc/rekey.yaml", inputs(), previous);
    }
    std::vector<std::string> errors(const std::string& text) const { return load(text).errors; }
    std::vector<std::string> warnings(const std::string& text) const {
        auto result = load(text);
        EXPECT_THAT(result.errors, testing::IsEmpty());
        return result.ok() ? result.config->warnings : std::vector<std::string>();
    }
};

// Lines 1 to 3 of a file that is valid as it stands; tests append to it.
inline const std::string users = "users: [{ name: app, password: { value: pencil } }]\n";
inline const std::string credentials =
    "credentials: [{ name: main, source: { type: env, username: U, password: P } }]\n";
inline const std::string upstreams = "upstreams: [{ name: main, hosts: [\"db:5432\"], credential: main }]\n";
inline const std::string minimal = users + credentials + upstreams;

// 32 bytes in base64.
inline const std::string store =
    "store: { path: /var/lib/rekey, key: { value: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= } }\n";

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

} // namespace rekey::config
