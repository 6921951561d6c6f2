// HashiCorp Vault and OpenBao: KV secrets, static and dynamic database roles.
#include "rotation/sources/breaker.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/vault_session.hpp"
#include "rotation/sources/version_hash.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>

namespace rekey::rotation {

namespace {

bool is_passing(int status) {
    return status == 412 || http::is_passing_status(status);
}

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

http::ClientOptions client_options(const config::Vault& vault, Environment& environment, const http::RetryPolicy& retry,
                                   std::string& error) {
    http::ClientOptions options;
    options.store = "vault";
    options.tls = {vault.ca, vault.ca_directory, vault.certificate, vault.key, vault.server_name};
    options.proxy = http::ProxySettings(variable, error);
    options.retry = retry;
    options.retry.status = is_passing;
    options.seed = environment.random(UINT64_MAX);
    return options;
}

// Fractions of a hash tell versions apart that a store which was emptied numbers alike.
std::string full_version(const std::string& of_store, const std::string& hash) {
    constexpr std::size_t enough = 8;
    return of_store.empty() ? hash : of_store + "-" + hash.substr(0, enough);
}

// What the worker threads share with the source; outlives it until the last of them is done.
class Store {
  public:
    Store(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
          const http::RetryPolicy& retry)
        : vault_(source.vault),
          session_(source.vault, source.timeout, client_options(*source.vault, environment, retry, broken_)),
          versions_(version_key, environment) {}

    // On a worker thread, as all of these.
    FetchResult fetch(Clock::time_point now, std::uint64_t random) {
        auto reply = ask(now, random, [&] {
            if (!leases())
                return session_.get(vault_->path, now);
            session_.fresh_token(now);
            return session_.make(vault_->path, now);
        });
        FetchResult result;
        result.error = std::move(reply.error);
        if (!result.error.empty())
            return result;
        result = read(reply.body.reveal(), random);
        if (!result.credential)
            result.error = "vault: " + vault_->path + ": " + result.error;
        else if (leases())
            bound(*result.credential->lease, now);
        else
            complete(*result.credential, now);
        return result;
    }

    Renewal renew(const std::string& lease, Clock::time_point now, std::uint64_t random) {
        auto reply = ask(now, random, [&] {
            session_.prolong_token(now);
            return session_.post("sys/leases/renew", vault_body({{"lease_id", lease}}), now);
        });
        Renewal renewal;
        renewal.error = std::move(reply.error);
        renewal.gone = !renewal.error.empty() && !reply.store_failed && reply.status != 0;
        if (!renewal.error.empty())
            return renewal;
        auto granted = parse_vault_lease(reply.body.reveal());
        if (!granted) {
            renewal.error = "vault: sys/leases/renew: the answer holds no lease";
            renewal.gone = true;
            return renewal;
        }
        renewal.lease = *granted;
        bound(renewal.lease, now);
        return renewal;
    }

    // Empty, or what went wrong. What the store does not know is gone.
    std::string revoke(const std::string& lease, Clock::time_point now, std::uint64_t random) {
        auto body = vault_body({{"lease_id", lease}, {"sync", "true"}});
        auto reply = ask(now, random, [&] { return session_.post("sys/leases/revoke", body, now); });
        constexpr int bad_request = 400;
        return reply.status == bad_request ? std::string() : reply.error;
    }

    // Empty, or what went wrong.
    std::string rotate(Clock::time_point now, std::uint64_t random) {
        constexpr std::string_view read = "/static-creds/";
        auto path = vault_->path;
        path.replace(path.rfind(read), read.size(), "/rotate-role/");
        return ask(now, random, [&] { return session_.post(path, now); }).error;
    }

    void cancel() { session_.cancel(); }
    bool breaker_open() const { return breaker_open_; } // any thread
    Rotates rotates() const {
        return vault_->engine == config::VaultEngine::static_role ? Rotates::at_once : Rotates::no;
    }
    bool leases() const { return vault_->engine == config::VaultEngine::dynamic; }

  private:
    template <class Request> VaultReply ask(Clock::time_point now, std::uint64_t random, Request request) {
        std::lock_guard lock(mutex_);
        VaultReply reply;
        reply.error = broken_;
        if (!broken_.empty())
            return reply;
        if (!breaker_.allows(now)) {
            reply.error = last_error_;
            return reply;
        }
        reply = request();
        if (reply.store_failed)
            breaker_.failed(now, random);
        else
            breaker_.succeeded();
        last_error_ = reply.error;
        breaker_open_ = breaker_.open();
        return reply;
    }

    FetchResult read(std::string_view body, std::uint64_t random) const {
        switch (vault_->engine) {
        case config::VaultEngine::dynamic:
            return parse_vault_dynamic(body);
        case config::VaultEngine::static_role:
            return parse_vault_static(body, random);
        case config::VaultEngine::kv_v1:
        case config::VaultEngine::kv_v2:
        case config::VaultEngine::automatic:
            break;
        }
        return parse_vault_kv(body, *vault_);
    }

    // A lease ends with the token that made it.
    void bound(Lease& lease, Clock::time_point now) const {
        auto end = session_.token_end();
        if (end && *end < now + lease.life)
            lease.life = std::chrono::floor<std::chrono::milliseconds>(*end - now);
    }

    void complete(Fetched& credential, Clock::time_point now) const {
        credential.version =
            full_version(credential.version, versions_.of(credential));
        auto renew_at = session_.renew_at();
        if (!renew_at)
            return;
        auto renewal = std::chrono::ceil<std::chrono::milliseconds>(*renew_at - now);
        renewal = std::max<std::chrono::milliseconds>(renewal, std::chrono::seconds(1));
        credential.look_again = std::min(credential.look_again.value_or(renewal), renewal);
    }

    std::shared_ptr<const config::Vault> vault_;
    std::string broken_; // why it can never be asked
    std::mutex mutex_;
    VaultSession session_;
    Breaker breaker_;
    std::atomic<bool> breaker_open_ = false;
    std::string last_error_;
    VersionHash versions_;
};

class VaultSource final : public Source {
  public:
    VaultSource(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
                const http::RetryPolicy& retry)
        : environment_(environment), store_(std::make_shared<Store>(source, environment, version_key, retry)) {}
    ~VaultSource() override { store_->cancel(); } // the process does not wait for a store that hangs

    std::string_view type() const override { return "vault"; }

    void fetch(std::function<void(FetchResult)> done) override {
        run<FetchResult>([](Store& store, auto now, auto random) { return store.fetch(now, random); }, std::move(done));
    }

    bool breaker_open() const override { return store_->breaker_open(); }
    bool leases() const override { return store_->leases(); }
    void renew(const std::string& lease, std::function<void(Renewal)> done) override {
        run<Renewal>([lease](Store& store, auto now, auto random) { return store.renew(lease, now, random); },
                     std::move(done));
    }
    void revoke(const std::string& lease, std::function<void(std::string)> done) override {
        run<std::string>([lease](Store& store, auto now, auto random) { return store.revoke(lease, now, random); },
                         std::move(done));
    }
    Rotates rotates() const override { return store_->rotates(); }

    void rotate(std::function<void(std::string)> done) override {
        run<std::string>([](Store& store, auto now, auto random) { return store.rotate(now, random); },
                         std::move(done));
    }

  private:
    template <class Result, class Work> void run(Work work, std::function<void(Result)> done) {
        auto result = std::make_shared<Result>();
        environment_.run_remote([store = store_, work, result, now = environment_.now(),
                                 random = environment_.random(UINT64_MAX)] { *result = work(*store, now, random); },
                                [alive = std::weak_ptr(alive_), result, done = std::move(done)] {
                                    if (!alive.expired())
                                        done(std::move(*result));
                                });
    }

    Environment& environment_;
    std::shared_ptr<Store> store_;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // expires with the source
};

} // namespace

std::unique_ptr<Source> make_vault_source(const config::Source& source, Environment& environment,
                                          const protocol::Secret& version_key, const http::RetryPolicy& retry) {
    return std::make_unique<VaultSource>(source, environment, version_key, retry);
}

} // namespace rekey::rotation
