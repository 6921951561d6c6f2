// The two logins of a MySQL connection, and a statement on one that stands, as proxy/dialect.hpp wants them.
#pragma once

#include "protocol/mysql/backend_handshake.hpp"
#include "protocol/mysql/client_handshake.hpp"
#include "protocol/mysql/exchange.hpp"
#include "proxy/dialect.hpp"
#include "proxy/mysql_servers.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::proxy {

// What a configured user's login is checked by.
protocol::mysql::UserRecord mysql_user_record(const config::User& user, bool may_connect);

class MysqlClientLogin final : public ClientLogin {
  public:
    using Kinds = std::shared_ptr<const std::vector<protocol::mysql::UserKind>>;

    // `handshake.server_version` and `.client_host` are taken from the two texts, which live here. `bound`: see
    // Greeted.
    MysqlClientLogin(protocol::mysql::ClientHandshakeOptions handshake, std::string server_version,
                     std::string client_host, Kinds kinds, bool bound);
    // COM_CHANGE_USER: of a client whose exchange wants it, over the connection that `peer` tells of.
    MysqlClientLogin(protocol::mysql::ClientHandshakeOptions handshake, std::string client_host, Kinds kinds,
                     PeerTls peer, const protocol::mysql::MysqlClient& before);

    Step next(std::string_view in, std::size_t& consumed) override;
    std::size_t read_max() const override;
    void tls_established(PeerTls peer) override;
    void user_found(const config::User* user, bool may_connect) override;
    std::string take_output() override { return handshake_->take_output(); }
    std::string_view user() const override { return handshake_->user(); }
    std::string_view database() const override { return handshake_->database(); }
    std::string_view method() const override { return handshake_->method(); }
    const CancelKey& cancel() const override { return no_cancel_; }
    std::string_view failure() const override { return to_string(handshake_->failure()); }
    bool wrong_password() const override {
        return handshake_->failure() == protocol::mysql::ClientFailure::authentication_failed;
    }
    std::string refusal(std::string_view sqlstate, std::string_view message) const override;
    std::unique_ptr<protocol::Transform> transform() const override;
    const protocol::mysql::ClientHandshake& handshake() const { return *handshake_; }
    protocol::mysql::Greeted greeted() const { return {greeted_.mariadb, greeted_.bound, handshake_->bare_data()}; }

  private:
    std::string server_version_, client_host_;
    Kinds kinds_;
    protocol::mysql::Greeted greeted_;
    bool anew_ = false;
    std::unique_ptr<protocol::mysql::ClientHandshake> handshake_; // refers to the above
    CancelKey no_cancel_;
};

// COM_QUERY and its reply, read whole: for statements of ours, whose replies are small.
class MysqlStatementRun final : public StatementRun {
  public:
    explicit MysqlStatementRun(protocol::mysql::Capabilities capabilities) : capabilities_(capabilities) {}

    std::string start(std::string_view statement) override;
    bool next(std::string_view in, std::size_t& consumed) override;
    StatementOutcome take_outcome() override { return std::move(outcome_); }

  private:
    enum class State { first, columns, end_of_columns, rows, over };

    void read(std::string_view payload);
    void read_first(std::string_view payload);
    void read_row(std::string_view payload);
    void end_of_result(protocol::mysql::Status status);
    void failed(std::string_view payload);
    void broken();

    protocol::mysql::Capabilities capabilities_;
    State state_ = State::over;
    std::uint64_t columns_ = 0, columns_left_ = 0;
    StatementOutcome outcome_;
};

// A login, and behind it the question whether the server is a replica.
class MysqlBackendLogin final : public BackendLogin {
  public:
    MysqlBackendLogin(rotation::CredentialPtr credential, protocol::mysql::BackendHandshakeOptions options);

    Step next(std::string_view in, std::size_t& consumed) override;
    void tls_established(PeerTls) override { handshake_.tls_established(); }
    Derivation derivation() override;
    void derived(const protocol::Secret& result) override { handshake_.derived(result); }
    void closed() override;
    std::string take_output() override;
    rotation::LoginResult result() const override { return result_; }
    std::string_view reason() const override { return reason_.empty() ? handshake_.reason() : reason_; }
    std::string_view sqlstate() const override { return sqlstate_.empty() ? handshake_.sqlstate() : sqlstate_; }
    const CancelKey& cancel_key() const override { return key_; }
    std::optional<bool> standby() const override { return standby_; }
    const protocol::mysql::BackendLogin& login() const { return handshake_.result(); }

  private:
    Step ask();
    Step answered();

    rotation::CredentialPtr credential_;
    protocol::mysql::BackendHandshake handshake_;
    std::unique_ptr<MysqlStatementRun> run_; // once the server has taken the login
    std::string output_, reason_, sqlstate_;
    rotation::LoginResult result_ = rotation::LoginResult::unavailable;
    std::optional<bool> standby_;
    CancelKey key_;
};

} // namespace rekey::proxy
