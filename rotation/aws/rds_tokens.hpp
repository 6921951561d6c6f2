// Passwords for databases at Amazon RDS: an address, presigned for one host, port and user. Made here, without asking
// anybody.
#pragma once

#include "rotation/aws/sigv4.hpp"
#include "rotation/credential.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace rekey::rotation::aws {

// RDS takes one for this long after its signing, for new logins.
inline constexpr std::chrono::minutes token_valid{15};
// For how long one is shown again: the server tells known ones apart more cheaply.
inline constexpr std::chrono::minutes token_reused{10};

class RdsTokens final : public LoginTokens {
  public:
    // `region` empty: that of the host's name, else `fallback` of use().
    RdsTokens(std::string user, std::string region);

    // What is signed with from now on. Before the first make().
    void use(std::shared_ptr<const Keys> keys, std::string fallback);
    // Whether a host whose name says nothing can be served.
    bool needs_fallback() const { return region_.empty(); }

    protocol::Secret make(const std::string& host, std::uint16_t port,
                          std::chrono::system_clock::time_point now) const override;

  private:
    struct Made {
        protocol::Secret token;
        std::chrono::system_clock::time_point at;
    };

    std::string user_, region_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Keys> keys_;
    std::string fallback_;
    mutable std::map<std::string, Made> made_; // by host:port
};

} // namespace rekey::rotation::aws
