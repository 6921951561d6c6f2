#include "rotation/sources/document.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/version_hash.hpp"

#include <openssl/crypto.h>

#include <cstdlib>
#include <cstring>

namespace rekey::rotation {

namespace {

// The environment of a process does not change: read when the source is made, handed out ever after.
class EnvSource final : public Source {
  public:
    EnvSource(const config::Source& source, Environment& environment, const protocol::Secret& version_key)
        : environment_(environment), state_(std::make_shared<State>()) {
        const char* username = std::getenv(source.username_variable.c_str());
        const char* password = std::getenv(source.password_variable.c_str());
        if (username == nullptr || password == nullptr) {
            state_->error = "env: " + (username == nullptr ? source.username_variable : source.password_variable) +
                            " is not set (variables are read once, when Rekey starts, and then removed)";
            return;
        }
        state_->username = username;
        state_->password = protocol::Secret(password);
        state_->version = VersionHash(version_key, environment).of(username, password);
    }

    std::string_view type() const override { return "env"; }

    void fetch(std::function<void(FetchResult)> done) override {
        // Later, because a callback never arrives from inside the call that started it.
        environment_.call_at(environment_.now(), [weak = std::weak_ptr(state_), done = std::move(done)] {
            if (auto state = weak.lock())
                done(state->result());
        });
    }

  private:
    struct State {
        FetchResult result() const {
            FetchResult result;
            result.error = error;
            if (!error.empty())
                return result;
            Fetched credential;
            credential.username = username;
            credential.password = password.clone();
            credential.version = version;
            if (auto reason = reason_against(credential); !reason.empty())
                result.error = "env: " + reason;
            else
                result.credential = std::move(credential);
            return result;
        }

        std::string username, version, error;
        protocol::Secret password;
    };

    Environment& environment_;
    std::shared_ptr<State> state_;
};

void forget(const std::string& variable) {
    // The value lies in the memory that /proc/PID/environ shows; unsetenv() alone leaves it there.
    if (char* value = std::getenv(variable.c_str()); value != nullptr)
        OPENSSL_cleanse(value, std::strlen(value));
    ::unsetenv(variable.c_str());
}

} // namespace

std::unique_ptr<Source> make_env_source(const config::Source& source, Environment& environment,
                                        const protocol::Secret& version_key) {
    return std::make_unique<EnvSource>(source, environment, version_key);
}

void forget_source_variables(const std::vector<config::Credential>& credentials) {
    for (const auto& credential : credentials)
        if (credential.source.type == config::SourceType::env)
            forget(credential.source.password_variable);
}

} // namespace rekey::rotation
