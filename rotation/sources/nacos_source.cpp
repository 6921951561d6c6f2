// Nacos and MSE: the configuration that applications have their database's user and password from.
#include "rotation/nacos/listener.hpp"
#include "rotation/nacos/session.hpp"
#include "rotation/sources/keyed_document.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/store_calls.hpp"
#include "rotation/sources/version_hash.hpp"

#include <cstdlib>
#include <mutex>

namespace rekey::rotation {

namespace {

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

nacos::SessionOptions session_options(const config::Source& source, Environment& environment,
                                      const http::RetryPolicy& retry, std::string& error) {
    const auto& nacos = *source.nacos;
    nacos::SessionOptions options;
    options.timeout = source.timeout;
    options.client.store = "nacos";
    options.client.tls = {nacos.ca, {}, nacos.certificate, nacos.key, nacos.server_name};
    options.client.proxy = http::ProxySettings(variable, error);
    options.client.retry = retry;
    options.seed = options.client.seed = environment.random(UINT64_MAX);
    return options;
}

// Where it is, for errors: namespace/group/data id.
std::string name_of(const config::Nacos& nacos) {
    return "nacos: " + (nacos.name_space.empty() ? "public" : nacos.name_space) + "/" + nacos.group + "/" +
           nacos.data_id;
}

bool is_encrypted(const config::Nacos& nacos) {
    return nacos.data_id.starts_with("cipher-");
}

// What the worker threads share with the source; outlives it until the last of them is done.
class Store {
  public:
    Store(const config::Source& source, Environment& environment, const http::RetryPolicy& retry)
        : session_(source.nacos, session_options(source, environment, retry, broken_)) {}

    // On a worker thread.
    nacos::Reading read(const Moment& moment) {
        std::lock_guard lock(mutex_);
        nacos::Reading reading;
        reading.error = broken_;
        if (!broken_.empty())
            return reading;
        if (!breaker_.allows(moment)) {
            reading.error = breaker_.last_error();
            return reading;
        }
        reading = session_.read({moment.now, moment.wall});
        breaker_.account(reading.store_failed, reading.error, moment);
        return reading;
    }

    void cancel() { session_.cancel(); }
    bool breaker_open() const { return breaker_.open(); } // any thread

  private:
    std::string broken_; // why it can never be asked
    std::mutex mutex_;
    nacos::Session session_;
    StoreBreaker breaker_;
};

class NacosSource final : public Source {
  public:
    NacosSource(const config::Source& source, Environment& environment, DescriptorWatcher& watcher, LogSink log,
                const protocol::Secret& version_key, std::unique_ptr<ConfigCipher> cipher,
                const NacosPatience& patience)
        : source_(source_of(source)), nacos_(source.nacos), environment_(environment), watcher_(watcher),
          log_(std::move(log)), patience_(patience), versions_(version_key, environment), cipher_(std::move(cipher)),
          calls_(std::make_shared<Store>(source_, environment, patience.retry), environment) {}

    std::string_view type() const override { return "nacos"; }
    bool breaker_open() const override { return calls_->breaker_open(); }

    void fetch(std::function<void(FetchResult)> done) override {
        calls_.run(&Store::read,
                   std::function<void(nacos::Reading)>(
                       [this, done = std::move(done)](nacos::Reading reading) { arrived(std::move(reading), done); }));
    }

    // Over HTTP only the older interfaces tell of changes.
    void watch(std::function<void()> changed) override {
        std::string broken;
        auto options = session_options(source_, environment_, patience_.retry, broken);
        if (nacos_->api == config::NacosApi::v3 || !broken.empty())
            return;
        nacos::Listener::Events events{std::move(changed), [this](const std::string& error, bool for_good) {
                                           log_(for_good ? LogLevel::info : LogLevel::warn,
                                                error + (for_good ? "; changes are found by polling"
                                                                  : "; until it works, changes are found by polling"));
                                       }};
        listener_ = std::make_unique<nacos::Listener>(std::make_unique<nacos::Session>(nacos_, std::move(options)),
                                                      patience_.listener, environment_, watcher_, std::move(events));
    }

  private:
    // Only what a session needs: the rest may hold what is not copied.
    static config::Source source_of(const config::Source& source) {
        config::Source copy;
        copy.type = source.type;
        copy.timeout = source.timeout;
        copy.nacos = source.nacos;
        return copy;
    }

    void arrived(nacos::Reading reading, std::function<void(FetchResult)> done) {
        if (listener_ && (reading.document || reading.absent))
            listener_->seen(reading.document ? reading.document->md5 : std::string());
        if (!reading.document)
            return done(failed_fetch(reading.absent ? name_of(*nacos_) + ": " + reading.error : reading.error));
        if (is_encrypted(*nacos_))
            return decrypt(std::move(*reading.document), std::move(done));
        done(read(reading.document->content.reveal(), reading.document->type));
    }

    void decrypt(nacos::Document document, std::function<void(FetchResult)> done) {
        if (!cipher_)
            return done(
                failed_fetch(name_of(*nacos_) + ": it is encrypted (cipher-), and there is no KMS to decrypt it"));
        std::string content(document.content.reveal());
        cipher_->decrypt(
            nacos_->data_id, std::move(content), document.encrypted_data_key,
            [this, type = document.type, done = std::move(done)](protocol::Secret plain, const std::string& error) {
                done(error.empty() ? read(plain.reveal(), type) : failed_fetch(name_of(*nacos_) + ": " + error));
            });
    }

    FetchResult read(std::string_view text, std::string_view type) const {
        auto format = nacos_->format;
        if (format == config::DocumentFormat::automatic)
            format = format_of(nacos_->data_id, type, text);
        const bool named = !nacos_->username_field.empty();
        const std::vector<KeyPair> own{{nacos_->username_field, nacos_->password_field}};
        auto result = parse_keyed_document(text, format, named ? own : usual_keys(), nacos_->endpoint_fields);
        if (result.credential)
            result.credential->version = versions_.of(*result.credential);
        else
            result.error = name_of(*nacos_) + ": " + result.error;
        return result;
    }

    const config::Source source_;
    std::shared_ptr<const config::Nacos> nacos_;
    Environment& environment_;
    DescriptorWatcher& watcher_;
    LogSink log_;
    NacosPatience patience_;
    VersionHash versions_;
    std::unique_ptr<ConfigCipher> cipher_; // null: there is no KMS
    StoreCalls<Store> calls_;
    std::unique_ptr<nacos::Listener> listener_;
};

} // namespace

std::unique_ptr<Source> make_nacos_source(const config::Source& source, Environment& environment,
                                          DescriptorWatcher& watcher, LogSink log, const protocol::Secret& version_key,
                                          std::unique_ptr<ConfigCipher> cipher, const NacosPatience& patience) {
    return std::make_unique<NacosSource>(source, environment, watcher, std::move(log), version_key, std::move(cipher),
                                         patience);
}

} // namespace rekey::rotation
