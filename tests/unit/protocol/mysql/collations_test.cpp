// Numbers of character sets.
#include "protocol/mysql/collations.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

TEST(Collations, AreFoundByCharacterSetAndByName) {
    EXPECT_EQ(collation_number("utf8mb4"), 45);
    EXPECT_EQ(collation_number("utf8mb4_0900_ai_ci"), 255);
    EXPECT_EQ(collation_number("latin1"), 8);
    EXPECT_EQ(collation_number("latin1_swedish_ci"), 8);
}

TEST(Collations, AreAbsentForWhatIsNotKnown) {
    EXPECT_EQ(collation_number(""), std::nullopt);
    EXPECT_EQ(collation_number("klingon"), std::nullopt);
}

} // namespace
} // namespace rekey::protocol::mysql
