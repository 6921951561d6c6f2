// Talks to one Vault or OpenBao: logs in, keeps the token alive, asks.
//
// Blocking, one thread at a time; cancel() may come from any. Nothing is ever written to the store but logins, the
// renewal of the token and what the caller asks for.
#pragma once

#include "config/config.hpp"
#include "rotation/http/client.hpp"
#include "rotation/sources/vault_api.hpp"

#include <memory>
#include <optional>
#include <string>

namespace rekey::rotation {

struct VaultReply {
    protocol::Secret body;     // of a 2xx
    std::string error;         // store, request, status, reason; empty: 2xx
    bool store_failed = false; // not for want of permission or for a wrong path: it gave no answer, or 429 or 5xx
};

class VaultSession {
  public:
    VaultSession(std::shared_ptr<const config::Vault> vault, std::chrono::milliseconds timeout,
                 http::ClientOptions options);

    // `path` is below /v1/. Logs in first where that is needed, and once more when the token has died. `repeatable`:
    // see http::Attempt. `now` is the clock's.
    VaultReply get(const std::string& path, Clock::time_point now) { return ask("GET", path, true, now); }
    VaultReply post(const std::string& path, Clock::time_point now) { return ask("POST", path, false, now); }
    // When the token wants to be renewed; the next get() after that does it.
    std::optional<Clock::time_point> renew_at() const { return renew_at_; }
    void cancel() { client_.cancel(); }

  private:
    enum class WithToken { ours, none };
    VaultReply ask(const char* method, const std::string& path, bool repeatable, Clock::time_point now);
    VaultReply send(const char* method, const std::string& path, const protocol::Secret& body, bool repeatable,
                    const protocol::Secret& token, int* status = nullptr);
    VaultReply have_token(Clock::time_point now);
    VaultReply log_in(Clock::time_point now);
    VaultReply take_given_token(Clock::time_point now);
    VaultReply read_login(protocol::Secret& body);
    VaultReply unwrap(protocol::Secret& secret_id);
    VaultReply check_wrapping(const protocol::Secret& wrapping_token);
    void renew(Clock::time_point now);
    bool token_is_dead();
    bool given_token_changed() const;
    void adopt(VaultToken token, Clock::time_point now);
    std::string login_path() const;

    std::shared_ptr<const config::Vault> vault_;
    std::chrono::milliseconds timeout_;
    config::HttpUrl url_;
    http::Client client_;
    protocol::Secret token_;
    bool renewable_ = false;
    std::chrono::seconds ttl_{0};
    std::optional<Clock::time_point> renew_at_, expires_at_;
    protocol::Secret wrapping_token_, unwrapped_; // the last that was unwrapped, and what it held
};

} // namespace rekey::rotation
