#include "rotation/sources/credential_files.hpp"

#include "rotation/descriptor.hpp"
#include "rotation/sources/client_files.hpp"
#include "rotation/sources/document.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rekey::rotation {

namespace {

constexpr int attempts = 10; // a writer that changes the files this often while we read is at fault
constexpr const char* kubernetes_data = "..data";

// Tells whether a file is still the one that was read.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{};
    bool operator==(const Identity& other) const {
        return device == other.device && inode == other.inode && size == other.size &&
               modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
    }
};

Identity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino, status.st_size, status.st_mtim};
}

struct Piece {
    protocol::Secret bytes;
    Identity identity;
    std::string error;
    bool missing = false;
    bool changing = false; // it changed while it was read
    bool readable_by_others = false, readable_by_group = false;
};

// False: the read failed; errno tells. Reads one byte more than allowed, which the caller looks for.
bool read_bytes(int fd, protocol::Secret& bytes) {
    std::array<char, largest_document + 1> buffer;
    std::size_t have = 0;
    ssize_t count = 1;
    while (count > 0 && have < buffer.size()) {
        count = ::read(fd, buffer.data() + have, buffer.size() - have);
        if (count < 0 && errno == EINTR)
            count = 1;
        else if (count > 0)
            have += static_cast<std::size_t>(count);
    }
    bytes = protocol::Secret(std::string_view(buffer.data(), have));
    OPENSSL_cleanse(buffer.data(), have);
    return count >= 0;
}

Piece read_piece(int directory, const std::string& name) {
    Piece piece;
    // Non-blocking: a FIFO would keep the worker waiting for a writer.
    Descriptor file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) {
        piece.missing = errno == ENOENT;
        piece.error = std::string("cannot be opened: ") + std::strerror(errno);
        return piece;
    }
    struct stat before{}, after{};
    if (::fstat(file.get(), &before) != 0 || !S_ISREG(before.st_mode)) {
        piece.error = "is not a regular file";
        return piece;
    }
    if (!read_bytes(file.get(), piece.bytes) || ::fstat(file.get(), &after) != 0) {
        piece.error = std::string("cannot be read: ") + std::strerror(errno);
        return piece;
    }
    piece.identity = identity_of(after);
    piece.changing = !(identity_of(before) == piece.identity);
    piece.readable_by_others = (after.st_mode & S_IRWXO) != 0;
    piece.readable_by_group = (after.st_mode & S_IRWXG) != 0;
    if (piece.bytes.size() > largest_document)
        piece.error = "is larger than " + std::to_string(largest_document) + " bytes";
    return piece;
}

protocol::Secret without_newline(const protocol::Secret& bytes) {
    auto text = bytes.reveal();
    if (text.ends_with('\n'))
        text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
    return protocol::Secret(text);
}

FileReading failure(const std::string& path, const std::string& what) {
    FileReading reading;
    reading.result.error = "file: " + path + " " + what;
    return reading;
}

// Permissions are judged on what was read. Set: the reading ends with it.
bool refuse_readable(const std::string& path, const Piece& piece, bool strict, FileReading& reading) {
    if (!piece.readable_by_others)
        return false;
    if (strict)
        reading = failure(path, "may be read by others, which strict_permissions forbids (chmod o= it)");
    else
        reading.readable_by_others = path;
    return strict;
}

FetchResult parse(std::string_view text, const config::Source& source) {
    switch (source.format) {
    case config::DocumentFormat::pgpass:
        return parse_passfile(text, source.passfile, source.user);
    case config::DocumentFormat::my_cnf:
        return parse_option_file(text, source.user);
    case config::DocumentFormat::password:
        return lone_password(text, source.user);
    case config::DocumentFormat::automatic:
    case config::DocumentFormat::properties: // these three are of configurations only
    case config::DocumentFormat::yaml:
    case config::DocumentFormat::json:
        break;
    }
    return parse_file_document(text, source.user);
}

FileReading read_single_file(const config::Source& source) {
    const auto& path = source.path;
    Piece piece;
    for (int i = 0; i < attempts; ++i) {
        piece = read_piece(AT_FDCWD, path);
        if (!piece.changing)
            break;
    }
    if (!piece.error.empty())
        return failure(path, piece.error);
    if (piece.changing)
        return failure(path, "changes all the time");
    if (source.format == config::DocumentFormat::pgpass && (piece.readable_by_others || piece.readable_by_group))
        return failure(path, "may be read by its group or others, and libpq would not take it either (chmod 600 it)");
    FileReading reading;
    if (refuse_readable(path, piece, source.strict_permissions, reading))
        return reading;
    reading.result = parse(piece.bytes.reveal(), source);
    if (!reading.result.credential)
        reading.result.error = "file: " + path + ": " + reading.result.error;
    return reading;
}

// The directory whose files belong together: what `..data` names now, or the directory itself.
Descriptor open_version(const std::string& path, bool& kubernetes, std::string& error) {
    Descriptor directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        error = std::string("cannot be opened: ") + std::strerror(errno);
        return {};
    }
    Descriptor data(::openat(directory.get(), kubernetes_data, O_PATH | O_DIRECTORY | O_CLOEXEC));
    kubernetes = static_cast<bool>(data);
    return kubernetes ? std::move(data) : std::move(directory);
}

struct Pair {
    Piece username, password;
    bool again = false; // something moved meanwhile
    std::string error;
};

Pair read_pair(const std::string& path) {
    Pair pair;
    bool kubernetes = false;
    auto version = open_version(path, kubernetes, pair.error);
    if (!version)
        return pair;
    pair.username = read_piece(version.get(), "username");
    pair.password = read_piece(version.get(), "password");
    if (kubernetes) {
        // Its files never change; the whole version may be removed under us when a newer one is there.
        pair.again = pair.username.missing || pair.password.missing;
        return pair;
    }
    auto username_now = read_piece(version.get(), "username");
    pair.again = pair.username.changing || pair.password.changing || !(username_now.identity == pair.username.identity);
    return pair;
}

FileReading read_directory(const config::Source& source) {
    const auto& path = source.path;
    if (source.format != config::DocumentFormat::automatic)
        return failure(path, "is a directory, which `format` is not for");
    Pair pair;
    for (int i = 0; i < attempts; ++i) {
        pair = read_pair(path);
        if (!pair.again)
            break;
    }
    if (!pair.error.empty())
        return failure(path, pair.error);
    FileReading reading;
    bool user_known = pair.username.missing && !source.user.empty();
    for (auto [name, piece] : {std::pair("/username", &pair.username), std::pair("/password", &pair.password)}) {
        if (user_known && piece == &pair.username)
            continue;
        if (!piece->error.empty())
            return failure(path + name, piece->error);
        if (refuse_readable(path + name, *piece, source.strict_permissions, reading))
            return reading;
    }
    if (pair.again)
        return failure(path, "changes all the time");
    Fetched credential;
    credential.username = user_known ? source.user : std::string(without_newline(pair.username.bytes).reveal());
    credential.password = without_newline(pair.password.bytes);
    if (auto reason = reason_against(credential); !reason.empty())
        return failure(path + ":", reason);
    reading.result.credential = std::move(credential);
    return reading;
}

} // namespace

FileReading read_credential_files(const config::Source& source) {
    struct stat status{};
    if (::stat(source.path.c_str(), &status) != 0)
        return failure(source.path, std::string("cannot be read: ") + std::strerror(errno));
    return S_ISDIR(status.st_mode) ? read_directory(source) : read_single_file(source);
}

} // namespace rekey::rotation
