#include "rotation/rfc3339.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using namespace std::chrono;
using Time = system_clock::time_point;

TEST(Rfc3339, WritesUtcWithMilliseconds) {
    EXPECT_EQ(format_rfc3339(Time()), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(Time(milliseconds(1'709'164'799'042))), "2024-02-28T23:59:59.042Z");
    EXPECT_EQ(format_rfc3339(Time(microseconds(999))), "1970-01-01T00:00:00.000Z");
}

TEST(Rfc3339, ReadsWhatItWrites) {
    Time time(milliseconds(1'893'456'000'007));
    EXPECT_EQ(parse_rfc3339(format_rfc3339(time)), time);
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
    Time noon(seconds(1'704'110'400)); // 2024-01-01T12:00:00Z
    EXPECT_EQ(parse_rfc3339("2024-01-01T12:00:00Z"), noon);
    EXPECT_EQ(parse_rfc3339("2024-01-01t12:00:00z"), noon);
    EXPECT_EQ(parse_rfc3339("2024-01-01 12:00:00Z"), noon);
    EXPECT_EQ(parse_rfc3339("2024-01-01T13:30:00+01:30"), noon);
    EXPECT_EQ(parse_rfc3339("2024-01-01T04:00:00-08:00"), noon);
    EXPECT_EQ(parse_rfc3339("2024-01-01T12:00:00.5Z"), noon + milliseconds(500));
    EXPECT_EQ(parse_rfc3339("2024-01-01T12:00:00.123456789Z"), noon + nanoseconds(123'456'789));
    EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(Rfc3339, RefusesEveryTruncation) {
    std::string_view text = "2024-01-01T12:00:00.123+01:30";
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(parse_rfc3339(text.substr(0, size))) << size;
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
    for (auto text : {"2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
                      "2024-01-01T00:00:61Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00ZZ", "1969-12-31T23:59:59Z",
                      "2262-01-01T00:00:00Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+24:00", "soon", "-1"})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

} // namespace
} // namespace rekey::rotation
