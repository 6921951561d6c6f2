// The statements of the strategies of MySQL and MariaDB, and what is asked before them.
#include "rotation/strategies/strategy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string plain = "SET SESSION sql_mode = '', sql_quote_show_create = 1, lock_wait_timeout = 5";
const std::string plain_mariadb = plain + ", max_statement_time = 6";
const std::string mysql_rest = " REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK";

std::string lock(const std::string& family) {
    return "SET @rekey = EXP(IF(GET_LOCK('rekey:" + family + "', 5) = 1, 0, 1000))";
}

// Rows of a server that is asked by the account itself.
Answers mysql(const std::string& account = "`app`@`10.%`", const std::string& plugin = "caching_sha2_password") {
    return {{{"CREATE USER " + account + " IDENTIFIED WITH '" + plugin + "' AS <secret>" + mysql_rest}}};
}
Answers mariadb(const std::string& methods = " IDENTIFIED BY PASSWORD '*OLD'",
                const std::string& account = "`app`@`%`") {
    return {{{"CREATE USER " + account + methods}}};
}

std::unique_ptr<Strategy> strategy(config::Strategy which, bool with_admin = true) {
    config::Rotation rotation;
    rotation.strategy = which;
    if (with_admin) {
        rotation.admin.emplace();
    }
    return make_strategy(config::Protocol::mysql, rotation, "app");
}

const config::Strategy all[] = {config::Strategy::single_user, config::Strategy::alternating_users,
                                config::Strategy::dual_password};

std::string refusal(const Answers& answers) {
    return strategy(config::Strategy::dual_password)->prepare("app", answers).refusal;
}

TEST(MysqlStrategies, AskTheServingAccountAboutItself) {
    for (const auto which : all) {
        for (const Task task : {Task::change, Task::retire}) {
            const Question question = strategy(which)->inspect(task, "app", {});
            EXPECT_TRUE(question.as_serving);
            EXPECT_THAT(question.statements, ElementsAre(plain, "SHOW CREATE USER CURRENT_USER()"));
            EXPECT_THAT(strategy(which)->inspect(task, "app", mysql()).statements, IsEmpty());
        }
    }
}

TEST(MysqlStrategies, AskThroughAdminWhileNobodyServes) {
    const auto dual = strategy(config::Strategy::dual_password);
    const Question hosts = dual->inspect(Task::change, "o'neil", {{}});
    EXPECT_FALSE(hosts.as_serving);
    EXPECT_THAT(hosts.statements, ElementsAre("SELECT Host FROM mysql.user WHERE User = 'o''neil'"));
    const Question account = dual->inspect(Task::change, "o'neil", {{}, {{"10.%"}}});
    EXPECT_FALSE(account.as_serving);
    EXPECT_THAT(account.statements, ElementsAre(plain, "SHOW CREATE USER `o'neil`@`10.%`"));
    EXPECT_THAT(dual->inspect(Task::change, "o'neil", {{}, {{"10.%"}}, mysql()[0]}).statements, IsEmpty());
}

TEST(MysqlStrategies, RefuseAnAccountThatIsNotSurelyTheRightOne) {
    const auto dual = strategy(config::Strategy::dual_password);
    EXPECT_THAT(dual->inspect(Task::change, "app", {{}, {}}).statements, IsEmpty());
    EXPECT_EQ(refusal({{}, {}}), "there is no account app");
    EXPECT_THAT(dual->inspect(Task::change, "app", {{}, {{"%"}, {"10.%"}}}).statements, IsEmpty());
    EXPECT_THAT(refusal({{}, {{"%"}, {"10.%"}}}), HasSubstr("there are several accounts app"));
    EXPECT_EQ(refusal(mysql("``@`localhost`")),
              "logins of app are served by another account, ``@`localhost`: its password is not touched");
    EXPECT_EQ(refusal({{{"GRANT ALL"}}}), "the server does not describe the account of app");
}

TEST(MysqlStrategies, RefuseAnAccountWhosePasswordCannotBeSet) {
    EXPECT_EQ(refusal({{{"CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*0' ACCOUNT LOCK"}}}),
              "the account `app`@`%` is locked");
    EXPECT_THAT(refusal(mysql("`app`@`%`", "authentication_ldap_simple")),
                HasSubstr("logs in with authentication_ldap_simple; rotation knows caching_sha2_password"));
    EXPECT_THAT(refusal({{{"CREATE USER `app`@`%`"}}}), HasSubstr("logs in with no password"));
    EXPECT_EQ(refusal({{{"CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AND IDENTIFIED WITH 'x'"}}}),
              "the account `app`@`%` needs several factors to log in");
    EXPECT_EQ(refusal(mysql()), "");
    EXPECT_EQ(refusal(mariadb()), "");
}

TEST(MysqlStrategies, MakeTheHashOfTheAccountsPlugin) {
    const auto hash = [](const Answers& answers) {
        return strategy(config::Strategy::dual_password)->verifier(answers)("secret", "0123456789abcdef").substr(0, 7);
    };
    EXPECT_EQ(hash(mysql()), "$A$005$");
    EXPECT_EQ(hash(mysql("`app`@`%`", "mysql_native_password")), "*14E655");
    EXPECT_EQ(hash(mariadb()), "*14E655");
    EXPECT_EQ(hash(mariadb(" IDENTIFIED VIA unix_socket OR ed25519 USING 'k'")), "ZIgUREU");
}

TEST(MysqlStrategies, NameTheLockByAHashWhenTheNameIsLong) {
    const std::string user(70, 'u');
    const auto statements = strategy(config::Strategy::dual_password)->change(user, "v", mysql("`" + user + "`@`%`"));
    EXPECT_THAT(statements[1], testing::MatchesRegex(".*GET_LOCK\\('rekey:[0-9A-F]{40}', 5\\).*"));
}

TEST(MysqlDualPassword, RetainsAndDiscards) {
    const auto dual = strategy(config::Strategy::dual_password);
    EXPECT_FALSE(dual->old_dies_at_change());
    EXPECT_TRUE(dual->needs_admin());
    EXPECT_EQ(dual->next_user("app"), "app");
    EXPECT_TRUE(dual->retires("app", "app"));
    EXPECT_THAT(
        dual->change("app", "$A$005$v", mysql()),
        ElementsAre(plain, lock("app"),
                    "ALTER USER `app`@`10.%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$v' RETAIN CURRENT "
                    "PASSWORD"));
    EXPECT_THAT(dual->retire("app", mysql()),
                ElementsAre(plain, lock("app"), "ALTER USER `app`@`10.%` DISCARD OLD PASSWORD"));
}

TEST(MariaDbDualPassword, PutsTheNewOneFirstAndKeepsWhatWasThere) {
    const auto dual = strategy(config::Strategy::dual_password);
    EXPECT_THAT(dual->change("app", "*NEW", mariadb()),
                ElementsAre(plain_mariadb, lock("app"),
                            "ALTER USER `app`@`%` IDENTIFIED VIA `mysql_native_password` USING '*NEW' OR "
                            "`mysql_native_password` USING '*OLD'"));
    const auto ed25519 =
        mariadb(" IDENTIFIED VIA ed25519 USING 'A' OR unix_socket OR mysql_native_password USING '*B'");
    EXPECT_EQ(dual->change("app", "N", ed25519)[2],
              "ALTER USER `app`@`%` IDENTIFIED VIA `ed25519` USING 'N' OR `ed25519` USING 'A' OR `unix_socket` OR "
              "`mysql_native_password` USING '*B'");
}

TEST(MariaDbDualPassword, MayBeChangedToTheSameTwice) {
    EXPECT_EQ(
        strategy(config::Strategy::dual_password)
            ->change(
                "app", "*NEW",
                mariadb(" IDENTIFIED VIA mysql_native_password USING '*NEW' OR mysql_native_password USING '*OLD'"))[2],
        "ALTER USER `app`@`%` IDENTIFIED VIA `mysql_native_password` USING '*NEW' OR `mysql_native_password` USING "
        "'*OLD'");
}

TEST(MariaDbDualPassword, LeavesTheNewestPasswordAndWhatIsNone) {
    const auto dual = strategy(config::Strategy::dual_password);
    EXPECT_EQ(dual->retire("app", mariadb(" IDENTIFIED VIA unix_socket OR ed25519 USING 'N' OR ed25519 USING 'O' OR "
                                          "mysql_native_password USING '*X'"))[2],
              "ALTER USER `app`@`%` IDENTIFIED VIA `unix_socket` OR `ed25519` USING 'N'");
    EXPECT_THAT(dual->retire("app", mariadb()), IsEmpty()); // done before
}

TEST(MysqlSingleUser, SetsOneHashAndDiscardsAForgottenSecondPassword) {
    const auto single = strategy(config::Strategy::single_user);
    EXPECT_TRUE(single->old_dies_at_change());
    EXPECT_THAT(single->change("app", "$A$005$v", mysql()),
                ElementsAre(plain, lock("app"),
                            "ALTER USER `app`@`10.%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$v'"));
    EXPECT_EQ(single->retire("app", mysql())[2], "ALTER USER `app`@`10.%` DISCARD OLD PASSWORD");
    EXPECT_EQ(single->change("app", "*NEW", mariadb(" IDENTIFIED VIA ed25519 USING 'A' OR unix_socket"))[2],
              "ALTER USER `app`@`%` IDENTIFIED VIA `ed25519` USING '*NEW'");
    EXPECT_THAT(single->retire("app", mariadb()), IsEmpty());
}

TEST(MysqlSingleUser, ChangesItselfWhereTheServerAllowsIt) {
    const auto single = strategy(config::Strategy::single_user, false);
    EXPECT_FALSE(single->needs_admin());
    EXPECT_FALSE(single->retires("app", "app"));
    EXPECT_EQ(single->prepare("app", mariadb()).refusal, "");
    EXPECT_THAT(single->change("app", "*NEW", mariadb()),
                ElementsAre(plain_mariadb, lock("app"), "SET PASSWORD = '*NEW'"));
    EXPECT_THAT(single->prepare("app", mysql()).refusal, HasSubstr("`rotation.admin` is needed"));
    EXPECT_THAT(single->prepare("app", mariadb(" IDENTIFIED VIA ed25519 USING 'A' OR unix_socket")).refusal,
                HasSubstr("several ways to log in"));
}

TEST(MysqlAlternatingUsers, TakeTurnsAndNameNoRole) {
    const auto turns = strategy(config::Strategy::alternating_users);
    EXPECT_EQ(turns->next_user("app"), "app_clone");
    EXPECT_EQ(turns->next_user("app_clone"), "app");
    EXPECT_EQ(turns->role(), "");
    EXPECT_TRUE(turns->retires("app", "app_clone"));
    EXPECT_FALSE(turns->retires("app", "app"));
}

// The answers as far as the clone, whose own follow.
Answers about_clone(const Rows& grants, const Rows& exists) {
    Answers answers = mysql();
    answers.push_back(grants);
    answers.push_back(exists);
    return answers;
}

TEST(MysqlAlternatingUsers, AskAboutBothBeforeTheClonesTurn) {
    const auto turns = strategy(config::Strategy::alternating_users);
    Answers answers = mysql();
    const auto next = [&] { return turns->inspect(Task::change, "app_clone", answers).statements; };
    EXPECT_THAT(next(), ElementsAre(plain, "SHOW GRANTS FOR `app`@`10.%`"));
    answers.push_back({{"GRANT USAGE ON *.* TO `app`@`10.%`"}});
    EXPECT_THAT(next(), ElementsAre("SELECT Host FROM mysql.user WHERE User = 'app_clone' AND Host = '10.%'"));
    answers.push_back({});
    EXPECT_THAT(next(), IsEmpty());
    answers.back() = {{"10.%"}};
    EXPECT_THAT(next(), ElementsAre(plain, "SHOW CREATE USER `app_clone`@`10.%`"));
    answers.push_back({{"CREATE USER"}});
    EXPECT_THAT(next(), ElementsAre(plain, "SHOW GRANTS FOR `app_clone`@`10.%`"));
    answers.push_back({{"GRANT"}});
    EXPECT_THAT(next(), IsEmpty());
    EXPECT_THAT(turns->inspect(Task::retire, "app_clone", mysql()).statements, IsEmpty());
}

TEST(MysqlAlternatingUsers, MakeACloneThatNobodyCanLogInAs) {
    const auto turns = strategy(config::Strategy::alternating_users);
    const Answers answers = about_clone(
        {{"GRANT USAGE ON *.* TO `app`@`10.%`"}, {"GRANT SELECT ON `orders`.* TO `app`@`10.%` WITH GRANT OPTION"}}, {});
    EXPECT_THAT(turns->prepare("app_clone", answers).required,
                ElementsAre(plain,
                            "CREATE USER `app_clone`@`10.%` IDENTIFIED WITH 'caching_sha2_password' AS "
                            "'$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED'" +
                                mysql_rest,
                            "GRANT SELECT ON `orders`.* TO `app_clone`@`10.%` WITH GRANT OPTION"));
}

TEST(MysqlAlternatingUsers, CopyLimitsAndDefaultRolesThatChanged) {
    const auto turns = strategy(config::Strategy::alternating_users);
    Answers answers{
        {{"CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' DEFAULT ROLE `r`@`%` REQUIRE SSL"}},
        {{"GRANT `r`@`%` TO `app`@`%`"}},
        {{"%"}},
        {{"CREATE USER `app_clone`@`%` IDENTIFIED WITH 'caching_sha2_password' REQUIRE NONE"}},
        {{"GRANT USAGE ON *.* TO `app_clone`@`%`"}}};
    EXPECT_THAT(
        turns->prepare("app_clone", answers).required,
        ElementsAre(plain,
                    "ALTER USER `app_clone`@`%` REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 "
                    "MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 0",
                    "ALTER USER `app_clone`@`%` REQUIRE SSL", "GRANT `r`@`%` TO `app_clone`@`%`",
                    "ALTER USER `app_clone`@`%` DEFAULT ROLE `r`@`%`"));
    answers[3] = {
        {"CREATE USER `app_clone`@`%` IDENTIFIED WITH 'caching_sha2_password' DEFAULT ROLE `r`@`%` REQUIRE SSL"}};
    answers[4] = {{"GRANT `r`@`%` TO `app_clone`@`%`"}};
    EXPECT_THAT(turns->prepare("app_clone", answers).required, IsEmpty());
    answers[3][0][0] += " ACCOUNT LOCK";
    EXPECT_EQ(turns->prepare("app_clone", answers).refusal, "the account `app_clone`@`%` is locked");
}

TEST(MysqlAlternatingUsers, DoNotMakeAPoorerCloneWhenTheRightsAreNotShown) {
    const auto turns = strategy(config::Strategy::alternating_users);
    EXPECT_THAT(turns->prepare("app_clone", about_clone({}, {})).refusal, HasSubstr("does not describe"));
    EXPECT_THAT(turns->prepare("app_clone", mysql()).refusal, HasSubstr("does not describe"));
}

TEST(MysqlAlternatingUsers, SetOneHashAndEndTheOther) {
    const auto turns = strategy(config::Strategy::alternating_users);
    EXPECT_THAT(turns->prepare("app", mysql("`app_clone`@`10.%`")).required, IsEmpty());
    EXPECT_THAT(
        turns->change("app", "v", mysql("`app_clone`@`10.%`")),
        ElementsAre(plain, lock("app"), "ALTER USER `app`@`10.%` IDENTIFIED WITH 'caching_sha2_password' AS 'v'"));
    EXPECT_THAT(turns->retire("app_clone", mysql()),
                ElementsAre(plain, lock("app"),
                            "ALTER USER `app_clone`@`10.%` IDENTIFIED WITH 'caching_sha2_password' AS "
                            "'$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED'",
                            "ALTER USER `app_clone`@`10.%` DISCARD OLD PASSWORD"));
    EXPECT_THAT(turns->retire("app_clone", mariadb(" IDENTIFIED VIA ed25519 USING 'A'")),
                ElementsAre(plain_mariadb, lock("app"),
                            "ALTER USER `app_clone`@`%` IDENTIFIED VIA `mysql_native_password` USING 'invalid'"));
}

std::string advice(config::Strategy which, std::uint32_t error) {
    StatementResult failure;
    failure.error = error;
    return strategy(which)->advice(failure);
}

TEST(MysqlAdvice, TellsWhatAnAdministratorCanDo) {
    EXPECT_EQ(advice(config::Strategy::dual_password, 1227), "it needs CREATE USER ON *.*");
    EXPECT_THAT(advice(config::Strategy::alternating_users, 1044), HasSubstr("WITH GRANT OPTION, what app may do"));
    EXPECT_THAT(advice(config::Strategy::dual_password, 1064), HasSubstr("MySQL 8.0.14 or MariaDB 10.4"));
    EXPECT_THAT(advice(config::Strategy::dual_password, 1690), HasSubstr("another rotation"));
    EXPECT_THAT(advice(config::Strategy::single_user, 1819), HasSubstr("password policy"));
    EXPECT_THAT(advice(config::Strategy::single_user, 3638), HasSubstr("password history"));
    EXPECT_EQ(advice(config::Strategy::single_user, 0), "");
}

} // namespace
} // namespace rekey::rotation
