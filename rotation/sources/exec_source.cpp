#include "rotation/sources/child_process.hpp"
#include "rotation/sources/document.hpp"
#include "rotation/sources/redact.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/version_hash.hpp"

#include <openssl/crypto.h>

#include <cstdlib>

namespace rekey::rotation {

namespace {

// A program may inherit secrets of ours or be misled by variables meant for us: it gets these and what is configured.
constexpr const char* always_passed[] = {"PATH", "HOME", "LANG"};
// What kubectl tells its plugins, some of which insist on it.
constexpr std::string_view kubernetes_information =
    R"(KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
    R"("spec":{"interactive":false}})";

class ExecSource final : public Source {
  public:
    ExecSource(const config::Source& source, Environment& environment, LogSink log, const protocol::Secret& version_key)
        : environment_(environment), state_(std::make_shared<State>(source, environment, std::move(log), version_key)) {
    }

    std::string_view type() const override { return "exec"; }

    void fetch(std::function<void(FetchResult)> done) override {
        auto reply = std::make_shared<Reply>();
        // The worker shares the state: the program may end after the source.
        environment_.run_blocking([state = state_, reply] { state->run(*reply); },
                                  [alive = std::weak_ptr(alive_), state = state_, reply, done = std::move(done)] {
                                      if (alive.expired())
                                          return;
                                      if (!reply->said.empty())
                                          state->log(reply->result.credential ? LogLevel::debug : LogLevel::warn,
                                                     state->name + " wrote to standard error: " + reply->said);
                                      done(std::move(reply->result));
                                  });
    }

  private:
    struct Reply {
        FetchResult result;
        std::string said; // redacted
    };

    struct State {
        State(const config::Source& source, Environment& environment, LogSink sink, const protocol::Secret& version_key)
            : log(std::move(sink)), versions(version_key, environment) {
            name = "exec: " + (source.command.empty() ? std::string("(no command)") : source.command.front());
            command.arguments = source.command;
            command.timeout = source.timeout;
            user = source.user;
            command.environment.emplace_back(kubernetes_information);
            for (const char* variable : always_passed)
                pass(variable);
            for (const auto& variable : source.environment)
                pass(variable);
        }

        void pass(const std::string& variable) {
            const char* value = std::getenv(variable.c_str());
            if (value == nullptr)
                return;
            auto text = variable + "=" + value;
            command.environment.push_back(protocol::Secret::take(text));
        }

        // On a worker thread; nothing of the state changes.
        void run(Reply& reply) const {
            if (command.arguments.empty()) {
                reply.result.error = name;
                return;
            }
            auto ended = run_child(command);
            reply.said = redact(ended.errors.reveal(), ended.output.reveal());
            if (!ended.failure.empty()) {
                reply.result.error = name + " " + ended.failure;
                return;
            }
            reply.result = parse_program_output(ended.output.reveal(), user);
            if (!reply.result.credential) {
                reply.result.error = name + ": " + reply.result.error;
                return;
            }
            auto& credential = *reply.result.credential;
            if (credential.version.empty())
                credential.version = versions.of(credential);
        }

        std::string name, user;
        ChildCommand command;
        LogSink log;
        VersionHash versions;
    };

    Environment& environment_;
    std::shared_ptr<const State> state_;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // expires with the source
};

} // namespace

std::unique_ptr<Source> make_exec_source(const config::Source& source, Environment& environment, LogSink log,
                                         const protocol::Secret& version_key) {
    return std::make_unique<ExecSource>(source, environment, std::move(log), version_key);
}

} // namespace rekey::rotation
