#include "config/load.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

using namespace std::chrono_literals;

TEST(Load, TakesAShortFile) {
    auto result = FakeInputs().load(minimal);
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& config = *result.config;
    EXPECT_EQ(config.file, "/etc/rekey.yaml");
    ASSERT_EQ(config.listeners.size(), 1u);
    EXPECT_EQ(config.listeners[0].name, "postgres");
    EXPECT_EQ(config.listeners[0].address.text(), "127.0.0.1:6432");
    ASSERT_EQ(config.routes.size(), 1u);
    EXPECT_EQ(config.routes[0].listener, "*");
    EXPECT_EQ(config.routes[0].database, "*");
    EXPECT_EQ(config.routes[0].user, "*");
    EXPECT_EQ(config.routes[0].upstream, "main");
    EXPECT_FALSE(config.admin.address);
    EXPECT_EQ(config.store.path, "");
    EXPECT_THAT(config.warnings, IsEmpty());
    EXPECT_EQ(config.find_upstream("main"), &config.upstreams[0]);
    EXPECT_EQ(config.find_credential("main"), &config.credentials[0]);
    EXPECT_EQ(config.find_user("app"), &config.users[0]);
    EXPECT_EQ(config.find_listener("other"), nullptr);
}

const std::string everything = R"(
workers: 4
listeners:
  - name: pg
    protocol: postgres
    address: 127.0.0.1:6432
    tls: { mode: verify, certificate: server.crt, key: /keys/server.key, client_ca: ca.crt }
  - name: local
    address: unix:/run/rekey/.s.PGSQL.6432
    tls: { mode: disable }
users:
  - name: app
    password: { file: app.password }
    allow: [10.0.0.0/8, unix]
    methods: [scram-sha-256, md5]
    max_connections: 7
credentials:
  - name: orders-app
    source: { type: file, path: secrets/orders.json, strict_permissions: true }
    refresh: 6s
    drain_deadline: 4m
    pinned: close_now
    replace: { surge: 2, window: 3s }
    role: orders
  - name: tool
    source: { type: exec, command: [/bin/get, --json], timeout: 20s, environment: [TOKEN] }
  - name: admin
    source: { type: env, username: ADMIN, password: ADMIN_PASSWORD }
  - name: billing-app
    source: { type: local, initial: { username: billing, password: { value: first } } }
    rotation:
      strategy: alternating_users
      overlap: 1s
      every: 24h
      window: "02:00-04:00 UTC"
      admin: { credential: admin }
  - name: single
    source: { type: local, initial: { username: one, password: { value: first } } }
    rotation: { strategy: single_user, admin: { username: rotator, password: { env: ROTATOR } } }
upstreams:
  - name: orders
    protocol: postgres
    hosts: [db1.example.com:5432, db2.example.com:5433]
    database: orders
    target: any
    tls: { mode: verify-ca, ca: rds-ca.pem, negotiation: direct }
    credential: orders-app
    connect_timeout: 3s
    pool:
      mode: transaction
      size: 10
      min: 2
      wait_timeout: 1s
      idle_timeout: 2m
      max_lifetime: 3h
      prepared_statements: 5
  - { name: billing, hosts: ["localhost:5432"], credential: billing-app }
  - { name: others, hosts: ["localhost:5432"], credential: single }
  - { name: tools, hosts: ["localhost:5432"], credential: tool }
routes:
  - { listener: pg, database: orders, user: app, upstream: orders, upstream_database: orders_v2 }
  - { listener: pg, database: "*", user: app, upstream: billing }
store: { path: state, key: { file: store.key } }
admin: { address: "127.0.0.1:6430", console: "[::1]:6431", token: { file: admin.token } }
audit: { path: audit.jsonl }
log: { level: debug, format: json }
limits: { client_connections: 5, startup_timeout: 6s, message_collect: 2MiB, shutdown_timeout: 8s }
)";

FakeInputs everything_inputs() {
    FakeInputs inputs;
    inputs.variables = {{"ROTATOR", "turn"}};
    inputs.files = {
        {"/etc/app.password", "pencil\n"}, {"/etc/store.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"},
        {"/etc/admin.token", "token"},     {"/etc/server.crt", "certificate"},
        {"/keys/server.key", "key"},       {"/etc/ca.crt", "ca"},
        {"/etc/rds-ca.pem", "ca"}};
    return inputs;
}

LoadResult load_everything() {
    return everything_inputs().load(everything);
}

TEST(Load, FillsListenersAndUsers) {
    auto result = load_everything();
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& config = *result.config;
    EXPECT_EQ(config.workers, 4u);
    ASSERT_EQ(config.listeners.size(), 2u);
    EXPECT_EQ(config.listeners[0].tls.mode, ListenerTls::verify);
    EXPECT_EQ(config.listeners[0].tls.certificate, "/etc/server.crt");
    EXPECT_EQ(config.listeners[0].tls.key, "/keys/server.key");
    EXPECT_EQ(config.listeners[0].tls.client_ca, "/etc/ca.crt");
    EXPECT_NE(config.listeners[0].tls.digest, "");
    EXPECT_TRUE(config.listeners[1].address.is_unix());
    EXPECT_EQ(config.listeners[1].tls.mode, ListenerTls::disable);
    const auto& user = config.users.at(0);
    EXPECT_EQ(user.password.reveal(), "pencil");
    EXPECT_EQ(user.verifiers.size(), 1u);
    EXPECT_EQ(user.allow.size(), 2u);
    EXPECT_THAT(user.methods, ElementsAre("scram-sha-256", "md5"));
    EXPECT_EQ(user.max_connections, 7u);
}

TEST(Load, FillsCredentials) {
    auto result = load_everything();
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& file = *result.config->find_credential("orders-app");
    EXPECT_EQ(file.source.type, SourceType::file);
    EXPECT_EQ(file.source.path, "/etc/secrets/orders.json");
    EXPECT_TRUE(file.source.strict_permissions);
    EXPECT_EQ(file.refresh, 6s);
    EXPECT_EQ(file.drain_deadline, 4min);
    EXPECT_EQ(file.pinned, Pinned::close_now);
    EXPECT_EQ(file.surge, 2u);
    EXPECT_EQ(file.window, 3s);
    EXPECT_EQ(file.role, "orders");
    EXPECT_EQ(file.where, "/etc/rekey.yaml:18");
    EXPECT_FALSE(file.rotation);
    const auto& tool = result.config->find_credential("tool")->source;
    EXPECT_EQ(tool.type, SourceType::exec);
    EXPECT_THAT(tool.command, ElementsAre("/bin/get", "--json"));
    EXPECT_EQ(tool.timeout, 20s);
    EXPECT_THAT(tool.environment, ElementsAre("TOKEN"));
    const auto& env = result.config->find_credential("admin")->source;
    EXPECT_EQ(env.type, SourceType::env);
    EXPECT_EQ(env.username_variable, "ADMIN");
    EXPECT_EQ(env.password_variable, "ADMIN_PASSWORD");
}

TEST(Load, FillsRotations) {
    auto result = load_everything();
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& billing = *result.config->find_credential("billing-app");
    EXPECT_EQ(billing.source.type, SourceType::local);
    EXPECT_EQ(billing.source.initial.username, "billing");
    EXPECT_EQ(billing.source.initial.password.reveal(), "first");
    ASSERT_TRUE(billing.rotation);
    EXPECT_EQ(billing.rotation->strategy, Strategy::alternating_users);
    EXPECT_THAT(billing.rotation->users, ElementsAre("billing", "billing_clone"));
    EXPECT_EQ(billing.role, "billing");
    EXPECT_EQ(billing.rotation->overlap, 1s);
    EXPECT_EQ(billing.rotation->every, Duration(24h));
    EXPECT_EQ(billing.rotation->window->from, 2h);
    EXPECT_EQ(billing.rotation->admin->credential, "admin");
    const auto& single = *result.config->find_credential("single");
    EXPECT_EQ(single.rotation->strategy, Strategy::single_user);
    EXPECT_THAT(single.rotation->users, IsEmpty());
    EXPECT_EQ(single.role, "");
    EXPECT_FALSE(single.rotation->every);
    EXPECT_FALSE(single.rotation->window);
    EXPECT_EQ(single.rotation->admin->username, "rotator");
    EXPECT_EQ(single.rotation->admin->password.reveal(), "turn");
}

TEST(Load, FillsUpstreamsAndRoutes) {
    auto result = load_everything();
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& orders = *result.config->find_upstream("orders");
    ASSERT_EQ(orders.hosts.size(), 2u);
    EXPECT_EQ(orders.hosts[1].text(), "db2.example.com:5433");
    EXPECT_EQ(orders.database, "orders");
    EXPECT_EQ(orders.target, Target::any);
    EXPECT_EQ(orders.tls.mode, UpstreamTls::verify_ca);
    EXPECT_EQ(orders.tls.ca, "/etc/rds-ca.pem");
    EXPECT_NE(orders.tls.digest, "");
    EXPECT_EQ(orders.tls.negotiation, TlsNegotiation::direct);
    EXPECT_EQ(orders.credential, "orders-app");
    EXPECT_EQ(orders.connect_timeout, 3s);
    EXPECT_EQ(orders.pool, (Pool{PoolMode::transaction, 10, 2, 1s, 2min, 3h, 5}));
    EXPECT_EQ(orders.where, "/etc/rekey.yaml:41");
    ASSERT_EQ(result.config->routes.size(), 2u);
    EXPECT_EQ(result.config->routes[0].listener, "pg");
    EXPECT_EQ(result.config->routes[0].database, "orders");
    EXPECT_EQ(result.config->routes[0].user, "app");
    EXPECT_EQ(result.config->routes[0].upstream, "orders");
    EXPECT_EQ(result.config->routes[0].upstream_database, "orders_v2");
    EXPECT_EQ(result.config->routes[1].upstream_database, "");
}

TEST(Load, FillsTheRest) {
    auto result = load_everything();
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& config = *result.config;
    EXPECT_EQ(config.store.path, "/etc/state");
    EXPECT_EQ(config.store.key.size(), 32u);
    EXPECT_EQ(config.admin.address->text(), "127.0.0.1:6430");
    EXPECT_EQ(config.admin.console->text(), "[::1]:6431");
    EXPECT_EQ(config.admin.token.reveal(), "token");
    EXPECT_EQ(config.admin.token_path, "");
    EXPECT_EQ(config.audit_path, "/etc/audit.jsonl");
    EXPECT_EQ(config.log_level, "debug");
    EXPECT_EQ(config.log_format, LogFormat::json);
    EXPECT_EQ(config.limits.client_connections, 5u);
    EXPECT_EQ(config.limits.startup_timeout, 6s);
    EXPECT_EQ(config.limits.message_collect, 2u << 20);
    EXPECT_EQ(config.limits.shutdown_timeout, 8s);
}

TEST(Load, KeepsAMadeTokenInTheStore) {
    auto result = FakeInputs().load(minimal + store);
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->admin.token_path, "/var/lib/rekey/admin.token");
}

// Enumerators are read by their position among the choices.
TEST(Load, ReadsEveryChoiceAsItsEnumerator) {
    auto pool = [](const std::string& mode) {
        return FakeInputs()
            .load(users + credentials +
                  "upstreams: [{ name: main, hosts: [\"db:1\"], credential: main, pool: { mode: " + mode + " } }]")
            .config->upstreams[0]
            .pool.mode;
    };
    EXPECT_EQ(pool("auto"), PoolMode::automatic);
    EXPECT_EQ(pool("session"), PoolMode::session);
    EXPECT_EQ(pool("transaction"), PoolMode::transaction);
    EXPECT_EQ(pool("statement"), PoolMode::statement);
    auto tls = [](const std::string& mode) {
        return FakeInputs()
            .load(users + credentials +
                  "upstreams: [{ name: main, hosts: [\"db:1\"], credential: main, tls: { mode: " + mode + " } }]")
            .config->upstreams[0]
            .tls.mode;
    };
    EXPECT_EQ(tls("disable"), UpstreamTls::disable);
    EXPECT_EQ(tls("prefer"), UpstreamTls::prefer);
    EXPECT_EQ(tls("require"), UpstreamTls::require);
    EXPECT_EQ(tls("verify-full"), UpstreamTls::verify_full);
    auto pinned = [](const std::string& policy) {
        return FakeInputs()
            .load(users + upstreams +
                  "credentials: [{ name: main, source: { type: env, username: U, password: P }, pinned: " + policy +
                  " }]")
            .config->credentials[0]
            .pinned;
    };
    EXPECT_EQ(pinned("wait"), Pinned::wait);
    EXPECT_EQ(pinned("close_at_transaction_end"), Pinned::close_at_transaction_end);
}

TEST(Load, TakesAllProcessorsWithAuto) {
    auto result = FakeInputs().load(minimal + "workers: auto\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_GE(result.config->workers, 1u);
}

TEST(Load, RecordsWhatIsInForce) {
    auto result = load_everything();
    ASSERT_THAT(result.errors, IsEmpty());
    std::map<std::string, std::string> settings;
    for (const auto& setting : result.config->settings) {
        ASSERT_NE(setting.option, nullptr) << setting.path;
        EXPECT_TRUE(settings.emplace(setting.path, setting.value).second) << setting.path;
    }
    EXPECT_EQ(settings["upstreams[orders].pool.size"], "10");
    EXPECT_EQ(settings["upstreams[billing].pool.size"], "20");
    EXPECT_EQ(settings["routes[0].database"], "orders");
    EXPECT_EQ(settings["users[app].password"], "(secret)");
    EXPECT_EQ(settings["admin.token"], "(secret)");
    for (const auto& [path, value] : settings)
        for (auto secret : {"pencil", "turn", "first", "AAEC"})
            EXPECT_EQ(value.find(secret), std::string::npos) << path;
}

} // namespace
} // namespace rekey::config
