// What the parts of a configuration mean to each other.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string f = "/etc/rekey.yaml:";

FakeInputs with_files() {
    FakeInputs inputs;
    inputs.files = {{"/etc/c", "certificate"}, {"/etc/k", "key"}, {"/etc/ca", "ca"}};
    return inputs;
}

std::vector<std::string> listener_errors(const std::string& rest) {
    return with_files().errors(minimal + "listeners: [{ name: pg, " + rest + " }]\n");
}

std::vector<std::string> upstream_errors(const std::string& rest) {
    return with_files().errors(users + credentials + "upstreams: [{ name: main, " + rest + " }]\n");
}

TEST(ListenerTls, NeedsWhatItsModeUses) {
    const auto at = f + "4: listeners[pg].tls.";
    EXPECT_THAT(listener_errors("tls: { mode: prefer }"), IsEmpty());
    EXPECT_THAT(listener_errors("tls: { mode: require }"),
                ElementsAre(at + "certificate: is missing; mode require and verify need one"));
    EXPECT_THAT(listener_errors("tls: { mode: require, certificate: c, key: k }"), IsEmpty());
    EXPECT_THAT(listener_errors("tls: { mode: verify, certificate: c, key: k }"),
                ElementsAre(at + "client_ca: is missing; mode verify needs one"));
    EXPECT_THAT(listener_errors("tls: { mode: verify, certificate: c, key: k, client_ca: ca }"), IsEmpty());
    EXPECT_THAT(listener_errors("tls: { certificate: c }"),
                ElementsAre(at + "key: is missing; the certificate needs one"));
    EXPECT_THAT(listener_errors("tls: { key: k }"), ElementsAre(at + "key: is given without a certificate"));
}

TEST(Listeners, CannotShareAnAddress) {
    EXPECT_THAT(FakeInputs().errors(minimal + "listeners: [{ name: a }, { name: b }]\n"),
                ElementsAre(f + "4: listeners[b].address: 127.0.0.1:6432 is also listeners[a].address"));
    EXPECT_THAT(FakeInputs().errors(minimal + "admin: { address: \"127.0.0.1:6432\" }\n"),
                ElementsAre(f + "4: admin.address: 127.0.0.1:6432 is also listeners[postgres].address"));
    EXPECT_THAT(FakeInputs().errors(minimal + "admin: { address: \"127.0.0.1:1\", console: \"127.0.0.1:1\" }\n"),
                ElementsAre(f + "4: admin.console: 127.0.0.1:1 is also admin.address"));
    EXPECT_THAT(FakeInputs().errors(minimal + "listeners: [{ name: a, address: \"127.0.0.1:0\" }, "
                                              "{ name: b, address: \"127.0.0.1:0\" }]\n"),
                IsEmpty());
    EXPECT_THAT(FakeInputs().errors(minimal + "listeners: [{ name: a, address: \"unix:/x\" }, "
                                              "{ name: b, address: \"unix:/x\" }]\n"),
                ElementsAre(f + "4: listeners[b].address: unix:/x is also listeners[a].address"));
}

TEST(Listeners, MayBeNone) {
    EXPECT_THAT(FakeInputs().load(minimal + "listeners: []\n").config->listeners, IsEmpty());
}

TEST(Upstream, NeedsHosts) {
    EXPECT_THAT(upstream_errors("credential: main"), ElementsAre(f + "3: upstreams[main].hosts: is missing"));
    EXPECT_THAT(upstream_errors("credential: main, hosts: []"), ElementsAre(f + "3: upstreams[main].hosts: is empty"));
    EXPECT_THAT(upstream_errors("credential: main, hosts: [\"db:0\"]"),
                ElementsAre(f + "3: upstreams[main].hosts: db:0 has no port to connect to"));
    EXPECT_THAT(upstream_errors("credential: main, hosts: [\"db:1\", \"db:2\", \"db:1\"]"),
                ElementsAre(f + "3: upstreams[main].hosts: db:1 is given twice"));
    EXPECT_THAT(upstream_errors("credential: main, hosts: [\"unix:/run/postgresql/.s.PGSQL.5432\"]"), IsEmpty());
}

TEST(Upstream, NeedsAKnownCredential) {
    EXPECT_THAT(upstream_errors("hosts: [\"db:1\"]"), ElementsAre(f + "3: upstreams[main].credential: is missing"));
    EXPECT_THAT(upstream_errors("hosts: [\"db:1\"], credential: mian"),
                ElementsAre(f + "3: upstreams[main].credential: there is no credential \"mian\""));
}

TEST(Upstream, HasRoomForItsLeastAndItsSurge) {
    EXPECT_THAT(upstream_errors("hosts: [\"db:1\"], credential: main, pool: { size: 2, min: 3 }"),
                ElementsAre(f + "3: upstreams[main].pool.min: is greater than size, 2"));
    EXPECT_THAT(upstream_errors("hosts: [\"db:1\"], credential: main, pool: { size: 3, min: 3 }"), IsEmpty());
    EXPECT_THAT(
        FakeInputs().errors(users +
                            "credentials: [{ name: main, source: { type: env, username: U, password: P }, replace: "
                            "{ surge: 3 } }]\nupstreams: [{ name: main, hosts: [\"db:1\"], credential: main, pool: "
                            "{ size: 2 } }]\n"),
        ElementsAre(f + "2: credentials[main].replace.surge: is greater than the pool's size in upstreams[main], 2"));
}

TEST(Upstream, NegotiatesTlsDirectlyOnlyWhereAllOfItIsTls) {
    const auto error = f + "3: upstreams[main].tls.negotiation: direct needs mode require, verify-ca or verify-full";
    auto errors = [](const std::string& host, const std::string& mode) {
        return upstream_errors("hosts: [\"" + host + "\"], credential: main, tls: { negotiation: direct" + mode + " }");
    };
    EXPECT_THAT(errors("db:1", ""), IsEmpty());
    EXPECT_THAT(errors("127.0.0.1:1", ""), ElementsAre(error));
    EXPECT_THAT(errors("unix:/x", ""), ElementsAre(error));
    EXPECT_THAT(errors("127.0.0.1:1", ", mode: require"), IsEmpty());
    EXPECT_THAT(errors("db:1", ", mode: verify-ca"), IsEmpty());
    EXPECT_THAT(errors("db:1", ", mode: prefer"), ElementsAre(error));
    EXPECT_THAT(errors("db:1", ", mode: disable"), ElementsAre(error));
}

TEST(Routes, ReferToWhatExists) {
    EXPECT_THAT(FakeInputs().errors(minimal + "routes:\n  - { listener: pg, user: nobody, upstream: other }\n"),
                ElementsAre(f + "5: routes[0].listener: there is no listener \"pg\"",
                            f + "5: routes[0].user: there is no user \"nobody\"",
                            f + "5: routes[0].upstream: there is no upstream \"other\""));
    EXPECT_THAT(FakeInputs().errors(minimal + "routes:\n  - { listener: postgres, user: app, upstream: main }\n"),
                IsEmpty());
    EXPECT_THAT(FakeInputs().errors(minimal + "routes:\n  - { listener: \"*\", user: \"*\", upstream: main }\n"),
                IsEmpty());
    EXPECT_THAT(FakeInputs().errors(minimal + "routes:\n  - { user: app }\n"),
                ElementsAre(f + "5: routes[0].upstream: is missing"));
}

TEST(Routes, AreNeededWithSeveralUpstreams) {
    const auto two = users + credentials +
                     "upstreams: [{ name: a, hosts: [\"db:1\"], credential: main }, { name: b, hosts: [\"db:1\"], "
                     "credential: main }]\n";
    EXPECT_THAT(FakeInputs().errors(two),
                ElementsAre(f + "1: routes: is missing or empty; only a single upstream does without"));
    EXPECT_THAT(FakeInputs().errors(two + "routes: [{ upstream: a }]\n"), IsEmpty());
    EXPECT_THAT(FakeInputs().errors(minimal + "routes: []\n"),
                ElementsAre(f + "4: routes: is missing or empty; only a single upstream does without"));
}

TEST(Routes, ThatAreNeverUsedAreWorthAWarning) {
    EXPECT_THAT(FakeInputs().warnings(minimal + "routes:\n  - { database: a, upstream: main }\n  - { upstream: main }\n"
                                                "  - { database: b, user: app, upstream: main }\n"),
                ElementsAre(f + "7: routes[2]: is never used: routes[1] matches first"));
}

TEST(StoreSection, NeedsBothPathAndKey) {
    EXPECT_THAT(FakeInputs().errors(minimal + "store: { path: x }\n"),
                ElementsAre(f + "4: store.key: is missing; the store is encrypted"));
    EXPECT_THAT(FakeInputs().errors(minimal + "store: { key: { value: " + std::string(64, 'a') + " } }\n"),
                ElementsAre(f + "4: store.path: is missing"));
}

TEST(AdminSection, NeedsATokenWhereOthersReachIt) {
    EXPECT_THAT(FakeInputs().errors(minimal + "admin: { address: \"0.0.0.0:6430\", console: \"[::]:6431\" }\n"),
                ElementsAre(f + "4: admin.address: 0.0.0.0:6430 can be reached from elsewhere and needs admin.token",
                            f + "4: admin.console: [::]:6431 can be reached from elsewhere and needs admin.token"));
    EXPECT_THAT(FakeInputs().errors(minimal + "admin: { address: \"0.0.0.0:6430\", token: { value: t } }\n"),
                IsEmpty());
    EXPECT_THAT(FakeInputs().errors(minimal + "admin: { address: \"127.0.0.1:6430\", console: \"unix:/x\" }\n"),
                IsEmpty());
}

TEST(HostsFromCredential, NeedASecretThatNamesThem) {
    auto with_source = [](const std::string& source) {
        return users + "credentials: [{ name: main, source: { " + source + " } }]\n" +
               "upstreams: [{ name: main, hosts: from_credential, credential: main }]\n";
    };
    auto result = FakeInputs().load(with_source("type: file, path: /etc/secret.json"));
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_TRUE(result.config->upstreams[0].hosts_from_credential);
    EXPECT_THAT(result.config->upstreams[0].hosts, IsEmpty());
    EXPECT_THAT(FakeInputs().errors(with_source("type: aws_secrets_manager, secret: a")), IsEmpty());
    auto refused = ElementsAre("/etc/rekey.yaml:3: upstreams[main].hosts: from_credential needs a secret that names "
                               "hosts, which credentials[main].source is not");
    EXPECT_THAT(FakeInputs().errors(with_source("type: env, username: A, password: B")), refused);
    EXPECT_THAT(FakeInputs().errors(with_source("type: rds_iam, user: a")), refused);
}

} // namespace
} // namespace rekey::config
