#include "rotation/credential_store.hpp"
#include "rotation/credential_store_codec.hpp"
#include "rotation/descriptor.hpp"
#include "rotation/directory_store_files.hpp"
#include "rotation/directory_store_seal.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace rekey::rotation {

namespace {

constexpr std::size_t largest_file = 1 << 20; // an entry takes about 1 KiB
constexpr std::string_view credential_prefix = "credential";
constexpr std::string_view value_prefix = "value";
constexpr const char* key_check = "key-check";

enum class KeyFit { fits, differs, nothing_to_tell };

class DirectoryStore final : public CredentialStore {
  public:
    DirectoryStore(std::string path, const protocol::Secret& key) : path_(std::move(path)), key_(key.clone()) {}

    StoreError open();
    StoreError read(std::string_view credential, std::optional<StoreEntry>& entry) override;
    StoreError write(std::string_view credential, StoreEntry& entry) override;
    StoreError read_value(std::string_view name, std::optional<protocol::Secret>& value) override {
        return read_sealed(file_name_of(value_prefix, name), value);
    }
    StoreError write_value(std::string_view name, const protocol::Secret& value) override {
        return write_sealed(file_name_of(value_prefix, name), value.reveal());
    }
    std::string message() const override { return message_; }

  private:
    StoreError fail(StoreError error, std::string message) {
        message_ = std::move(message);
        return error;
    }
    StoreError open_directory();
    StoreError take_lock();
    StoreError check_key();
    StoreError try_key_on_entries(KeyFit& fit);
    void try_key_on(const std::string& file, KeyFit& fit);
    // Sealed with the file's own name as context: a file under another's name does not open.
    StoreError read_sealed(const std::string& file, std::optional<protocol::Secret>& plaintext);
    StoreError write_sealed(const std::string& file, std::string_view plaintext);

    std::string path_;
    protocol::Secret key_;
    Descriptor directory_;
    Descriptor lock_;
    std::string message_;
};

StoreError DirectoryStore::open() {
    if (key_.size() != seal_key_size)
        return fail(StoreError::wrong_key, path_ + ": the key of the store must have 32 bytes");
    if (auto error = open_directory(); error != StoreError::none)
        return error;
    if (auto error = take_lock(); error != StoreError::none)
        return error;
    return check_key();
}

StoreError DirectoryStore::open_directory() {
    bool made = ::mkdir(path_.c_str(), 0700) == 0;
    if (!made && errno != EEXIST)
        return fail(StoreError::unwritable, path_ + ": cannot be made: " + std::strerror(errno));
    directory_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_)
        return fail(StoreError::unreadable, path_ + ": " + std::strerror(errno));
    if (!made)
        return StoreError::none;
    Descriptor parent(::openat(directory_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0)
        return fail(StoreError::unwritable, path_ + "/..: fsync: " + std::strerror(errno));
    return StoreError::none;
}

StoreError DirectoryStore::take_lock() {
    lock_ = Descriptor(::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (lock_ && ::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0)
        return StoreError::none;
    if (lock_ && errno == EWOULDBLOCK)
        return fail(StoreError::locked, path_ + ": another process uses this store");
    return fail(StoreError::unwritable, path_ + "/lock: " + std::strerror(errno));
}

// GCM fails alike for a wrong key and a damaged file. A file of known content tells them apart; when that one is
// damaged itself, any entry that opens proves the key.
StoreError DirectoryStore::check_key() {
    std::string sealed, reason;
    auto found = read_file(directory_.get(), key_check, largest_file, sealed, reason);
    if (found == FileRead::failed)
        return fail(StoreError::unreadable, path_ + "/" + key_check + ": " + reason);
    if (found == FileRead::ok && unseal(key_, key_check, sealed))
        return StoreError::none;
    auto fit = KeyFit::nothing_to_tell;
    if (auto error = try_key_on_entries(fit); error != StoreError::none)
        return error;
    if (fit == KeyFit::differs || (fit == KeyFit::nothing_to_tell && found == FileRead::ok))
        return fail(StoreError::wrong_key, path_ + ": this key is not the one the store was encrypted with");
    return write_sealed(key_check, "rekey");
}

StoreError DirectoryStore::try_key_on_entries(KeyFit& fit) {
    Descriptor listed(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR* listing = listed ? ::fdopendir(listed.get()) : nullptr;
    if (listing == nullptr)
        return fail(StoreError::unreadable, path_ + ": " + std::strerror(errno));
    listed.release(); // closedir() closes it
    errno = 0;
    while (auto* item = ::readdir(listing)) {
        try_key_on(item->d_name, fit);
        errno = 0;
    }
    int error = errno;
    ::closedir(listing);
    if (error != 0)
        return fail(StoreError::unreadable, path_ + ": " + std::strerror(error));
    return StoreError::none;
}

void DirectoryStore::try_key_on(const std::string& file, KeyFit& fit) {
    bool ours =
        file.rfind(std::string(credential_prefix) + ".", 0) == 0 || file.rfind(std::string(value_prefix) + ".", 0) == 0;
    std::string sealed, reason;
    if (fit == KeyFit::fits || !ours || file.ends_with(temporary_suffix) ||
        read_file(directory_.get(), file, largest_file, sealed, reason) != FileRead::ok)
        return;
    fit = unseal(key_, file, sealed) ? KeyFit::fits : KeyFit::differs;
}

StoreError DirectoryStore::read(std::string_view credential, std::optional<StoreEntry>& entry) {
    entry.reset();
    auto file = file_name_of(credential_prefix, credential);
    std::optional<protocol::Secret> plaintext;
    if (auto error = read_sealed(file, plaintext); error != StoreError::none || !plaintext)
        return error;
    entry = decode_entry(plaintext->reveal());
    if (!entry)
        return fail(StoreError::unreadable, path_ + "/" + file + ": made by another version of Rekey");
    return StoreError::none;
}

StoreError DirectoryStore::write(std::string_view credential, StoreEntry& entry) {
    // Read again rather than remembered: a write whose outcome was unknown may have reached the disk.
    std::optional<StoreEntry> stored;
    if (auto error = read(credential, stored); error != StoreError::none)
        return error;
    auto file = file_name_of(credential_prefix, credential);
    auto sequence = stored ? stored->sequence : 0;
    if (sequence != entry.sequence)
        return fail(StoreError::conflict, path_ + "/" + file + ": sequence is " + std::to_string(sequence) + ", not " +
                                              std::to_string(entry.sequence));
    ++entry.sequence;
    auto plaintext = encode_entry(entry);
    auto error = write_sealed(file, plaintext);
    protocol::cleanse(plaintext);
    if (error != StoreError::none)
        --entry.sequence;
    return error;
}

StoreError DirectoryStore::read_sealed(const std::string& file, std::optional<protocol::Secret>& plaintext) {
    plaintext.reset();
    std::string sealed, reason;
    auto found = read_file(directory_.get(), file, largest_file, sealed, reason);
    if (found == FileRead::missing)
        return StoreError::none;
    if (found == FileRead::failed)
        return fail(StoreError::unreadable, path_ + "/" + file + ": " + reason);
    plaintext = unseal(key_, file, sealed);
    if (!plaintext) // the key was checked when the store was opened
        return fail(StoreError::unreadable,
                    path_ + "/" + file + ": damaged; restore it from a backup (removing it forgets what it held)");
    return StoreError::none;
}

StoreError DirectoryStore::write_sealed(const std::string& file, std::string_view plaintext) {
    auto sealed = seal(key_, file, plaintext);
    std::string reason = "no randomness";
    if (!sealed || !write_file_durably(directory_.get(), file, *sealed, reason))
        return fail(StoreError::unwritable, path_ + "/" + file + ": " + reason);
    return StoreError::none;
}

} // namespace

std::unique_ptr<CredentialStore> open_directory_store(const std::string& path, const protocol::Secret& key,
                                                      StoreError& error, std::string& message) {
    auto store = std::make_unique<DirectoryStore>(path, key);
    error = store->open();
    message = store->message();
    if (error != StoreError::none)
        return nullptr;
    return store;
}

} // namespace rekey::rotation
