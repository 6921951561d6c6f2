// Places in line.
#include "proxy/pool/line.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace rekey::proxy {
namespace {

std::vector<int> order(Line<int>& line) {
    std::vector<int> all;
    for (auto place = line.begin(); place != line.end(); ++place)
        all.push_back(**place);
    return all;
}

TEST(Line, ServesWhoCameFirstUnlessSomebodyIsPutInFront) {
    Line<int> line;
    int a = 1, b = 2, c = 3;
    line.enter_back(a);
    line.enter_back(b);
    line.enter_front(c);
    EXPECT_EQ(order(line), (std::vector{3, 1, 2}));
    EXPECT_EQ(line.back(), &b);
    EXPECT_EQ(line.take_front(), &c);
    EXPECT_EQ(line.take_front(), &a);
    EXPECT_EQ(line.front(), &b);
    EXPECT_EQ(line.size(), 1U);
}

TEST(Line, WhoLeavesFromTheMiddleLeavesTheOthersInOrder) {
    Line<int> line;
    int a = 1, b = 2, c = 3;
    line.enter_back(a);
    auto place = line.enter_back(b);
    line.enter_back(c);
    EXPECT_EQ(**line.leave(place), 3);
    EXPECT_EQ(order(line), (std::vector{1, 3}));
}

TEST(Line, APlaceThatWasLeftIsUsedAgainAndIsGoodForItsNewOwner) {
    Line<int> line;
    int a = 1, b = 2, c = 3;
    line.leave(line.enter_back(a));
    EXPECT_TRUE(line.empty());
    auto place = line.enter_back(b);
    line.enter_front(c);
    EXPECT_EQ(**place, 2);
    EXPECT_TRUE(line.leave(place) == line.end());
    EXPECT_EQ(order(line), std::vector{3});
}

} // namespace
} // namespace rekey::proxy
