#include "proxy/postgres_dialect.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/postgres/backend_handshake.hpp"
#include "protocol/postgres/client_handshake.hpp"
#include "protocol/postgres/exchange.hpp"
#include "protocol/postgres/messages.hpp"

#include <algorithm>
#include <unordered_map>

namespace rekey::proxy {

namespace {

namespace pg = protocol::postgres;
namespace auth = protocol::auth;

// Told from the first login on, and kept: what a rotation changes upstream must not show.
constexpr std::string_view first_seen[] = {"session_authorization", "is_superuser"};
constexpr std::size_t learned_max = 1024; // start-up sets a pool remembers

pg::UserRecord record_of(const config::User& user, bool may_connect) {
    pg::UserRecord record;
    for (const auto& text : user.verifiers) {
        if (auto verifier = auth::ScramVerifier::parse(text))
            record.scram = std::move(verifier);
    }
    auto has = [&](std::string_view method) {
        return std::find(user.methods.begin(), user.methods.end(), method) != user.methods.end();
    };
    record.allow_scram = user.methods.empty() || has("scram-sha-256");
    record.allow_md5 = has("md5");
    record.allow_cert = has("cert");
    record.may_connect = may_connect;
    if (record.allow_md5)
        record.password = user.password.clone();
    return record;
}

class PostgresClientLogin final : public ClientLogin {
  public:
    explicit PostgresClientLogin(const pg::ClientHandshakeOptions& options) : handshake_(options) {}

    Step next(std::string_view in, std::size_t& consumed) override {
        switch (handshake_.next(in, consumed)) {
        case pg::ClientHandshake::Step::need_input:
            return Step::need_input;
        case pg::ClientHandshake::Step::start_tls:
            return Step::start_tls;
        case pg::ClientHandshake::Step::lookup:
            return Step::lookup;
        case pg::ClientHandshake::Step::cancel:
            cancel_ = {handshake_.cancel().pid, handshake_.cancel().key};
            return Step::cancel;
        case pg::ClientHandshake::Step::authenticated:
            return Step::authenticated;
        case pg::ClientHandshake::Step::failed:
            return Step::failed;
        }
        return Step::failed;
    }
    void tls_established(PeerTls peer) override {
        handshake_.tls_established(
            {std::move(peer.end_point_hash), std::move(peer.alpn), std::move(peer.certificate_name)});
    }
    void user_found(const config::User* user, bool may_connect) override {
        if (user == nullptr)
            handshake_.user_found(std::nullopt);
        else
            handshake_.user_found(record_of(*user, may_connect));
    }
    std::string take_output() override { return handshake_.take_output(); }
    std::string_view user() const override { return handshake_.user(); }
    std::string_view database() const override { return handshake_.database(); }
    std::string_view method() const override { return handshake_.method(); }
    const CancelKey& cancel() const override { return cancel_; }
    std::string_view failure() const override { return to_string(handshake_.failure()); }
    bool wrong_password() const override { return handshake_.failure() == pg::ClientFailure::authentication_failed; }
    std::string refusal(std::string_view sqlstate, std::string_view message) const override {
        std::string out;
        pg::error_response(out, "FATAL", sqlstate, message);
        return out;
    }
    const pg::ClientHandshake& handshake() const { return handshake_; }

  private:
    pg::ClientHandshake handshake_;
    CancelKey cancel_;
};

rotation::LoginResult result_of(pg::BackendFailure failure) {
    switch (failure) {
    case pg::BackendFailure::refused:
    case pg::BackendFailure::bad_server_proof:
        return rotation::LoginResult::refused;
    case pg::BackendFailure::no_database:
        return rotation::LoginResult::no_database;
    case pg::BackendFailure::no_privilege:
        return rotation::LoginResult::no_privilege;
    case pg::BackendFailure::no_slot:
        return rotation::LoginResult::no_slot;
    case pg::BackendFailure::unavailable:
    case pg::BackendFailure::tls_refused:
    case pg::BackendFailure::insecure_method:
    case pg::BackendFailure::protocol_violation:
        return rotation::LoginResult::unavailable;
    }
    return rotation::LoginResult::unavailable;
}

class PostgresBackendLogin final : public BackendLogin {
  public:
    explicit PostgresBackendLogin(const Dialect::BackendLoginOptions& options)
        : credential_(options.credential), handshake_(handshake_options(options)) {}

    Step next(std::string_view in, std::size_t& consumed) override {
        switch (handshake_.next(in, consumed)) {
        case pg::BackendHandshake::Step::need_input:
            return Step::need_input;
        case pg::BackendHandshake::Step::start_tls:
            return Step::start_tls;
        case pg::BackendHandshake::Step::derive:
            return Step::derive;
        case pg::BackendHandshake::Step::done:
            result_ = rotation::LoginResult::accepted;
            key_ = {handshake_.result().pid, handshake_.result().key};
            return Step::done;
        case pg::BackendHandshake::Step::failed:
            result_ = result_of(handshake_.failure());
            return Step::failed;
        }
        return Step::failed;
    }
    void tls_established(PeerTls peer) override { handshake_.tls_established(std::move(peer.end_point_hash)); }
    Derivation derivation() override {
        const auto& request = handshake_.derive_request();
        auto key = std::to_string(request.iterations) + ":" + request.salt;
        // The credential is held by the job: it may outlive this login.
        auto compute = [credential = credential_, salt = request.salt, iterations = request.iterations] {
            auto keys = auth::scram_keys(credential->password.reveal(), salt, iterations);
            std::string bytes(reinterpret_cast<const char*>(keys.client_key.data()), keys.client_key.size());
            bytes.append(reinterpret_cast<const char*>(keys.server_key.data()), keys.server_key.size());
            return protocol::Secret::take(bytes);
        };
        return {std::move(key), std::move(compute)};
    }
    void derived(const protocol::Secret& result) override {
        auth::ScramKeys keys;
        auto bytes = result.reveal();
        REKEY_ASSERT(bytes.size() == keys.client_key.size() + keys.server_key.size());
        std::copy_n(bytes.begin(), keys.client_key.size(), reinterpret_cast<char*>(keys.client_key.data()));
        bytes.remove_prefix(keys.client_key.size());
        std::copy_n(bytes.begin(), keys.server_key.size(), reinterpret_cast<char*>(keys.server_key.data()));
        handshake_.derived(keys);
    }
    void closed() override {
        handshake_.closed();
        result_ = result_of(handshake_.failure());
    }
    std::string take_output() override { return handshake_.take_output(); }
    rotation::LoginResult result() const override { return result_; }
    std::string_view reason() const override { return handshake_.reason(); }
    std::string_view sqlstate() const override { return handshake_.sqlstate(); }
    const CancelKey& cancel_key() const override { return key_; }
    std::optional<bool> standby() const override {
        for (const auto& [name, value] : handshake_.result().parameters) {
            if (name == "in_hot_standby")
                return value == "on";
        }
        return std::nullopt;
    }
    const pg::BackendLogin& login() const { return handshake_.result(); }

  private:
    static pg::BackendHandshakeOptions handshake_options(const Dialect::BackendLoginOptions& options) {
        pg::BackendHandshakeOptions result;
        result.user = options.credential->username;
        result.database = options.backend_class;
        result.password = &options.credential->password;
        if (!options.credential->role.empty())
            result.parameters.emplace_back("role", options.credential->role);
        result.tls = tls_wish_of(options.tls);
        result.direct_tls = options.negotiation == config::TlsNegotiation::direct;
        return result;
    }

    rotation::CredentialPtr credential_;
    pg::BackendHandshake handshake_;
    rotation::LoginResult result_ = rotation::LoginResult::unavailable;
    CancelKey key_;
};

class PostgresStatementRun final : public StatementRun {
  public:
    std::string start(std::string_view statement) override {
        outcome_ = {};
        outcome_.ok = true;
        std::string out;
        pg::query(out, statement);
        return out;
    }
    bool next(std::string_view in, std::size_t& consumed) override {
        consumed = 0;
        while (in.size() - consumed >= pg::frame_header_size) {
            auto frame = pg::read_frame_header(in.data() + consumed);
            if (!frame.valid || frame.body > (1 << 20))
                return broken();
            if (in.size() - consumed < pg::frame_header_size + frame.body)
                return false;
            auto body = in.substr(consumed + pg::frame_header_size, frame.body);
            consumed += pg::frame_header_size + frame.body;
            if (frame.type == 'Z')
                return true;
            if (!read(frame.type, body))
                return broken();
        }
        return false;
    }
    StatementOutcome take_outcome() override { return std::move(outcome_); }

  private:
    bool read(char type, std::string_view body) {
        if (type == 'E') {
            auto fields = pg::read_error_fields(body);
            outcome_.ok = false;
            outcome_.sqlstate = fields.sqlstate;
            outcome_.reason = fields.message;
        } else if (type == 'D') {
            std::vector<std::optional<std::string_view>> columns;
            if (!pg::read_data_row(body, columns))
                return false;
            auto& row = outcome_.rows.emplace_back();
            for (const auto& column : columns)
                row.emplace_back(column.value_or(std::string_view()));
        }
        return true;
    }
    bool broken() {
        outcome_.ok = false;
        outcome_.sqlstate = "08P01";
        outcome_.reason = "unintelligible reply";
        return true;
    }

    StatementOutcome outcome_;
};

class PostgresPoolFacts final : public PoolFacts {
  public:
    std::vector<pg::Parameter> first; // first_seen, from the first login
    std::unordered_map<const pg::ParameterSet*, std::pair<pg::ParameterRef, pg::ParameterRef>> learned;
};

class PostgresDialect final : public Dialect {
  public:
    PostgresDialect(std::string_view mock_secret, std::size_t message_collect) : mock_secret_(mock_secret) {
        context_.message_collect = message_collect;
    }

    bool speaks_first() const override { return false; }
    std::unique_ptr<ClientLogin> client_login(const ClientLoginOptions& options) override {
        pg::ClientHandshakeOptions handshake;
        handshake.tls_offered = options.tls_offered;
        handshake.tls_required = options.tls_required;
        handshake.unix_socket = options.unix_socket;
        handshake.mock_secret = mock_secret_;
        return std::make_unique<PostgresClientLogin>(handshake);
    }
    std::unique_ptr<BackendLogin> backend_login(const BackendLoginOptions& options) override {
        return std::make_unique<PostgresBackendLogin>(options);
    }
    std::unique_ptr<StatementRun> statement_run() override { return std::make_unique<PostgresStatementRun>(); }

    std::string backend_class(const ClientLogin& login, std::string_view wanted) const override {
        return std::string(wanted.empty() ? login.database() : wanted);
    }
    std::string backend_class(std::string_view database) const override { return std::string(database); }

    std::string default_class() const override { return "postgres"; }

    std::unique_ptr<protocol::ClientExchange> client_exchange(const ClientLogin& login,
                                                              const ClientExchangeOptions& wanted) override {
        const auto& pool = *wanted.pool;
        pg::PostgresClient::Options options;
        options.context = &context_;
        options.id = wanted.client_id;
        options.mode = multiplexing_of(pool.mode);
        options.prepared_statements = pool.prepared_statements;
        options.pool = wanted.pool_id;
        options.startup = context_.parameters.intern(handshake_of(login).parameters());
        return std::make_unique<pg::PostgresClient>(std::move(options));
    }
    std::unique_ptr<protocol::BackendExchange> backend_exchange(const BackendLogin& login,
                                                                const rotation::Credential& credential) override {
        pg::PostgresBackend::Options options;
        options.context = &context_;
        options.login_user = credential.username;
        options.role = credential.role;
        options.reported = static_cast<const PostgresBackendLogin&>(login).login().parameters;
        return std::make_unique<pg::PostgresBackend>(std::move(options));
    }

    std::unique_ptr<PoolFacts> pool_facts() override { return std::make_unique<PostgresPoolFacts>(); }
    void learn_login(const BackendLogin& login, PoolFacts& facts) override {
        auto& mine = static_cast<PostgresPoolFacts&>(facts);
        if (!mine.first.empty())
            return;
        for (const auto& [name, value] : static_cast<const PostgresBackendLogin&>(login).login().parameters) {
            if (std::find(std::begin(first_seen), std::end(first_seen), name) != std::end(first_seen))
                mine.first.emplace_back(name, value);
        }
    }
    void learn_server(const std::string&, const BackendLogin&) override {}
    void learn(const protocol::ClientExchange& client, const protocol::BackendExchange& backend,
               PoolFacts& facts) override {
        auto& mine = static_cast<PostgresPoolFacts&>(facts);
        if (mine.learned.size() >= learned_max)
            mine.learned.clear();
        const auto& settings = static_cast<const pg::PostgresClient&>(client).settings();
        const auto& reported = static_cast<const pg::PostgresBackend&>(backend).reported();
        mine.learned.insert_or_assign(settings.get(), std::pair{settings, reported});
    }
    bool login_reply(const ClientLogin& login, protocol::ClientExchange& client, PoolFacts& facts,
                     const CancelKey& key, std::string& out) override {
        auto& mine = static_cast<PostgresPoolFacts&>(facts);
        auto& pg_client = static_cast<pg::PostgresClient&>(client);
        auto known = mine.learned.find(pg_client.settings().get());
        if (known == mine.learned.end())
            return false;
        const auto& reported = known->second.second;
        std::vector<std::pair<std::string_view, std::string_view>> parameters;
        for (const auto& [name, value] : reported->entries())
            parameters.emplace_back(name, value);
        for (const auto& [name, value] : mine.first)
            parameters.emplace_back(name, value);
        pg::ClientHandshake::login_reply(out, parameters, key.process_id,
                                         std::string_view(key.key).substr(0, cancel_key_size(login)));
        pg_client.told(reported);
        return true;
    }
    std::size_t cancel_key_size(const ClientLogin& login) const override {
        return handshake_of(login).protocol_version() >= pg::version_3_2 ? 32 : 4;
    }
    std::string cancel_request(const CancelKey& key) const override {
        std::string out;
        pg::cancel_request(out, key.process_id, key.key);
        return out;
    }
    std::string cancel_statement(const CancelKey&) const override { return {}; }
    std::string goodbye() const override {
        std::string out;
        pg::terminate(out);
        return out;
    }
    std::string tls_request() const override {
        std::string out;
        pg::ssl_request(out);
        return out;
    }
    std::uint64_t probes() const override { return context_.probes; }
    void sweep() override { context_.statements.sweep(); }

  private:
    static const pg::ClientHandshake& handshake_of(const ClientLogin& login) {
        return static_cast<const PostgresClientLogin&>(login).handshake();
    }

    std::string_view mock_secret_;
    pg::ExchangeContext context_;
};

} // namespace

std::unique_ptr<Dialect> make_postgres_dialect(std::string_view mock_secret, std::size_t message_collect) {
    return std::make_unique<PostgresDialect>(mock_secret, message_collect);
}

} // namespace rekey::proxy
