// Requests to the dedicated gateway: Protocol Buffers, signed with a client key.
#include "config/scalars.hpp"
#include "protocol/auth/base64.hpp"
#include "rotation/alibaba/dedicated.hpp"
#include "rotation/alibaba/protobuf.hpp"
#include "tests/unit/rotation/client_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::alibaba {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;
using tests::ClientKeyFile;

const auto when = std::chrono::sys_days(std::chrono::year(2024) / 1 / 2) + 3h + 4min + 5s;

std::string value_of(const std::vector<http::Header>& headers, std::string_view name) {
    for (const auto& header : headers)
        if (header.name == name)
            return std::string(header.value.reveal());
    return {};
}

TEST(Protobuf, IsWrittenAsItsSpecificationWants) {
    std::string message;
    append_bytes(message, 1, "abc");
    append_bytes(message, 2, "");
    append_bytes(message, 5, "iv");
    EXPECT_EQ(config::lower_case_hex(message), "0a036162632a026976");
    message.clear();
    append_bytes(message, 1, std::string(300, 'x'));
    append_true(message, 4);
    EXPECT_EQ(config::lower_case_hex(message.substr(0, 3)), "0aac02");
    EXPECT_EQ(config::lower_case_hex(message.substr(303)), "2001");
}

TEST(Protobuf, IsReadWithFieldsThatMeanNothingHere) {
    const std::string message("\x0a\x01"
                              "a\x10\x96\x01\x19"
                              "12345678\x25"
                              "1234\x0a\x01"
                              "b",
                              23);
    auto fields = parse_protobuf(message);
    ASSERT_TRUE(fields);
    ASSERT_THAT(*fields, SizeIs(5));
    EXPECT_EQ((*fields)[1].value, 150U);
    EXPECT_EQ(protobuf_bytes(*fields, 1), "b") << "the last one counts";
    EXPECT_EQ(protobuf_bytes(*fields, 9), "");
}

TEST(Protobuf, IsRefusedWhereverItIsCut) {
    const std::string message("\x0a\x03"
                              "abc\x12\x02xy",
                              9);
    for (std::size_t size = 0; size <= message.size(); ++size)
        EXPECT_EQ(parse_protobuf(message.substr(0, size)).has_value(), size == 0 || size == 5 || size == 9) << size;
    EXPECT_FALSE(parse_protobuf(std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11))) << "over 64 bits";
    EXPECT_FALSE(parse_protobuf(std::string("\x02\x00", 2))) << "there is no field 0";
    EXPECT_FALSE(parse_protobuf("{\"Code\":\"x\"}"));
    std::string many;
    for (int i = 0; i < 65; ++i)
        append_true(many, 1);
    EXPECT_FALSE(parse_protobuf(many));
}

TEST(DedicatedRequest, IsSignedOverItsHeaders) {
    ClientKeyFile file("KAAP.test", "password");
    std::string error;
    auto key = ClientKey::parse(file.document(), "password", error);
    ASSERT_TRUE(key) << error;
    DedicatedCall call{"Decrypt", {}, "body"};
    auto headers = sign_dedicated(*key, call, when);
    const std::string expected =
        "POST\n230D8358DC8E8890B4C58DEEB62912EE2F20357AE92A5CC861B98E68FE31ACB5\napplication/x-protobuf\n"
        "Tue, 02 Jan 2024 03:04:05 GMT\nx-kms-acccesskeyid:KAAP.test\nx-kms-apiname:Decrypt\n"
        "x-kms-apiversion:dkms-gcs-0.2\nx-kms-signaturemethod:RSA_PKCS1_SHA_256\n/";
    EXPECT_EQ(string_to_sign(headers), expected);
    EXPECT_TRUE(file.verifies(value_of(headers, "authorization"), expected));
    EXPECT_FALSE(file.verifies(value_of(headers, "authorization"), expected + "x"));
}

TEST(DedicatedRequest, TakesApartWhatEncryptionHasWrapped) {
    const std::string version = "0123456789abcdef0123456789abcdef0123", vector = "123456789012";
    auto call = decrypt_call(protocol::auth::base64_encode(version + vector + "cipher"));
    ASSERT_TRUE(call);
    EXPECT_EQ(call->key_version, version);
    auto fields = parse_protobuf(call->body);
    ASSERT_TRUE(fields);
    EXPECT_EQ(protobuf_bytes(*fields, 1), "cipher");
    EXPECT_EQ(protobuf_bytes(*fields, 5), vector);
    ClientKeyFile file("KAAP.test", "password");
    std::string error;
    auto headers = sign_dedicated(*ClientKey::parse(file.document(), "password", error), *call, when);
    EXPECT_THAT(string_to_sign(headers), HasSubstr("\nx-kms-apiversion:dkms-gcs-0.2\nx-kms-migrationkeyversionid:" +
                                                   version + "\nx-kms-signaturemethod:"));
    EXPECT_FALSE(decrypt_call(protocol::auth::base64_encode(version + vector))) << "nothing is left to decrypt";
    EXPECT_FALSE(decrypt_call(protocol::auth::base64_encode(std::string(36, '\n') + vector + "c")));
    EXPECT_FALSE(decrypt_call("not base64"));
}

TEST(DedicatedAnswer, IsRead) {
    std::string message, error;
    append_bytes(message, 1, "db1");
    append_bytes(message, 2, "Rds");
    append_bytes(message, 3, "{}");
    append_bytes(message, 4, "text");
    append_bytes(message, 6, "v1");
    auto value = parse_dedicated_secret(message, error);
    EXPECT_EQ(error, "");
    EXPECT_EQ(value.version, "v1");
    EXPECT_EQ(value.type, "Rds");
    EXPECT_EQ(value.data.reveal(), "{}");
    parse_dedicated_secret("", error);
    EXPECT_THAT(error, HasSubstr("no VersionId"));
    std::string failed;
    append_bytes(failed, 2, "Forbidden.NoPermission");
    append_bytes(failed, 3, "no");
    EXPECT_EQ(explain(parse_dedicated_error(403, failed)),
              "status 403 Forbidden.NoPermission: the identity lacks the permission (no)");
    EXPECT_EQ(parse_dedicated_error(503, R"({"Code":"ServiceUnavailableTemporary"})").code,
              "ServiceUnavailableTemporary");
}

TEST(ClientKey, IsReadWithAnOldAlgorithmToo) {
    ClientKeyFile file("KAAP.old", "password", NID_pbe_WithSHA1And3_Key_TripleDES_CBC);
    std::string error;
    auto key = ClientKey::parse(file.document(), "password", error);
    ASSERT_TRUE(key) << error;
    EXPECT_TRUE(file.verifies("Bearer " + key->sign("text"), "text"));
}

TEST(ClientKey, IsRefusedWithAReason) {
    auto error_of = [](const std::string& document, const std::string& password) {
        std::string error;
        EXPECT_FALSE(ClientKey::parse(document, password, error));
        EXPECT_THAT(error, testing::Not(HasSubstr("s3cret")));
        return error;
    };
    ClientKeyFile file("KAAP.test", "password");
    EXPECT_THAT(error_of(file.document(), "s3cret"), HasSubstr("the password does not open"));
    EXPECT_THAT(error_of("s3cret", "p"), HasSubstr("no client key"));
    EXPECT_THAT(error_of(R"({"KeyId":"k","PrivateKeyData":"czNjcmV0"})", "p"), HasSubstr("no PKCS #12"));
    EXPECT_THAT(error_of(ClientKeyFile("KAAP.test", "password", NID_undef, -3600).document(), "password"),
                HasSubstr("has expired"));
}

} // namespace
} // namespace rekey::rotation::alibaba
