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
    int status = 0;            // 0: no answer
    bool store_failed = false; // not for want of permission or for a wrong path: it gave no answer, or 429 or 5xx
};

class VaultSession {
  public:
    VaultSession(std::shared_ptr<const config::Vault> vault, std::chrono::milliseconds timeout,
                 http::ClientOptions options);

    // `path` is below /v1/. Logs in first where that is needed, and once more when the token has died. `repeatable`:
    // see http::Attempt. `now` is the clock's.
    VaultReply get(const std::string& path, Clock::time_point now) { return ask("GET", path, {}, true, now); }
    VaultReply post(const std::string& path, Clock::time_point now) { return ask("POST", path, {}, false, now); }
    // The same, with a body, and to be repeated without harm.
    VaultReply post(const std::string& path, const protocol::Secret& body, Clock::time_point now) {
        return ask("POST", path, body, true, now);
    }
    // What a token has made ends with it: it is to last as long as it can before that is renewed, and for something new
    // there is to be another one when it has less than half its life left and cannot be renewed. Failures are told by
    // the next request, if it needs what has failed.
    void prolong_token(Clock::time_point now);
    void fresh_token(Clock::time_point now);
    // When the token ends as things are; absent: never.
    std::optional<Clock::time_point> token_end() const { return expires_at_; }
    // A GET that must not be repeated: it makes something.
    VaultReply make(const std::string& path, Clock::time_point now) { return ask("GET", path, {}, false, now); }
    // When the token wants to be renewed; the next get() after that does it.
    std::optional<Clock::time_point> renew_at() const { return renew_at_; }
    void cancel() { client_.cancel(); }

  private:
    enum class WithToken { ours, none };
    VaultReply ask(const char* method, const std::string& path, const protocol::Secret& body, bool repeatable,
                   Clock::time_point now);
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
    std::chrono::seconds ttl_{0}, full_ttl_{0}; // as it is, and as it was given
    std::optional<Clock::time_point> renew_at_, expires_at_;
    protocol::Secret wrapping_token_, unwrapped_; // the last that was unwrapped, and what it held
};

} // namespace rekey::rotation
