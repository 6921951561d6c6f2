#include "proxy/admin/admin_token.hpp"

#include "proxy/admin/base64.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace rekey::proxy::admin {
namespace {

constexpr std::size_t token_bytes = 32, file_bytes_max = 4096;

class File {
  public:
    File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    ~File() {
        if (fd_ >= 0)
            ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    bool open() const { return fd_ >= 0; }
    int fd() const { return fd_; }

  private:
    int fd_;
};

std::string random_token() {
    unsigned char bytes[token_bytes];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        throw std::runtime_error("no randomness for an admin token");
    auto text = base64_encoded({reinterpret_cast<char*>(bytes), sizeof bytes});
    text.pop_back(); // the padding
    for (auto& c : text)
        c = c == '+' ? '-' : c == '/' ? '_' : c; // stands in URLs and headers as it is
    return text;
}

} // namespace

protocol::Secret read_token(const std::string& path) {
    File file(path, O_RDONLY);
    std::string text(file_bytes_max, '\0');
    auto size = file.open() ? ::read(file.fd(), text.data(), text.size()) : -1;
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    return protocol::Secret::take(text);
}

protocol::Secret load_or_make_token(const std::string& path) {
    auto token = read_token(path);
    if (!token.empty())
        return token;
    File file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    auto text = random_token();
    auto line = text + "\n";
    bool written = file.open() && ::fchmod(file.fd(), 0600) == 0 &&
                   ::write(file.fd(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
                   ::fsync(file.fd()) == 0;
    auto reason = std::strerror(errno);
    protocol::cleanse(line);
    if (!written)
        throw std::runtime_error("admin token " + path + ": " + reason);
    return protocol::Secret::take(text);
}

} // namespace rekey::proxy::admin
