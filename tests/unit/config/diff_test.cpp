#include "config/diff.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

using Loaded = std::shared_ptr<Config>;

Loaded load(const std::string& text, const FakeInputs& inputs = {}) {
    auto result = inputs.load(text);
    EXPECT_THAT(result.errors, IsEmpty());
    return result.config;
}

std::string upstream(const std::string& name, const std::string& more = "") {
    return "  - { name: " + name + ", hosts: [\"db:5432\"], credential: main" + more + " }\n";
}

const std::string base = users + credentials + "routes: [{ upstream: a }]\nupstreams:\n";

TEST(Diff, IsEmptyForEqualFiles) {
    auto text = base + upstream("a");
    EXPECT_FALSE(diff(*load(text), *load(text)).any());
    EXPECT_FALSE(diff(*load(text), *load("# moved down\n\n" + text)).any());
    EXPECT_FALSE(diff(*load(text), *load(text + "log: { level: info }\n")).any()) << "a default, written out";
    EXPECT_FALSE(diff(*load(base + upstream("a", ", pool: { idle_timeout: 60s }")),
                      *load(base + upstream("a", ", pool: { idle_timeout: 1m }")))
                     .any());
}

TEST(Diff, TellsWhichEntryChangedAndHow) {
    auto d = diff(*load(base + upstream("a") + upstream("b")),
                  *load(base + upstream("a", ", pool: { size: 30 }, database: x") + upstream("b")));
    EXPECT_THAT(d.upstreams.changed, ElementsAre("a"));
    EXPECT_THAT(d.changes,
                ElementsAre("upstreams[a].database: (none) becomes x", "upstreams[a].pool.size: 20 becomes 30"));
    EXPECT_THAT(d.restart, IsEmpty());
    EXPECT_FALSE(d.routes || d.limits || d.log || d.users.any() || d.credentials.any() || d.listeners.any());
}

TEST(Diff, KnowsWhoseAListInAListIs) {
    auto with_header = [](const std::string& prefix) {
        return load(users + upstreams +
                    "credentials: [{ name: main, source: { type: http, url: \"https://x/\", headers: "
                    "[{ name: Authorization, prefix: " +
                    prefix + ", value: { value: t } }] } }]\n");
    };
    auto d = diff(*with_header("a"), *with_header("b"));
    EXPECT_THAT(d.credentials.changed, ElementsAre("main"));
    EXPECT_THAT(d.credentials.added, IsEmpty());
    EXPECT_THAT(d.changes, IsEmpty());
    EXPECT_THAT(d.restart, ElementsAre("credentials[main].source.headers[Authorization].prefix needs a restart"));
}

TEST(Diff, TellsWhatCameAndWent) {
    auto d = diff(*load(base + upstream("a") + upstream("b")), *load(base + upstream("a") + upstream("c")));
    EXPECT_THAT(d.upstreams.added, ElementsAre("c"));
    EXPECT_THAT(d.upstreams.removed, ElementsAre("b"));
    EXPECT_THAT(d.upstreams.changed, IsEmpty());
    EXPECT_THAT(d.changes, ElementsAre("upstreams[c]: added", "upstreams[b]: removed"));
}

TEST(Diff, TellsOfRoutesLimitsAndLog) {
    auto old = load(base + upstream("a"));
    auto d =
        diff(*old, *load(users + credentials + "routes: [{ upstream: a, database: x }]\nupstreams:\n" + upstream("a")));
    EXPECT_TRUE(d.routes);
    EXPECT_THAT(d.changes, ElementsAre("routes: changed"));
    d = diff(*old, *load(base + upstream("a") + "limits: { client_connections: 5 }\nlog: { level: debug }\n"));
    EXPECT_TRUE(d.limits && d.log && !d.routes);
    EXPECT_THAT(d.changes, ElementsAre("log.level: info becomes debug", "limits.client_connections: 10000 becomes 5"));
}

TEST(Diff, SeesNewContentBehindAnUnchangedKey) {
    FakeInputs inputs;
    inputs.files = {{"/etc/pw", "pencil"}, {"/etc/c", "certificate"}, {"/etc/k", "key"}, {"/etc/ca", "ca"}};
    const auto text = credentials + "users: [{ name: app, password: { file: pw } }]\n" +
                      "listeners: [{ name: pg, tls: { certificate: c, key: k } }]\nupstreams:\n" +
                      upstream("a", ", tls: { ca: ca }");
    auto old = load(text, inputs);
    inputs.files["/etc/pw"] = "ink";
    inputs.files["/etc/c"] = "renewed";
    inputs.files["/etc/ca"] = "renewed";
    auto d = diff(*old, *load(text, inputs));
    EXPECT_THAT(d.users.changed, ElementsAre("app"));
    EXPECT_THAT(d.listeners.changed, ElementsAre("pg"));
    EXPECT_THAT(d.upstreams.changed, ElementsAre("a"));
    EXPECT_THAT(d.changes, testing::UnorderedElementsAre("users[app].password: its content changed",
                                                         "listeners[pg].tls.certificate: its content changed",
                                                         "upstreams[a].tls.ca: its content changed"));
    EXPECT_THAT(d.restart, IsEmpty());
}

TEST(Diff, NamesWhatNeedsARestart) {
    auto d = diff(*load(base + upstream("a") + "listeners: [{ name: pg }]\n"),
                  *load(base + upstream("a") + store + "workers: 2\nlog: { format: json }\naudit: { path: x }\n" +
                        "listeners: [{ name: pg, address: \"127.0.0.1:1\" }, { name: new }]\n" +
                        "admin: { address: \"127.0.0.1:2\", console: \"127.0.0.1:3\", token: { value: t } }\n"));
    EXPECT_THAT(d.restart,
                testing::UnorderedElementsAre("workers needs a restart", "listeners[pg].address needs a restart",
                                              "listeners[new] needs a restart", "store.path needs a restart",
                                              "store.key needs a restart", "admin.address needs a restart",
                                              "admin.console needs a restart", "admin.token needs a restart",
                                              "audit.path needs a restart", "log.format needs a restart"));
    EXPECT_THAT(d.changes, IsEmpty());
    EXPECT_TRUE(d.any());
}

TEST(Diff, UnderstandsNamesWithMarksInThem) {
    auto named = [](const std::string& size) {
        return users + credentials + "upstreams:\n" + upstream("\"a].b[c.d\"", ", pool: { size: " + size + " }");
    };
    auto d = diff(*load(named("5")), *load(named("6")));
    EXPECT_THAT(d.upstreams.changed, ElementsAre("a].b[c.d"));
}

const std::string local = "type: local, initial: { username: app, password: { value: first } }";

std::string with_credential(const std::string& source, const std::string& more = "") {
    return users + store + "upstreams:\n" + upstream("a") + "credentials: [{ name: main, source: { " + source + " }" +
           more + " }]\n";
}

TEST(Diff, NamesTheKindOfASourceAndOfARotation) {
    auto d = diff(*load(with_credential(local)), *load(with_credential("type: file, path: x")));
    EXPECT_THAT(d.restart, testing::Contains("credentials[main].source.type needs a restart"));
    EXPECT_THAT(d.credentials.changed, ElementsAre("main"));
    d = diff(*load(with_credential(local, ", rotation: { strategy: single_user }")),
             *load(with_credential(local, ", rotation: { strategy: single_user, every: 1h }, refresh: 9s")));
    EXPECT_THAT(d.restart, IsEmpty());
    EXPECT_THAT(d.changes, ElementsAre("credentials[main].refresh: 5s becomes 9s",
                                       "credentials[main].rotation.every: (none) becomes 1h"));
}

TEST(KeepUntilRestart, KeepsWhatRunsAndTakesTheRest) {
    auto running = load(base + upstream("a") + "listeners: [{ name: pg }, { name: old, address: \"127.0.0.1:9\" }]\n");
    auto next = load(base + upstream("a", ", pool: { size: 7 }") + store +
                     "workers: 2\nlog: { format: json, level: debug }\naudit: { path: x }\n" +
                     "listeners: [{ name: pg, address: \"127.0.0.1:1\", tls: { mode: disable } }, { name: new }]\n" +
                     "admin: { address: \"127.0.0.1:2\" }\n");
    auto waiting = diff(*running, *next).restart;
    keep_until_restart(*running, *next);
    EXPECT_EQ(next->workers, 1u);
    ASSERT_EQ(next->listeners.size(), 2u);
    EXPECT_EQ(next->listeners[0].address.port, 6432);
    EXPECT_EQ(next->listeners[0].tls.mode, ListenerTls::disable);
    EXPECT_EQ(next->listeners[1].name, "old");
    EXPECT_EQ(next->store.path, "");
    EXPECT_TRUE(next->store.key.empty());
    EXPECT_FALSE(next->admin.address);
    EXPECT_EQ(next->audit_path, "");
    EXPECT_EQ(next->log_format, LogFormat::text);
    EXPECT_EQ(next->log_level, "debug");
    EXPECT_EQ(next->upstreams[0].pool.size, 7u);
    EXPECT_THAT(diff(*running, *next).restart, IsEmpty()) << "what is in force agrees with what runs";
    EXPECT_FALSE(waiting.empty());
}

TEST(KeepUntilRestart, LetsTheNextReloadNameItAgain) {
    const auto wanted =
        base + upstream("a") + "workers: 2\nlisteners: [{ name: pg }, { name: new, address: \"127.0.0.1:1\" }]\n";
    auto running = load(base + upstream("a") + "listeners: [{ name: pg }]\n");
    for (int reload = 0; reload < 3; ++reload) {
        auto next = load(wanted);
        EXPECT_THAT(diff(*running, *next).restart,
                    testing::UnorderedElementsAre("workers needs a restart", "listeners[new] needs a restart"));
        keep_until_restart(*running, *next);
        running = next;
    }
    EXPECT_THAT(diff(*running, *load(base + upstream("a") + "listeners: [{ name: pg }]\n")).restart, IsEmpty())
        << "taken back, there is nothing to wait for";
}

TEST(KeepUntilRestart, KeepsSourcesAndRotations) {
    auto running = load(with_credential(local, ", rotation: { strategy: single_user, every: 1h }"));
    auto followed = load(with_credential("type: file, path: x", ", refresh: 9s"));
    keep_until_restart(*running, *followed);
    const auto& credential = followed->credentials[0];
    EXPECT_EQ(credential.source.type, SourceType::local);
    EXPECT_EQ(credential.source.path, "");
    EXPECT_EQ(credential.source.initial.password.reveal(), "first");
    ASSERT_TRUE(credential.rotation);
    EXPECT_EQ(credential.rotation->every, Duration(3'600'000));
    EXPECT_EQ(credential.refresh, Duration(9000));

    auto alternating = load(with_credential(
        local, ", rotation: { users: [app, b], every: 2h, admin: { username: r, password: { value: pw } } }"));
    keep_until_restart(*running, *alternating);
    EXPECT_EQ(alternating->credentials[0].rotation->strategy, Strategy::single_user);
    EXPECT_EQ(alternating->credentials[0].role, "");
}

TEST(KeepUntilRestart, TakesLiveChangesOfARotation) {
    auto running = load(with_credential(local, ", rotation: { strategy: single_user, every: 1h }"));
    auto next = load(with_credential("type: local, initial: { username: app, password: { value: second } }",
                                     ", rotation: { strategy: single_user, every: 2h }"));
    keep_until_restart(*running, *next);
    EXPECT_EQ(next->credentials[0].rotation->every, Duration(7'200'000));
    EXPECT_EQ(next->credentials[0].source.initial.password.reveal(), "second");
}

TEST(KeepUntilRestart, TakesNewCredentialsWhole) {
    auto running = load(base + upstream("a"));
    auto next =
        load(users + "routes: [{ upstream: a }]\nupstreams:\n  - { name: a, hosts: [\"db:1\"], credential: other }\n" +
             "credentials: [{ name: other, source: { type: file, path: x } }]\n");
    keep_until_restart(*running, *next);
    EXPECT_EQ(next->credentials[0].source.type, SourceType::file);
    EXPECT_FALSE(
        diff(*load(users + "routes: [{ upstream: a }]\nupstreams:\n  - { name: a, hosts: [\"db:1\"], credential: "
                           "other }\ncredentials: [{ name: other, source: { type: file, path: x } }]\n"),
             *next)
            .any());
}

} // namespace
} // namespace rekey::config
