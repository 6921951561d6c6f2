// The one value that rotation is about: who logs in upstream, and with what.
#pragma once

#include "protocol/common/secret.hpp"
#include "rotation/endpoint.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rekey::rotation {

// Counts the published credentials of one name in this store, from 1. A backend carries the generation of the
// snapshot it logged in with, captured before it connected.
struct Generation {
    std::uint64_t value = 0;
    auto operator<=>(const Generation&) const = default;
};

// Passwords that are made for one login instead of being kept: they are good for some minutes, and what is logged in
// with one stays so.
class LoginTokens {
  public:
    virtual ~LoginTokens() = default;
    // What to show this host now. Any thread; does not block.
    virtual protocol::Secret make(const std::string& host, std::uint16_t port,
                                  std::chrono::system_clock::time_point now) const = 0;
};

// Immutable once made, and shared by pointer between threads; a newer one replaces the pointer, never the content.
struct Credential {
    std::string name; // the configuration's
    Generation generation;
    std::string username;
    protocol::Secret password;
    std::string role;                          // PostgreSQL: the stable role, sent as a start-up option; empty: none
    std::shared_ptr<const LoginTokens> tokens; // instead of the password, which is empty then; null: none
    std::string version;                       // what the source calls it; opaque; never a secret
    std::optional<std::chrono::system_clock::time_point> not_after; // when the credential itself ends
    Endpoint endpoint; // where its secret says that the database is; every host has a port
};

using CredentialPtr = std::shared_ptr<const Credential>;

} // namespace rekey::rotation
