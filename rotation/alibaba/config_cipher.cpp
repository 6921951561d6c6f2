#include "rotation/alibaba/config_cipher.hpp"

#include "rotation/alibaba/data_key_cache.hpp"
#include "rotation/alibaba/envelope.hpp"
#include "rotation/sources/store_calls.hpp"

#include <mutex>

namespace rekey::rotation {

namespace {

using alibaba::CipherKind;

struct Encrypted {
    std::string data_id, content, key;
};

struct Decrypted {
    protocol::Secret plain;
    std::string error;
};

// What the worker threads share with the cipher; outlives it until the last of them is done.
class Decryption {
  public:
    explicit Decryption(std::unique_ptr<alibaba::Gateway> gateway) : gateway_(std::move(gateway)) {}

    // On a worker thread.
    Decrypted decrypt(const Encrypted& encrypted, const Moment& moment) {
        std::lock_guard lock(mutex_);
        Decrypted result;
        auto kind = alibaba::kind_of(encrypted.data_id);
        auto because = [&](const std::string& reason) { result.error = encrypted.data_id + ": " + reason; };
        if (kind == CipherKind::none)
            because("it is not encrypted by MSE: its name does not begin with cipher-");
        else if (kind == CipherKind::foreign)
            because(
                "it is encrypted by a plugin of Nacos's own with a local key, which is not supported; cipher-kms-aes-"
                "128- and cipher-kms-aes-256- are");
        else if (kind == CipherKind::whole)
            result.error =
                gateway_->decrypt(alibaba::without_blanks(encrypted.content), moment.wall, result.plain).error;
        else if (encrypted.key.find_first_not_of(" \t\r\n") == std::string::npos)
            because("its encrypted data key is missing");
        else
            decrypt_content(kind, encrypted, moment, result);
        return result;
    }

    void cancel() { gateway_->cancel(); }

  private:
    void decrypt_content(CipherKind kind, const Encrypted& encrypted, const Moment& moment, Decrypted& result) {
        protocol::Secret text; // KMS was given the key as base64
        auto blob = alibaba::without_blanks(encrypted.key);
        auto outcome = gateway_->decrypt(blob, moment.wall, text);
        bool fresh = outcome.error.empty();
        if (!fresh && outcome.store_failed)
            text = cache_.find(blob, moment.now);
        if (text.empty()) {
            result.error = std::move(outcome.error);
            return;
        }
        std::string error;
        auto key = alibaba::data_key(kind, text.reveal(), error);
        if (error.empty())
            result.plain = alibaba::decrypt_content(key, encrypted.content, error);
        if (!error.empty()) {
            result.error = encrypted.data_id + ": " + error;
            return;
        }
        if (fresh)
            cache_.put(blob, std::move(text), moment.now);
    }

    std::mutex mutex_;
    std::unique_ptr<alibaba::Gateway> gateway_;
    alibaba::DataKeyCache cache_;
};

class KmsConfigCipher final : public ConfigCipher {
  public:
    KmsConfigCipher(std::unique_ptr<alibaba::Gateway> gateway, Environment& environment)
        : calls_(std::make_shared<Decryption>(std::move(gateway)), environment) {}

    void decrypt(std::string data_id, std::string content, std::string encrypted_data_key,
                 std::function<void(protocol::Secret, std::string)> done) override {
        Encrypted encrypted{std::move(data_id), std::move(content), std::move(encrypted_data_key)};
        calls_.run([encrypted = std::move(encrypted)](
                       Decryption& decryption, const Moment& moment) { return decryption.decrypt(encrypted, moment); },
                   std::function<void(Decrypted)>([done = std::move(done)](Decrypted result) {
                       done(std::move(result.plain), std::move(result.error));
                   }));
    }

  private:
    StoreCalls<Decryption> calls_;
};

} // namespace

std::unique_ptr<ConfigCipher> make_config_cipher(std::shared_ptr<const config::AliyunKms> kms,
                                                 std::chrono::milliseconds timeout, Environment& environment,
                                                 const config::Environment& variables,
                                                 const alibaba::Patience& patience) {
    return std::make_unique<KmsConfigCipher>(
        alibaba::make_gateway(std::move(kms), "aliyun_kms", timeout, environment, variables, patience), environment);
}

} // namespace rekey::rotation
