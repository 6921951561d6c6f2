// Talks to the servers of one Nacos: logs in, signs, asks, and turns to the next when one fails.
//
// Blocking, one thread at a time; cancel() may come from any. Nothing is ever written to the store.
#pragma once

#include "rotation/http/client.hpp"
#include "rotation/nacos/api.hpp"
#include "rotation/nacos/signature.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace rekey::rotation::nacos {

struct Moment {
    Clock::time_point now;
    std::chrono::system_clock::time_point wall; // signatures carry it
};

struct SessionOptions {
    std::chrono::milliseconds timeout{10000}; // of one reading, with all its attempts
    http::ClientOptions client;               // of its retry policy the pauses count, between rounds over the servers
    std::uint64_t seed = 0;
};

struct Listening {
    enum class Heard { nothing, changed, failed, unsupported } heard = Heard::failed;
    std::string error; // with the last two
};

class Session {
  public:
    Session(std::shared_ptr<const config::Nacos> nacos, SessionOptions options);

    // Every server up to three times. Logs in first where that is needed, and once more when the server does not know
    // the token any more, but not every time when it is the permission that is missing.
    Reading read(const Moment& moment);
    // Returns as soon as the configuration has another MD5 than this (empty: it is not there), or after `hold`, at
    // least 10 s; one attempt.
    Listening listen(const std::string& md5, std::chrono::milliseconds hold, const Moment& moment);
    void pause(std::chrono::milliseconds span) const { client_.pause(span); }
    void cancel() { client_.cancel(); }

    static constexpr unsigned rounds = 3;

  private:
    struct Call;
    struct Reply;
    Reply ask(const Call& call, const Moment& moment);
    Reply send(const Call& call, const Moment& moment);
    Reply send_once(const Call& call, const Moment& moment, std::chrono::milliseconds timeout);
    std::string add_headers(const Call& call, const Moment& moment, std::vector<http::Header>& headers);
    struct Login {
        std::string error; // empty: there is a token, or none is wanted
        bool store_failed = false;
    };
    Login have_token(const Moment& moment);
    Login log_in(const Moment& moment);
    Login read_login(const Reply& reply, const Moment& moment);
    Reading read_by(config::NacosApi api, const Moment& moment);
    void turn_to_next() { current_ = (current_ + 1) % servers_.size(); }

    std::shared_ptr<const config::Nacos> nacos_;
    std::vector<config::HttpUrl> servers_;
    SessionOptions options_;
    http::Client client_;
    std::minstd_rand random_;
    std::size_t current_ = 0; // the server that answered last
    bool modern_ = false;     // `auto`: v3
    protocol::Secret token_;
    Clock::time_point renew_at_{}, expires_at_{}, logged_in_at_{};
};

} // namespace rekey::rotation::nacos
