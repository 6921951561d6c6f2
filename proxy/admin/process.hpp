// What the process asks of the kernel and tells the service manager.
#pragma once

#include <cstdint>
#include <string>

namespace rekey::proxy::admin {

// No core file, no attaching debugger, no /proc/<pid>/mem for others: memory holds passwords.
void harden_process();
// The soft limit of open files becomes the hard one; returns it.
std::uint64_t raise_descriptor_limit();
bool running_as_root();

// sd_notify(3) without its library: READY=1, STOPPING=1, RELOADING=1 … Does nothing without $NOTIFY_SOCKET.
void notify_service_manager(const std::string& state);
// RELOADING=1 with the monotonic time systemd wants beside it (Type=notify-reload).
std::string reloading_state();

} // namespace rekey::proxy::admin
