// A directory of its own for one test, removed with everything in it. In memory where there is a place for it: what
// the tests kill is a process, not the power, and an fsync costs nothing there.
#pragma once

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

namespace rekey::tests {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = "/dev/shm/rekey-test-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) {
            pattern = (std::filesystem::temp_directory_path() / "rekey-test-XXXXXX").string();
            if (::mkdtemp(pattern.data()) == nullptr)
                throw std::filesystem::filesystem_error("mkdtemp", pattern,
                                                        std::error_code(errno, std::generic_category()));
        }
        path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  private:
    std::string path_;
};

inline std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(text.data(), static_cast<std::streamsize>(text.size()));
}

} // namespace rekey::tests
