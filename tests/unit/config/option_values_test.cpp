// Every option with values it takes and values it does not.
#include "config/check.hpp"
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string duration_expected = "expects a duration such as 100ms, 5s, 10m, 24h or 7d, not ";
const std::string address_expected = "expects host:port, [v6]:port or unix:/path, not ";
const std::string network_expected =
    "expects a network such as 10.0.0.0/8 or ::1/128 (no bit set behind the prefix), or unix, not ";
const std::string name_expected = "expects a name of 1 to 63 printable bytes, not ";
const std::string secret_expected = "{ file | env | value: ... }";
const std::string password_expected = "{ file | env | verifier | value: ... }";

struct Bad {
    std::string value, message;
};

struct Case {
    std::string_view path;
    std::vector<std::string> good;
    std::vector<Bad> bad;
};

const Bad no_value{"~", "has no value"};
const Bad no_scalar{"[a]", "expects a single value"};

std::vector<Case> text_cases() {
    std::vector<Case> cases;
    for (auto path : {"listeners[].tls.certificate",
                      "listeners[].tls.key",
                      "listeners[].tls.client_ca",
                      "credentials[].source.path",
                      "credentials[].source.address",
                      "credentials[].source.namespace",
                      "credentials[].source.ca",
                      "credentials[].source.server_name",
                      "credentials[].source.certificate",
                      "credentials[].source.key",
                      "credentials[].source.fields.username",
                      "credentials[].source.fields.password",
                      "credentials[].source.fields.host",
                      "credentials[].source.fields.port",
                      "credentials[].source.fields.database",
                      "credentials[].source.fields.url",
                      "credentials[].source.secret",
                      "credentials[].source.region",
                      "credentials[].source.profile",
                      "credentials[].source.endpoint",
                      "credentials[].source.group",
                      "credentials[].source.data_id",
                      "credentials[].source.login.username",
                      "credentials[].source.product",
                      "credentials[].source.access_key.id",
                      "credentials[].source.access_key.file",
                      "credentials[].source.ram_role",
                      "credentials[].source.metadata",
                      "credentials[].source.client_key.file",
                      "credentials[].source.kms.endpoint",
                      "credentials[].source.kms.region",
                      "credentials[].source.kms.ca",
                      "credentials[].source.kms.access_key.id",
                      "credentials[].source.kms.access_key.file",
                      "credentials[].source.kms.ram_role",
                      "credentials[].source.kms.metadata",
                      "credentials[].source.kms.client_key.file",
                      "credentials[].source.url",
                      "credentials[].source.headers[].prefix",
                      "credentials[].source.fields.version",
                      "credentials[].source.fields.expiration",
                      "credentials[].source.version",
                      "credentials[].source.project",
                      "credentials[].source.location",
                      "credentials[].source.credentials_file",
                      "credentials[].source.tenant",
                      "credentials[].source.client_id",
                      "credentials[].source.authority",
                      "credentials[].source.auth.mount",
                      "credentials[].source.auth.role",
                      "credentials[].source.auth.role_id",
                      "credentials[].source.auth.username",
                      "credentials[].rotation.admin.credential",
                      "upstreams[].uri",
                      "upstreams[].database",
                      "upstreams[].tls.ca",
                      "upstreams[].credential",
                      "routes[].listener",
                      "routes[].database",
                      "routes[].user",
                      "routes[].upstream",
                      "routes[].upstream_database",
                      "store.path",
                      "audit.path"})
        cases.push_back({path, {"a", "/a/b", "\"*\""}, {{"\"\"", "is empty"}, no_value, no_scalar}});
    for (auto path : {"listeners[].name", "users[].name", "credentials[].name", "credentials[].source.headers[].name",
                      "upstreams[].name"})
        cases.push_back({path, {}, {{"\"*\"", name_expected + "\"*\""}, {"\"\"", name_expected + "\"\""}}});
    for (auto path : {"credentials[].source.initial.username", "credentials[].source.user", "credentials[].role",
                      "credentials[].rotation.admin.username"})
        cases.push_back({path,
                         {"app", "\"App User\""},
                         {{"\"*\"", name_expected + "\"*\""}, {"\"a\\nb\"", name_expected + "\"a\nb\""}, no_value}});
    for (auto path : {"include", "credentials[].source.command", "credentials[].source.environment",
                      "credentials[].source.addresses", "credentials[].rotation.users"})
        cases.push_back({path,
                         {"[]", "[a, \"b c\"]"},
                         {{"{a: b}", "expects a list, like [a, b]"},
                          {"[a, [b]]", "expects a list of single values"},
                          {"[\"\"]", "is empty"},
                          {"~", "expects a list, like [a, b]"}}});
    for (auto path : {"credentials[].source.username", "credentials[].source.password"})
        cases.push_back({path,
                         {"DB_USER", "_x1"},
                         {{"not-a-name", "expects the name of an environment variable"},
                          {"\"\"", "expects the name of an environment variable"},
                          no_value}});
    return cases;
}

std::vector<Case> number_cases() {
    return {
        {"workers",
         {"1", "256", "auto"},
         {{"0", "must be between 1 and 256, not 0"},
          {"257", "must be between 1 and 256, not 257"},
          {"many", "expects a whole number or auto, not \"many\""}}},
        {"users[].max_connections",
         {"0", "1000000"},
         {{"-1", "expects a whole number, not \"-1\""}, {"1000001", "must be between 0 and 1000000, not 1000001"}}},
        {"credentials[].replace.surge",
         {"0", "100"},
         {{"101", "must be between 0 and 100, not 101"}, {"1.5", "expects a whole number, not \"1.5\""}}},
        {"upstreams[].pool.size",
         {"1", "100000"},
         {{"0", "must be between 1 and 100000, not 0"},
          {"100001", "must be between 1 and 100000, not 100001"},
          {"99999999999999999999", "expects a whole number, not \"99999999999999999999\""},
          no_value,
          no_scalar}},
        {"upstreams[].pool.min", {"0", "100000"}, {{"100001", "must be between 0 and 100000, not 100001"}}},
        {"upstreams[].pool.prepared_statements",
         {"0", "100000"},
         {{"100001", "must be between 0 and 100000, not 100001"}}},
        {"limits.client_connections", {"1", "1000000"}, {{"0", "must be between 1 and 1000000, not 0"}}},
        {"limits.message_collect",
         {"4KiB", "1GiB"},
         {{"4095B", "must be between 4KiB and 1GiB, not 4095B"},
          {"1024", "expects a size such as 64KiB or 16MiB, not \"1024\""}}},
        {"credentials[].source.timeout",
         {"100ms", "5m"},
         {{"99ms", "must be between 100ms and 5m, not 99ms"}, {"10", duration_expected + "\"10\""}}},
        {"credentials[].refresh", {"100ms", "7d"}, {{"0s", "must be between 100ms and 7d, not 0s"}}},
        {"credentials[].drain_deadline", {"0s", "7d"}, {{"8d", "must be between 0s and 7d, not 8d"}}},
        {"credentials[].replace.window", {"0s", "1h"}, {{"61m", "must be between 0s and 1h, not 61m"}}},
        {"credentials[].rotation.overlap", {"0s", "30d"}, {{"31d", "must be between 0s and 30d, not 31d"}}},
        {"credentials[].rotation.every",
         {"1s", "24h", "3650d"},
         {{"999ms", "must be between 1s and 3650d, not 999ms"}, {"daily", duration_expected + "\"daily\""}}},
        {"upstreams[].connect_timeout", {"100ms", "5m"}, {{"6m", "must be between 100ms and 5m, not 6m"}}},
        {"upstreams[].pool.wait_timeout",
         {"1ms", "24h"},
         {{"0s", "must be between 1ms and 24h, not 0s"}, {"30", duration_expected + "\"30\""}}},
        {"upstreams[].pool.idle_timeout", {"100ms", "30d"}, {{"0s", "must be between 100ms and 30d, not 0s"}}},
        {"upstreams[].pool.max_lifetime", {"100ms", "365d"}, {{"366d", "must be between 100ms and 365d, not 366d"}}},
        {"limits.startup_timeout", {"100ms", "10m"}, {{"11m", "must be between 100ms and 10m, not 11m"}}},
        {"limits.shutdown_timeout", {"0s", "1h"}, {{"2h", "must be between 0s and 1h, not 2h"}}},
    };
}

std::vector<Case> choice_cases() {
    return {
        {"listeners[].protocol",
         {"postgres", "mysql"},
         {{"postgresql", "expects one of postgres, mysql, not \"postgresql\"; did you mean \"postgres\"?"}}},
        {"listeners[].tls.mode",
         {"disable", "prefer", "require", "verify"},
         {{"verify-full", "expects one of disable, prefer, require, verify, not \"verify-full\""},
          {"requir", "expects one of disable, prefer, require, verify, not \"requir\"; did you mean \"require\"?"}}},
        {"users[].methods",
         {"[]", "[scram-sha-256]", "[md5, cert]", "[caching_sha2_password, mysql_native_password, client_ed25519]"},
         {{"[scram]", "expects one of scram-sha-256, md5, cert, caching_sha2_password, mysql_native_password, "
                      "client_ed25519, mysql_clear_password, not \"scram\""},
          {"md5", "expects a list, like [a, b]"}}},
        {"credentials[].source.type",
         {"file", "env", "exec", "local", "vault", "aws_secrets_manager", "rds_iam", "nacos", "aliyun_kms",
          "gcp_secret_manager", "azure_key_vault", "http"},
         {{"fiel", "expects one of file, env, exec, local, vault, aws_secrets_manager, rds_iam, nacos, aliyun_kms, "
                   "gcp_secret_manager, azure_key_vault, http, not \"fiel\"; did you mean \"file\"?"}}},
        {"credentials[].source.format",
         {"auto", "properties", "yaml", "json", "password", "pgpass", "my_cnf"},
         {{"xml", "expects one of auto, properties, yaml, json, password, pgpass, my_cnf, not \"xml\""}}},
        {"credentials[].source.signature", {"acs3", "rpc"}, {{"v4", "expects one of acs3, rpc, not \"v4\""}}},
        {"credentials[].source.kms.signature", {"acs3", "rpc"}, {{"v4", "expects one of acs3, rpc, not \"v4\""}}},
        {"credentials[].source.identity",
         {"auto", "managed", "workload", "client_secret"},
         {{"certificate", "expects one of auto, managed, workload, client_secret, not \"certificate\""}}},
        {"credentials[].source.method", {"GET", "POST"}, {{"PUT", "expects one of GET, POST, not \"PUT\""}}},
        {"credentials[].source.engine",
         {"auto", "kv_v2", "kv_v1", "static", "dynamic"},
         {{"kv", "expects one of auto, kv_v2, kv_v1, static, dynamic, not \"kv\""}}},
        {"credentials[].source.api",
         {"auto", "v1", "v2", "v3"},
         {{"grpc", "expects one of auto, v1, v2, v3, not \"grpc\""}}},
        {"credentials[].source.auth.method",
         {"token", "approle", "kubernetes", "jwt", "userpass", "cert"},
         {{"ldap", "expects one of token, approle, kubernetes, jwt, userpass, cert, not \"ldap\""}}},
        {"credentials[].pinned",
         {"wait", "close_at_transaction_end", "close_now"},
         {{"close", "expects one of wait, close_at_transaction_end, close_now, not \"close\""}}},
        {"credentials[].rotation.strategy",
         {"single_user", "alternating_users", "dual_password"},
         {{"single", "expects one of single_user, alternating_users, dual_password, not \"single\""}}},
        {"upstreams[].protocol",
         {"postgres", "mysql"},
         {{"mariadb", "expects one of postgres, mysql, not \"mariadb\""}}},
        {"upstreams[].target",
         {"primary", "standby", "any"},
         {{"replica", "expects one of primary, standby, any, not \"replica\""}}},
        {"upstreams[].tls.mode",
         {"disable", "prefer", "require", "verify-ca", "verify-full"},
         {{"verify_full", "expects one of disable, prefer, require, verify-ca, verify-full, not \"verify_full\"; did "
                          "you mean \"verify-full\"?"}}},
        {"upstreams[].tls.negotiation",
         {"postgres", "direct"},
         {{"tls", "expects one of postgres, direct, not \"tls\""}}},
        {"upstreams[].pool.mode",
         {"auto", "session", "transaction", "statement"},
         {{"transactoin", "expects one of auto, session, transaction, statement, not \"transactoin\"; did you mean "
                          "\"transaction\"?"}}},
        {"log.level",
         {"debug", "info", "warn", "error"},
         {{"warning", "expects one of debug, info, warn, error, not \"warning\""}}},
        {"log.format", {"text", "json"}, {{"xml", "expects one of text, json, not \"xml\""}}},
    };
}

std::vector<Case> other_cases() {
    return {
        {"listeners[].address",
         {"0.0.0.0:0", "\"[::1]:6432\"", "unix:/run/x"},
         {{"6432", address_expected + "\"6432\""}, {"localhost", address_expected + "\"localhost\""}, no_value}},
        {"admin.address", {"127.0.0.1:6430"}, {{"on", address_expected + "\"on\""}}},
        {"listeners[].server_version", {"8.4.5", "10.11.8-MariaDB"}, {no_value}},
        {"listeners[].charset", {"utf8mb4"}, {no_value}},
        {"listeners[].compression", {"true", "false"}, {{"maybe", "expects true or false, not \"maybe\""}}},
        {"admin.console", {"127.0.0.1:6431"}, {{"on", address_expected + "\"on\""}}},
        {"upstreams[].hosts",
         {"[db:5432, \"[::1]:5432\", \"unix:/x\"]", "from_credential"},
         {{"[db]", address_expected + "\"db\""}, {"db:5432", "expects a list, like [a, b]"}}},
        {"users[].allow",
         {"[10.0.0.0/8, \"::1/128\", unix, 127.0.0.1]", "[]"},
         {{"[10.0.0.1/8]", network_expected + "\"10.0.0.1/8\""}, {"[everybody]", network_expected + "\"everybody\""}}},
        {"credentials[].rotation.window",
         {"\"02:00-04:00 UTC\""},
         {{"nightly", "expects a time of day such as \"02:00-04:00 UTC\", not \"nightly\""}}},
        {"credentials[].source.strict_permissions", {"true", "false"}, {{"yes", "expects true or false, not \"yes\""}}},
        {"users[].password",
         {"{ file: a }", "{ env: A, }", "{ value: a }", "{ verifier: a }", "{ verifier: [a, b] }",
          "{ file: a, strict_permissions: true }"},
         {{"pencil", "expects a mapping " + password_expected},
          {"{}", "expects exactly one of " + password_expected},
          {"{ strict_permissions: true }", "expects exactly one of " + password_expected},
          {"{ file: a, env: A }", "expects exactly one of " + password_expected},
          {"{ pencil }", "has an unknown key; expects " + password_expected}}},
        {"credentials[].source.initial.password",
         {"{ file: a }"},
         {{"{ verifier: a }", "has an unknown key; expects " + secret_expected}}},
        {"credentials[].rotation.admin.password", {"{ env: A }"}, {{"pencil", "expects a mapping " + secret_expected}}},
        {"credentials[].source.allow_http", {"true", "false"}, {{"yes", "expects true or false, not \"yes\""}}},
        {"credentials[].source.login.password", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.headers[].value", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.body", {"{ value: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.client_secret", {"{ env: A }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.auth.wrapped", {"true", "false"}, {{"yes", "expects true or false, not \"yes\""}}},
        {"credentials[].source.access_key.secret", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.access_key.token", {"{ env: A }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.client_key.password", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.kms.access_key.secret", {"{ env: A }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.kms.access_key.token", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.kms.client_key.password",
         {"{ file: a }"},
         {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.auth.token", {"{ file: a }"}, {{"s.x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.auth.secret_id", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.auth.jwt", {"{ file: a }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"credentials[].source.auth.password", {"{ env: A }"}, {{"x", "expects a mapping " + secret_expected}}},
        {"store.key", {"{ file: a }"}, {{"pencil", "expects a mapping " + secret_expected}}},
        {"admin.token", {"{ value: a }"}, {{"pencil", "expects a mapping " + secret_expected}}},
    };
}

std::vector<Case> all_cases() {
    auto cases = text_cases();
    for (auto more : {number_cases(), choice_cases(), other_cases()})
        cases.insert(cases.end(), more.begin(), more.end());
    return cases;
}

// `type=vault|nacos`: the first of these, as it stands in a file.
std::string neighbour_of(const Option& option) {
    if (option.only_for.empty())
        return {};
    std::string neighbour(option.only_for.substr(0, option.only_for.find('|')));
    return neighbour.replace(neighbour.find('='), 1, ": ") + ", ";
}

// One flow mapping per step of the path, with the neighbours without which the key would not apply.
std::string file_with(const Option& option, const std::string& value) {
    std::string open, close, last(option.key());
    std::string_view path = option.path;
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
        auto step = path.substr(0, dot);
        path.remove_prefix(dot + 1);
        bool list = step.ends_with("[]");
        open += std::string(step.substr(0, step.find('['))) + (list ? ": [{ " : ": { ");
        if (list && path != "name" && step != "routes[]")
            open += "name: x, ";
        close = (list ? " }]" : " }") + close;
        auto within = path.substr(0, path.find_first_of(".["));
        if (step == "source" && within != path)
            open += neighbour_of(*find_option("credentials[].source." + std::string(within)));
    }
    return open + neighbour_of(option) + last + ": " + value + close;
}

std::vector<std::string> findings(const Option& option, const std::string& value) {
    const SourceFile file{"f", "", 0};
    auto text = file_with(option, value);
    auto tree = parse_tree(text, file);
    EXPECT_EQ(tree.error, "") << text;
    Problems problems;
    check(tree.root, problems);
    std::string shown(option.path);
    for (auto mark = shown.find("[]"); mark != std::string::npos; mark = shown.find("[]"))
        shown.replace(mark, 2, option.key() != "name" ? shown.starts_with("routes") ? "[0]" : "[x]" : "[");
    std::vector<std::string> found;
    for (const auto& error : problems.errors())
        if (option.key() == "name" ? error.find("].name: ") != std::string::npos : error.starts_with("f:1: " + shown))
            found.push_back(error.substr(error.find(": ", 5) + 2));
    return found;
}

TEST(OptionValues, AreTakenWhenGood) {
    for (const auto& c : all_cases())
        for (const auto& value : c.good)
            EXPECT_THAT(findings(*find_option(c.path), value), IsEmpty()) << c.path << ": " << value;
}

TEST(OptionValues, AreRefusedWithAReasonWhenBad) {
    for (const auto& c : all_cases())
        for (const auto& bad : c.bad)
            EXPECT_THAT(findings(*find_option(c.path), bad.value), ElementsAre(bad.message))
                << c.path << ": " << bad.value;
}

TEST(OptionValues, AreTriedForEveryOption) {
    std::set<std::string_view> tried;
    for (const auto& c : all_cases())
        tried.insert(c.path);
    for (const auto& option : options()) {
        bool section = option.type == Type::section || option.type == Type::optional_section ||
                       option.type == Type::named_list || option.type == Type::list;
        if (!section && option.apply != Apply::not_yet) {
            EXPECT_TRUE(tried.contains(option.path)) << option.path;
        }
    }
}

TEST(OptionValues, OfSectionsAndListsHaveTheirShape) {
    for (const auto& option : options()) {
        bool section = option.type == Type::section || option.type == Type::optional_section;
        bool list = option.type == Type::named_list || option.type == Type::list;
        if (section) {
            EXPECT_THAT(findings(option, "word"), ElementsAre("expects keys and values")) << option.path;
        }
        if (list) {
            EXPECT_THAT(findings(option, "word"), ElementsAre("expects a list")) << option.path;
            EXPECT_THAT(findings(option, "{ a: b }"), ElementsAre("expects a list")) << option.path;
        }
    }
}

TEST(OptionValues, OfLaterVersionsAreRefusedByName) {
    for (const auto& option : options()) {
        if (option.apply == Apply::not_yet) {
            EXPECT_THAT(findings(option, "x"), ElementsAre("is not supported by this version")) << option.path;
        }
    }
}

} // namespace
} // namespace rekey::config
