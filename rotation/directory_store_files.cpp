#include "rotation/directory_store_files.hpp"

#include "rotation/descriptor.hpp"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace rekey::rotation {

namespace {

constexpr std::size_t longest_plain_name = 180; // NAME_MAX is 255; prefix and ".tmp" come on top
constexpr char hex_digits[] = "0123456789ABCDEF";

std::string hash_of(std::string_view name) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest);
    std::string text;
    for (auto byte : digest) {
        text += hex_digits[byte >> 4];
        text += hex_digits[byte & 15];
    }
    return text;
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::string failure(const char* step) {
    return std::string(step) + ": " + std::strerror(errno);
}

} // namespace

FileRead read_file(int directory, const std::string& name, std::size_t limit, std::string& bytes, std::string& reason) {
    // Non-blocking, so that a FIFO in its place is refused instead of waited for.
    Descriptor file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
        if (errno == ENOENT)
            return FileRead::missing;
        reason = failure("open");
        return FileRead::failed;
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) {
        reason = failure("stat");
        return FileRead::failed;
    }
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > limit) {
        reason = S_ISREG(status.st_mode) ? "larger than any file of a store" : "not a regular file";
        return FileRead::failed;
    }
    bytes.resize(static_cast<std::size_t>(status.st_size));
    std::size_t have = 0;
    while (have < bytes.size()) {
        auto count = ::read(file.get(), bytes.data() + have, bytes.size() - have);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            reason = count < 0 ? failure("read") : "it shrank while it was read";
            return FileRead::failed;
        }
        have += static_cast<std::size_t>(count);
    }
    return FileRead::ok;
}

bool write_file_durably(int directory, const std::string& name, std::string_view bytes, std::string& reason) {
    // One writer (the store's lock), so one name is enough and a file left by a crash is written over.
    auto temporary = name + std::string(temporary_suffix);
    Descriptor file(
        ::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) {
        reason = failure("create");
        return false;
    }
    if (!write_all(file.get(), bytes)) {
        reason = failure("write");
        return false;
    }
    if (::fsync(file.get()) != 0) {
        reason = failure("fsync");
        return false;
    }
    if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
        reason = failure("rename");
        return false;
    }
    // Without this a power failure may undo the rename although the content is on disk.
    if (::fsync(directory) != 0) {
        reason = failure("fsync of the directory");
        return false;
    }
    return true;
}

std::string file_name_of(std::string_view prefix, std::string_view name) {
    std::string encoded;
    for (char character : name) {
        auto byte = static_cast<unsigned char>(character);
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                     byte == '-' || byte == '_';
        if (plain)
            encoded += character;
        else
            encoded.append({'%', hex_digits[byte >> 4], hex_digits[byte & 15]});
    }
    if (encoded.size() > longest_plain_name)
        encoded = encoded.substr(0, 64) + "=" + hash_of(name);
    return std::string(prefix) + "." + encoded;
}

} // namespace rekey::rotation
