// HashiCorp Vault and OpenBao: KV secrets, static and dynamic database roles.
#include "rotation/sources/secret_text.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/store_calls.hpp"
#include "rotation/sources/vault_session.hpp"
#include "rotation/sources/version_hash.hpp"

#include <algorithm>
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

// What the worker threads share with the source; outlives it until the last of them is done.
class Store {
  public:
    Store(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
          const http::RetryPolicy& retry)
        : vault_(source.vault),
          session_(source.vault, source.timeout, client_options(*source.vault, environment, retry, broken_)),
          versions_(version_key, environment) {}

    // On a worker thread, as all of these.
    FetchResult fetch(const Moment& moment) {
        auto now = moment.now;
        auto reply = ask(moment, [&] {
            if (!leases())
                return session_.get(vault_->path, now);
            session_.fresh_token(now);
            return session_.make(vault_->path, now);
        });
        FetchResult result;
        result.error = std::move(reply.error);
        if (!result.error.empty())
            return result;
        result = read(reply.body.reveal(), moment.random);
        if (!result.credential)
            result.error = "vault: " + vault_->path + ": " + result.error;
        else if (leases())
            bound(*result.credential->lease, now);
        else
            complete(*result.credential, now);
        return result;
    }

    Renewal renew(const std::string& lease, const Moment& moment) {
        auto now = moment.now;
        auto reply = ask(moment, [&] {
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
    std::string revoke(const std::string& lease, const Moment& moment) {
        auto body = vault_body({{"lease_id", lease}, {"sync", "true"}});
        auto reply = ask(moment, [&] { return session_.post("sys/leases/revoke", body, moment.now); });
        constexpr int bad_request = 400;
        return reply.status == bad_request ? std::string() : reply.error;
    }

    // Empty, or what went wrong.
    std::string rotate(const Moment& moment) {
        constexpr std::string_view read = "/static-creds/";
        auto path = vault_->path;
        path.replace(path.rfind(read), read.size(), "/rotate-role/");
        return ask(moment, [&] { return session_.post(path, moment.now); }).error;
    }

    void cancel() { session_.cancel(); }
    bool breaker_open() const { return breaker_.open(); } // any thread
    Rotates rotates() const {
        return vault_->engine == config::VaultEngine::static_role ? Rotates::at_once : Rotates::no;
    }
    bool leases() const { return vault_->engine == config::VaultEngine::dynamic; }

  private:
    template <class Request> VaultReply ask(const Moment& moment, Request request) {
        std::lock_guard lock(mutex_);
        VaultReply reply;
        reply.error = broken_;
        if (!broken_.empty())
            return reply;
        if (!breaker_.allows(moment)) {
            reply.error = breaker_.last_error();
            return reply;
        }
        reply = request();
        breaker_.account(reply.store_failed, reply.error, moment);
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
        credential.version = full_version(credential.version, versions_.of(credential));
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
    StoreBreaker breaker_;
    VersionHash versions_;
};

class VaultSource final : public Source {
  public:
    VaultSource(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
                const http::RetryPolicy& retry)
        : calls_(std::make_shared<Store>(source, environment, version_key, retry), environment) {}

    std::string_view type() const override { return "vault"; }

    void fetch(std::function<void(FetchResult)> done) override { calls_.run(&Store::fetch, std::move(done)); }

    bool breaker_open() const override { return calls_->breaker_open(); }
    bool leases() const override { return calls_->leases(); }
    void renew(const std::string& lease, std::function<void(Renewal)> done) override {
        calls_.run([lease](Store& store, const Moment& moment) { return store.renew(lease, moment); }, std::move(done));
    }
    void revoke(const std::string& lease, std::function<void(std::string)> done) override {
        calls_.run([lease](Store& store, const Moment& moment) { return store.revoke(lease, moment); },
                   std::move(done));
    }
    Rotates rotates() const override { return calls_->rotates(); }
    void rotate(std::function<void(std::string)> done) override { calls_.run(&Store::rotate, std::move(done)); }

  private:
    StoreCalls<Store> calls_;
};

} // namespace

std::unique_ptr<Source> make_vault_source(const config::Source& source, Environment& environment,
                                          const protocol::Secret& version_key, const http::RetryPolicy& retry) {
    return std::make_unique<VaultSource>(source, environment, version_key, retry);
}

} // namespace rekey::rotation
