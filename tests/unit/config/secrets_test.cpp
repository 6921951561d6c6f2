// Where secrets come from, and that they go nowhere else.
#include "config/secrets.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string with_file =
    "users: [{ name: app, password: { file: pw }, methods: [md5] }]\n" + credentials + upstreams;

std::string password_from(const std::string& content) {
    FakeInputs inputs;
    inputs.files = {{"/etc/pw", content}};
    auto result = inputs.load(with_file);
    EXPECT_THAT(result.errors, IsEmpty());
    return result.ok() ? std::string(result.config->users[0].password.reveal()) : std::string();
}

TEST(SecretReader, TrimsOneNewlineOnly) {
    EXPECT_EQ(password_from("pencil"), "pencil");
    EXPECT_EQ(password_from("pencil\n"), "pencil");
    EXPECT_EQ(password_from("pencil\r\n"), "pencil");
    EXPECT_EQ(password_from("pencil\n\n"), "pencil\n");
    EXPECT_EQ(password_from(" pencil \n"), " pencil ");
}

TEST(SecretReader, ReadsVariablesAndValues) {
    FakeInputs inputs;
    inputs.variables = {{"PW", "pencil\n"}};
    auto result =
        inputs.load("users: [{ name: app, password: { env: PW }, methods: [md5] }]\n" + credentials + upstreams);
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->users[0].password.reveal(), "pencil\n");
    result =
        inputs.load("users: [{ name: app, password: { value: ink }, methods: [md5] }]\n" + credentials + upstreams);
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->users[0].password.reveal(), "ink");
}

TEST(SecretReader, ReportsWhatCannotBeRead) {
    FakeInputs inputs;
    EXPECT_THAT(
        inputs.errors(with_file),
        ElementsAre("/etc/rekey.yaml:1: users[app].password.file: cannot read /etc/pw: No such file or directory"));
    inputs.files = {{"/etc/pw", "\n"}};
    EXPECT_THAT(inputs.errors(with_file), ElementsAre("/etc/rekey.yaml:1: users[app].password.file: /etc/pw is empty"));
    inputs.files = {{"/etc/pw", std::string("a\0b", 3)}};
    EXPECT_THAT(inputs.errors(with_file),
                ElementsAre("/etc/rekey.yaml:1: users[app].password.file: /etc/pw holds a NUL byte"));
    inputs.files = {{"/etc/pw", std::string(64 * 1024 + 1, 'x')}};
    EXPECT_THAT(inputs.errors(with_file),
                ElementsAre("/etc/rekey.yaml:1: users[app].password.file: cannot read /etc/pw: is too long"));
    const auto with_variable = "users: [{ name: app, password: { env: PW } }]\n" + credentials + upstreams;
    EXPECT_THAT(inputs.errors(with_variable),
                ElementsAre("/etc/rekey.yaml:1: users[app].password.env: the environment variable PW is not set"));
    inputs.variables = {{"PW", ""}};
    EXPECT_THAT(inputs.errors(with_variable),
                ElementsAre("/etc/rekey.yaml:1: users[app].password.env: the environment variable PW is empty"));
    EXPECT_THAT(inputs.errors("users: [{ name: app, password: { value: \"\" } }]\n" + credentials + upstreams),
                ElementsAre("/etc/rekey.yaml:1: users[app].password.value: is empty"));
}

TEST(SecretReader, WarnsOnceOfAFileThatEverybodyMayRead) {
    FakeInputs inputs;
    inputs.files = {{"/etc/pw", "pencil"}};
    inputs.readable_by_all = {"/etc/pw"};
    EXPECT_THAT(inputs.warnings(
                    "users:\n  - { name: app, password: { file: pw } }\n  - { name: two, password: { file: pw } }\n" +
                    credentials + upstreams),
                ElementsAre("/etc/rekey.yaml:2: users[app].password.file: /etc/pw may be read by everybody"));
}

TEST(SecretReader, RefusesSuchAFileWhenStrict) {
    FakeInputs inputs;
    inputs.files = {{"/etc/pw", "pencil"}};
    const auto strict =
        "users: [{ name: app, password: { file: pw, strict_permissions: true } }]\n" + credentials + upstreams;
    EXPECT_THAT(inputs.errors(strict), IsEmpty());
    inputs.readable_by_all = {"/etc/pw"};
    EXPECT_THAT(inputs.errors(strict),
                ElementsAre("/etc/rekey.yaml:1: users[app].password.file: /etc/pw may be read by "
                            "everybody, which strict_permissions forbids"));
    EXPECT_THAT(inputs.errors("users: [{ name: app, password: { file: pw, strict_permissions: perhaps } }]\n"),
                testing::Contains("/etc/rekey.yaml:1: users[app].password.strict_permissions: expects true or false"));
}

TEST(SecretReader, WarnsOfAPrivateKeyThatEverybodyMayRead) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.crt", "certificate"}, {"/etc/a.key", "key"}};
    inputs.readable_by_all = {"/etc/a.crt", "/etc/a.key"};
    EXPECT_THAT(inputs.warnings(minimal + "listeners: [{ name: pg, tls: { certificate: a.crt, key: a.key } }]\n"),
                ElementsAre("/etc/rekey.yaml:4: listeners[pg].tls.key: /etc/a.key may be read by everybody"));
}

TEST(SecretReader, DerivesADigestOfFilesThatOthersRead) {
    FakeInputs inputs;
    inputs.files = {{"/etc/a.crt", "certificate"}, {"/etc/a.key", "key"}};
    const auto text = minimal + "listeners: [{ name: pg, tls: { certificate: a.crt, key: a.key } }]\n";
    auto tls = [&] { return inputs.load(text).config->listeners[0].tls; };
    auto before = tls();
    EXPECT_EQ(before, tls());
    inputs.files["/etc/a.crt"] = "renewed";
    EXPECT_NE(before, tls());
    inputs.files.erase("/etc/a.crt");
    EXPECT_THAT(inputs.errors(text), ElementsAre("/etc/rekey.yaml:4: listeners[pg].tls.certificate: cannot read "
                                                 "/etc/a.crt: No such file or directory"));
}

TEST(StoreKey, MustBeThirtyTwoBytes) {
    FakeInputs inputs;
    inputs.files = {{"/etc/key", "dGVu\n"}};
    EXPECT_THAT(
        inputs.errors(minimal + "store: { path: s, key: { file: key } }\n"),
        ElementsAre("/etc/rekey.yaml:4: store.key: must be 32 bytes, as 64 hexadecimal digits or 44 characters of "
                    "base64"));
    inputs.files = {{"/etc/key", std::string(64, 'a') + "\n"}};
    EXPECT_THAT(inputs.errors(minimal + "store: { path: s, key: { file: key } }\n"), IsEmpty());
}

// Whatever is wrong around it, a secret is not repeated.
TEST(Secrets, AreInNoMessage) {
    const std::vector<std::string> texts{
        "users: [{ name: app, password: hunter2 }]\n",
        "users: [{ name: app, password: { hunter2 } }]\n",
        "users: [{ name: app, password: { hunter2: hunter2 } }]\n",
        "users: [{ name: app, password: [hunter2] }]\n",
        "users: [{ name: app, password: { value: [hunter2] } }]\n",
        "users: [{ name: app, password: { value: \"${hunter2\" } }]\n",
        "users: [{ name: app, password: { value: \"x${hunter2 }\" } }]\n",
        "users: [{ name: app, password: { verifier: hunter2 } }]\n",
        "users: [{ name: app, password: { verifier: [hunter2] } }]\n",
        "users: [{ name: app, password: { env: \"hunter2!\" } }]\n",
        "users: [{ name: app, password: { value: hunter2, file: x } }]\n",
        "users: [{ name: app, password: { value: hunter2 }, methods: [no] }]\n",
        "credentials: [{ name: c, source: { type: env, username: U, password: \"hunter2!\" } }]\n",
        "credentials: [{ name: c, source: { type: local, initial: { username: a, password: hunter2 } } }]\n",
        "upstreams: [{ name: m, uri: \"postgresql://app:hunter2@db/x\" }]\n",
        "upstreams: [{ name: m, uri: \"postgresql://db/x?password=hunter2\" }]\n",
        "upstreams: [{ name: m, uri: \"postgresql://app:hunter2@db/%zz\" }]\n",
        "store: { path: x, key: { value: hunter2 } }\n",
        "admin: { token: hunter2 }\n",
    };
    for (const auto& text : texts) {
        auto errors = FakeInputs().errors(text);
        EXPECT_FALSE(errors.empty()) << text;
        for (const auto& error : errors)
            EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
    }
}

TEST(Fingerprint, IsEqualForEqualContentAndTellsNothing) {
    EXPECT_EQ(fingerprint("a"), fingerprint("a"));
    EXPECT_NE(fingerprint("a"), fingerprint("b"));
    EXPECT_EQ(fingerprint("a").size(), 64u);
    EXPECT_NE(keyed_digest("key", "a"), keyed_digest({}, "a"));
    // RFC 4231, test case 2.
    auto digest = keyed_digest("Jefe", "what do ya want for nothing?");
    EXPECT_EQ(static_cast<unsigned char>(digest[0]), 0x5b);
    EXPECT_EQ(static_cast<unsigned char>(digest[31]), 0x43);
}

} // namespace
} // namespace rekey::config
