#include "config/tree.hpp"

#include <gtest/gtest.h>

namespace rekey::config {
namespace {

const SourceFile file{"f.yaml", "", 0};

TreeResult parse(const std::string& text) {
    return parse_tree(text, file);
}

TEST(Tree, RemembersWhereEveryValueStands) {
    auto tree = parse("# comment\na: 1\n\nb:\n  - x\n  - { c: y }\n");
    ASSERT_EQ(tree.error, "");
    EXPECT_EQ(tree.root.kind, Node::Kind::map);
    EXPECT_EQ(tree.root.find("a")->text, "1");
    EXPECT_EQ(tree.root.find("a")->place.line, 2);
    auto list = tree.root.find("b");
    ASSERT_EQ(list->items.size(), 2u);
    EXPECT_EQ(list->items[0].place.line, 5);
    EXPECT_EQ(list->items[1].find("c")->place.line, 6);
    EXPECT_EQ(list->items[1].find("c")->place.file, &file);
    EXPECT_EQ(tree.root.find("d"), nullptr);
}

TEST(Tree, PlacesAMissingValueAtItsKey) {
    auto tree = parse("a:\n\n\nb: 1\n");
    EXPECT_EQ(tree.root.find("a")->kind, Node::Kind::null);
    EXPECT_EQ(tree.root.find("a")->place.line, 1);
}

TEST(Tree, KeepsRepeatedKeys) {
    EXPECT_EQ(parse("a: 1\na: 2\n").root.entries.size(), 2u);
}

TEST(Tree, IsEmptyForAnEmptyText) {
    for (auto text : {"", "# nothing\n", "---\n"}) {
        EXPECT_EQ(parse(text).error, "") << text;
        EXPECT_EQ(parse(text).root.kind, Node::Kind::null) << text;
    }
}

TEST(Tree, ExpandsAnchors) {
    auto tree = parse("a: &x { k: v }\nb: *x\nc: &y 1\nd: *y\n");
    ASSERT_EQ(tree.error, "");
    EXPECT_EQ(tree.root.find("b")->find("k")->text, "v");
    EXPECT_EQ(tree.root.find("d")->text, "1");
}

TEST(Tree, ReportsBadYamlWithItsLine) {
    auto tree = parse("a: 1\nb: [1, 2\nc: 3\n");
    EXPECT_NE(tree.error, "");
    EXPECT_GE(tree.line, 2);
    EXPECT_EQ(parse("a: 1\n\tb: 2\n").line, 2);
    EXPECT_NE(parse("a: *unknown\n").error, "");
}

TEST(Tree, RefusesWhatAConfigurationNeverNeeds) {
    EXPECT_EQ(parse("a: !!binary aGk=\n").error, "tags are not supported");
    EXPECT_EQ(parse("a: 1\nb: !secret x\n").line, 2);
    EXPECT_EQ(parse("? [a, b]\n: c\n").error, "a key must be a single word");
    EXPECT_EQ(parse("? {a: b}\n: c\n").error, "a key must be a single word");
    EXPECT_EQ(parse("a: &x [*x]\n").error, "an alias may not stand inside its own anchor");
    EXPECT_EQ(parse("x: &k [1]\n*k : 1\n").error, "a key must be a single word");
    EXPECT_EQ(parse("a: 1\n---\nb: 2\n").error, "holds more than one YAML document");
    EXPECT_EQ(parse(std::string("a: b\nc: d\0e\n", 12)).error, "holds a NUL byte");
    EXPECT_EQ(parse(std::string("a: b\nc: d\0e\n", 12)).line, 2);
}

TEST(Tree, LimitsTheSizeOfATextBeforeReadingIt) {
    EXPECT_EQ(parse("a: " + std::string(longest_text, 'x')).error, "is longer than 1 MiB");
    EXPECT_EQ(parse("a: " + std::string(longest_text - 3, 'x')).error, "");
}

TEST(Tree, LimitsTheDepth) {
    EXPECT_EQ(parse(std::string(deepest_nesting, '[') + std::string(deepest_nesting, ']')).error, "");
    auto deeper = deepest_nesting + 1;
    EXPECT_EQ(parse(std::string(deeper, '[') + std::string(deeper, ']')).error, "is nested too deeply");
    EXPECT_NE(parse(std::string(100'000, '[')).error, "");
    EXPECT_NE(parse(std::string(100'000, '{')).error, "");
    EXPECT_EQ(parse("a: &x [[[[[[[[1]]]]]]]]\nb: [[[[[[[[*x]]]]]]]]\n").error, "is nested too deeply");
}

TEST(Tree, LimitsTheKeysOfAMap) {
    std::string text;
    for (std::size_t i = 0; i <= most_keys; ++i)
        text += "k" + std::to_string(i) + ": 1\n";
    EXPECT_EQ(parse(text).error, "has too many keys");
}

TEST(Tree, LimitsWhatAliasesMultiply) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        auto before = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int k = 1; k < 10; ++k)
            text += ", " + before;
        text += "]\n";
    }
    EXPECT_EQ(parse(text).error, "has too many values");
    std::string aliases = "a: &x " + std::string(100'000, 'x') + "\nb: [*x";
    for (int i = 0; i < 1000; ++i)
        aliases += ", *x";
    EXPECT_EQ(parse(aliases + "]\n").error, "has too many values");
}

TEST(Tree, SurvivesEveryTruncation) {
    const std::string text = "a: &x { k: \"v\\n\", l: [1, 'two', ~] }\nb:\n  - *x\n  - |\n    text\n  - >-\n    more\n";
    ASSERT_EQ(parse(text).error, "");
    for (std::size_t size = 0; size < text.size(); ++size)
        parse(text.substr(0, size)); // under the sanitizers: no crash
}

} // namespace
} // namespace rekey::config
