#include "config/build.hpp"
#include "protocol/auth/mysql_verifiers.hpp"
#include "protocol/auth/scram.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

constexpr std::uint32_t iterations = 4096; // PostgreSQL's own

// The same for a user over restarts, when there is a store: a salt that changed with each would tell a real user from
// an unknown one, whose salt stays. Without a store both change.
std::string salt_of(const Config& config, const std::string& user) {
    return keyed_digest(config.store.key.reveal(), "client salt\n" + user).substr(0, 16);
}

const std::string* password_print(const Config& config, const std::string& user) {
    auto path = "users[" + user + "].password";
    for (const auto& setting : config.settings)
        if (setting.path == path)
            return &setting.fingerprint;
    return nullptr;
}

// The verifier that `previous` derived from the same password and salt; empty when there is none.
std::string known_verifier(const Config& config, const User& user, const Config* previous) {
    auto known = previous != nullptr ? previous->find_user(user.name) : nullptr;
    if (known == nullptr || known->verifiers.empty())
        return {};
    auto before = password_print(*previous, user.name), now = password_print(config, user.name);
    auto parsed = protocol::auth::ScramVerifier::parse(known->verifiers.front());
    bool same = before != nullptr && now != nullptr && *before == *now && parsed && parsed->iterations == iterations &&
                parsed->salt == salt_of(config, user.name);
    return same ? known->verifiers.front() : std::string();
}

bool lists(const std::vector<std::string>& methods, std::string_view method) {
    return std::find(methods.begin(), methods.end(), method) != methods.end();
}

} // namespace

void derive_verifiers(Config& config, const Config* previous) {
    bool serves_mysql = std::any_of(config.listeners.begin(), config.listeners.end(),
                                    [](const Listener& listener) { return listener.protocol == Protocol::mysql; });
    for (auto& user : config.users) {
        if (user.password.empty())
            continue;
        if (user.methods.empty() || lists(user.methods, "scram-sha-256")) {
            auto verifier = known_verifier(config, user, previous);
            if (verifier.empty()) {
                auto salt = salt_of(config, user.name);
                verifier = protocol::auth::scram_verifier(user.password.reveal(), salt, iterations).text();
            }
            user.verifiers = {verifier};
        }
        if (serves_mysql)
            user.verifiers.push_back(
                protocol::auth::MysqlVerifiers::text(protocol::auth::caching_sha2_hash(user.password.reveal())));
        bool needed = lists(user.methods, "md5") || lists(user.methods, "mysql_native_password") ||
                      lists(user.methods, "client_ed25519");
        if (!needed)
            user.password = protocol::Secret();
    }
}

} // namespace rekey::config
