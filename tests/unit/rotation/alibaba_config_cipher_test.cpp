// Encrypted configurations: vectors made with openssl, and a KMS that decrypts their keys.
#include "protocol/auth/base64.hpp"
#include "rotation/alibaba/config_cipher.hpp"
#include "rotation/alibaba/data_key_cache.hpp"
#include "rotation/alibaba/dedicated.hpp"
#include "rotation/alibaba/envelope.hpp"
#include "rotation/alibaba/protobuf.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/unit/rotation/client_keys.hpp"
#include "tests/unit/rotation/kms_places.hpp"

#include <atomic>

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using alibaba::CipherKind;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const std::string key_256 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", key_128 = "AAECAwQFBgcICQoLDA0ODw==";
const std::string content_256 =
    "VC57EEo3rPw0kg3o+V6oXxiRNkULdkVNQMGoRA9BZLmHMof0JBNEHAS5t6h66tuzogCDTcefyZKUPPTxRZgV9SZ"
    "fvCiVJJ26D9rUdA+r85E=";
const std::string plain_256 = "spring.datasource.username=app\nspring.datasource.password=s3cr3t-密码&<>\n";
const std::string content_128 = "MMIYQir1FRtf0DaX75BPSw==", plain_128 = "crypt中文&&";

TEST(Envelope, IsToldByTheBeginningOfTheName) {
    EXPECT_EQ(alibaba::kind_of("cipher-kms-aes-256-app.properties"), CipherKind::aes_256);
    EXPECT_EQ(alibaba::kind_of("cipher-kms-aes-128-app.properties"), CipherKind::aes_128);
    EXPECT_EQ(alibaba::kind_of("cipher-app.yaml"), CipherKind::whole);
    EXPECT_EQ(alibaba::kind_of("cipher-kms-app"), CipherKind::whole);
    EXPECT_EQ(alibaba::kind_of("cipher-aes-app"), CipherKind::foreign);
    EXPECT_EQ(alibaba::kind_of("app-cipher-kms-aes-256-"), CipherKind::none);
}

std::string decrypted(CipherKind kind, const std::string& key, const std::string& content, std::string& error) {
    error.clear();
    auto data_key = alibaba::data_key(kind, key, error);
    auto plain = error.empty() ? alibaba::decrypt_content(data_key, content, error) : protocol::Secret();
    return std::string(plain.reveal());
}

TEST(Envelope, OpensWhatTheSdksWrite) {
    std::string error;
    EXPECT_EQ(decrypted(CipherKind::aes_256, key_256, content_256, error), plain_256) << error;
    EXPECT_EQ(decrypted(CipherKind::aes_128, key_128, content_128, error), plain_128) << error;
    EXPECT_EQ(decrypted(CipherKind::aes_128, key_128, " " + content_128 + "\n", error), plain_128) << error;
}

TEST(Envelope, NeedsAKeyOfItsLength) {
    std::string error;
    decrypted(CipherKind::aes_256, key_128, content_256, error);
    EXPECT_EQ(error, "what KMS decrypts of its data key is no base64 of 32 bytes");
    decrypted(CipherKind::aes_128, key_256, content_128, error);
    EXPECT_EQ(error, "what KMS decrypts of its data key is no base64 of 16 bytes");
    decrypted(CipherKind::aes_128, "not base64", content_128, error);
    EXPECT_THAT(error, HasSubstr("no base64"));
}

TEST(Envelope, IsNotOpenedWithAnotherKeyOrWhenDamaged) {
    std::string error;
    auto other = key_256;
    other[0] = 'B';
    EXPECT_EQ(decrypted(CipherKind::aes_256, other, content_256, error), "");
    EXPECT_THAT(error, HasSubstr("another data key, or damaged"));
    auto bytes = protocol::auth::base64_decode(content_256).value();
    bytes.resize(bytes.size() - 16); // whole blocks, but the padding is gone
    EXPECT_EQ(decrypted(CipherKind::aes_256, key_256, protocol::auth::base64_encode(bytes), error), "");
    EXPECT_THAT(error, HasSubstr("another data key, or damaged"));
    bytes = protocol::auth::base64_decode(content_256).value();
    bytes[0] = static_cast<char>(bytes[0] ^ 1); // the first block becomes noise, the padding stays
    EXPECT_EQ(decrypted(CipherKind::aes_256, key_256, protocol::auth::base64_encode(bytes), error), "");
    EXPECT_THAT(error, HasSubstr("another data key, or damaged"));
    for (const auto& content : {std::string("not base64"), std::string(), protocol::auth::base64_encode("short")}) {
        EXPECT_EQ(decrypted(CipherKind::aes_256, key_256, content, error), "");
        EXPECT_THAT(error, HasSubstr("no base64 of whole AES blocks"));
    }
}

TEST(DataKeyCache, ForgetsWhatIsOldOrUnused) {
    alibaba::DataKeyCache cache;
    Clock::time_point now{};
    cache.put("a", protocol::Secret("key"), now);
    EXPECT_EQ(cache.find("a", now + 59min).reveal(), "key");
    EXPECT_EQ(cache.find("a", now + 118min).reveal(), "key") << "it was used";
    EXPECT_TRUE(cache.find("a", now + 178min).empty());
    cache.put("a", protocol::Secret("key"), now);
    for (auto at = now; at < now + 24h; at += 30min)
        EXPECT_FALSE(cache.find("a", at).empty());
    EXPECT_TRUE(cache.find("a", now + 24h).empty()) << "however often it was used";
    EXPECT_EQ(cache.size(), 0U);
}

TEST(DataKeyCache, DropsTheLeastUsedWhenItIsFull) {
    alibaba::DataKeyCache cache;
    Clock::time_point now{};
    for (std::size_t i = 0; i < alibaba::DataKeyCache::capacity; ++i)
        cache.put(std::to_string(i), protocol::Secret("key"), now + std::chrono::milliseconds(i));
    cache.find("0", now + 2s);
    cache.put("new", protocol::Secret("key"), now + 3s);
    EXPECT_EQ(cache.size(), alibaba::DataKeyCache::capacity);
    EXPECT_FALSE(cache.find("0", now + 3s).empty());
    EXPECT_TRUE(cache.find("1", now + 3s).empty());
}

class Cipher : public ::testing::Test {
  protected:
    Cipher() {
        auto kms = std::make_shared<config::AliyunKms>();
        kms->endpoint = places_.server.url();
        kms->access_key.id = "AKID";
        kms->access_key.secret.value = protocol::Secret("s3cret-key");
        cipher_ = make_config_cipher(std::move(kms), 10s, environment_, places_.environment(), {1ms, 1000ms});
        places_.set("Decrypt blob+/=", 200, R"({"Plaintext":")" + key_256 + R"(","KeyId":"k","RequestId":"r"})");
    }

    std::string decrypt(const std::string& data_id, const std::string& content, const std::string& key) {
        bool done = false;
        std::string text;
        error_.clear();
        cipher_->decrypt(data_id, content, key, [&](protocol::Secret plain, std::string error) {
            done = true;
            text = plain.reveal();
            error_ = std::move(error);
        });
        EXPECT_FALSE(done) << "never from inside the call";
        environment_.run_ready();
        EXPECT_TRUE(done);
        EXPECT_NE(text.empty(), error_.empty());
        for (const std::string& secret : {std::string("s3cr3t"), key_256, std::string("s3cret")})
            EXPECT_THAT(error_, Not(HasSubstr(secret)));
        return text;
    }

    tests::ManualEnvironment environment_;
    tests::KmsPlaces places_;
    std::unique_ptr<ConfigCipher> cipher_;
    std::string error_;
};

TEST_F(Cipher, OpensAConfigurationWithTheKeyThatKmsDecrypts) {
    EXPECT_EQ(decrypt("cipher-kms-aes-256-app.properties", content_256, "blob+/="), plain_256) << error_;
    places_.set("Decrypt other", 200, R"({"Plaintext":")" + key_128 + R"("})");
    EXPECT_EQ(decrypt("cipher-kms-aes-128-app", content_128, "other\n"), plain_128) << error_;
}

TEST_F(Cipher, OpensWhatKmsHasEncryptedWhole) {
    places_.set("Decrypt whole", 200, R"({"Plaintext":"username=app\npassword=s3cr3t"})");
    EXPECT_EQ(decrypt("cipher-app.properties", "whole\n", ""), "username=app\npassword=s3cr3t") << error_;
}

TEST_F(Cipher, SaysWhatItDoesNotOpen) {
    decrypt("app.properties", content_256, "blob+/=");
    EXPECT_THAT(error_, HasSubstr("app.properties: it is not encrypted by MSE"));
    decrypt("cipher-aes-app", content_256, "blob+/=");
    EXPECT_THAT(error_, HasSubstr("a local key, which is not supported"));
    decrypt("cipher-kms-aes-256-app", content_256, " \n");
    EXPECT_EQ(error_, "cipher-kms-aes-256-app: its encrypted data key is missing");
    EXPECT_THAT(places_.asked(), SizeIs(0));
    decrypt("cipher-kms-aes-128-app", content_256, "blob+/=");
    EXPECT_THAT(error_, HasSubstr("no base64 of 16 bytes"));
    places_.set_error("Decrypt forbidden", 403, "Forbidden.NoPermission");
    decrypt("cipher-kms-aes-256-app", content_256, "forbidden");
    EXPECT_THAT(error_, HasSubstr("the identity lacks the permission"));
    places_.set("Decrypt nothing", 200, "{}");
    decrypt("cipher-app", "nothing", "");
    EXPECT_THAT(error_, HasSubstr("no Plaintext"));
}

TEST_F(Cipher, OpensWhatItHasOpenedBeforeWhileKmsIsAwayForADay) {
    EXPECT_EQ(decrypt("cipher-kms-aes-256-a", content_256, "blob+/="), plain_256);
    places_.set_error("Decrypt blob+/=", 500, "InternalFailure");
    environment_.advance(50min);
    EXPECT_EQ(decrypt("cipher-kms-aes-256-a", content_256, "blob+/="), plain_256) << error_;
    decrypt("cipher-kms-aes-256-a", content_256, "never seen");
    EXPECT_THAT(error_, HasSubstr("Forbidden.ResourceNotFound"));
    environment_.advance(61min);
    decrypt("cipher-kms-aes-256-a", content_256, "blob+/=");
    EXPECT_THAT(error_, HasSubstr("InternalFailure"));
}

TEST_F(Cipher, DoesNotOpenWithAKeyThatKmsRefusesNow) {
    EXPECT_EQ(decrypt("cipher-kms-aes-256-a", content_256, "blob+/="), plain_256);
    places_.set_error("Decrypt blob+/=", 403, "Forbidden.NoPermission");
    decrypt("cipher-kms-aes-256-a", content_256, "blob+/=");
    EXPECT_THAT(error_, HasSubstr("lacks the permission"));
}

// The gateway of an instance, for one client key; it decrypts one data key.
class DedicatedGateway {
  public:
    explicit DedicatedGateway(const tests::ClientKeyFile& key) : key_(key) {}

    std::string url() const { return server_.url(); }
    std::string blob() const { return protocol::auth::base64_encode(version_ + "123456789012" + "cipher"); }
    std::atomic<int> failures = 0; // before it answers

  private:
    tests::Answer answer(const tests::SeenRequest& request) {
        std::vector<http::Header> headers;
        for (const auto& [name, value] : request.headers)
            headers.push_back({name, protocol::Secret(value)});
        auto fields = alibaba::parse_protobuf(request.body);
        bool right = request.header("x-kms-apiname") == "Decrypt" && fields &&
                     request.header("x-kms-migrationkeyversionid") == version_ &&
                     alibaba::protobuf_bytes(*fields, 1) == "cipher" &&
                     alibaba::protobuf_bytes(*fields, 5) == "123456789012" &&
                     key_.verifies(request.header("authorization"), alibaba::string_to_sign(headers));
        std::string message;
        if (!right)
            alibaba::append_bytes(message, 2, "SignatureDoesNotMatch");
        else if (failures-- > 0)
            alibaba::append_bytes(message, 2, "Rejected.Throttling");
        else
            alibaba::append_bytes(message, 2, key_256);
        return tests::Answer::json(message.ends_with(key_256) ? 200 : 400, message);
    }

    const tests::ClientKeyFile& key_;
    const std::string version_ = "0123456789abcdef0123456789abcdef0123";
    tests::HttpServer server_{[this](const tests::SeenRequest& request) { return answer(request); }};
};

TEST_F(Cipher, OpensWithAClientKeyToo) {
    tests::ClientKeyFile key("KAAP.test", "password");
    DedicatedGateway gateway(key);
    auto use = [&](const std::string& document) {
        auto kms = std::make_shared<config::AliyunKms>();
        kms->endpoint = gateway.url();
        kms->client_key = places_.write("client-key.json", document);
        kms->client_key_password.value = protocol::Secret("password");
        cipher_ = make_config_cipher(std::move(kms), 10s, environment_, places_.environment(), {1ms, 1000ms});
    };
    use(key.document());
    gateway.failures = 2;
    EXPECT_EQ(decrypt("cipher-kms-aes-256-app", content_256, gateway.blob()), plain_256) << error_;
    decrypt("cipher-kms-aes-256-app", content_256, "blob+/=");
    EXPECT_THAT(error_, HasSubstr("was not encrypted with a client key"));
    use(tests::ClientKeyFile("KAAP.test", "password").document());
    decrypt("cipher-kms-aes-256-app", content_256, gateway.blob());
    EXPECT_THAT(error_, HasSubstr("SignatureDoesNotMatch"));
    use("s3cret");
    decrypt("cipher-kms-aes-256-app", content_256, gateway.blob());
    EXPECT_THAT(error_, HasSubstr("client-key.json: it is no client key"));
}

TEST_F(Cipher, SaysNothingWhenItHasGone) {
    cipher_->decrypt("cipher-app", "whole", "", [](protocol::Secret, std::string) { ADD_FAILURE(); });
    cipher_.reset();
    environment_.run_ready();
}

} // namespace
} // namespace rekey::rotation
