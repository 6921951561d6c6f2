#include "rotation/audit_chain.hpp"
#include "rotation/descriptor.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace rekey::rotation {

namespace {

std::string head_path(const std::string& path) {
    return path + ".head";
}

std::optional<AuditHead> read_head(int fd) {
    char text[256];
    auto size = fd < 0 ? -1 : ::pread(fd, text, sizeof text, 0);
    if (size < 0)
        return std::nullopt;
    return decode_audit_head(std::string_view(text, static_cast<std::size_t>(size)));
}

std::optional<AuditHead> read_head(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return read_head(file.get());
}

// Feeds every line to the chain. `ends_whole`: the last byte is a newline (or there is none). False: errno tells.
bool read_lines(int fd, AuditChain& chain, bool& ends_whole) {
    std::string line;
    char buffer[64 * 1024];
    for (off_t at = 0;;) {
        auto size = ::pread(fd, buffer, sizeof buffer, at);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return false;
        if (size == 0)
            break;
        at += size;
        std::string_view rest(buffer, static_cast<std::size_t>(size));
        for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
            line += rest.substr(0, end);
            chain.add(line);
            line.clear();
            rest.remove_prefix(end + 1);
        }
        line += rest;
        // No record is that long; what follows is judged as another line that is none.
        if (line.size() > audit_longest_line) {
            chain.add(line);
            line.clear();
        }
    }
    ends_whole = line.empty();
    if (!line.empty())
        chain.add(line);
    return true;
}

bool sync_parent(const std::string& path) {
    auto slash = path.rfind('/');
    auto parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return directory && ::fsync(directory.get()) == 0;
}

} // namespace

struct AuditFile::State {
    explicit State(std::string file) : path(std::move(file)) {}

    bool open();
    bool continue_log(bool fresh);
    bool append(const AuditRecord& record);
    bool append_notes(std::chrono::system_clock::time_point time);
    bool write_head();
    // Closed after a failure: the next record opens again and looks at what is really there.
    bool fail(const std::string& what) {
        error = path + ": " + what + ": " + std::strerror(errno);
        log.reset();
        return false;
    }

    std::string path;
    Descriptor log, head_file;
    AuditHead end;
    bool ends_whole = true;
    std::optional<std::pair<std::uint64_t, std::string>> torn; // bytes and hash
    std::string damage;
    std::uint64_t lost = 0, lost_unsaid = 0;
    std::string error;
};

bool AuditFile::State::open() {
    constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK; // non-blocking for a FIFO in its place
    log = Descriptor(::open(path.c_str(), flags | O_APPEND, 0600));
    if (!log)
        return fail("cannot be opened");
    struct stat status{};
    if (::fstat(log.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return fail("not a regular file");
    }
    if (::flock(log.get(), LOCK_EX | LOCK_NB) != 0)
        return fail("another process writes this log");
    head_file = Descriptor(::open(head_path(path).c_str(), flags, 0600));
    if (!head_file)
        return fail("its head file cannot be opened");
    return continue_log(status.st_size == 0);
}

bool AuditFile::State::continue_log(bool fresh) {
    struct stat status{};
    if (::fstat(head_file.get(), &status) != 0)
        return fail("its head file cannot be read");
    bool new_log = fresh && status.st_size == 0;
    AuditChain chain(new_log ? AuditHead() : read_head(head_file.get()));
    if (!read_lines(log.get(), chain, ends_whole))
        return fail("cannot be read");
    end = chain.end();
    damage = chain.damage();
    torn.reset();
    if (chain.torn())
        torn.emplace(chain.torn_bytes(), chain.torn_sha256());
    if (new_log && !sync_parent(path))
        return fail("fsync of the directory");
    // With damage to report the head stays a witness until the note about it is in the log.
    return !damage.empty() || write_head();
}

bool AuditFile::State::append(const AuditRecord& record) {
    std::string hash;
    auto line = (ends_whole ? "" : "\n") + encode_audit_line(record, end.hash, hash) + "\n";
    // One write, so that a crash of the process leaves a whole line or none.
    auto written = ::write(log.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        if (written >= 0)
            errno = ENOSPC;
        return fail("cannot be written");
    }
    if (::fdatasync(log.get()) != 0)
        return fail("fdatasync");
    ends_whole = true;
    ++end.records;
    end.hash = hash;
    return true;
}

bool AuditFile::State::append_notes(std::chrono::system_clock::time_point time) {
    AuditRecord note;
    note.time = time;
    note.event = AuditEvent::recover;
    if (torn) {
        note.result = audit_torn_line;
        note.details = {{"bytes", std::to_string(torn->first)}, {"sha256", torn->second}};
        if (!append(note))
            return false;
        torn.reset();
    }
    if (!damage.empty()) {
        note.result = audit_log_damaged;
        note.details = {{"reason", damage}};
        if (!append(note))
            return false;
        damage.clear();
    }
    if (lost_unsaid > 0) {
        note.result = audit_records_lost;
        note.details = {{"count", std::to_string(lost_unsaid)}};
        if (!append(note))
            return false;
        lost_unsaid = 0;
    }
    return true;
}

bool AuditFile::State::write_head() {
    auto text = encode_audit_head(end);
    if (::pwrite(head_file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
        ::ftruncate(head_file.get(), static_cast<off_t>(text.size())) != 0 || ::fdatasync(head_file.get()) != 0)
        return fail("its head file cannot be written");
    return true;
}

AuditFile::AuditFile(std::string path) : state_(std::make_unique<State>(std::move(path))) {
    state_->open();
}

AuditFile::~AuditFile() = default;

void AuditFile::record(const AuditRecord& record) {
    auto& state = *state_;
    if ((!state.log && !state.open()) || !state.append_notes(record.time) || !state.append(record)) {
        ++state.lost;
        ++state.lost_unsaid;
        return;
    }
    if (state.write_head())
        state.error.clear();
}

const std::string& AuditFile::error() const {
    return state_->error;
}

std::uint64_t AuditFile::lost() const {
    return state_->lost;
}

namespace {

AuditVerdict verify_once(const std::string& path) {
    // The head first: a log that is being written meanwhile is then at least as long as the head says.
    AuditChain chain(read_head(head_path(path)));
    Descriptor log(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    bool ends_whole = true;
    AuditVerdict verdict;
    if (!log || !read_lines(log.get(), chain, ends_whole)) {
        verdict.reason = path + ": " + std::strerror(errno);
        return verdict;
    }
    return chain.verdict(read_head(head_path(path)), ends_whole);
}

} // namespace

AuditVerdict verify_audit_file(const std::string& path) {
    auto verdict = verify_once(path);
    // A second look: the first may have met a line or a head that was just being written.
    return verdict.ok ? verdict : verify_once(path);
}

} // namespace rekey::rotation
