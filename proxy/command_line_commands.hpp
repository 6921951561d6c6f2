// The commands behind the command line; each prints what it has to say and returns the exit code.
#pragma once

#include "proxy/command_line.hpp"

#include <optional>
#include <string>

namespace rekey::proxy {

int run_command(const std::string& file);
int check_command(const std::string& file);
int audit_verify_command(const std::string& file, const std::string& path);
int hash_password_command(const std::string& user);
int options_command();

// Where the running process is: at the file's admin.address, or a URL.
struct AdminTarget {
    std::string file, url, token_file;
};

struct RotateArguments {
    std::string credential, deadline;
    bool dry_run = false, wait = false, emergency = false, recover = false;
};

int rotate_command(const AdminTarget& target, const RotateArguments& arguments);
int status_command(const AdminTarget& target, bool json);
int reload_command(const AdminTarget& target);

} // namespace rekey::proxy
