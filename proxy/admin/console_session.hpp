// One console connection: the server's side of the PostgreSQL protocol for the console's statements. PostgreSQL
// manual 55.2.3 (simple query). The extended protocol gets a clear error. Without I/O: bytes in, bytes out.
//
// Any user name may log in; the password is the admin token (SCRAM-SHA-256).
#pragma once

#include "protocol/auth/scram.hpp"
#include "protocol/postgres/client_handshake.hpp"
#include "proxy/admin/console_command.hpp"
#include "proxy/admin/control_plane.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::proxy::admin {

struct ConsoleAccess {
    protocol::auth::ScramVerifier verifier; // of the admin token
    std::string mock_secret;
    bool unix_socket = false;
};

class ConsoleSession : public std::enable_shared_from_this<ConsoleSession> {
  public:
    static constexpr std::size_t frame_bytes_max = 65536;
    static constexpr std::size_t statements_max = 64; // of one query; each may nest a call deeper

    // `control` and `access` outlive it. `output_ready` is called when take_output() or closing() changed outside of
    // receive().
    ConsoleSession(ControlPlane& control, const ConsoleAccess& access, std::function<void()> output_ready);

    void receive(std::string_view bytes);
    std::string take_output() { return std::exchange(output_, {}); }
    bool logged_in() const { return logged_in_; }
    bool closing() const { return closing_; } // after what take_output() still gives
    bool busy() const { return busy_; }       // a statement runs: read no more until output_ready

    // The connection is gone; nothing is called afterwards.
    void disconnect() { output_ready_ = nullptr; }

  private:
    void advance();
    bool log_in();
    bool next_frame();
    void message(char type, std::string_view body);
    void simple_query(std::string_view body);
    void run_next();
    void run(const ShowCommand& command);
    void run(const RotateCommand& command);
    void run(const ReloadCommand& command);
    void run(const EmptyCommand& command);
    void run(const UnknownCommand& command);
    void statement_done();
    void statement_failed(std::string_view sqlstate, std::string_view text, std::string_view hint = {});
    void query_done();
    void resume();
    void protocol_violation(std::string_view text);

    ControlPlane& control_;
    protocol::postgres::ClientHandshake handshake_;
    const ConsoleAccess& access_;
    std::function<void()> output_ready_;
    std::string input_, output_;
    std::vector<std::string> statements_; // of the query under way, the next one last
    bool logged_in_ = false, closing_ = false, busy_ = false;
    bool skip_to_sync_ = false; // after an error in the extended protocol
    bool inside_receive_ = false;
};

} // namespace rekey::proxy::admin
