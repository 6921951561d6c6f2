// Credentials: which source goes with which rotation, and who administers whom.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string at = "/etc/rekey.yaml:4: credentials[main].";
const std::string initial = "initial: { username: app, password: { value: first } }";

// A credential in line 4, with a store.
std::string with_credential(const std::string& rest) {
    return users + upstreams + store + "credentials: [{ name: main, " + rest + " }]\n";
}

std::vector<std::string> errors(const std::string& rest) {
    return FakeInputs().errors(with_credential(rest));
}

TEST(LocalSource, NeedsAStore) {
    EXPECT_THAT(
        FakeInputs().errors(users + upstreams + "credentials: [{ name: main, source: { type: local, " + initial +
                            " } }]\n"),
        ElementsAre("/etc/rekey.yaml:3: credentials[main].source.type: local needs a store (store.path, store.key)"));
}

TEST(LocalSource, NeedsAFirstValueOrARotation) {
    EXPECT_THAT(errors("source: { type: local }"),
                ElementsAre(at + "source.initial: is missing; without it and without rotation there is no credential"));
    EXPECT_THAT(errors("source: { type: local, " + initial + " }"), IsEmpty());
    EXPECT_THAT(errors("source: { type: local }, rotation: { strategy: single_user }"), IsEmpty());
    EXPECT_THAT(errors("source: { type: local, initial: { username: app } }"),
                ElementsAre(at + "source.initial.password: is missing"));
    EXPECT_THAT(errors("source: { type: local, initial: { password: { value: x } } }"),
                ElementsAre(at + "source.initial.username: is missing"));
    EXPECT_THAT(errors("source: { type: local, initial: }"),
                ElementsAre(at + "source.initial.username: is missing", at + "source.initial.password: is missing"));
}

TEST(Rotation, IsForLocalSourcesOnly) {
    EXPECT_THAT(errors("source: { type: env, username: U, password: P }, rotation: { strategy: single_user }"),
                ElementsAre(at + "rotation: needs a source of type local; others are rotated by somebody else"));
}

const std::string admin = "admin: { username: rotator, password: { value: x } }";

std::vector<std::string> rotation_errors(const std::string& rest) {
    return errors("source: { type: local, " + initial + " }, rotation: { " + rest + " }");
}

TEST(AlternatingUsers, NeedTwoNames) {
    EXPECT_THAT(rotation_errors(admin), IsEmpty());
    EXPECT_THAT(rotation_errors(admin + ", users: [app, app_b]"), IsEmpty());
    const std::string two = at + "rotation.users: expects two different names";
    EXPECT_THAT(rotation_errors(admin + ", users: [app]"), ElementsAre(two));
    EXPECT_THAT(rotation_errors(admin + ", users: [app, app]"), ElementsAre(two));
    EXPECT_THAT(rotation_errors(admin + ", users: [app, b, c]"), ElementsAre(two));
    EXPECT_THAT(rotation_errors(admin + ", users: [a, b]"),
                ElementsAre(at + "rotation.users: must hold the initial user, \"app\""));
    EXPECT_THAT(rotation_errors(admin + ", users: [app, \"*\"]"),
                ElementsAre(at + "rotation.users: \"*\" is no name of 1 to 63 printable bytes"));
    EXPECT_THAT(errors("source: { type: local }, rotation: { " + admin + " }"),
                ElementsAre(at + "rotation.users: is missing, and there is no source.initial to take the names from"));
    EXPECT_THAT(errors("source: { type: local }, rotation: { " + admin + ", users: [a, b] }"), IsEmpty());
}

TEST(AlternatingUsers, NeedACloneNameThatFits) {
    auto name = std::string(58, 'x');
    EXPECT_THAT(errors("source: { type: local, initial: { username: " + name +
                       ", password: { value: x } } }, rotation: { " + admin + " }"),
                ElementsAre(at + "rotation.users: \"" + name + "_clone\" is no name of 1 to 63 printable bytes"));
}

TEST(AlternatingUsers, NeedAnAdministrator) {
    EXPECT_THAT(rotation_errors("every: 1h"),
                ElementsAre(at + "rotation.admin: is missing; alternating_users needs one"));
    EXPECT_THAT(rotation_errors("strategy: single_user"), IsEmpty());
}

TEST(AlternatingUsers, TakeTheFirstNameAsTheirRole) {
    auto role = [](const std::string& more) {
        auto result = FakeInputs().load(with_credential("source: { type: local, " + initial + " }, rotation: { " +
                                                        admin + ", users: [owner, app] }" + more));
        EXPECT_THAT(result.errors, IsEmpty());
        return result.config->credentials[0].role;
    };
    EXPECT_EQ(role(""), "owner");
    EXPECT_EQ(role(", role: other"), "other");
}

TEST(SingleUser, HasNoUseForUsers) {
    EXPECT_THAT(rotation_errors("strategy: single_user, users: [a, b]"),
                ElementsAre(at + "rotation.users: applies only with strategy: alternating_users"));
}

TEST(Administrator, IsALoginOrACredential) {
    const auto either = at + "rotation.admin: expects either username and password or credential";
    EXPECT_THAT(rotation_errors("admin: {}"), ElementsAre(either));
    EXPECT_THAT(rotation_errors("admin:"), ElementsAre(either));
    EXPECT_THAT(rotation_errors("admin: { username: a, password: { value: x }, credential: b }"), ElementsAre(either));
    EXPECT_THAT(rotation_errors("admin: { username: a }"), ElementsAre(at + "rotation.admin.password: is missing"));
    EXPECT_THAT(rotation_errors("admin: { password: { value: x } }"),
                ElementsAre(at + "rotation.admin.username: is missing"));
    EXPECT_THAT(rotation_errors("admin: { credential: other }"),
                ElementsAre(at + "rotation.admin.credential: there is no credential \"other\""));
}

std::string chain(const std::string& main_admin, const std::string& a_admin, const std::string& b_admin) {
    auto entry = [](const std::string& name, const std::string& by) {
        return "  - { name: " + name + ", source: { type: local, " + initial + " }, rotation: { strategy: single_user" +
               (by.empty() ? "" : ", admin: { credential: " + by + " }") + " } }\n";
    };
    return users + upstreams + store + "credentials:\n" + entry("main", main_admin) + entry("a", a_admin) +
           entry("b", b_admin);
}

TEST(Administrator, MayBeAChainButNoCircle) {
    EXPECT_THAT(FakeInputs().errors(chain("a", "b", "")), IsEmpty());
    EXPECT_THAT(
        FakeInputs().errors(chain("main", "", "")),
        ElementsAre("/etc/rekey.yaml:5: credentials[main].rotation.admin.credential: leads back to this credential"));
    EXPECT_THAT(
        FakeInputs().errors(chain("a", "b", "a")),
        ElementsAre("/etc/rekey.yaml:6: credentials[a].rotation.admin.credential: leads back to this credential",
                    "/etc/rekey.yaml:7: credentials[b].rotation.admin.credential: leads back to this credential"));
}

TEST(Window, HasNoEffectAlone) {
    EXPECT_THAT(FakeInputs().warnings(with_credential("source: { type: local, " + initial +
                                                      " }, rotation: { strategy: "
                                                      "single_user, window: \"01:00-02:00 UTC\" }")),
                ElementsAre(at + "rotation.window: has no effect without `every`"));
}

TEST(Credential, ThatNobodyUsesIsWorthAWarning) {
    EXPECT_THAT(FakeInputs().warnings(users + upstreams +
                                      "credentials:\n  - { name: main, source: { type: env, username: U, "
                                      "password: P } }\n  - { name: spare, source: { type: env, "
                                      "username: U, password: P } }\n"),
                ElementsAre("/etc/rekey.yaml:5: credentials[spare]: is not used by any upstream"));
    EXPECT_THAT(FakeInputs().warnings(chain("a", "b", "")), IsEmpty()) << "to administer is a use";
}

TEST(ExecSource, NeedsACommandAndNamesOfVariables) {
    EXPECT_THAT(errors("source: { type: exec, command: [] }"), ElementsAre(at + "source.command: is empty"));
    EXPECT_THAT(errors("source: { type: exec, command: [x], environment: [A, \"B=c\"] }"),
                ElementsAre(at + "source.environment: \"B=c\" is no name of an environment variable"));
}

} // namespace
} // namespace rekey::config
