#include "protocol/auth/base64.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::auth {
namespace {

TEST(Base64, EncodesTheVectorsOfRfc4648) {
    EXPECT_EQ(base64_encode(""), "");
    EXPECT_EQ(base64_encode("f"), "Zg==");
    EXPECT_EQ(base64_encode("fo"), "Zm8=");
    EXPECT_EQ(base64_encode("foo"), "Zm9v");
    EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
    EXPECT_EQ(base64_encode("fooba"), "Zm9vYmE=");
    EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
}

TEST(Base64, DecodesWhatItEncodes) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
        bytes.push_back(static_cast<char>(255 - i));
    }
}

TEST(Base64, RefusesWhatIsNotTheOneSpelling) {
    for (auto text : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9-", "Zm9_",
                      "Zh==", "Zm9=", "Z=g=", "\xff\xff\xff\xff"})
        EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

} // namespace
} // namespace rekey::protocol::auth
