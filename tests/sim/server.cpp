#include "tests/sim/server.hpp"

#include <functional>

namespace rekey::sim {
namespace {

constexpr std::uint64_t refused_at_most = 3;
// A search that found nothing may begin again after the back-off for that (30 s and more, with jitter).
constexpr auto budget_renewed_after = 20s;

// The text between the first two `quote`s from `from` on.
std::string quoted(const std::string& text, char quote, std::size_t from = 0) {
    const std::size_t begin = text.find(quote, from);
    const std::size_t end = begin == std::string::npos ? begin : text.find(quote, begin + 1);
    return end == std::string::npos ? std::string() : text.substr(begin + 1, end - begin - 1);
}

} // namespace

std::string fake_verifier(std::string_view password, std::string_view salt) {
    const std::string salted = std::to_string(std::hash<std::string_view>{}(salt));
    return "SIM$" + salted + "$" + std::to_string(std::hash<std::string>{}(salted + std::string(password)));
}

bool matches(const std::string& verifier, std::string_view password) {
    const std::size_t second = verifier.find('$', 4);
    const std::string salted = verifier.substr(4, second - 4);
    return verifier == "SIM$" + salted + "$" + std::to_string(std::hash<std::string>{}(salted + std::string(password)));
}

Server::Server(Loop& loop, bool standby) : loop_(loop) {
    hosts.push_back({"primary", true, true, {}, 0, {}});
    if (standby) {
        hosts.push_back({"standby", false, true, {}, 0, {}});
    }
}

rotation::LoginResult Server::login(Host& host, const std::string& user, std::string_view password) {
    using rotation::LoginResult;
    if (!host.up) {
        return LoginResult::unavailable;
    }
    if (host.wanted && open_backends >= slots) {
        return LoginResult::no_slot;
    }
    const auto role = host.roles.find(user);
    if (role != host.roles.end() && role->second && matches(*role->second, password)) {
        return LoginResult::accepted;
    }
    if (loop_.now() - host.last_refused > budget_renewed_after) {
        host.refused = 0;
    }
    host.last_refused = loop_.now();
    if (refused) refused(host.name + " refuses " + user + " " + std::string(password));
    if (++host.refused > refused_at_most) {
        throw Violation("must 5: more than 3 refused logins at " + host.name);
    }
    return LoginResult::refused;
}

bool Server::accepts(const std::string& user, std::string_view password) const {
    const std::optional<std::string>& verifier = verifier_of(user);
    return verifier && matches(*verifier, password);
}

const std::optional<std::string>& Server::verifier_of(const std::string& user) const {
    static const std::optional<std::string> none;
    const auto role = hosts[0].roles.find(user);
    return role == hosts[0].roles.end() ? none : role->second;
}

void Server::set_password(const std::string& user, std::optional<std::string> verifier) {
    hosts[0].roles[user] = verifier;
    if (verifier) {
        new_budget();
    }
    for (std::size_t i = 1; i < hosts.size(); ++i) {
        const auto replay = [this, i, user, verifier] { hosts[i].roles[user] = verifier; };
        lag > Clock::duration(0) ? loop_.world_in(lag, replay) : replay();
    }
}

void Server::create_role(const std::string& user) {
    for (Host& host : hosts) {
        host.roles.emplace(user, std::nullopt);
    }
}

void Server::drop_role(const std::string& user) {
    for (Host& host : hosts) {
        host.roles.erase(user);
    }
}

bool Server::has_role(const std::string& user) const { return hosts[0].roles.count(user) != 0; }

std::string Server::execute(const std::string& user, const std::string& statement,
                            std::vector<std::vector<std::string>>& rows) {
    rows.clear();
    if (statement.starts_with("SET lock_timeout") || statement.starts_with("SELECT pg_advisory_lock")) {
        return {};
    }
    if (statement.starts_with("SELECT 'role'")) {
        for (const auto& [name, verifier] : hosts[0].roles) {
            if (statement.find("'" + name + "'") != std::string::npos) {
                rows.push_back({"role", name, "-1", ""});
            }
        }
        return {};
    }
    const std::string role = quoted(statement, '"');
    if (user != role && !(user == "rotator" && admin_has_right)) {
        return "42501";
    }
    if (statement.starts_with("CREATE ROLE ")) {
        if (has_role(role)) {
            return "42710";
        }
        create_role(role);
        return {};
    }
    if (!has_role(role)) {
        return "42704";
    }
    if (statement.find(" SET role = ") != std::string::npos) {
        return {};
    }
    if (statement.ends_with(" PASSWORD NULL")) {
        set_password(role, std::nullopt);
        return {};
    }
    const std::string verifier = quoted(statement, '\'');
    if (!statement.starts_with("ALTER ROLE ") || !verifier.starts_with("SIM$")) {
        throw Violation("a statement that the fake server does not know: " + statement);
    }
    statements_setting_verifiers.push_back(statement);
    set_password(role, verifier);
    return {};
}

void Server::new_budget() {
    for (Host& host : hosts) {
        host.refused = 0;
    }
}

Clock::duration Server::latency() { return slow ? loop_.between(20ms, 900ms) : loop_.between(1ms, 15ms); }

} // namespace rekey::sim
