// The process's environment and file system, behind Inputs.
#include "config/load.hpp"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace rekey::config {

namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0)
            close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

FileRead failure(int error) {
    return {{}, false, std::strerror(error)};
}

FileRead read_whole_file(const std::string& path, std::size_t limit) {
    Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    struct stat status{};
    if (file.get() < 0 || fstat(file.get(), &status) != 0)
        return failure(errno);
    if (S_ISDIR(status.st_mode))
        return failure(EISDIR);
    FileRead read;
    read.others_may_read = S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
    std::string chunk(16 * 1024, '\0');
    while (true) {
        auto n = ::read(file.get(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failure(errno);
        if (n == 0)
            break;
        read.text.append(chunk, 0, static_cast<std::size_t>(n));
        if (read.text.size() > limit)
            return {{}, false, "is longer than " + std::to_string(limit) + " bytes"};
    }
    protocol::cleanse(chunk);
    return read;
}

std::vector<std::string> glob_files(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> files;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) // sorted
        files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    return files;
}

} // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        auto value = std::getenv(name.c_str());
        return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    };
}

Inputs process_inputs() {
    return {process_environment(), read_whole_file, glob_files};
}

} // namespace rekey::config
