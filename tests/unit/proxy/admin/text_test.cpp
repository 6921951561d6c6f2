#include "proxy/admin/base64.hpp"
#include "proxy/admin/json_text.hpp"
#include "proxy/admin/logging.hpp"
#include "proxy/admin/repeat_filter.hpp"
#include "proxy/admin/text_table.hpp"
#include "proxy/admin/time_text.hpp"

#include <gtest/gtest.h>

namespace rekey::proxy::admin {
namespace {

using namespace std::chrono_literals;

TEST(JsonString, EscapesQuotesBackslashesAndControlCharacters) {
    EXPECT_EQ(json_string("a\"b\\c\nd\x01\x7f"), R"("a\"b\\c\nd\u0001\u007f")");
}

TEST(JsonString, KeepsUtf8AndReplacesWhatIsNot) {
    EXPECT_EQ(json_string("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91"),
              "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91\"");
    for (std::string_view bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
        auto text = json_string(bad);
        EXPECT_NE(text.find("\xef\xbf\xbd"), std::string::npos);
        EXPECT_EQ(text.find(bad), std::string::npos);
    }
}

TEST(UtcText, IsRfc3339WithMilliseconds) {
    EXPECT_EQ(utc_text(std::chrono::system_clock::time_point(1'700'000'000'007ms)), "2023-11-14T22:13:20.007Z");
    EXPECT_EQ(utc_text(std::chrono::system_clock::time_point(0s)), "1970-01-01T00:00:00.000Z");
}

TEST(AgeText, PicksTheUnitsThatFit) {
    EXPECT_EQ(age_text(0.25), "250ms");
    EXPECT_EQ(age_text(59.9), "59s");
    EXPECT_EQ(age_text(184), "3m04s");
    EXPECT_EQ(age_text(7500), "2h05m");
    EXPECT_EQ(age_text(4 * 86400 + 3 * 3600), "4d03h");
}

TEST(Base64, RoundTrips) {
    for (std::string_view bytes : {"", "a", "ab", "abc", "\xff\xfe\x00x"}) {
        if (bytes.empty())
            continue;
        EXPECT_EQ(base64_decoded(base64_encoded(bytes)), bytes);
    }
    EXPECT_EQ(base64_encoded("user:token"), "dXNlcjp0b2tlbg==");
}

TEST(Base64, RefusesWhatIsNotBase64) {
    for (std::string_view text : {"", "a", "abc", "ab=c", "====", "dXNl cjp", "dXN\ncjp0", "!!!!"})
        EXPECT_FALSE(base64_decoded(text)) << text;
}

TEST(TextTable, AlignsColumnsAndPadsNoLineEnd) {
    TextTable table({"NAME", "N", "WHY"});
    table.add({"a", "1", "x"});
    table.add({"longer", "22", ""});
    EXPECT_EQ(table.text(), "NAME    N   WHY\n"
                            "a       1   x\n"
                            "longer  22\n");
}

TEST(RepeatFilter, WritesTheFirstAndCountsTheRest) {
    RepeatFilter filter;
    RepeatFilter::Clock::time_point start{};
    EXPECT_TRUE(filter.admit("down", start));
    EXPECT_FALSE(filter.admit("down", start + 1s));
    EXPECT_FALSE(filter.admit("down", start + 59s));
    EXPECT_TRUE(filter.admit("other", start + 1s));
    EXPECT_TRUE(filter.due(start + 59s).empty());
    auto due = filter.due(start + 60s);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].text, "down");
    EXPECT_EQ(due[0].count, 2U);
}

TEST(RepeatFilter, ForgetsATextThatDidNotComeAgain) {
    RepeatFilter filter;
    RepeatFilter::Clock::time_point start{};
    EXPECT_TRUE(filter.admit("down", start));
    EXPECT_TRUE(filter.due(start + 60s).empty());
    EXPECT_TRUE(filter.admit("down", start + 61s));
}

TEST(RepeatFilter, CountsOnInTheNextMinute) {
    RepeatFilter filter;
    RepeatFilter::Clock::time_point start{};
    filter.admit("down", start);
    filter.admit("down", start + 1s);
    EXPECT_EQ(filter.due(start + 60s).size(), 1U);
    EXPECT_FALSE(filter.admit("down", start + 61s));
    EXPECT_TRUE(filter.due(start + 119s).empty());
    EXPECT_EQ(filter.due(start + 120s).size(), 1U);
}

TEST(RepeatFilter, WritesTextsBeyondItsMemory) {
    RepeatFilter filter;
    RepeatFilter::Clock::time_point start{};
    for (std::size_t i = 0; i < RepeatFilter::texts_max; ++i)
        EXPECT_TRUE(filter.admit(std::to_string(i), start));
    EXPECT_TRUE(filter.admit("one more", start));
    EXPECT_TRUE(filter.admit("one more", start));
}

TEST(LogLine, IsOneLineOfTextWithoutControlCharacters) {
    auto line = format_line(config::LogFormat::text, std::chrono::system_clock::time_point(0s),
                            rotation::LogLevel::warn, "user=a\n2026 error forged\x1b[31m");
    EXPECT_EQ(line, "1970-01-01T00:00:00.000Z warn  user=a\\x0a2026 error forged\\x1b[31m");
}

TEST(LogLine, IsOneJsonObject) {
    auto line = format_line(config::LogFormat::json, std::chrono::system_clock::time_point(0s),
                            rotation::LogLevel::error, "say \"no\"\n");
    EXPECT_EQ(line, R"({"time":"1970-01-01T00:00:00.000Z","level":"error","message":"say \"no\"\n"})");
}

TEST(Logging, WritesFromItsLevelOnAndCountsRepetitions) {
    testing::internal::CaptureStderr();
    {
        Logging log("info", config::LogFormat::text);
        log.write(rotation::LogLevel::debug, "hidden");
        log.write(rotation::LogLevel::info, "shown");
        log.write(rotation::LogLevel::info, "shown");
        for (int i = 0; i < 3; ++i)
            log.write(rotation::LogLevel::error, "refused");
        EXPECT_EQ(log.suppressed(), 2U);
        EXPECT_EQ(log.dropped(), 0U);
        log.configure("error", config::LogFormat::json);
        log.write(rotation::LogLevel::info, "hidden");
        log.write(rotation::LogLevel::error, "last");
    }
    auto text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.find("hidden"), std::string::npos);
    EXPECT_NE(text.find("info  shown\n"), std::string::npos);
    EXPECT_NE(text.find("error refused\n"), std::string::npos);
    EXPECT_NE(text.find("refused (2 more times)"), std::string::npos);
    EXPECT_NE(text.find("\"message\":\"last\""), std::string::npos);
}

} // namespace
} // namespace rekey::proxy::admin
