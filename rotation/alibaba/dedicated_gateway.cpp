// The gateway of a KMS instance for clients with a client key.
#include "rotation/alibaba/caller.hpp"
#include "rotation/alibaba/dedicated.hpp"
#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation::alibaba {

namespace {

class DedicatedGateway final : public Gateway {
  public:
    DedicatedGateway(std::shared_ptr<const config::AliyunKms> kms, CallerOptions options)
        : kms_(std::move(kms)), caller_(std::move(options), parse_dedicated_error) {}

    Outcome decrypt(const std::string& blob, WallTime now, protocol::Secret& plaintext) override {
        auto call = decrypt_call(blob);
        if (!call)
            return failure("what is to be decrypted was not encrypted with a client key: it is no base64 of a key's "
                           "version, a vector and a ciphertext");
        auto reply = ask(*call, now);
        if (!reply.error.empty())
            return {std::move(reply.error), reply.store_failed};
        plaintext = parse_dedicated_plaintext(reply.body.reveal());
        return plaintext.empty() ? failure("the answer holds no Plaintext") : Outcome{};
    }

    Outcome secret_value(const std::string& name, const std::string& stage, WallTime now, SecretValue& value) override {
        auto reply = ask(secret_value_call(name, stage), now);
        if (!reply.error.empty())
            return {std::move(reply.error), reply.store_failed};
        std::string error;
        value = parse_dedicated_secret(reply.body.reveal(), error);
        return error.empty() ? Outcome{} : failure(error);
    }

    // The gateway has no such call.
    bool rotates() const override { return false; }
    Outcome rotate_secret(const std::string&, const std::string&, WallTime) override {
        return failure("a client key cannot start a rotation");
    }

    bool pause(std::chrono::milliseconds span) override { return caller_.pause(span); }
    void cancel() override { caller_.cancel(); }

  private:
    Outcome failure(const std::string& what) const { return {caller_.store() + ": " + what, false}; }

    // The client key is read for every call: a new one takes its place before it ends.
    Reply ask(const DedicatedCall& call, WallTime now) {
        Reply reply;
        protocol::Secret document, password;
        auto error = read_secret({kms_->client_key, {}}, document);
        if (error.empty())
            error = read_secret(kms_->client_key_password, password);
        std::optional<ClientKey> key;
        if (error.empty()) {
            key = ClientKey::parse(document.reveal(), password.reveal(), error);
            if (!key)
                error = kms_->client_key + ": " + error;
        }
        if (!key) {
            reply.error = caller_.store() + ": " + error;
            return reply;
        }
        auto make = [&](WallTime moment) {
            return Attempt{sign_dedicated(*key, call, moment), protocol::Secret(call.body)};
        };
        return caller_.send(make, now);
    }

    std::shared_ptr<const config::AliyunKms> kms_;
    Caller caller_;
};

} // namespace

std::unique_ptr<Gateway> make_dedicated_gateway(std::shared_ptr<const config::AliyunKms> kms, CallerOptions options) {
    return std::make_unique<DedicatedGateway>(std::move(kms), std::move(options));
}

} // namespace rekey::rotation::alibaba
