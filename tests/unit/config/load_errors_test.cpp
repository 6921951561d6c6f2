// What load() says about a bad file.
#include "config/load.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

TEST(LoadErrors, NameFileLineKeyAndTheNearestKnownKey) {
    EXPECT_THAT(FakeInputs().errors(users + credentials + R"(upstreams:
  - name: main
    hosts: [db:5432]
    credential: main
    pool:
      sizze: 5
lisstener: []
)"),
                ElementsAre("/etc/rekey.yaml:8: upstreams[main].pool.sizze: unknown key; did you mean \"size\"?",
                            "/etc/rekey.yaml:9: lisstener: unknown key; did you mean \"listeners\"?"));
}

TEST(LoadErrors, ReportEveryMistakeInTheOrderOfTheFile) {
    EXPECT_THAT(FakeInputs().errors(R"(workers: none
users:
  - password: { value: pencil }
credentials:
  - name: main
    refresh: fast
upstreams:
  - name: main
    hosts: [db]
    credential: other
limits: { startup_timeout: 0s }
)"),
                ElementsAre("/etc/rekey.yaml:1: workers: expects a whole number or auto, not \"none\"",
                            "/etc/rekey.yaml:3: users[0].name: is missing",
                            "/etc/rekey.yaml:5: credentials[main].source: is missing",
                            "/etc/rekey.yaml:6: credentials[main].refresh: expects a duration such as 100ms, 5s, 10m, "
                            "24h or 7d, not \"fast\"",
                            "/etc/rekey.yaml:9: upstreams[main].hosts: expects host:port, [v6]:port or unix:/path, "
                            "not \"db\"",
                            "/etc/rekey.yaml:10: upstreams[main].credential: there is no credential \"other\"",
                            "/etc/rekey.yaml:11: limits.startup_timeout: must be between 100ms and 10m, not 0s"));
}

TEST(LoadErrors, ReportKeysThatBelongToAnotherKindOfSource) {
    EXPECT_THAT(FakeInputs().errors(
                    users + upstreams +
                    "credentials: [{ name: main, source: { type: env, username: U, password: P, path: x } }]\n"),
                ElementsAre("/etc/rekey.yaml:3: credentials[main].source.path: applies only with type: file|vault"));
    EXPECT_THAT(FakeInputs().errors(users + upstreams + "credentials: [{ name: main, source: { type: exec } }]\n"),
                ElementsAre("/etc/rekey.yaml:3: credentials[main].source.command: is missing"));
}

TEST(LoadErrors, ReportBadYamlWithFileAndLine) {
    auto errors = FakeInputs().errors("a: [1\nb: 2\n");
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_THAT(errors[0], testing::StartsWith("/etc/rekey.yaml:"));
    EXPECT_THAT(FakeInputs().errors("- a\n"), ElementsAre("/etc/rekey.yaml:1: expects `key: value` lines"));
    EXPECT_THAT(FakeInputs().errors("word"), ElementsAre("/etc/rekey.yaml:1: expects `key: value` lines"));
}

TEST(LoadErrors, ReportAnEmptyFileByWhatIsMissing) {
    EXPECT_THAT(FakeInputs().errors(""), ElementsAre("/etc/rekey.yaml:1: upstreams: is missing or empty"));
    EXPECT_THAT(FakeInputs().errors("upstreams: []\n"),
                ElementsAre("/etc/rekey.yaml:1: upstreams: is missing or empty"));
    EXPECT_THAT(FakeInputs().errors("upstreams:\n"), ElementsAre("/etc/rekey.yaml:1: upstreams: is missing or empty"));
}

TEST(LoadErrors, ReportAFileThatCannotBeRead) {
    auto result = load("/nowhere.yaml", FakeInputs().inputs());
    EXPECT_FALSE(result.ok());
    EXPECT_THAT(result.errors, ElementsAre("/nowhere.yaml: No such file or directory"));
}

TEST(LoadErrors, AreLimitedInNumber) {
    std::string text = minimal;
    for (int i = 0; i < 150; ++i)
        text += "unknown_key_" + std::to_string(i) + ": 1\n";
    auto errors = FakeInputs().errors(text);
    ASSERT_EQ(errors.size(), 101u);
    EXPECT_EQ(errors.back(), "and 50 more");
}

} // namespace
} // namespace rekey::config
