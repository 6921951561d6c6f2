#include "config/complaint.hpp"
#include "config/options.hpp"
#include "tests/unit/config/fake_inputs.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace rekey::config {
namespace {

TEST(Options, HaveUniquePathsAndKnownParents) {
    std::set<std::string_view> paths;
    for (const auto& option : options()) {
        EXPECT_TRUE(paths.insert(option.path).second) << option.path;
        auto dot = option.path.rfind('.');
        if (dot == std::string_view::npos)
            continue;
        auto parent = option.path.substr(0, dot);
        bool list = parent.ends_with("[]");
        auto section = find_option(list ? parent.substr(0, parent.size() - 2) : parent);
        ASSERT_NE(section, nullptr) << option.path;
        EXPECT_EQ(list, section->type == Type::named_list || section->type == Type::list) << option.path;
    }
}

TEST(Options, HaveDefaultsThatAreValues) {
    for (const auto& option : options()) {
        EXPECT_FALSE(option.text.empty()) << option.path;
        if (option.default_value().empty())
            continue;
        if (option.type == Type::networks)
            EXPECT_EQ(option.default_value(), "127.0.0.0/8, ::1/128, unix");
        else
            EXPECT_EQ(complaint(option, option.default_value()), "") << option.path;
    }
}

TEST(Options, HaveRangesWhoseEndsAreInside) {
    for (const auto& option : options()) {
        auto dots = option.values.find("..");
        bool counts = option.type == Type::integer || option.type == Type::threads || option.type == Type::duration ||
                      option.type == Type::size;
        ASSERT_EQ(counts, dots != std::string_view::npos) << option.path;
        if (!counts)
            continue;
        EXPECT_EQ(complaint(option, option.values.substr(0, dots)), "") << option.path;
        EXPECT_EQ(complaint(option, option.values.substr(dots + 2)), "") << option.path;
    }
}

TEST(Options, AreListedUnderTheirSection) {
    std::vector<std::string_view> keys;
    for (auto option : options_under("listeners[].tls"))
        keys.push_back(option->key());
    EXPECT_THAT(keys, ElementsAre("mode", "certificate", "key", "client_ca"));
    EXPECT_EQ(find_option("listeners[]"), nullptr);
    EXPECT_EQ(find_option("listeners")->key(), "listeners");
}

// The plain structures and the table state each default once more: here they are held together.
TEST(Options, HaveTheDefaultsOfTheStructures) {
    auto result = FakeInputs().load(minimal);
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& config = *result.config;
    const Config plain;
    EXPECT_EQ(config.workers, plain.workers);
    EXPECT_EQ(config.log_level, plain.log_level);
    EXPECT_EQ(config.log_format, plain.log_format);
    EXPECT_EQ(config.limits.client_connections, plain.limits.client_connections);
    EXPECT_EQ(config.limits.startup_timeout, plain.limits.startup_timeout);
    EXPECT_EQ(config.limits.message_collect, plain.limits.message_collect);
    EXPECT_EQ(config.limits.shutdown_timeout, plain.limits.shutdown_timeout);
    EXPECT_EQ(config.listeners.at(0).tls, ListenerTlsOptions());
    EXPECT_EQ(config.upstreams.at(0).pool, Pool());
    EXPECT_EQ(config.upstreams.at(0).tls, UpstreamTlsOptions());
    EXPECT_EQ(config.upstreams.at(0).target, Upstream().target);
    EXPECT_EQ(config.upstreams.at(0).connect_timeout, Upstream().connect_timeout);
    const Credential credential;
    EXPECT_EQ(config.credentials.at(0).refresh, credential.refresh);
    EXPECT_EQ(config.credentials.at(0).drain_deadline, credential.drain_deadline);
    EXPECT_EQ(config.credentials.at(0).pinned, credential.pinned);
    EXPECT_EQ(config.credentials.at(0).surge, credential.surge);
    EXPECT_EQ(config.credentials.at(0).window, credential.window);
    EXPECT_EQ(find_option("credentials[].source.timeout")->default_value(), "10s");
    EXPECT_EQ(Source().timeout, Duration(10'000));
    EXPECT_EQ(find_option("credentials[].rotation.strategy")->default_value(), "alternating_users");
    EXPECT_EQ(Rotation().strategy, Strategy::alternating_users);
}

std::string documentation(const std::string& name) {
    auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
    std::ifstream file(root / "docs" / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Options, AreDocumentedAsTheyAre) {
    EXPECT_TRUE(documentation("options.md") == options_markdown())
        << "docs/options.md is stale: rekey options --markdown > docs/options.md";
}

TEST(Guide, ShowsASmallFileThatLoads) {
    auto guide = documentation("configuration.md");
    auto begin = guide.find("```yaml\n") + 8;
    FakeInputs inputs;
    inputs.files = {{"/etc/app.password", "pencil"}};
    EXPECT_THAT(inputs.errors(guide.substr(begin, guide.find("```", begin) - begin)), IsEmpty());
}

TEST(Options, EndTableCellsOnlyWhereMeant) {
    std::istringstream lines(options_markdown());
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("| `"))
            continue;
        std::size_t bars = 0;
        for (std::size_t i = 0; i < line.size(); ++i)
            bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
        EXPECT_TRUE(bars == 6 || bars == 5) << line;
    }
}

} // namespace
} // namespace rekey::config
