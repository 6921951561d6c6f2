// The PostgreSQL exchange: what a multiplexer does with every message of a logged-in client and backend.
// PostgreSQL manual 55.2.2–55.2.7, 55.7.
//
//   client bytes → PostgresClient::on_client ──(forward, rename, inject)──▶ backend
//   backend bytes → PostgresBackend::on_backend ──(forward, swallow, fake)──▶ client
//
// PostgresClient keeps what belongs to the client and outlives a lease: its prepared statements, its settings, what it
// was told of reported parameters, why it is pinned. PostgresBackend keeps what is true of the server's session: the
// replies it owes, its settings, what is prepared there. While a lease binds the two, they work on each other.
#pragma once

#include "protocol/common/exchange.hpp"
#include "protocol/postgres/clean_texts.hpp"
#include "protocol/postgres/expected.hpp"
#include "protocol/postgres/frame.hpp"
#include "protocol/postgres/parameters.hpp"
#include "protocol/postgres/probe.hpp"
#include "protocol/postgres/sql_scan.hpp"
#include "protocol/postgres/statements.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::postgres {

// Shared by all exchanges of one worker.
struct ExchangeContext {
    ParameterTable parameters;
    StatementTable statements;
    CleanTexts clean_texts;
    std::size_t message_collect = 1 << 20; // bytes of a message that must be read whole
    std::uint64_t probes = 0;              // asked so far
};

class PostgresBackend;

class PostgresClient final : public ClientExchange {
  public:
    struct Options {
        ExchangeContext* context = nullptr;
        std::uint64_t id = 0; // not 0
        Multiplexing mode = Multiplexing::automatic;
        std::uint32_t prepared_statements = 200; // per backend; 0: not tracked
        std::uint64_t pool = 0;                  // clean texts are the pool's: functions differ between databases
        ParameterRef startup;                    // the client's reset layer
    };
    explicit PostgresClient(Options options);

    ClientTurn on_client(std::string_view in, BackendExchange* backend, Output& to_backend, Output& to_client) override;
    std::size_t cancel_waiting(std::string_view in, Output& to_client) override;
    std::size_t refuse_waiting(std::string_view in, std::string_view sqlstate, std::string_view message,
                               Output& to_client) override;
    void farewell(std::string_view sqlstate, std::string_view message, Output& to_client) override;
    bool between_messages() const override { return body_left_ == 0; }
    bool idle() const override { return body_left_ == 0 && !skip_to_sync_; }
    Pin pin() const override { return {pin_label(pins_), pin_freed_by(pins_)}; }

    const ParameterRef& settings() const { return settings_; }
    // What the login reply told; the driver sets it once.
    void told(ParameterRef reported) { reported_ = std::move(reported); }

  private:
    friend class PostgresBackend;

    enum class Outcome { done, incomplete, want_backend, terminate, violation };
    struct Turn { // one call of on_client
        PostgresBackend* backend;
        Output* to_backend;
        Output* to_client;
        std::string_view rest; // from the frame's header on
        std::size_t used;      // of `rest`, by the frame just handled
    };

    Outcome on_frame(const Frame& frame, Turn& turn);
    Outcome on_query(const Frame& frame, Turn& turn);
    Outcome on_parse(const Frame& frame, Turn& turn);
    bool prepare_locally(const Frame& frame, Turn& turn);
    bool execute_by_name(const Frame& frame, std::string_view text, Turn& turn);
    Outcome parse_named(std::string_view name, std::string_view parse, Turn& turn);
    Outcome on_bind(const Frame& frame, Turn& turn);
    Outcome on_describe_or_close(const Frame& frame, Turn& turn);
    Outcome on_sync(Turn& turn);
    Outcome on_copy(const Frame& frame, Turn& turn);
    Outcome on_function_call(const Frame& frame, Turn& turn);
    bool answer_deallocate(std::string_view text, Turn& turn);
    bool refuse_block(std::uint32_t mentions, char type, Turn& turn);
    Outcome violation(std::string_view message, Turn& turn);

    void forward_frame(const Frame& frame, Turn& turn);
    void discard_frame(const Frame& frame, Turn& turn);
    void ensure_prepared(const StatementPtr& statement, Turn& turn);
    void make_room(Turn& turn);
    bool ensure_unnamed(Turn& turn);
    void drop_unnamed();
    void local_error(std::string_view sqlstate, std::string_view message, char type, Output& to_client);

    bool scans() const { return mode_ != Multiplexing::transaction; }
    bool tracks() const { return mode_ == Multiplexing::automatic || mode_ == Multiplexing::session; }
    SqlScanner::Options scan_options() const;
    SqlFacts scan(std::string_view text) const;
    void note_effect(const SqlFacts& facts, std::string_view text);
    void note_state_text(const SqlFacts& facts, std::string_view text);
    void forget_effects();

    ExchangeContext& context_;
    std::uint64_t id_;
    std::uint64_t pool_;
    Multiplexing mode_;
    std::uint32_t prepared_max_;
    ParameterRef startup_, settings_, reported_;
    mutable ParameterRef scan_options_of_; // what scan_options_ were read from
    mutable SqlScanner::Options scan_options_;
    ClientStatements statements_;
    std::deque<std::string> parsing_; // names of forwarded Parses that were not answered yet
    std::string unnamed_parse_;       // body of the last unnamed Parse behind its name
    SqlFacts unnamed_facts_;
    bool has_unnamed_ = false;

    // The frame that is under way towards the backend.
    std::uint32_t body_left_ = 0;
    bool body_discarded_ = false;
    std::unique_ptr<SqlScanner> long_text_; // scans a text too long to be read whole
    bool skip_to_sync_ = false;             // after an error of our own in an extended batch

    // What the texts since the last clean cycle may have done.
    bool probe_wanted_ = false;
    std::uint32_t mentions_ = 0;
    std::vector<std::uint64_t> fingerprints_;
    std::vector<SimpleSet> pending_sets_;
    std::vector<std::string> custom_names_;
    std::uint32_t pins_ = 0;
};

class PostgresBackend final : public BackendExchange {
  public:
    struct Options {
        ExchangeContext* context = nullptr;
        std::string login_user;
        std::string role; // sent as a start-up option; empty: none
        std::vector<Parameter> reported; // ParameterStatus of the login
    };
    explicit PostgresBackend(Options options);

    BackendTurn on_backend(std::string_view in, ClientExchange* client, Output& to_client, Output& to_backend) override;
    AttachResult attach(ClientExchange& client, Output& to_backend) override;
    bool attached() const override { return replay_ == Replay::none; }
    bool attach_failed(std::string& sqlstate, std::string& message) const override;
    bool safe_point() const override;
    CycleEnd cycle_end(ClientExchange& client, Output& to_backend) override;
    bool client_gone(ClientExchange& client, bool force_reset, Output& to_backend) override;
    Lost lost(ClientExchange& client, std::string_view sqlstate, std::string_view message, Output& to_client) override;
    void health_check(Output& to_backend) override;
    std::size_t prepared_statements() const override { return statements_.size(); }
    bool in_transaction() const override { return status_ != 'I'; }

    const ParameterRef& reported() const { return reported_; }
    // Of the ErrorResponse that made on_backend() say `broken`, if there was one.
    const std::string& error_sqlstate() const { return error_sqlstate_; }
    const std::string& error_message() const { return error_message_; }

  private:
    friend class PostgresClient;

    enum class Replay { none, running, failed };
    enum class Own : std::uint8_t { probe, replay, fix_up, rollback, reset, check };
    struct Turn { // one call of on_backend
        PostgresClient* client;
        Output* to_client;
        Output* to_backend;
    };

    bool own_turn() const { return !expected_.empty() && expected_.front().request == Request::own_query; }
    bool on_frame(const Frame& frame, std::string_view whole, Turn& turn, BackendTurn& result);
    void on_error(std::string_view whole, Turn& turn, BackendTurn& result);
    void on_ready(std::string_view whole, Turn& turn, BackendTurn& result);
    void on_complete(std::string_view whole, Turn& turn);
    void on_parameter(std::string_view body);
    void on_row_of_probe(std::string_view body);
    bool answered(Request request, Turn& turn);
    void emit_fakes(Turn& turn);
    void drop_to_sync(Turn& turn);
    void drop_copy_syncs(bool through_copy_done);

    void client_ready(std::string_view whole, Turn& turn);
    void settle_effects(PostgresClient& client, char status);
    void apply_set(PostgresClient& client, const SimpleSet& set);
    void own_ready(Own own, Turn& turn, BackendTurn& result);
    void apply_probe(PostgresClient& client);
    void tell_parameters(PostgresClient& client, Output& to_client);
    void tell_held(PostgresClient& client, Output& to_client);
    void ask(Own own, std::string_view text, Output& to_backend);
    void start_probe(PostgresClient& client, Output& to_backend);
    void forget_prepared();

    ExchangeContext& context_;
    std::string login_user_, neutral_role_;
    ParameterRef settings_, reported_;
    BackendStatements statements_;
    std::uint64_t unnamed_owner_ = 0; // the client whose unnamed statement lies here

    ExpectedReplies expected_;
    std::deque<Own> own_; // of the own_query entries in expected_
    char status_ = 'I';
    bool batch_open_ = false; // extended messages were sent, their Sync was not
    bool failed_ = false;     // the server skips to the next Sync
    bool copy_in_ = false;
    bool error_seen_ = false; // since the client's last ReadyForQuery
    bool reported_changed_ = false;
    bool own_sync_failed_ = false;
    bool discarded_ = false;  // DISCARD ALL was completed

    std::uint32_t body_left_ = 0; // of the frame under way towards the client
    bool body_swallowed_ = false;

    Replay replay_ = Replay::none;
    bool own_failed_ = false;
    char held_status_ = 0; // a ReadyForQuery that waits for our own question
    ParameterRef replay_target_;
    std::vector<ProbeRow> probe_rows_;
    std::string error_sqlstate_, error_message_;
};

} // namespace rekey::protocol::postgres
