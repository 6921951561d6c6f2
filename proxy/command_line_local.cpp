#include "config/load.hpp"
#include "config/options.hpp"
#include "protocol/auth/scram.hpp"
#include "proxy/command_line_commands.hpp"
#include "rotation/audit.hpp"

#include <openssl/rand.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>

namespace rekey::proxy {
namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::uint32_t scram_iterations = 4096; // PostgreSQL's own default

// Turns the terminal's echo off for its lifetime.
class NoEcho {
  public:
    NoEcho() {
        active_ = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!active_)
            return;
        auto silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        std::cerr << "Password: " << std::flush;
    }
    ~NoEcho() {
        if (!active_)
            return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::cerr << "\n";
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

  private:
    termios before_{};
    bool active_ = false;
};

protocol::Secret read_password() {
    NoEcho silent;
    std::string line;
    std::getline(std::cin, line);
    if (line.ends_with('\r'))
        line.pop_back();
    return protocol::Secret::take(line);
}

} // namespace

int audit_verify_command(const std::string& file, const std::string& given_path) {
    auto path = given_path;
    if (path.empty() && file.empty()) {
        std::cerr << "rekey: audit verify wants PATH or -c FILE\n";
        return exit_usage;
    }
    if (path.empty()) {
        auto result = config::load(file);
        for (auto& error : result.errors)
            std::cerr << error << "\n";
        if (!result.ok())
            return exit_usage;
        path = result.config->audit_path;
        if (path.empty()) {
            std::cerr << file << ": audit.path is not set\n";
            return exit_usage;
        }
    }
    auto verdict = rotation::verify_audit_file(path);
    if (!verdict.ok) {
        std::cerr << path << ": " << (verdict.bad_line != 0 ? "line " + std::to_string(verdict.bad_line) + ": " : "")
                  << verdict.reason << "\n";
        return exit_failed;
    }
    std::cout << path << ": ok: " << verdict.lines << (verdict.lines == 1 ? " record" : " records") << "\n";
    return exit_done;
}

int hash_password_command(const std::string& user) {
    auto password = read_password();
    if (password.empty()) {
        std::cerr << "rekey: no password was given\n";
        return exit_usage;
    }
    std::string salt(salt_bytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size())) != 1) {
        std::cerr << "rekey: no randomness\n";
        return exit_failed;
    }
    auto verifier = protocol::auth::scram_verifier(password.reveal(), salt, scram_iterations).text();
    if (user.empty())
        std::cout << verifier << "\n";
    else
        std::cout << "  - name: " << user << "\n    password: { verifier: \"" << verifier << "\" }\n";
    return exit_done;
}

int options_command() {
    std::cout << config::options_markdown();
    return exit_done;
}

} // namespace rekey::proxy
