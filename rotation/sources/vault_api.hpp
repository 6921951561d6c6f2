// What Vault and OpenBao answer, read. Pure. Errors never hold a secret.
#pragma once

#include "rotation/secret_json.hpp"
#include "rotation/source.hpp"

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

// A token: what a login or a renewal answers (`auth`), or what the store tells of one (lookup-self).
struct VaultToken {
    protocol::Secret token;      // empty where the answer has none
    std::chrono::seconds ttl{0}; // 0: does not expire
    bool renewable = false;
    bool counted = false; // may be used so many times only
};
std::optional<VaultToken> parse_vault_auth(std::string_view body);
std::optional<VaultToken> parse_vault_token(std::string_view body);

// One text of `data`; empty when it is not there.
protocol::Secret vault_data_text(std::string_view body, std::string_view key);

// `version` is the store's own: the number of a KV version, the time of a role's last rotation, or empty.
FetchResult parse_vault_kv(std::string_view body, const config::Vault& vault);
// Fetched::look_again is set: a random moment shortly after the next rotation, or soon when that is overdue.
FetchResult parse_vault_static(std::string_view body, std::uint64_t random);

// Fetched::version is the lease's name, Fetched::lease its life.
FetchResult parse_vault_dynamic(std::string_view body);
std::optional<Lease> parse_vault_lease(std::string_view body);

// What a status other than 2xx means, with what the store says about it.
std::string explain_vault_status(int status, std::string_view body);

// A flat JSON object of texts, for a request's body.
protocol::Secret vault_body(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

} // namespace rekey::rotation
