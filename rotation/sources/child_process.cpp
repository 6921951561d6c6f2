#include "rotation/sources/child_process.hpp"

#include "rotation/descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

extern "C" { // glibc 2.36 forgot it
#include <sys/pidfd.h>
}

namespace rekey::rotation {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t errors_limit = 8 * 1024;

std::string text_of(int error) {
    return std::strerror(error);
}

struct Pipe {
    Descriptor read_end, write_end;
};

bool open_pipe(Pipe& pipe) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pipe.read_end = Descriptor(ends[0]);
    pipe.write_end = Descriptor(ends[1]);
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0; // our end only
}

// What the child starts with, in the form posix_spawn() takes.
class SpawnSettings {
  public:
    SpawnSettings() {
        ::posix_spawnattr_init(&attributes_);
        ::posix_spawn_file_actions_init(&actions_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }

    // 0, or an error number.
    int prepare(int out, int err) {
        sigset_t all, none;
        ::sigfillset(&all);
        ::sigdelset(&all, SIGKILL);
        ::sigdelset(&all, SIGSTOP);
        ::sigemptyset(&none);
        int results[] = {
            ::posix_spawnattr_setflags(&attributes_,
                                       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
            ::posix_spawnattr_setpgroup(&attributes_, 0),
            ::posix_spawnattr_setsigmask(&attributes_, &none),
            ::posix_spawnattr_setsigdefault(&attributes_, &all),
            ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0),
            ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO),
            ::posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO),
            ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1),
        };
        auto* failed = std::find_if(std::begin(results), std::end(results), [](int result) { return result != 0; });
        return failed == std::end(results) ? 0 : *failed;
    }
    const posix_spawnattr_t* attributes() const { return &attributes_; }
    const posix_spawn_file_actions_t* actions() const { return &actions_; }

  private:
    posix_spawnattr_t attributes_;
    posix_spawn_file_actions_t actions_;
};

// Collects at most `limit` bytes of one stream and cleanses them.
class Stream {
  public:
    Stream(Descriptor fd, std::size_t limit) : fd_(std::move(fd)), limit_(limit) { bytes_.resize(limit); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { protocol::cleanse(bytes_); }

    int fd() const { return fd_.get(); } // -1 after its end; poll() then skips it
    bool overflowed() const { return overflowed_; }
    protocol::Secret take() { return protocol::Secret(std::string_view(bytes_).substr(0, size_)); }

    // Reads what is there. What comes after the limit is dropped, and remembered as overflowed().
    void read_available() {
        while (fd_ && !overflowed_ && read_some() > 0) {
        }
    }
    void drop_available() {
        char dropped[4096];
        while (fd_ && ::read(fd_.get(), dropped, sizeof dropped) > 0) {
        }
    }

  private:
    ssize_t read_some() {
        char beyond;
        bool full = size_ == limit_;
        auto count = full ? ::read(fd_.get(), &beyond, 1) : ::read(fd_.get(), bytes_.data() + size_, limit_ - size_);
        if (count > 0 && full)
            overflowed_ = true;
        else if (count > 0)
            size_ += static_cast<std::size_t>(count);
        else if (count == 0 || (errno != EAGAIN && errno != EINTR))
            fd_.reset();
        return count;
    }

    Descriptor fd_;
    std::size_t limit_;
    std::string bytes_; // never grows, so that no copy is left behind
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

// Until the child has ended (empty), or why it is given up.
std::string supervise(int child, Stream& out, Stream& err, const ChildCommand& command) {
    auto deadline = Clock::now() + command.timeout;
    while (true) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0)
            return "did not end within " + std::to_string(command.timeout.count()) + " ms and was killed";
        pollfd items[] = {{child, POLLIN, 0}, {out.fd(), POLLIN, 0}, {err.fd(), POLLIN, 0}};
        int ready = ::poll(items, 3, static_cast<int>(std::min<long>(left, 60'000)));
        if (ready < 0 && errno != EINTR)
            return "poll: " + text_of(errno);
        if (ready <= 0)
            continue;
        out.read_available();
        err.read_available();
        if (err.overflowed())
            err.drop_available(); // or the child would wait for us for ever
        if (out.overflowed())
            return "wrote more than " + std::to_string(command.output_limit) + " bytes and was killed";
        if (items[0].revents != 0)
            return {};
    }
}

std::string describe(int status) {
    if (WIFSIGNALED(status))
        return std::string("was ended by signal ") + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return "ended with exit status " + std::to_string(WEXITSTATUS(status));
    return {};
}

// Kills the group while its leader is not yet reaped, so that its number cannot be another's; then reaps it.
std::string end_group(pid_t child) {
    ::kill(-child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return "its exit status is unknown: " + text_of(errno);
    return describe(status);
}

std::vector<char*> pointers_of(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const auto& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

int spawn(const ChildCommand& command, int out, int err, pid_t& child) {
    SpawnSettings settings;
    if (int error = settings.prepare(out, err); error != 0)
        return error;
    std::vector<std::string> environment;
    for (const auto& variable : command.environment)
        environment.emplace_back(variable.reveal());
    auto arguments = pointers_of(command.arguments);
    auto variables = pointers_of(environment);
    int error = ::posix_spawnp(&child, arguments[0], settings.actions(), settings.attributes(), arguments.data(),
                               variables.data());
    for (auto& variable : environment)
        protocol::cleanse(variable);
    return error;
}

} // namespace

ChildResult run_child(const ChildCommand& command) {
    ChildResult result;
    Pipe out, err;
    if (!open_pipe(out) || !open_pipe(err)) {
        result.failure = "could not be started: pipe: " + text_of(errno);
        return result;
    }
    pid_t child = 0;
    if (int error = spawn(command, out.write_end.get(), err.write_end.get(), child); error != 0) {
        result.failure = "could not be started: " + text_of(error);
        return result;
    }
    out.write_end.reset();
    err.write_end.reset();
    Stream output(std::move(out.read_end), command.output_limit);
    Stream errors(std::move(err.read_end), errors_limit);
    Descriptor ended(::pidfd_open(child, 0));
    result.failure = ended ? supervise(ended.get(), output, errors, command) : "pidfd_open: " + text_of(errno);
    auto status = end_group(child);
    if (result.failure.empty())
        result.failure = status;
    result.errors = errors.take();
    result.output = output.take();
    return result;
}

} // namespace rekey::rotation
