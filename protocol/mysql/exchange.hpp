// The MySQL exchange: what a multiplexer does with every packet of a logged-in client and backend. MySQL manual,
// "Command Phase" of the client/server protocol; MariaDB, "Clientserver Protocol".
//
//   client bytes → MysqlClient::on_client ──(forward, renumber, inject)──▶ backend
//   backend bytes → MysqlBackend::on_backend ──(forward, translate, swallow)──▶ client
//
// MysqlClient keeps what belongs to the client and outlives a lease: its settings, its prepared statements, what its
// last statement left to be asked for, why it is pinned. MysqlBackend keeps what is true of the server's session: the
// replies it owes, its settings, what is prepared there. While a lease binds the two, they work on each other.
//
// One command of a client is on a backend at a time; what a client sends ahead waits in its queue. Backends have one
// set of capabilities (backend_capabilities and what pool_flags() says); replies are translated for clients with
// others. Bytes given to either machine must be writable: sequence and statement numbers are changed where they lie.
#pragma once

#include "protocol/common/exchange.hpp"
#include "protocol/common/secret.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/exchange_expected.hpp"
#include "protocol/mysql/exchange_memory.hpp"
#include "protocol/mysql/exchange_pins.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/messages_login.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_state.hpp"
#include "protocol/mysql/sql_scan.hpp"
#include "protocol/mysql/statements.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rekey::protocol::mysql {

// Every backend has these, and of pool_flags() its pool's.
inline constexpr Capabilities backend_capabilities =
    capability::long_password | capability::long_flag | capability::protocol_41 | capability::transactions |
    capability::secure_connection | capability::ps_multi_results | capability::plugin_auth |
    capability::plugin_auth_lenenc | capability::session_track | capability::deprecate_eof;

// What of a client's capabilities its backends must have alike: it is fixed for the life of a connection.
// CONNECT_WITH_DB stands for "begins with a schema": a session that has one cannot be without one again. Of a server
// that has no QUERY_ATTRIBUTES they are kept: they are taken out of what clients send.
constexpr Capabilities pool_flags(Capabilities client) {
    return client &
           (capability::found_rows | capability::connect_with_db | capability::local_files | capability::ignore_space |
            capability::multi_statements | capability::multi_results | capability::query_attributes);
}

// Shared by all exchanges of one worker.
struct ExchangeContext {
    StateTable states;
    StatementTable statements;
    std::unordered_map<StateRef, StateRef> normal; // what the settings of logins are in the server's words
    std::size_t message_collect = 1 << 20;         // bytes of a message that must be read whole
    std::uint64_t questions = 0;                   // asked of servers by Rekey itself so far
    bool last_insert_id_used = false;              // some client asks its server for it

    void sweep();
};

class MysqlBackend;

class MysqlClient final : public ClientExchange {
  public:
    struct Options {
        ExchangeContext* context = nullptr;
        std::uint64_t id = 0; // not 0
        Multiplexing mode = Multiplexing::automatic;
        std::uint32_t prepared_statements = 200; // per backend; 0: not tracked
        Capabilities capabilities = 0;           // agreed with the client
        std::uint32_t connection_id = 0;         // as its greeting told
        std::string_view nonce;                  // of its login, nonce_size bytes, or none
        Greeted greeted;                         // as long as it meets no backend, its server is taken for such a one
        StateRef startup;                        // the client's reset layer: startup_state()
    };
    explicit MysqlClient(Options options);

    ClientTurn on_client(std::string_view in, BackendExchange* backend, Output& to_backend, Output& to_client) override;
    std::size_t cancel_waiting(std::string_view in, Output& to_client) override;
    std::size_t refuse_waiting(std::string_view in, std::string_view sqlstate, std::string_view message,
                               Output& to_client) override;
    void farewell(std::string_view sqlstate, std::string_view message, Output& to_client) override;
    bool between_messages() const override { return body_left_ == 0 && !body_more_; }
    bool idle() const override { return between_messages() && queue_.empty() && !asked_; }
    Pin pin() const override;

    // A KILL that the driver is to carry out and then to answer; id 0: none. While it is there nothing is consumed.
    KillRequest kill_request() const override { return kill_; }
    void answer_kill(KillAnswer answer, Output& to_client) override;
    bool login_wanted() const override { return login_ != nullptr; }
    std::string take_ahead() override { return std::exchange(queue_, {}); }

    const StateRef& settings() const { return state_; }
    Capabilities capabilities() const { return capabilities_; }
    // For the login that is wanted: the fields of the COM_CHANGE_USER, and what it is to be answered with.
    std::string_view login_fields() const { return login_->reveal(); }
    std::string_view nonce() const { return {nonce_.data(), nonce_.size()}; }
    std::uint32_t connection_id() const { return connection_id_; }
    const Greeted& greeted() const { return greeted_; }

  private:
    friend class MysqlBackend;

    enum class Outcome { done, incomplete, want_backend, busy, terminate, violation };
    struct Turn { // one call of on_client
        MysqlBackend* backend;
        Output* to_backend;
        Output* to_client;
        bool copy;             // the input does not outlive the call
        std::string_view rest; // from the packet's header on
        std::size_t used;      // of `rest`, by the packet just handled
    };

    ClientTurn consume(std::string_view in, Turn& turn);
    bool pass_body(std::string_view in, std::size_t& at, Turn& turn);
    void run_queue(Turn& turn);
    Outcome on_packet(PacketHeader header, Turn& turn);
    Outcome on_command(PacketHeader header, Turn& turn);
    Outcome on_query(PacketHeader header, Turn& turn);
    Outcome on_file_data(PacketHeader header, Turn& turn);
    Outcome on_simple(PacketHeader header, Request request, Turn& turn);
    Outcome on_init_db(PacketHeader header, Turn& turn);
    Outcome on_ping(PacketHeader header, Turn& turn);
    Outcome on_reset_connection(PacketHeader header, Turn& turn);
    Outcome on_set_option(PacketHeader header, Turn& turn);
    Outcome on_process_kill(PacketHeader header, Turn& turn);
    Outcome on_change_user(PacketHeader header, Turn& turn);
    Outcome on_prepare(PacketHeader header, Turn& turn);
    Outcome on_execute(PacketHeader header, Turn& turn);
    Outcome on_statement_command(PacketHeader header, Turn& turn);
    Outcome on_close(PacketHeader header, Turn& turn);
    Outcome refuse(PacketHeader header, std::uint16_t code, std::string_view sqlstate, std::string_view message,
                   Turn& turn);
    Outcome violation(std::uint16_t code, std::string_view message, Turn& turn);

    bool answer_question(std::string_view text, Turn& turn);
    Outcome on_kill_text(PacketHeader header, std::string_view text, Turn& turn);
    void sync_last_insert_id(const SqlFacts& facts, std::string_view text, Turn& turn);
    std::optional<Outcome> reach_statement(PacketHeader header, ClientStatement& statement, Turn& turn,
                                           BackendStatement** found);
    void forward(std::string_view piece, Turn& turn) const;
    void forward_message(PacketHeader header, Turn& turn);
    void discard_message(PacketHeader header, Turn& turn);
    void begin_command();
    bool whole(PacketHeader header, const Turn& turn) const;

    bool names_parameters() const { return (capabilities_ & capability::query_attributes) != 0; }
    bool scans() const { return mode_ != Multiplexing::transaction; }
    SqlOptions scan_options() const;
    SqlFacts scan(std::string_view text) const;
    void note_effect(const SqlFacts& facts, std::string_view text, bool prepared);
    void settle_effects(bool failed);
    void apply_change(const SqlChange& change, bool undo);
    void count_held();
    void count_open();
    void reset_session();
    StateRef statement_context();

    ExchangeContext& context_;
    std::uint64_t id_;
    Multiplexing mode_;
    std::uint32_t prepared_max_;
    Capabilities capabilities_;
    std::uint32_t connection_id_;
    Greeted greeted_;
    bool mariadb_, multi_statements_; // mariadb_: the server that it last met
    StateRef startup_, state_;
    mutable StateRef scan_options_of_;
    mutable SqlOptions scan_options_;
    StateRef statement_context_of_, statement_context_;
    std::unordered_map<std::uint32_t, ClientStatement> statements_;
    std::uint32_t next_statement_ = 1, last_prepared_ = 0;

    // The message that is under way towards the backend.
    std::uint32_t body_left_ = 0; // of its current packet
    bool body_more_ = false;      // another packet of it follows
    bool body_discarded_ = false;
    std::uint8_t packets_ = 0;              // of it, so far
    std::unique_ptr<SqlScanner> long_text_; // scans a text too long to be read whole
    std::string late_error_;                // the answer to a message that is discarded, when its end has come

    std::string queue_;  // what the client sent ahead
    bool asked_ = false; // a reply is owed to the client
    KillRequest kill_;
    std::uint8_t kill_packets_ = 0;
    std::array<char, nonce_size> nonce_{};
    bool leaving_ = false;          // a COM_CHANGE_USER has come: its backend is being reset
    std::unique_ptr<Secret> login_; // then its fields, which may hold a password

    // Of the command under way.
    std::uint32_t mentions_ = 0;
    std::vector<SqlChange> changes_;
    std::optional<std::string> collation_;
    std::string schema_;
    std::string statement_error_; // why a statement could not be prepared on this backend: the payload of an ERR

    LastStatement last_;
    struct Held {
        HeldKind kind;
        std::string name;
        std::uint32_t count;
    };
    std::vector<Held> held_;
    std::uint32_t pins_ = 0;
};

class MysqlBackend final : public BackendExchange {
  public:
    struct Options {
        ExchangeContext* context = nullptr;
        Capabilities capabilities = 0; // agreed with the server
        bool mariadb = false;          // the server is one
        std::string schema;            // of the login
        Status status = status::autocommit;
    };
    explicit MysqlBackend(Options options);

    BackendTurn on_backend(std::string_view in, ClientExchange* client, Output& to_client, Output& to_backend) override;
    AttachResult attach(ClientExchange& client, Output& to_backend) override;
    bool attached() const override { return replay_ == Replaying::none; }
    bool attach_failed(std::string& sqlstate, std::string& message) const override;
    bool safe_point() const override;
    CycleEnd cycle_end(ClientExchange& client, Output& to_backend) override;
    bool client_gone(ClientExchange& client, bool force_reset, Output& to_backend) override;
    Lost lost(ClientExchange& client, std::string_view sqlstate, std::string_view message, Output& to_client) override;
    void health_check(Output& to_backend) override;
    std::size_t prepared_statements() const override { return statements_.size(); }
    bool in_transaction() const override { return in_transaction_; }

    // Of the ERR that made on_backend() say `broken`, if there was one.
    std::uint16_t error_code() const { return error_code_; }
    const std::string& error_message() const { return error_message_; }

  private:
    friend class MysqlClient;

    enum class Replaying { none, running, failed };
    enum class Phase : std::uint8_t { first, columns, rows, file, prepared };
    struct Turn { // one call of on_backend
        MysqlClient* client;
        Output* to_client;
        Output* to_backend;
    };

    bool takes_attributes() const { return (capabilities_ & capability::query_attributes) != 0; }
    bool own_turn() const { return !expected_.empty() && expected_.front().own != Own::none; }
    bool infile() const { return phase_ == Phase::file; }
    bool begin_packet(std::string_view in, std::size_t& at, Turn& turn, BackendTurn& result);
    bool read_whole(PacketHeader header, unsigned char first) const;
    void on_packet(PacketHeader header, std::string_view whole, Turn& turn, BackendTurn& result);
    void on_first(PacketHeader header, std::string_view packet, Turn& turn, BackendTurn& result);
    void on_column_count(std::string_view packet, Turn& turn, BackendTurn& result);
    void on_prepared(std::string_view packet, Turn& turn, BackendTurn& result);
    void on_ok(std::string_view packet, Turn& turn, BackendTurn& result);
    void on_err(std::string_view packet, Turn& turn, BackendTurn& result);
    void packet_ended(Turn& turn);
    void column_ended(Turn& turn);
    void reply_done(Turn& turn, bool failed);
    void own_done(const Expected& done, bool failed, Turn& turn);
    void replay_done(const Expected& done, bool failed, Turn& turn);
    void replay_ended(MysqlClient& client, Turn& turn);
    StateRef normalised(const StateSet& target);
    void command_done(const Expected& done, bool failed, Turn& turn);

    void emit(std::string_view packet, Turn& turn);
    void emit_ok(std::string_view packet, const Ok& ok, Turn& turn);
    void emit_eof(Status status, std::uint16_t warnings, Turn& turn);
    void pay_eof(std::string_view packet, Turn& turn);
    void note_session(const Ok& ok, Turn& turn);
    void set_variable(MysqlClient* client, std::string_view name, std::string_view value);
    void note_result(const Ok& ok, bool rows, MysqlClient& client);
    void note_prepared(std::uint32_t id, std::uint16_t parameters, Turn& turn, std::string_view packet);

    void ask(Own own, Command command, std::string_view argument, Output& to_backend);
    void push_replay(const StateSet& from, const StateSet& to, bool ignore_space, Own own, Output& to_backend);
    void prepare_again(const MysqlClient& client, const StatementPtr& statement, Output& to_backend);
    void make_room(std::uint32_t most, Output& to_backend);
    void track(Output& to_backend);
    void forget_session();

    ExchangeContext& context_;
    Capabilities capabilities_;
    StateRef state_;
    BackendStatements statements_;
    bool mariadb_, tracking_ = false, multi_statements_;
    Status status_;
    bool in_transaction_ = false, trx_active_ = false, tables_locked_ = false, characteristics_ = false;
    std::uint64_t last_insert_owner_ = 0, last_insert_count_ = 0; // whose LAST_INSERT_ID() lies here, and of when

    ExpectedReplies expected_;
    Phase phase_ = Phase::first;
    std::uint64_t columns_left_ = 0;
    std::uint16_t parameters_left_ = 0, prepared_columns_ = 0;
    std::uint64_t rows_ = 0;
    std::uint8_t delta_ = 0;    // the client's sequence number is the server's and this
    std::uint8_t sequence_ = 0; // the next one towards the client
    bool eof_owed_ = false;     // to a client that knows no DEPRECATE_EOF, behind the columns
    bool replied_ = false;      // something of this reply was told to the client

    std::uint32_t packet_left_ = 0; // of the packet under way towards the client
    bool packet_more_ = false, packet_swallowed_ = false;

    Replaying replay_ = Replaying::none;
    std::size_t replay_left_ = 0;
    bool replay_error_ = false;
    std::uint16_t replay_code_ = 0;
    StateRef replay_target_;
    std::vector<Variable> replay_reported_;
    std::string captured_; // the rows of a question of ours: for each its length as four bytes and its payload
    bool captured_all_ = true;
    std::uint16_t error_code_ = 0;
    std::string error_sqlstate_, error_message_;
    std::string_view doom_; // why this backend is to be closed although nothing it said was wrong
};

// The settings a login begins with; `collation` is the number of its handshake.
StateRef startup_state(StateTable& states, std::string_view schema, unsigned collation);

} // namespace rekey::protocol::mysql
