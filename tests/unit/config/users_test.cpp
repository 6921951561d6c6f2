// Users: what they prove, and what is derived from it.
#include "protocol/auth/scram.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

using protocol::auth::ScramVerifier;

const std::string verifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                             "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

std::string with_user(const std::string& rest) {
    return credentials + upstreams + "users: [{ name: app, " + rest + " }]\n";
}

User user_of(const std::string& rest, const std::string& more = "") {
    auto result = FakeInputs().load(with_user(rest) + more);
    EXPECT_THAT(result.errors, IsEmpty());
    return result.ok() ? std::move(result.config->users[0]) : User();
}

TEST(UserPassword, BecomesAVerifierAndIsForgotten) {
    auto user = user_of("password: { value: pencil }");
    EXPECT_TRUE(user.password.empty());
    ASSERT_EQ(user.verifiers.size(), 1u);
    auto parsed = ScramVerifier::parse(user.verifiers[0]);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->iterations, 4096u);
    EXPECT_EQ(parsed->salt.size(), 16u);
    EXPECT_EQ(protocol::auth::scram_verifier("pencil", parsed->salt, 4096).text(), user.verifiers[0]);
}

TEST(UserPassword, IsKeptForMd5Only) {
    auto both = user_of("password: { value: pencil }, methods: [scram-sha-256, md5]");
    EXPECT_EQ(both.password.reveal(), "pencil");
    EXPECT_EQ(both.verifiers.size(), 1u);
    auto md5 = user_of("password: { value: pencil }, methods: [md5]");
    EXPECT_EQ(md5.password.reveal(), "pencil");
    EXPECT_THAT(md5.verifiers, IsEmpty());
    auto certificate = FakeInputs().load(with_user("password: { value: pencil }, methods: [cert]"));
    ASSERT_TRUE(certificate.ok());
    EXPECT_TRUE(certificate.config->users[0].password.empty());
    EXPECT_THAT(certificate.config->users[0].verifiers, IsEmpty());
}

TEST(UserVerifier, IsTakenAsItIs) {
    EXPECT_THAT(user_of("password: { verifier: \"" + verifier + "\" }").verifiers, ElementsAre(verifier));
    const std::string mysql = "$A$005$saltsaltsaltsaltsaltdigest";
    EXPECT_THAT(user_of("password: { verifier: [\"" + mysql + "\", \"" + verifier + "\"] }").verifiers,
                ElementsAre(mysql, verifier));
}

TEST(UserVerifier, IsRefusedWhenItIsNone) {
    const std::string at = "/etc/rekey.yaml:3: users[app].password.verifier: ";
    const std::string shape = "expects SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, or for MySQL "
                              "CACHING-SHA2$..., *... or ED25519$...";
    const std::string alone = "holds none that a listener could check a client by: SCRAM-SHA-256$... for PostgreSQL, "
                              "CACHING-SHA2$..., *... or ED25519$... for MySQL";
    auto errors = [](const std::string& value) {
        return FakeInputs().errors(with_user("password: { verifier: " + value + " }"));
    };
    EXPECT_THAT(errors("pencil"), ElementsAre(at + shape));
    EXPECT_THAT(errors("md5d8578edf8458ce06fbc5bb76a58c5ca4"), ElementsAre(at + shape));
    for (std::size_t size = 1; size < verifier.size(); ++size)
        EXPECT_THAT(errors("\"" + verifier.substr(0, size) + "\""), ElementsAre(at + shape)) << size;
    EXPECT_THAT(errors("[\"" + verifier + "\", x]"), ElementsAre(at + shape));
    EXPECT_THAT(errors("[]"), ElementsAre(at + alone));
    EXPECT_THAT(errors("\"$A$005$salt\""), ElementsAre(at + alone));
    EXPECT_THAT(errors("\"*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\""), ElementsAre(at + alone));
}

TEST(UserSalt, StaysOverRestartsWithAStore) {
    auto first = user_of("password: { value: pencil }", store), second = user_of("password: { value: pencil }", store);
    EXPECT_EQ(first.verifiers, second.verifiers);
    auto changed = user_of("password: { value: ink }", store);
    EXPECT_EQ(ScramVerifier::parse(first.verifiers[0])->salt, ScramVerifier::parse(changed.verifiers[0])->salt);
    // HMAC-SHA256(key, "client salt\napp"), computed with another implementation.
    EXPECT_THAT(first.verifiers[0], testing::StartsWith("SCRAM-SHA-256$4096:MpUYOaMOCZXjFrZw981UqA==$"));
}

TEST(UserSalt, DiffersBetweenUsersAndKeys) {
    auto result =
        FakeInputs().load(credentials + upstreams +
                          "users: [{ name: a, password: { value: x } }, { name: b, password: { value: x } }]\n");
    ASSERT_TRUE(result.ok());
    auto salt = [&](int i) {
        return ScramVerifier::parse(result.config->users[static_cast<std::size_t>(i)].verifiers[0])->salt;
    };
    EXPECT_NE(salt(0), salt(1));
    EXPECT_EQ(user_of("password: { value: pencil }").verifiers, user_of("password: { value: pencil }").verifiers)
        << "without a store it stays for the life of the process";
    EXPECT_NE(user_of("password: { value: pencil }").verifiers,
              user_of("password: { value: pencil }", store).verifiers);
}

TEST(UserVerifier, IsReusedByAReloadWhileNothingChanged) {
    FakeInputs inputs;
    auto text = [](const std::string& password) { return with_user("password: { value: " + password + " }"); };
    auto first = inputs.load(text("pencil"));
    ASSERT_TRUE(first.ok());
    // A mark inside the old verifier shows whether it was taken over.
    auto parsed = *ScramVerifier::parse(first.config->users[0].verifiers[0]);
    parsed.stored_key[0] = static_cast<unsigned char>(~parsed.stored_key[0]);
    first.config->users[0].verifiers[0] = parsed.text();
    EXPECT_EQ(inputs.load(text("pencil"), first.config.get()).config->users[0].verifiers[0], parsed.text());
    EXPECT_NE(inputs.load(text("ink"), first.config.get()).config->users[0].verifiers[0], parsed.text());
    EXPECT_NE(inputs.load(text("pencil") + store, first.config.get()).config->users[0].verifiers[0], parsed.text());
    EXPECT_NE(inputs.load(text("pencil")).config->users[0].verifiers[0], parsed.text());
}

TEST(Users, NeedSomethingToProve) {
    const std::string missing =
        "/etc/rekey.yaml:3: users[app].password: is missing; only `methods: [cert]` does without";
    EXPECT_THAT(FakeInputs().errors(with_user("methods: []")), ElementsAre(missing));
    EXPECT_THAT(FakeInputs().errors(with_user("methods: [cert, scram-sha-256]")), ElementsAre(missing));
    EXPECT_THAT(FakeInputs().errors(with_user("methods: [cert]")), IsEmpty());
}

TEST(Users, NeedThePasswordItselfForMd5) {
    EXPECT_THAT(FakeInputs().errors(with_user("password: { verifier: \"" + verifier + "\" }, methods: [md5]")),
                ElementsAre("/etc/rekey.yaml:3: users[app].methods: md5 needs the password itself, not a verifier"));
}

TEST(Users, AreWarnedOfWhenTheyCanNeverLogIn) {
    EXPECT_THAT(
        FakeInputs().warnings(with_user("methods: [cert]")),
        ElementsAre("/etc/rekey.yaml:3: users[app].methods: cert can never be used: no listener has tls.client_ca"));
    EXPECT_THAT(FakeInputs().warnings(credentials + upstreams),
                ElementsAre("/etc/rekey.yaml:1: users: are missing: nobody can log in"));
    EXPECT_THAT(FakeInputs().warnings(minimal + "listeners: [{ name: pg, address: \"0.0.0.0:6432\" }]\n"),
                ElementsAre("/etc/rekey.yaml:1: users[app]: may connect from loopback and unix sockets only, although "
                            "listeners[pg] can be reached from elsewhere; see `allow`"));
}

} // namespace
} // namespace rekey::config
