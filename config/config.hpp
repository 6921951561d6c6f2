// The configuration as plain data: what the file said, checked and completed with defaults. Names are the keys'.
//
// Built once by load() (config/load.hpp) and immutable from then on; a reload builds another and config/diff.hpp tells
// what changed. Secrets are read (files, environment) while loading, so that a reload re-reads them.
#pragma once

#include "config/stores.hpp"
#include "protocol/common/secret.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rekey::config {

using Duration = std::chrono::milliseconds;
struct Option;

enum class Protocol { postgres, mysql };
enum class ListenerTls { disable, prefer, require, verify };
enum class UpstreamTls { disable, prefer, require, verify_ca, verify_full };
enum class TlsNegotiation { postgres, direct };
enum class Target { primary, standby, any };
enum class PoolMode { automatic, session, transaction, statement };
enum class Strategy { single_user, alternating_users, dual_password };
enum class Pinned { wait, close_at_transaction_end, close_now };
enum class SourceType {
    file,
    env,
    exec,
    local,
    vault,
    aws_secrets_manager,
    rds_iam,
    nacos,
    aliyun_kms,
    gcp_secret_manager,
    azure_key_vault,
    http,
};
enum class VaultEngine { automatic, kv_v2, kv_v1, static_role, dynamic };
enum class VaultMethod { token, approle, kubernetes, jwt, userpass, cert };
enum class LogFormat { text, json };

// host:port, [v6]:port or unix:/path
struct Address {
    std::string host; // name, IPv4 or IPv6 without brackets; empty for a unix socket
    std::uint16_t port = 0;
    std::string unix_path;
    bool is_unix() const { return !unix_path.empty(); }
    bool is_loopback() const; // unix, localhost, 127/8, ::1
    std::string text() const;
    bool operator==(const Address&) const = default;
};

struct ListenerTlsOptions {
    ListenerTls mode = ListenerTls::prefer;
    std::string certificate, key, client_ca; // absolute paths; empty: none
    std::string digest;                      // of the files' contents, so that a renewed certificate is a change
    bool operator==(const ListenerTlsOptions&) const = default;
};

struct Listener {
    std::string name;
    Protocol protocol = Protocol::postgres;
    bool compression = true; // MySQL's, offered to clients
    Address address;
    ListenerTlsOptions tls;
    std::string server_version, charset; // MySQL's greeting; empty: as the first upstream of its routes
};

// One network that may connect; prefix 0..32 or 0..128, or the word `unix`.
struct Network {
    bool unix_sockets = false;
    bool v6 = false;
    unsigned char bytes[16] = {};
    unsigned prefix = 0;
};

struct User {
    std::string name;
    // Exactly one of password and verifiers, or neither with methods: [cert].
    protocol::Secret password;          // from file, env or value
    std::vector<std::string> verifiers; // SCRAM-SHA-256$…; others are MySQL's, see protocol/auth/mysql_verifiers.hpp
    std::vector<Network> allow;         // default: loopback and unix
    std::vector<std::string> methods;   // empty: the protocol's strongest
    std::uint32_t max_connections = 0;  // 0: no limit
};

struct Login {
    std::string username;
    protocol::Secret password;
    std::string credential; // or the name of another credential
};

// HashiCorp Vault or OpenBao.
struct Vault {
    std::string address;                            // http(s)://host:port
    std::string name_space;                         // empty: none
    std::string ca, ca_directory, certificate, key; // absolute paths; empty: none
    std::string server_name;
    VaultEngine engine = VaultEngine::kv_v2; // never automatic
    std::string path;                        // below /v1/, without slashes at its ends
    std::string username_field, password_field;
    EndpointFields endpoint_fields; // KV
    VaultMethod method = VaultMethod::token;
    std::string mount; // of the method
    std::string role, role_id, username;
    SecretReference secret; // the token, secret id, JWT or password
    bool wrapped = false;   // `secret` is a wrapping token that holds the secret id
};

// Amazon's cloud: a secret of its Secrets Manager, or database logins by an identity's signature (rds_iam).
struct Aws {
    std::string secret;          // Secrets Manager: a name or an ARN
    std::string region, profile; // empty: found out when asking
    std::string endpoint;        // of Secrets Manager, https://host; empty: Amazon's
    std::string ca;              // absolute path; empty: the system's
    std::string user;            // rds_iam: who logs in; else whose password a secret is that names nobody
    std::string username_field, password_field;
    EndpointFields endpoint_fields; // Secrets Manager
};

struct Source {
    SourceType type = SourceType::file;
    std::string path;                                  // file
    DocumentFormat format = DocumentFormat::automatic; // file
    std::string user;                                  // file and exec: whose a password is that names nobody
    PassfileQuery passfile;                            // file: of the first upstream that uses the credential
    std::string username_variable, password_variable;  // env
    std::vector<std::string> command;                  // exec: argv, no shell
    std::vector<std::string> environment;              // exec: names passed on
    Duration timeout{10000};                           // exec and stores
    bool strict_permissions = false;                   // file
    Login initial;                                     // local
    std::shared_ptr<const Vault> vault;                // vault
    std::shared_ptr<const Aws> aws;                    // aws_secrets_manager, rds_iam
    std::shared_ptr<const Nacos> nacos;                // nacos
    std::shared_ptr<const AliyunKms> kms;              // aliyun_kms
    std::shared_ptr<const Gcp> gcp;                    // gcp_secret_manager
    std::shared_ptr<const Azure> azure;                // azure_key_vault
    std::shared_ptr<const HttpStore> http;             // http
};

struct RotationWindow { // of the day, UTC; may wrap midnight
    std::chrono::minutes from{0}, to{0};
    std::string text;
};

struct Rotation {
    Strategy strategy = Strategy::alternating_users;
    std::vector<std::string> users; // alternating_users: two; default made from the initial user
    Duration overlap{0};
    std::optional<Duration> every;
    std::optional<RotationWindow> window;
    std::optional<Login> admin;
};

struct Credential {
    std::string name;
    Protocol protocol = Protocol::postgres; // of the upstreams that use it
    Source source;
    Duration refresh{5000}; // stores asked over a network: 30000 or 60000, when not given
    Duration drain_deadline{300000};
    Pinned pinned = Pinned::wait;
    std::uint32_t surge = 1;
    Duration window{1000};
    std::string role; // PostgreSQL; defaults to users[0] with alternating_users
    std::optional<Rotation> rotation;
    std::string where; // file:line, for messages
};

struct Pool {
    PoolMode mode = PoolMode::automatic;
    std::uint32_t size = 20;
    std::uint32_t min = 0;
    Duration wait_timeout{30000};
    Duration idle_timeout{600000};
    Duration max_lifetime{3600000};
    std::uint32_t prepared_statements = 200;
    bool operator==(const Pool&) const = default;
};

struct UpstreamTlsOptions {
    std::optional<UpstreamTls> mode; // unset: prefer for loopback and unix hosts, verify_full for others
    std::string ca;                  // absolute path; empty: the system's
    std::string digest;              // of its content, so that a new one is a change
    TlsNegotiation negotiation = TlsNegotiation::postgres;
    bool operator==(const UpstreamTlsOptions&) const = default;
};

struct Upstream {
    std::string name;
    Protocol protocol = Protocol::postgres;
    std::vector<Address> hosts;
    bool hosts_from_credential = false; // then `hosts` is empty: the secret says it
    std::string database;               // for verifying where the routes name none
    Target target = Target::primary;
    UpstreamTlsOptions tls;
    std::string credential;
    Pool pool;
    Duration connect_timeout{5000}; // TCP, TLS and login of one backend
    std::string where;
};

struct Route {
    std::string listener, database, user; // "*" matches all
    std::string upstream;
    std::string upstream_database; // empty: as the client said
};

struct Store {
    std::string path;     // empty: no store (then no `local` credential and nothing is remembered over a restart)
    protocol::Secret key; // 32 bytes, decoded
};

struct Admin {
    std::optional<Address> address;
    std::optional<Address> console;
    protocol::Secret token;
    std::string token_path; // where a made token is kept when none was configured
};

struct Limits {
    std::uint32_t client_connections = 10000;
    Duration startup_timeout{15000};
    std::uint64_t message_collect = 1 << 20; // bytes
    Duration shutdown_timeout{30000};
};

// One key and what it is set to, defaults included; what `SHOW CONFIG` tells and diff() compares.
struct Setting {
    std::string path;  // upstreams[orders].pool.size
    std::string value; // as written; `(secret)` for secrets
    // Equal if and only if the effect is; covers the content of the files behind the key. Of a secret it is a keyed
    // hash with a key of this process.
    std::string fingerprint;
    const Option* option = nullptr; // static
};

struct Config {
    std::string file; // as given
    std::uint32_t workers = 1;
    std::vector<Listener> listeners;
    std::vector<User> users;
    std::vector<Credential> credentials;
    std::vector<Upstream> upstreams;
    std::vector<Route> routes;
    Store store;
    Admin admin;
    std::string audit_path;
    std::string log_level = "info";
    LogFormat log_format = LogFormat::text;
    Limits limits;
    std::vector<Setting> settings;
    std::vector<std::string> warnings; // readable secrets and the like, one sentence each

    const Upstream* find_upstream(std::string_view name) const;
    const Credential* find_credential(std::string_view name) const;
    const User* find_user(std::string_view name) const;
    const Listener* find_listener(std::string_view name) const;
};

using ConfigPtr = std::shared_ptr<const Config>;

} // namespace rekey::config
