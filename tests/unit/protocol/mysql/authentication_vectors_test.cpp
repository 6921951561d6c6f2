// The computations of the authentication plugins. The hashes of "secret" are those that MariaDB 10.11 stored for it;
// the answers to nonces are PyMySQL's and go-sql-driver's.
#include "protocol/auth/caching_sha2.hpp"
#include "protocol/auth/hexadecimal.hpp"
#include "protocol/auth/mariadb_ed25519.hpp"
#include "protocol/auth/mariadb_parsec.hpp"
#include "protocol/auth/mysql_native.hpp"
#include "protocol/auth/mysql_verifiers.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <numeric>

namespace rekey::protocol::auth {
namespace {

using namespace std::string_literals;

std::string counted(char from, std::size_t size) {
    std::string bytes(size, '\0');
    std::iota(bytes.begin(), bytes.end(), from);
    return bytes;
}

const std::string nonce = counted(1, 20), long_nonce = counted(0, 32);

TEST(Hexadecimal, GoesBothWays) {
    EXPECT_EQ(to_hexadecimal("\x00\x9f\xff"s), "009FFF");
    unsigned char bytes[3];
    ASSERT_TRUE(from_hexadecimal("009fFF", bytes));
    EXPECT_EQ(bytes[1], 0x9f);
    for (auto text : {"009FF", "009FFFF", "009FFG", "009F F", ""})
        EXPECT_FALSE(from_hexadecimal(text, bytes)) << text;
}

// --- mysql_native_password ---

TEST(NativePassword, HashIsTheServers) {
    auto parsed = parse_native_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(native_hash("secret"), *parsed);
    EXPECT_EQ(parse_native_hash("*14e65567abdb5135d0cfd9a70b3032c179a49ee7"), parsed);
    for (auto text : {"", "*", "14E65567ABDB5135D0CFD9A70B3032C179A49EE7", "*14E65567ABDB5135D0CFD9A70B3032C179A49EE"})
        EXPECT_FALSE(parse_native_hash(text)) << text;
}

TEST(NativePassword, ResponseIsTheDrivers) {
    EXPECT_EQ(to_hexadecimal(native_response("secret", nonce)), "B32BB3A583E1340C0A1108D58B1BE49781AD8C2F");
    EXPECT_EQ(native_response("", nonce), "");
}

TEST(NativePassword, IsProvenByTheRightResponseOnly) {
    auto hash = native_hash("secret");
    auto response = native_response("secret", nonce);
    EXPECT_TRUE(native_proves(hash, nonce, response));
    EXPECT_FALSE(native_proves(hash, counted(2, 20), response));
    EXPECT_FALSE(native_proves(native_hash("Secret"), nonce, response));
    EXPECT_FALSE(native_proves(hash, nonce, ""));
    EXPECT_FALSE(native_proves(hash, nonce, response.substr(1)));
    EXPECT_FALSE(native_proves(hash, nonce, std::string(20, '\0')));
}

// --- caching_sha2_password ---

TEST(CachingSha2, ResponseIsTheDrivers) {
    EXPECT_EQ(to_hexadecimal(caching_sha2_response("secret", nonce)),
              "746EBE205D56A0707ACB3E796E834E0DD7B1D61743B26BD5202C7A623230C7C9");
    auto from_go = "\x0a\x2f\x4a\x6f\x4b\x49\x22\x30\x58\x4c\x72\x4a\x25\x0d\x03\x50\x52\x02\x17\x15"s;
    EXPECT_EQ(to_hexadecimal(caching_sha2_response("secret", from_go)),
              "F490E76F66D9D86665CE54D98C78D0ACFE2FB0B08B423DA807144873D30B312C");
    EXPECT_EQ(caching_sha2_response("", nonce), "");
}

TEST(CachingSha2, IsProvenByTheRightResponseOnly) {
    auto hash = caching_sha2_hash("secret");
    EXPECT_EQ(to_hexadecimal(view(hash)), "3881219D087DD9C634373FD33DFA33A2CB6BFC6C520B64B8BB60EF2CEB534AE7");
    auto response = caching_sha2_response("secret", nonce);
    EXPECT_TRUE(caching_sha2_proves(hash, nonce, response));
    EXPECT_FALSE(caching_sha2_proves(hash, counted(2, 20), response));
    EXPECT_FALSE(caching_sha2_proves(caching_sha2_hash("Secret"), nonce, response));
    EXPECT_FALSE(caching_sha2_proves(hash, nonce, ""));
    EXPECT_FALSE(caching_sha2_proves(hash, nonce, response + "x"));
}

const PasswordKey& key() {
    static const auto made = PasswordKey::generate();
    return made;
}

TEST(PasswordKey, ReadsWhatWasEncryptedForIt) {
    EXPECT_TRUE(key().public_key().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    for (auto password : {"secret", "", "longer than the nonce which it is mixed with"}) {
        auto encrypted = encrypt_password(key().public_key(), password, nonce);
        ASSERT_TRUE(encrypted);
        EXPECT_EQ(encrypted->size(), key().size());
        auto read = key().decrypt(*encrypted, nonce);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->reveal(), password);
    }
}

TEST(PasswordKey, RefusesWhatWasNot) {
    auto encrypted = *encrypt_password(key().public_key(), "secret", nonce);
    EXPECT_FALSE(key().decrypt(encrypted, counted(2, 20)));
    EXPECT_FALSE(key().decrypt(encrypted.substr(1), nonce));
    EXPECT_FALSE(key().decrypt("", nonce));
    encrypted[9] = static_cast<char>(encrypted[9] ^ 1);
    EXPECT_FALSE(key().decrypt(encrypted, nonce));
}

TEST(PasswordKey, TakesNoPasswordThatIsTooLongAndNoOtherKey) {
    EXPECT_FALSE(encrypt_password(key().public_key(), std::string(300, 'x'), nonce));
    EXPECT_FALSE(encrypt_password("", "secret", nonce));
    EXPECT_FALSE(encrypt_password("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4"
                                  "rXAxZuE=\n-----END PUBLIC KEY-----\n",
                                  "secret", nonce));
    EXPECT_FALSE(PasswordKey::from_pem("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n"));
    EXPECT_FALSE(PasswordKey::from_pem(""));
}

// --- client_ed25519 ---

TEST(MariadbEd25519, KeyIsTheServers) {
    auto text = "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY";
    EXPECT_EQ(ed25519_text(ed25519_key("secret")), text);
    auto parsed = parse_ed25519_key(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, ed25519_key("secret"));
    for (auto other :
         {"", "ZIgU", "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJ", "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY="})
        EXPECT_FALSE(parse_ed25519_key(other)) << other;
}

TEST(MariadbEd25519, SignatureIsTheDrivers) {
    EXPECT_EQ(to_hexadecimal(ed25519_sign("secret", long_nonce)),
              "546C3E9311D19EE389D1AE5D945821BFE459423910136F16B3BD2AE89FD7D63B"
              "449E689F4BE812891A85B8F999076446D92ADB83D0707215AAA60B5A23220907");
}

TEST(MariadbEd25519, IsProvenByTheRightSignatureOnly) {
    auto signature = ed25519_sign("secret", long_nonce);
    EXPECT_TRUE(ed25519_proves(ed25519_key("secret"), long_nonce, signature));
    EXPECT_FALSE(ed25519_proves(ed25519_key("Secret"), long_nonce, signature));
    EXPECT_FALSE(ed25519_proves(ed25519_key("secret"), counted(1, 32), signature));
    EXPECT_FALSE(ed25519_proves(ed25519_key("secret"), long_nonce, signature.substr(1)));
    EXPECT_FALSE(ed25519_proves(ed25519_key("secret"), long_nonce, ""));
}

// --- parsec ---

TEST(Parsec, SeedIsPbkdf2) {
    auto salt = read_parsec_salt("P\0"s + "123456789012345678");
    ASSERT_TRUE(salt);
    EXPECT_EQ(salt->iterations, 1024u);
    EXPECT_EQ(read_parsec_salt("P\3"s + "123456789012345678")->iterations, 8192u);
    EXPECT_EQ(to_hexadecimal(parsec_seed("secret", *salt).reveal()),
              "503EE4356FA90B40695395C44C833F5C238530B74953F8A835181D31E83007FD");
}

TEST(Parsec, RefusesOtherSalts) {
    for (auto data : {""s, "P\0"s, "Q\0"s + "123456789012345678", "P\4"s + "123456789012345678",
                      "P\xff"s + "123456789012345678", "P\0"s + "1234567890123456789"})
        EXPECT_FALSE(read_parsec_salt(data));
}

TEST(Parsec, SignsBothNonces) {
    auto seed = parsec_seed("secret", {std::string(18, 's'), 1024});
    auto response = parsec_response(seed, long_nonce);
    ASSERT_EQ(response.size(), 96u);
    EXPECT_NE(response, parsec_response(seed, long_nonce));
    auto bytes = reinterpret_cast<const unsigned char*>(seed.reveal().data());
    auto private_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes, seed.size());
    Ed25519Key public_key;
    auto size = public_key.size();
    EVP_PKEY_get_raw_public_key(private_key, public_key.data(), &size);
    EVP_PKEY_free(private_key);
    EXPECT_TRUE(ed25519_proves(public_key, long_nonce + response.substr(0, 32), response.substr(32)));
}

// --- verifiers ---

TEST(MysqlVerifiers, TakesEachOfItsForms) {
    auto all = MysqlVerifiers::of_password("secret");
    MysqlVerifiers read;
    EXPECT_FALSE(read.any());
    EXPECT_TRUE(read.add("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"));
    EXPECT_TRUE(read.any());
    EXPECT_TRUE(read.add("ED25519$ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY"));
    EXPECT_TRUE(read.add(MysqlVerifiers::text(*all.caching_sha2)));
    EXPECT_EQ(read.native, all.native);
    EXPECT_EQ(read.ed25519, all.ed25519);
    EXPECT_EQ(read.caching_sha2, all.caching_sha2);
    EXPECT_EQ(MysqlVerifiers::text(*all.caching_sha2),
              "CACHING-SHA2$3881219D087DD9C634373FD33DFA33A2CB6BFC6C520B64B8BB60EF2CEB534AE7");
}

TEST(MysqlVerifiers, TakesNothingElse) {
    MysqlVerifiers read;
    for (auto text :
         {"", "secret", "*14E6", "CACHING-SHA2$", "CACHING-SHA2$38", "ED25519$", "ED25519$ZIgU",
          "$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED", "SCRAM-SHA-256$4096:c2FsdA==$a:b"})
        EXPECT_FALSE(read.add(text)) << text;
    EXPECT_FALSE(read.any());
}

TEST(MysqlVerifiers, CheckAPasswordByWhateverIsThere) {
    auto all = MysqlVerifiers::of_password("secret");
    MysqlVerifiers sha2{all.caching_sha2, {}, {}}, ed25519{{}, all.ed25519, {}}, native{{}, {}, all.native};
    for (const auto* verifiers : {&all, &sha2, &ed25519, &native}) {
        EXPECT_TRUE(verifiers->matches("secret"));
        EXPECT_FALSE(verifiers->matches("Secret"));
        EXPECT_FALSE(verifiers->matches(""));
    }
    EXPECT_FALSE(MysqlVerifiers{}.matches(""));
}

TEST(MysqlVerifiers, OfUnknownUsersStayTheSame) {
    std::string secret(32, 'm');
    auto first = MysqlVerifiers::mock("nobody", secret);
    EXPECT_EQ(first.native, MysqlVerifiers::mock("nobody", secret).native);
    EXPECT_EQ(first.caching_sha2, MysqlVerifiers::mock("nobody", secret).caching_sha2);
    EXPECT_NE(first.caching_sha2, MysqlVerifiers::mock("nobody2", secret).caching_sha2);
    EXPECT_NE(first.native, MysqlVerifiers::mock("nobody", std::string(32, 'n')).native);
}

} // namespace
} // namespace rekey::protocol::auth
