#include "proxy/command_line.hpp"

#include "proxy/command_line_commands.hpp"
#include "proxy/version.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace rekey::proxy {
namespace {

void add_file(CLI::App* command, std::string& file) {
    command->add_option("-c,--config", file, "configuration file")->required()->type_name("FILE");
}

void add_target(CLI::App* command, AdminTarget& target) {
    auto* file = command->add_option("-c,--config", target.file, "the running process's configuration file");
    file->type_name("FILE");
    auto* url = command->add_option("--admin", target.url, "its admin address, http://HOST:PORT");
    url->type_name("URL");
    auto* token = command->add_option("--token-file", target.token_file, "the file that holds the admin token");
    token->type_name("FILE");
}

// Everything the command line can say; filled by parsing.
struct Arguments {
    std::string file, audit_path, user;
    AdminTarget target;
    RotateArguments rotate;
    bool json = false, markdown = false;
};

void add_local_commands(CLI::App& app, Arguments& arguments, int& code) {
    auto* run = app.add_subcommand("run", "serve clients, in the foreground");
    add_file(run, arguments.file);
    run->callback([&] { code = run_command(arguments.file); });

    auto* check = app.add_subcommand("check", "check a configuration file and change nothing");
    add_file(check, arguments.file);
    check->callback([&] { code = check_command(arguments.file); });

    auto* audit = app.add_subcommand("audit", "the audit log")->require_subcommand(1);
    auto* verify = audit->add_subcommand("verify", "check the chain of hashes");
    verify->add_option("path", arguments.audit_path, "the audit log; default: the configuration's")->type_name("PATH");
    verify->add_option("-c,--config", arguments.file, "configuration file")->type_name("FILE");
    verify->callback([&] { code = audit_verify_command(arguments.file, arguments.audit_path); });

    auto* hash = app.add_subcommand("hash-password", "read a password and print its SCRAM-SHA-256 verifier");
    hash->add_option("--user", arguments.user, "print a `users` entry for this name")->type_name("NAME");
    hash->callback([&] { code = hash_password_command(arguments.user); });

    auto* options = app.add_subcommand("options", "print every configuration option");
    options->add_flag("--markdown", arguments.markdown, "as Markdown (the only form)");
    options->callback([&] { code = options_command(); });
}

void add_remote_commands(CLI::App& app, Arguments& arguments, int& code) {
    auto* rotate = app.add_subcommand("rotate", "rotate a credential now; for a followed source: fetch now");
    rotate->add_option("credential", arguments.rotate.credential, "its name")->required()->type_name("NAME");
    add_target(rotate, arguments.target);
    rotate->add_flag("--wait", arguments.rotate.wait, "until every backend is replaced and the proof is done");
    auto* dry_run = rotate->add_flag("--dry-run", arguments.rotate.dry_run, "say what would be done");
    auto* emergency = rotate->add_flag("--emergency", arguments.rotate.emergency,
                                       "newest generation only, hard deadline, the old credential revoked");
    rotate->add_option("--deadline", arguments.rotate.deadline, "of an emergency rotation (default 30s)")
        ->needs(emergency)
        ->type_name("DURATION");
    rotate->add_flag("--recover", arguments.rotate.recover, "set a new password through `admin`: every known one fails")
        ->excludes(dry_run);
    rotate->callback([&] { code = rotate_command(arguments.target, arguments.rotate); });

    auto* status = app.add_subcommand("status", "what a running process does");
    add_target(status, arguments.target);
    status->add_flag("--json", arguments.json, "as JSON");
    status->callback([&] { code = status_command(arguments.target, arguments.json); });

    auto* reload = app.add_subcommand("reload", "read the configuration file again");
    add_target(reload, arguments.target);
    reload->callback([&] { code = reload_command(arguments.target); });
}

} // namespace

int run_command_line(int argc, const char* const* argv) {
    CLI::App app{"Rekey: a PostgreSQL proxy that pools connections and rotates their credential", "rekey"};
    app.set_version_flag("--version", "rekey " + std::string(version));
    app.require_subcommand(1);
    Arguments arguments;
    int code = exit_done;
    add_local_commands(app, arguments, code);
    add_remote_commands(app, arguments, code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_done : exit_usage;
    } catch (const std::exception& error) {
        std::cerr << "rekey: " << error.what() << "\n";
        return exit_failed;
    }
    return code;
}

} // namespace rekey::proxy
