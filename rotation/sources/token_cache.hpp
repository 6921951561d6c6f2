// Keeps an access token until shortly before its end; while no new one is to be had, to its end.
#pragma once

#include "rotation/http/client.hpp"
#include "rotation/sources/remote_source.hpp"

#include <functional>
#include <string>

namespace rekey::rotation {

struct TokenReply {
    protocol::Secret token;
    std::chrono::seconds life{0};
    std::string error; // empty: there is a token
    bool store_failed = false;
};

// What an endpoint for tokens has answered; `name` is that of the request.
TokenReply read_token_reply(http::Response response, const std::string& name, const Moment& moment);

class TokenCache {
  public:
    // `ask` blocks and gets a new one. One thread at a time.
    explicit TokenCache(std::function<TokenReply(const Moment&)> ask) : ask_(std::move(ask)) {}

    TokenReply get(const Moment& moment);
    void forget() { token_ = {}; }

    static constexpr auto renew_before = std::chrono::minutes(4); // Google's metadata has the next one by then

  private:
    std::function<TokenReply(const Moment&)> ask_;
    protocol::Secret token_;
    Clock::time_point ends_at_{};
};

// A secret behind a token: asked for once more with a fresh one where the service does not take it. `name` is the
// request's, for errors; `read` gets the body of a success.
RemoteReply ask_with_token(TokenCache& tokens, const Moment& moment, const std::string& name,
                           const std::function<http::Response(const protocol::Secret& token)>& ask,
                           const std::function<FetchResult(std::string_view body)>& read);

} // namespace rekey::rotation
