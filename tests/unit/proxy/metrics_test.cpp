#include "protocol/postgres/probe.hpp"
#include "proxy/admin/metrics.hpp"
#include "tests/unit/proxy/admin/control_plane_fake.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

namespace rekey::proxy::admin {
namespace {

// Holds the line, whole.
testing::AssertionResult has_line(const std::string& text, const std::string& line) {
    if (("\n" + text).find("\n" + line + "\n") != std::string::npos)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no line `" << line << "` in\n" << text;
}

TEST(Metrics, CountBackendsByGenerationAndState) {
    auto text = metrics_text(busy_report());
    EXPECT_TRUE(has_line(text, R"(rekey_backend_connections{upstream="orders",generation="2",state="active"} 1)"));
    EXPECT_TRUE(has_line(text, R"(rekey_backend_connections{upstream="orders",generation="2",state="idle"} 0)"));
    EXPECT_TRUE(has_line(text, R"(rekey_backend_connections{upstream="orders",generation="3",state="idle"} 2)"));
}

TEST(Metrics, AGenerationsSeriesGoWithItsLastBackend) {
    auto report = busy_report();
    std::erase_if(report.snapshot.backends, [](const BackendRow& row) { return row.generation == 2; });
    auto text = metrics_text(report);
    EXPECT_EQ(text.find("generation=\"2\""), std::string::npos);
    EXPECT_NE(text.find("generation=\"3\""), std::string::npos);
}

TEST(Metrics, CountersOfKnownLabelsStartAtZero) {
    StatusReport report;
    report.credentials.emplace_back().rotator.name = "orders-app";
    auto text = metrics_text(report);
    for (std::string result : {"done", "held", "rolled_back", "failed"})
        EXPECT_TRUE(has_line(text, "rekey_rotations_total{credential=\"orders-app\",result=\"" + result + "\"} 0"));
    for (std::string result : {"replaced", "surge_refused", "failed"})
        EXPECT_TRUE(has_line(text, "rekey_replacements_total{result=\"" + result + "\"} 0"));
    EXPECT_TRUE(has_line(text, "rekey_client_errors_total{reason=\"no_backend\"} 0"));
    EXPECT_TRUE(has_line(text, "rekey_limits_hit_total{limit=\"wait_timeout\"} 0"));
    EXPECT_TRUE(has_line(text, "rekey_auth_retries_saved_total 0"));
    EXPECT_TRUE(has_line(text, "rekey_client_connections 0"));
}

TEST(Metrics, OneStateOfACredentialIsOne) {
    auto text = metrics_text(busy_report());
    EXPECT_TRUE(has_line(text, R"(rekey_rotation_state{credential="orders-app",state="replacing"} 1)"));
    for (std::string state :
         {"idle", "fetching", "verifying", "published", "proving", "revoking", "held", "rolled_back"})
        EXPECT_TRUE(has_line(text, "rekey_rotation_state{credential=\"orders-app\",state=\"" + state + "\"} 0"));
}

TEST(Metrics, TellAgeAndExpiryOfACredential) {
    auto report = busy_report();
    auto text = metrics_text(report);
    EXPECT_TRUE(has_line(text, R"(rekey_credential_generation{credential="orders-app"} 3)"));
    EXPECT_TRUE(has_line(text, R"(rekey_credential_age_seconds{credential="orders-app"} 30)"));
    EXPECT_TRUE(has_line(text, R"(rekey_credential_expires_seconds{credential="orders-app"} 600)"));
    report.credentials[0].rotator.not_after.reset();
    EXPECT_EQ(metrics_text(report).find("rekey_credential_expires_seconds"), std::string::npos);
}

TEST(Metrics, CumulateTheHistogram) {
    auto text = metrics_text(busy_report());
    EXPECT_TRUE(has_line(text, R"(rekey_acquire_wait_seconds_bucket{le="0.0001"} 5)"));
    EXPECT_TRUE(has_line(text, R"(rekey_acquire_wait_seconds_bucket{le="0.005"} 7)"));
    EXPECT_TRUE(has_line(text, R"(rekey_acquire_wait_seconds_bucket{le="30"} 7)"));
    EXPECT_TRUE(has_line(text, R"(rekey_acquire_wait_seconds_bucket{le="+Inf"} 8)"));
    EXPECT_TRUE(has_line(text, "rekey_acquire_wait_seconds_count 8"));
    EXPECT_TRUE(has_line(text, "rekey_acquire_wait_seconds_sum 41.5"));
}

TEST(Metrics, EscapeLabelValues) {
    auto report = busy_report();
    report.credentials[0].rotator.name = "a\"b\\c\nd";
    EXPECT_NE(metrics_text(report).find(R"(credential="a\"b\\c\nd")"), std::string::npos);
}

TEST(Metrics, EveryFamilyIsInTheTableOnceAndNamedAsItsKind) {
    std::set<std::string_view> names;
    for (auto& metric : metric_table()) {
        EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
        EXPECT_TRUE(metric.name.starts_with("rekey_")) << metric.name;
        EXPECT_EQ(metric.name.ends_with("_total"), metric.kind == MetricKind::counter) << metric.name;
        EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
    }
}

TEST(Metrics, EveryFamilyOfTheTableIsWritten) {
    auto report = busy_report();
    report.snapshot.limits_hit = {{"client_connections", 1}};
    report.snapshot.throttled = {{"login", 1}};
    auto text = metrics_text(report);
    for (auto& metric : metric_table())
        EXPECT_NE(text.find("# TYPE " + std::string(metric.name) + " "), std::string::npos) << metric.name;
}

const std::filesystem::path source_root =
    std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Metrics, LabelsTheDataPlaneCountsAreKnown) {
    std::set<std::pair<std::string, std::string>> known;
    for (auto& label : known_labels())
        known.emplace(label.metric, label.value);
    std::regex counted(R"re(counters\(\)\.(client_errors|limits_hit|throttled|replacements), "(\w+)"\))re");
    int found = 0;
    for (auto& entry : std::filesystem::recursive_directory_iterator(source_root / "proxy")) {
        if (entry.path().extension() != ".cpp")
            continue;
        auto text = text_of(entry.path());
        for (std::sregex_iterator match(text.begin(), text.end(), counted), end; match != end; ++match, ++found)
            EXPECT_TRUE(known.contains({"rekey_" + (*match)[1].str() + "_total", (*match)[2]}))
                << (*match)[0] << " in " << entry.path();
    }
    EXPECT_GT(found, 0) << "the test reads nothing";
}

TEST(Metrics, ReasonsForPinningAreKnown) {
    std::set<std::string_view> known;
    for (auto& label : known_labels()) {
        if (label.metric == "rekey_sessions_pinned")
            known.insert(label.value);
    }
    std::set<std::string_view> reasons;
    for (std::uint32_t pin = 1; pin != 0; pin <<= 1) {
        if (auto label = protocol::postgres::pin_label(pin); !label.empty())
            reasons.insert(label);
    }
    EXPECT_EQ(known, reasons);
}

TEST(Metrics, TheDocumentListsTheTable) {
    auto document = text_of(source_root / "docs" / "metrics.md");
    EXPECT_NE(document.find(metrics_markdown()), std::string::npos) << "docs/metrics.md should hold\n"
                                                                    << metrics_markdown();
}

} // namespace
} // namespace rekey::proxy::admin
