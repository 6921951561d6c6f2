#include "proxy/admin/console_command.hpp"

#include <gtest/gtest.h>

namespace rekey::proxy::admin {
namespace {

using namespace std::chrono_literals;

template <class Command> Command parsed(std::string_view text) {
    auto command = parse_console_command(text);
    EXPECT_TRUE(std::holds_alternative<Command>(command)) << text;
    return std::holds_alternative<Command>(command) ? std::get<Command>(command) : Command{};
}

TEST(ConsoleCommand, ReadsShowInAnyCaseAndSpacing) {
    EXPECT_EQ(parsed<ShowCommand>("SHOW POOLS").what, ShowWhat::pools);
    EXPECT_EQ(parsed<ShowCommand>("  show\n\tClients ").what, ShowWhat::clients);
    EXPECT_EQ(parsed<ShowCommand>("SHOW SERVERS").what, ShowWhat::servers);
    EXPECT_EQ(parsed<ShowCommand>("SHOW CREDENTIALS").what, ShowWhat::credentials);
    EXPECT_EQ(parsed<ShowCommand>("SHOW ROTATIONS").what, ShowWhat::rotations);
    EXPECT_EQ(parsed<ShowCommand>("SHOW WHY").what, ShowWhat::why);
    EXPECT_EQ(parsed<ShowCommand>("SHOW VERSION").what, ShowWhat::version);
    EXPECT_EQ(parsed<ShowCommand>("SHOW CONFIG").what, ShowWhat::config);
    EXPECT_EQ(parsed<ShowCommand>("SHOW STATS").what, ShowWhat::stats);
    EXPECT_EQ(parsed<ShowCommand>("SHOW HELP").what, ShowWhat::help);
    EXPECT_EQ(parsed<ShowCommand>("help").what, ShowWhat::help);
}

TEST(ConsoleCommand, SkipsComments) {
    EXPECT_EQ(parsed<ShowCommand>("/* why */ SHOW -- really\n WHY").what, ShowWhat::why);
    parsed<EmptyCommand>("-- nothing");
    parsed<EmptyCommand>("/* never closed");
    parsed<EmptyCommand>("");
}

TEST(ConsoleCommand, ReadsRotateWithItsWords) {
    auto plain = parsed<RotateCommand>("ROTATE orders-app");
    EXPECT_EQ(plain.credential, "orders-app");
    EXPECT_FALSE(plain.wait || plain.request.dry_run || plain.request.emergency || plain.request.recover);
    EXPECT_TRUE(parsed<RotateCommand>("rotate orders-app dry run").request.dry_run);
    EXPECT_TRUE(parsed<RotateCommand>("ROTATE orders-app RECOVER WAIT").request.recover);
    EXPECT_TRUE(parsed<RotateCommand>("ROTATE orders-app RECOVER WAIT").wait);
    auto emergency = parsed<RotateCommand>("ROTATE orders-app EMERGENCY DEADLINE 30s");
    EXPECT_TRUE(emergency.request.emergency);
    EXPECT_EQ(emergency.request.deadline, 30s);
}

TEST(ConsoleCommand, TakesQuotedNames) {
    EXPECT_EQ(parsed<RotateCommand>("ROTATE \"orders app; x\"").credential, "orders app; x");
    EXPECT_EQ(parsed<RotateCommand>("ROTATE 'Orders'").credential, "Orders");
    EXPECT_EQ(parsed<RotateCommand>("ROTATE 'never closed").credential, "never closed");
    EXPECT_EQ(parsed<RotateCommand>("ROTATE '").credential, "");
}

TEST(ConsoleCommand, RefusesWhatItDoesNotKnow) {
    for (std::string_view text :
         {"SHOW", "SHOW TABLES", "SHOW POOLS NOW", "ROTATE", "ROTATE a NOW", "ROTATE a DRY", "ROTATE a DEADLINE 30s",
          "ROTATE a EMERGENCY DEADLINE", "ROTATE a EMERGENCY DEADLINE x", "RELOAD NOW", "PAUSE", "BEGIN"}) {
        auto command = parsed<UnknownCommand>(text);
        EXPECT_EQ(command.sqlstate, "42601") << text;
        EXPECT_FALSE(command.message.empty());
        EXPECT_FALSE(command.hint.empty());
    }
}

TEST(ConsoleCommand, SaysThatItIsNoDatabase) {
    auto command = parsed<UnknownCommand>("SELECT c.oid FROM pg_catalog.pg_class c");
    EXPECT_EQ(command.sqlstate, "0A000");
    EXPECT_NE(command.hint.find("\\d"), std::string::npos);
}

TEST(SplitStatements, SplitsOutsideOfQuotesAndComments) {
    using Texts = std::vector<std::string_view>;
    EXPECT_EQ(split_statements("SHOW POOLS; SHOW WHY;"), (Texts{"SHOW POOLS", " SHOW WHY"}));
    EXPECT_EQ(split_statements("ROTATE 'a;b'; -- x;y\n;RELOAD"), (Texts{"ROTATE 'a;b'", "RELOAD"}));
    EXPECT_EQ(split_statements(";;; /* ; */ ;"), (Texts{""}));
    EXPECT_EQ(split_statements(""), (Texts{""}));
}

TEST(ConsoleHelp, ListsOnlyWhatTheParserKnows) {
    for (auto& row : console_help()) {
        std::string statement(row.statement.substr(0, row.statement.find(" [")));
        EXPECT_FALSE(std::holds_alternative<UnknownCommand>(parse_console_command(statement))) << row.statement;
    }
}

} // namespace
} // namespace rekey::proxy::admin
