// Variables and included files.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

std::string database_of(const FakeInputs& inputs, const std::string& text) {
    auto entry =
        "upstreams:\n  - name: main\n    hosts: [\"db:1\"]\n    credential: main\n    database: " + text + "\n";
    auto result = inputs.load(users + credentials + entry);
    EXPECT_THAT(result.errors, IsEmpty());
    return result.ok() ? result.config->upstreams[0].database : std::string();
}

TEST(Variables, AreReplacedInsideValues) {
    FakeInputs inputs;
    inputs.variables = {{"NAME", "orders"}, {"N_2", "x"}};
    EXPECT_EQ(database_of(inputs, "${NAME}"), "orders");
    EXPECT_EQ(database_of(inputs, "a-${NAME}-${N_2}-b"), "a-orders-x-b");
    EXPECT_EQ(database_of(inputs, "'${NAME}'"), "orders");
    EXPECT_EQ(database_of(inputs, "\"$NAME $ $$ {NAME}\""), "$NAME $ $$ {NAME}");
}

TEST(Variables, AreEscapedWithTwoDollars) {
    FakeInputs inputs;
    inputs.variables = {{"NAME", "${NAME}"}};
    EXPECT_EQ(database_of(inputs, "$${NAME}"), "${NAME}");
    EXPECT_EQ(database_of(inputs, "a$${B}c"), "a${B}c");
    EXPECT_EQ(database_of(inputs, "${NAME}"), "${NAME}") << "a value is not replaced again";
}

TEST(Variables, ThatAreNotSetAreErrorsThatNameThem) {
    EXPECT_THAT(FakeInputs().errors(minimal + "workers: ${WORKERS}\n"),
                ElementsAre("/etc/rekey.yaml:4: workers: the environment variable WORKERS is not set"));
    EXPECT_THAT(FakeInputs().errors(minimal + "workers: ${WORKERS\n"),
                ElementsAre("/etc/rekey.yaml:4: workers: has a `${` without `}`; `$${` stands for `${` itself"));
}

// A brace ends a flow mapping, so YAML itself refuses it there.
TEST(Variables, NeedQuotesInsideBraces) {
    FakeInputs inputs;
    inputs.variables = {{"SIZE", "3"}};
    EXPECT_THAT(inputs.errors(users + credentials + "limits: { client_connections: ${SIZE} }\n"),
                ElementsAre("/etc/rekey.yaml:3: end of map flow not found (inside { } a ${NAME} needs quotes)"));
    auto result = inputs.load(minimal + "limits: { client_connections: \"${SIZE}\" }\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->limits.client_connections, 3u);
}

TEST(Variables, WithNamesThatCannotBeAreNotShown) {
    for (std::string text : {"x${s3 cret}", "x${}", "x${9a}"}) {
        auto app = "users: [{ name: app, password: { value: \"" + text + "\" } }]\n";
        EXPECT_THAT(FakeInputs().errors(app + credentials + upstreams),
                    ElementsAre("/etc/rekey.yaml:1: users[app].password.value: has a `${...}` that names no "
                                "environment variable; `$${` stands for `${` itself"));
    }
}

TEST(Variables, MayBeNames) {
    FakeInputs inputs;
    inputs.variables = {{"USER_NAME", "$${x}"}};
    auto result =
        inputs.load(credentials + upstreams + "users: [{ name: \"${USER_NAME}\", password: { value: pencil } }]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->users[0].name, "$${x}") << "replaced once";
    EXPECT_THAT(inputs.errors("users:\n  - { name: \"${USER_NAME}\", password: { value: \"${PW}\" } }\n" + credentials +
                              upstreams),
                ElementsAre("/etc/rekey.yaml:2: users[$${x}].password.value: the environment variable PW is not set"));
}

TEST(Variables, ThatAreNotSetHideNoOtherMistake) {
    EXPECT_THAT(
        FakeInputs().errors("workers: \"${WORKERS}\"\nlimits: { client_connection: 1 }\n" + users +
                            "credentials: [{ name: \"${NAME}\", source: { type: file, path: x } }]\n"
                            "upstreams: [{ name: main, hosts: [\"${HOST}:1\", \"db\"], credential: \"${NAME}\" }]\n"
                            "store: { path: x, key: { file: \"${KEY}\" } }\n"),
        ElementsAre("/etc/rekey.yaml:1: workers: the environment variable WORKERS is not set",
                    "/etc/rekey.yaml:2: limits.client_connection: unknown key; did you mean \"client_connections\"?",
                    "/etc/rekey.yaml:4: credentials[0].name: the environment variable NAME is not set",
                    "/etc/rekey.yaml:5: upstreams[main].hosts: the environment variable HOST is not set",
                    "/etc/rekey.yaml:5: upstreams[main].credential: the environment variable NAME is not set",
                    "/etc/rekey.yaml:6: store.key.file: the environment variable KEY is not set"));
}

TEST(Variables, AreReplacedBeforeValuesAreChecked) {
    FakeInputs inputs;
    inputs.variables = {{"SIZE", "0"}, {"EMPTY", ""}};
    EXPECT_THAT(inputs.errors(minimal + "workers: ${SIZE}\n"),
                ElementsAre("/etc/rekey.yaml:4: workers: must be between 1 and 256, not 0"));
    EXPECT_THAT(inputs.errors(minimal + "audit: { path: \"${EMPTY}\" }\n"),
                ElementsAre("/etc/rekey.yaml:4: audit.path: is empty"));
}

TEST(Include, AddsEntriesAndSections) {
    FakeInputs inputs;
    inputs.files = {{"/etc/conf.d/a.yaml", upstreams},
                    {"/etc/conf.d/b.yaml", "workers: 3\n" + users},
                    {"/etc/conf.d/c.txt", "not read"}};
    auto result = inputs.load("include: [conf.d/*.yaml]\n" + credentials);
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_THAT(result.config->warnings, IsEmpty());
    EXPECT_EQ(result.config->workers, 3u);
    EXPECT_NE(result.config->find_user("app"), nullptr);
    EXPECT_EQ(result.config->upstreams[0].where, "/etc/conf.d/a.yaml:1");
}

TEST(Include, MergesEntriesOfOneNameAndWarnsOfWhatItReplaces) {
    FakeInputs inputs;
    inputs.files = {
        {"/etc/local.yaml", "upstreams:\n  - name: main\n    pool: { size: 7, min: 1 }\n    database: two\n"}};
    auto result = inputs.load(users + credentials +
                              "upstreams: [{ name: main, hosts: [\"db:1\"], credential: main, database: one, "
                              "pool: { size: 5, mode: session } }]\ninclude: [local.yaml]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    ASSERT_EQ(result.config->upstreams.size(), 1u);
    EXPECT_EQ(result.config->upstreams[0].pool.size, 7u);
    EXPECT_EQ(result.config->upstreams[0].pool.min, 1u);
    EXPECT_EQ(result.config->upstreams[0].pool.mode, PoolMode::session);
    EXPECT_EQ(result.config->upstreams[0].database, "two");
    EXPECT_THAT(
        result.config->warnings,
        ElementsAre("/etc/local.yaml:3: upstreams[main].pool.size: is also set in /etc/rekey.yaml:3; this one is used",
                    "/etc/local.yaml:4: upstreams[main].database: is also set in /etc/rekey.yaml:3; this one is used"));
}

TEST(Include, ReplacesASecretAsAWhole) {
    FakeInputs inputs;
    inputs.variables = {{"APP", "from the environment"}};
    inputs.files = {{"/etc/local.yaml", "users: [{ name: app, password: { env: APP }, methods: [md5] }]\n"}};
    auto result = inputs.load(minimal + "include: [local.yaml]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->users[0].password.reveal(), "from the environment");
}

TEST(Include, AppendsRoutesInOrder) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.yaml", "routes: [{ database: b, upstream: main }]\n"},
                    {"/etc/b.yaml", "routes: [{ upstream: main }]\n"}};
    auto result = inputs.load(minimal + "routes: [{ database: a, upstream: main }]\ninclude: [a.yaml, b.yaml]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    std::vector<std::string> databases;
    for (const auto& route : result.config->routes)
        databases.push_back(route.database);
    EXPECT_THAT(databases, ElementsAre("a", "b", "*"));
}

TEST(Include, LeavesASectionAloneThatIsEmptyInTheOtherFile) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.yaml", "limits:\n"}};
    auto result = inputs.load(minimal + "limits: { client_connections: 9 }\ninclude: [a.yaml]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->limits.client_connections, 9u);
    inputs.files = {{"/etc/a.yaml", "limits: { client_connections: 8 }\n"}};
    result = inputs.load(minimal + "limits:\ninclude: [a.yaml]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->limits.client_connections, 8u);
}

TEST(Include, KeepsPathsRelativeToTheirOwnFile) {
    FakeInputs inputs;
    inputs.files = {{"/etc/d/users.yaml", "users: [{ name: app, password: { file: app.password } }]\n"},
                    {"/etc/d/app.password", "pencil"},
                    {"/etc/d/deeper/more.yaml", "audit: { path: ../audit.jsonl }\n"}};
    auto result = inputs.load(credentials + upstreams + "include: [d/users.yaml, d/deeper/more.yaml]\n");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->audit_path, "/etc/d/audit.jsonl");
}

TEST(Include, MayNest) {
    FakeInputs inputs;
    inputs.files = {{"/etc/d/a.yaml", "include: [b.yaml]\n"}, {"/etc/d/b.yaml", users}};
    EXPECT_THAT(inputs.errors(credentials + upstreams + "include: [d/a.yaml]\n"), IsEmpty());
    EXPECT_THAT(inputs.errors(credentials + upstreams + "include: d/a.yaml\n"), IsEmpty());
}

TEST(Include, ReportsErrorsOfAllFilesInTheirOrder) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.yaml", "\nlimits: { startup: 1s }\n"}};
    EXPECT_THAT(inputs.errors("include: [a.yaml]\n" + minimal + "workers: 0\n"),
                ElementsAre("/etc/rekey.yaml:5: workers: must be between 1 and 256, not 0",
                            "/etc/a.yaml:2: limits.startup: unknown key"));
}

TEST(Include, RefusesCycles) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.yaml", "include: [b.yaml]\n"}, {"/etc/b.yaml", "x: 1\ninclude: [./a.yaml]\n"}};
    EXPECT_THAT(inputs.errors(minimal + "include: [a.yaml]\n"),
                ElementsAre("/etc/b.yaml:2: include: /etc/./a.yaml includes itself"));
    inputs.files = {{"/etc/rekey.yaml", ""}};
    EXPECT_THAT(inputs.errors(minimal + "include: [\"*.yaml\"]\n"),
                ElementsAre("/etc/rekey.yaml:4: include: /etc/rekey.yaml includes itself"));
}

TEST(Include, LimitsDepthAndNumber) {
    FakeInputs inputs;
    for (int i = 0; i < 20; ++i)
        inputs.files["/etc/" + std::to_string(i) + ".yaml"] = "include: [" + std::to_string(i + 1) + ".yaml]\n";
    EXPECT_THAT(inputs.errors("include: [0.yaml]\n"),
                ElementsAre("/etc/7.yaml:1: include: is nested more than 8 files deep"));
    inputs.files.clear();
    for (int i = 0; i < 300; ++i)
        inputs.files["/etc/d/" + std::to_string(i) + ".yaml"] = "";
    auto errors = inputs.errors("include: [d/*.yaml]\n");
    EXPECT_THAT(errors, testing::Each("/etc/rekey.yaml:1: include: names more than 256 files"));
    EXPECT_FALSE(errors.empty());
}

TEST(Include, ReportsAMissingFileButNotAPatternWithoutMatch) {
    EXPECT_THAT(FakeInputs().errors(minimal + "include: [a.yaml]\n"),
                ElementsAre("/etc/rekey.yaml:4: include: cannot read /etc/a.yaml: No such file or directory"));
    EXPECT_THAT(FakeInputs().errors(minimal + "include: [conf.d/*.yaml]\n"), IsEmpty());
    EXPECT_THAT(FakeInputs().errors(minimal + "include: [[a]]\n"),
                ElementsAre("/etc/rekey.yaml:4: include: expects the name of a file"));
    EXPECT_THAT(FakeInputs().errors(minimal + "include: { a: b }\n"),
                ElementsAre("/etc/rekey.yaml:4: include: expects a list, like [a, b]"));
}

TEST(Include, ReportsBadYamlInTheOtherFile) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.yaml", "a: 1\n- b\n"}, {"/etc/b.yaml", "- b\n"}, {"/etc/c.yaml", "# nothing\n"}};
    auto errors = inputs.errors(minimal + "include: [a.yaml]\n");
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_THAT(errors[0], testing::StartsWith("/etc/a.yaml:2: "));
    EXPECT_THAT(inputs.errors(minimal + "include: [b.yaml]\n"),
                ElementsAre("/etc/b.yaml:1: expects `key: value` lines"));
    EXPECT_THAT(inputs.errors(minimal + "include: [c.yaml]\n"), IsEmpty());
}

TEST(Repetition, OfAKeyIsAnError) {
    EXPECT_THAT(FakeInputs().errors(minimal + "workers: 1\nworkers: 2\n"),
                ElementsAre("/etc/rekey.yaml:5: workers: is given twice (first in line 4)"));
    EXPECT_THAT(FakeInputs().errors(users + credentials +
                                    "upstreams:\n  - name: main\n    hosts: [\"db:1\"]\n    credential: main\n"
                                    "    pool:\n      size: 1\n      size: 2\n"),
                ElementsAre("/etc/rekey.yaml:9: upstreams[main].pool.size: is given twice (first in line 8)"));
    EXPECT_THAT(FakeInputs().errors("users: [{ name: app, password: { env: A, env: B } }]\n"),
                testing::Contains(HasSubstr("users[app].password: expects exactly one of")));
}

TEST(Repetition, OfANameIsAnError) {
    EXPECT_THAT(
        FakeInputs().errors(credentials + upstreams +
                            "users:\n  - { name: a, password: { value: x } }\n  - { name: b, password: { value: x } }\n"
                            "  - { name: a, password: { value: x } }\n"),
        ElementsAre("/etc/rekey.yaml:6: users[a]: is the name of two entries (the first in line 4)"));
}

} // namespace
} // namespace rekey::config
