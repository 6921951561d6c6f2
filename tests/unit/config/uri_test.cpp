// Upstreams given as connection URIs.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string at = "/etc/rekey.yaml:3: upstreams[main].uri: ";

std::string with_uri(const std::string& uri, const std::string& more = "") {
    return users + credentials + "upstreams: [{ name: main, credential: main, uri: \"" + uri + "\"" + more + " }]\n";
}

Upstream upstream_of(const std::string& uri, const std::string& more = "") {
    FakeInputs inputs;
    inputs.files = {{"/etc/ca.pem", "ca"}};
    auto result = inputs.load(with_uri(uri, more));
    EXPECT_THAT(result.errors, IsEmpty()) << uri;
    return result.ok() ? result.config->upstreams[0] : Upstream();
}

std::vector<std::string> hosts_of(const std::string& uri) {
    std::vector<std::string> hosts;
    for (const auto& host : upstream_of(uri).hosts)
        hosts.push_back(host.text());
    return hosts;
}

std::vector<std::string> errors(const std::string& uri, const std::string& more = "") {
    return FakeInputs().errors(with_uri(uri, more));
}

TEST(Uri, GivesHosts) {
    EXPECT_THAT(hosts_of("postgresql://db"), ElementsAre("db:5432"));
    EXPECT_THAT(hosts_of("postgres://db:1234/orders"), ElementsAre("db:1234"));
    EXPECT_THAT(hosts_of("postgresql://a:1,b,c:3/x"), ElementsAre("a:1", "b:5432", "c:3"));
    EXPECT_THAT(hosts_of("postgresql://[::1]:1234/"), ElementsAre("[::1]:1234"));
    EXPECT_THAT(hosts_of("postgresql://%2Frun%2Fpostgresql/x"), ElementsAre("unix:/run/postgresql/.s.PGSQL.5432"));
    EXPECT_THAT(hosts_of("postgresql:///x?host=/tmp&port=99"), ElementsAre("unix:/tmp/.s.PGSQL.99"));
    EXPECT_THAT(hosts_of("postgresql:///x?host=a,b&port=99"), ElementsAre("a:99", "b:99"));
}

TEST(Uri, GivesDatabaseAndTls) {
    auto upstream =
        upstream_of("postgresql://db/my%20orders?sslmode=verify-ca&sslrootcert=ca.pem&sslnegotiation=direct");
    EXPECT_EQ(upstream.database, "my orders");
    EXPECT_EQ(upstream.tls.mode, UpstreamTls::verify_ca);
    EXPECT_EQ(upstream.tls.ca, "/etc/ca.pem");
    EXPECT_NE(upstream.tls.digest, "");
    EXPECT_EQ(upstream.tls.negotiation, TlsNegotiation::direct);
    EXPECT_EQ(upstream_of("postgresql://db?sslrootcert=system").tls.ca, "");
    EXPECT_EQ(upstream_of("postgresql://db?sslnegotiation=postgres&sslmode=prefer").tls.mode, UpstreamTls::prefer);
    EXPECT_FALSE(upstream_of("postgresql://db").tls.mode);
}

TEST(Uri, GivesTargetAndTimeout) {
    EXPECT_EQ(upstream_of("postgresql://db?target_session_attrs=any").target, Target::any);
    EXPECT_EQ(upstream_of("postgresql://db?target_session_attrs=standby").target, Target::standby);
    EXPECT_EQ(upstream_of("postgresql://db?target_session_attrs=read-write").target, Target::primary);
    EXPECT_EQ(upstream_of("postgresql://db?connect_timeout=7").connect_timeout, Duration(7000));
    EXPECT_THAT(errors("postgresql://db?target_session_attrs=prefer-standby"),
                ElementsAre(at + "target_session_attrs cannot be \"prefer-standby\" here"));
    EXPECT_THAT(errors("postgresql://db?connect_timeout=0"),
                ElementsAre(at + "connect_timeout must be between 1 and 300 seconds"));
}

TEST(Uri, IgnoresAUserWithAWarning) {
    EXPECT_THAT(FakeInputs().warnings(with_uri("postgresql://app@db/x")),
                ElementsAre(at + "the user is ignored: the credential says who logs in"));
}

TEST(Uri, RefusesAPassword) {
    const auto error = at + "holds a password, which belongs into a credential";
    for (auto uri : {"postgresql://app:pw@db/x", "postgresql://:pw@db", "postgresql://db/x?password=pw",
                     "postgresql://db/x?user=a&sslpassword=pw", "postgresql://a:b@c:d@db/"})
        EXPECT_THAT(errors(uri), ElementsAre(error)) << uri;
}

TEST(Uri, RefusesWhatItCannotMeanHere) {
    EXPECT_THAT(errors("mysql://db/x"), ElementsAre(at + "expects postgresql://host:port/database"));
    EXPECT_THAT(errors("db:5432"), ElementsAre(at + "expects postgresql://host:port/database"));
    EXPECT_THAT(errors("postgresql:///x"), ElementsAre(at + "names no host"));
    EXPECT_THAT(errors("postgresql://db?sslmode=allow"), ElementsAre(at + "sslmode cannot be \"allow\" here"));
    EXPECT_THAT(errors("postgresql://db?sslnegotiation=x"), ElementsAre(at + "sslnegotiation cannot be \"x\" here"));
    EXPECT_THAT(errors("postgresql://db?application_name=x"),
                ElementsAre(at + "application_name is not supported here"));
    EXPECT_THAT(errors("postgresql:///x?host=a,b&port=1,2,3"), ElementsAre(at + "has not as many ports as hosts"));
    EXPECT_THAT(errors("postgresql://db:99999"), ElementsAre(at + "\"db:99999\" is no host and port"));
    EXPECT_THAT(errors("postgresql://db?nonsense=x"), ElementsAre(HasSubstr("nonsense")));
    EXPECT_THAT(errors("postgresql://db/%zz"), ElementsAre(HasSubstr("%zz")));
    EXPECT_THAT(errors("postgresql://[::1"), ElementsAre(testing::StartsWith(at)));
}

TEST(Uri, SaysNothingThatIsSaidElsewhere) {
    const std::string base = "/etc/rekey.yaml:3: upstreams[main].";
    EXPECT_THAT(errors("postgresql://db", ", hosts: [\"db:1\"]"), ElementsAre(base + "hosts: is given in uri, too"));
    EXPECT_THAT(errors("postgresql://db/x", ", database: x"), ElementsAre(base + "database: is given in uri, too"));
    EXPECT_THAT(errors("postgresql://db?sslmode=require", ", tls: { mode: require }"),
                ElementsAre(base + "tls.mode: is given in uri, too"));
    EXPECT_THAT(errors("postgresql://db?target_session_attrs=any", ", target: any"),
                ElementsAre(base + "target: is given in uri, too"));
    EXPECT_THAT(errors("postgresql://db?connect_timeout=5", ", connect_timeout: 5s"),
                ElementsAre(base + "connect_timeout: is given in uri, too"));
    EXPECT_EQ(upstream_of("postgresql://db", ", database: x, tls: { mode: require }").database, "x");
}

} // namespace
} // namespace rekey::config
