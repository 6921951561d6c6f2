#include "proxy/mysql_dialect.hpp"

#include "protocol/mysql/collations.hpp"
#include "protocol/mysql/exchange.hpp"
#include "proxy/mysql_logins.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace rekey::proxy {

namespace {

namespace my = protocol::mysql;

// What clients are offered, where their server has it.
constexpr my::Capabilities offered =
    my::capability::long_password | my::capability::found_rows | my::capability::long_flag |
    my::capability::connect_with_db | my::capability::odbc | my::capability::local_files |
    my::capability::ignore_space | my::capability::protocol_41 | my::capability::interactive |
    my::capability::transactions | my::capability::secure_connection | my::capability::multi_statements |
    my::capability::multi_results | my::capability::ps_multi_results | my::capability::plugin_auth |
    my::capability::connect_attrs | my::capability::plugin_auth_lenenc | my::capability::session_track |
    my::capability::deprecate_eof | my::capability::can_handle_expired_passwords | my::capability::query_attributes;

// Of a listener none of whose servers has been reached yet.
constexpr std::string_view version_unknown = "8.0.0-rekey";

// A pool's name: the flags its connections have, and, for a login that verifies, the schema it begins with.
struct Flag {
    std::string_view name;
    my::Capabilities bit;
};
constexpr Flag flags[] = {
    {"found_rows", my::capability::found_rows},
    {"schema", my::capability::connect_with_db},
    {"local_files", my::capability::local_files},
    {"ignore_space", my::capability::ignore_space},
    {"multi_statements", my::capability::multi_statements},
    {"multi_results", my::capability::multi_results},
    {"query_attributes", my::capability::query_attributes},
};
constexpr char flag_separator = '+', schema_separator = '/';

std::string class_name(my::Capabilities pool_flags) {
    std::string name;
    for (const auto& flag : flags) {
        if ((pool_flags & flag.bit) == 0)
            continue;
        if (!name.empty())
            name += flag_separator;
        name += flag.name;
    }
    return name.empty() ? "plain" : name;
}

struct BackendClass {
    my::Capabilities pool_flags = 0;
    std::string schema;
};

BackendClass read_class(std::string_view name) {
    BackendClass result;
    if (auto at = name.find(schema_separator); at != std::string_view::npos) {
        result.schema = name.substr(at + 1);
        name = name.substr(0, at);
    }
    while (!name.empty()) {
        auto word = name.substr(0, name.find(flag_separator));
        auto flag = std::find_if(std::begin(flags), std::end(flags), [&](const Flag& f) { return f.name == word; });
        if (flag != std::end(flags))
            result.pool_flags |= flag->bit;
        name.remove_prefix(std::min(name.size(), word.size() + 1));
    }
    return result;
}

class MysqlPoolFacts final : public PoolFacts {
  public:
    std::set<my::StateRef> proven; // settings of logins that a server has taken
};
constexpr std::size_t proven_max = 1024;

class MysqlDialect final : public Dialect {
  public:
    MysqlDialect(MysqlServers& servers, std::string_view mock_secret, std::size_t message_collect)
        : servers_(servers), mock_secret_(mock_secret) {
        context_.message_collect = message_collect;
    }

    bool speaks_first() const override { return true; }

    std::unique_ptr<ClientLogin> client_login(const ClientLoginOptions& options) override {
        auto [server, bound] = greeted_with(options);
        auto handshake = handshake_options(options);
        handshake.capabilities =
            offered & (server.capabilities != 0 ? server.capabilities : ~my::capability::query_attributes);
        if (!server.mariadb)
            handshake.capabilities |= my::capability::long_password;
        else
            handshake.capabilities &= ~my::capability::long_password;
        if (options.listener->compression) // ours, whatever the server has; MariaDB's clients know no other than zlib
            handshake.capabilities |= my::capability::compress | (server.mariadb ? 0 : my::capability::zstd);
        handshake.collation = server.collation;
        handshake.tls_offered = options.tls_offered;
        handshake.tls_required = options.tls_required;
        return std::make_unique<MysqlClientLogin>(handshake, std::move(server.version), options.client_host,
                                                  kinds_of(options.config), bound);
    }
    std::unique_ptr<ClientLogin> client_login_anew(const ClientLoginOptions& options, PeerTls peer,
                                                   const protocol::ClientExchange& before) override {
        return std::make_unique<MysqlClientLogin>(handshake_options(options), options.client_host,
                                                  kinds_of(options.config), std::move(peer),
                                                  static_cast<const my::MysqlClient&>(before));
    }

    std::unique_ptr<BackendLogin> backend_login(const BackendLoginOptions& options) override {
        auto wanted = read_class(options.backend_class);
        my::BackendHandshakeOptions handshake;
        handshake.user = options.credential->username;
        handshake.password = &options.credential->password;
        handshake.database = wanted.schema;
        handshake.capabilities = my::backend_capabilities | (wanted.pool_flags & ~my::capability::connect_with_db);
        handshake.tls = tls_wish_of(options.tls);
        // `prefer` takes a server's word for everything else, too.
        handshake.request_public_key =
            options.tls == config::UpstreamTls::prefer || options.tls == config::UpstreamTls::disable;
        return std::make_unique<MysqlBackendLogin>(options.credential, std::move(handshake));
    }

    std::unique_ptr<StatementRun> statement_run() override {
        return std::make_unique<MysqlStatementRun>(my::backend_capabilities);
    }

    // Whether there is a schema is not what the client's flag says but what it named: a COM_CHANGE_USER may name none.
    std::string backend_class(const ClientLogin& login, std::string_view wanted) const override {
        auto capabilities = handshake_of(login).capabilities() & ~my::capability::connect_with_db;
        if (!wanted.empty() || !handshake_of(login).database().empty())
            capabilities |= my::capability::connect_with_db;
        return class_name(my::pool_flags(capabilities));
    }
    std::string backend_class(std::string_view database) const override {
        return default_class() + schema_separator + std::string(database);
    }
    std::string default_class() const override { return class_name(0); }

    std::unique_ptr<protocol::ClientExchange> client_exchange(const ClientLogin& login,
                                                              const ClientExchangeOptions& wanted) override {
        const auto& handshake = handshake_of(login);
        const auto& pool = *wanted.pool;
        my::MysqlClient::Options options;
        options.context = &context_;
        options.id = wanted.client_id;
        options.mode = multiplexing_of(pool.mode);
        options.prepared_statements = pool.prepared_statements;
        options.capabilities = handshake.capabilities();
        options.connection_id = handshake.thread_id();
        options.nonce = handshake.nonce();
        options.greeted = static_cast<const MysqlClientLogin&>(login).greeted();
        auto schema = wanted.database.empty() ? handshake.database() : wanted.database;
        options.startup = my::startup_state(context_.states, schema, handshake.collation());
        return std::make_unique<my::MysqlClient>(std::move(options));
    }

    std::unique_ptr<protocol::BackendExchange> backend_exchange(const BackendLogin& login,
                                                                const rotation::Credential&) override {
        const auto& logged_in = static_cast<const MysqlBackendLogin&>(login).login();
        my::MysqlBackend::Options options;
        options.context = &context_;
        options.capabilities = logged_in.capabilities;
        options.mariadb = logged_in.mariadb;
        options.status = logged_in.status;
        return std::make_unique<my::MysqlBackend>(std::move(options));
    }

    std::unique_ptr<PoolFacts> pool_facts() override { return std::make_unique<MysqlPoolFacts>(); }
    void learn_login(const BackendLogin&, PoolFacts&) override {}
    void learn_server(const std::string& upstream, const BackendLogin& login) override {
        const auto& logged_in = static_cast<const MysqlBackendLogin&>(login).login();
        servers_.learn(upstream, {logged_in.server_version, logged_in.mariadb, logged_in.server_capabilities,
                                  logged_in.server_collation});
    }
    void learn(const protocol::ClientExchange& client, const protocol::BackendExchange&, PoolFacts& facts) override {
        auto& proven = static_cast<MysqlPoolFacts&>(facts).proven;
        if (proven.size() >= proven_max)
            proven.clear();
        proven.insert(static_cast<const my::MysqlClient&>(client).settings());
    }
    std::string login_obstacle(const ClientLogin& login, const std::string& upstream) const override {
        auto greeted = static_cast<const MysqlClientLogin&>(login).greeted();
        auto server = servers_.of(upstream);
        if (!greeted.bound || !server || greeted.mariadb == server->mariadb)
            return {};
        return greeted.mariadb ? "this listener greets as a MariaDB, and the server of the route is a MySQL"
                               : "this listener greets as a MySQL, and the server of the route is a MariaDB";
    }
    bool login_reply(const ClientLogin& login, protocol::ClientExchange& client, PoolFacts& facts, const CancelKey&,
                     std::string& out) override {
        const auto& proven = static_cast<MysqlPoolFacts&>(facts).proven;
        if (!proven.contains(static_cast<my::MysqlClient&>(client).settings()))
            return false;
        handshake_of(login).login_reply(out);
        return true;
    }

    std::size_t cancel_key_size(const ClientLogin&) const override { return 0; }
    std::string cancel_request(const CancelKey&) const override { return {}; }
    std::string cancel_statement(const CancelKey& key) const override {
        return "KILL QUERY " + std::to_string(key.process_id);
    }
    std::string goodbye() const override {
        std::string out;
        my::PacketWriter(out, 0).u8(static_cast<std::uint8_t>(my::Command::quit)).end();
        return out;
    }
    std::string tls_request() const override { return {}; } // only what needs no login asks for TLS without one
    std::uint64_t probes() const override { return context_.questions; }
    void sweep() override { context_.sweep(); }

  private:
    static const my::ClientHandshake& handshake_of(const ClientLogin& login) {
        return static_cast<const MysqlClientLogin&>(login).handshake();
    }

    // What every login has of them.
    my::ClientHandshakeOptions handshake_options(const ClientLoginOptions& options) const {
        my::ClientHandshakeOptions handshake;
        handshake.thread_id = options.process_id;
        handshake.unix_socket = options.unix_socket;
        handshake.mock_secret = mock_secret_;
        handshake.key = &servers_.password_key();
        return handshake;
    }

    struct Greeting {
        MysqlServer server;
        bool bound = false; // it is a server's own
    };
    Greeting greeted_with(const ClientLoginOptions& options) const {
        const auto& listener = *options.listener;
        auto known = servers_.behind(*options.config, listener.name);
        bool told = !listener.server_version.empty();
        Greeting greeting{known.value_or(MysqlServer{}), known && !told};
        auto& server = greeting.server;
        if (told || !known) {
            server.version = told ? std::string_view(listener.server_version) : version_unknown;
            server.mariadb = server.version.find("MariaDB") != std::string::npos;
        }
        if (auto collation = my::collation_number(listener.charset))
            server.collation = *collation;
        return greeting;
    }

    // Of the configured users: what unknown names are to look like.
    MysqlClientLogin::Kinds kinds_of(const config::ConfigPtr& config) {
        if (kinds_of_.lock() != config) {
            auto kinds = std::make_shared<std::vector<my::UserKind>>();
            for (const auto& user : config->users)
                kinds->push_back(my::kind_of(mysql_user_record(user, true)));
            kinds_ = std::move(kinds);
            kinds_of_ = config;
        }
        return kinds_;
    }

    MysqlServers& servers_;
    std::string_view mock_secret_;
    my::ExchangeContext context_;
    std::weak_ptr<const config::Config> kinds_of_;
    MysqlClientLogin::Kinds kinds_;
};

} // namespace

std::unique_ptr<Dialect> make_mysql_dialect(MysqlServers& servers, std::string_view mock_secret,
                                            std::size_t message_collect) {
    return std::make_unique<MysqlDialect>(servers, mock_secret, message_collect);
}

} // namespace rekey::proxy
