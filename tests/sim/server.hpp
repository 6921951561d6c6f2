// A fake PostgreSQL: roles with verifiers on a primary and perhaps a standby that lags behind.
#pragma once

#include "rotation/ports.hpp"
#include "tests/sim/loop.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace rekey::sim {

// What the server keeps instead of a password; stands for SCRAM, a thousand times cheaper.
std::string fake_verifier(std::string_view password, std::string_view salt);
bool matches(const std::string& verifier, std::string_view password);

struct Host {
    std::string name;
    bool wanted = true; // the primary
    bool up = true;
    std::map<std::string, std::optional<std::string>> roles; // name → verifier; absent value: no password
    std::uint64_t refused = 0;                               // logins since the budget began
    Clock::time_point last_refused{};
};

class Server {
  public:
    Server(Loop& loop, bool standby);

    rotation::LoginResult login(Host& host, const std::string& user, std::string_view password);
    // True when the primary would let this in, whatever state it is in. Charges nothing.
    bool accepts(const std::string& user, std::string_view password) const;
    const std::optional<std::string>& verifier_of(const std::string& user) const;

    void set_password(const std::string& user, std::optional<std::string> verifier);
    void create_role(const std::string& user);
    void drop_role(const std::string& user); // sessions stay
    bool has_role(const std::string& user) const;
    // Executes as `user`; the SQLSTATE of the failure, empty when done.
    std::string execute(const std::string& user, const std::string& statement,
                        std::vector<std::vector<std::string>>& rows);

    // Must 5: something changed, so the three refused logins begin anew.
    void new_budget();
    Clock::duration latency();

    std::vector<Host> hosts; // [0] is the primary
    std::uint32_t open_backends = 0;
    std::uint32_t slots = UINT32_MAX;
    bool slow = false;
    bool admin_has_right = true;
    int late = 0; // statements whose connection is lost, but which are still to be executed
    Clock::duration lag{0};
    std::vector<std::string> statements_setting_verifiers; // of the whole run
    std::function<void(const std::string&)> refused; // for the trace

  private:
    Loop& loop_;
};

} // namespace rekey::sim
