#include "proxy/admin/process.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REKEY_SANITIZED 1
#else
#define REKEY_SANITIZED 0
#endif

namespace rekey::proxy::admin {

void harden_process() {
    rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (!REKEY_SANITIZED) // the leak checker attaches to its own process
        ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

std::uint64_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    auto soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft;
}

bool running_as_root() {
    return ::geteuid() == 0;
}

void notify_service_manager(const std::string& state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un name{};
    if (path == nullptr || (path[0] != '/' && path[0] != '@') || std::strlen(path) >= sizeof name.sun_path)
        return;
    name.sun_family = AF_UNIX;
    auto length = std::strlen(path);
    std::memcpy(name.sun_path, path, length);
    if (name.sun_path[0] == '@') // the abstract namespace
        name.sun_path[0] = '\0';
    int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    // A manager that does not listen is none of ours; nothing depends on the answer.
    (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&name), size);
    ::close(fd);
}

std::string reloading_state() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    auto microseconds = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds);
}

} // namespace rekey::proxy::admin
