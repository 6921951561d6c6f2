// The `rekey` program: its commands, their output and their exit codes.
#pragma once

namespace rekey::proxy {

// What a script may rely on.
enum ExitCode : int {
    exit_done = 0,
    exit_failed = 1,      // held, failed or rolled back; the reason is on stderr
    exit_usage = 2,       // wrong command line or configuration
    exit_unreachable = 3, // no Rekey process answers at the admin address
};

int run_command_line(int argc, const char* const* argv);

} // namespace rekey::proxy
