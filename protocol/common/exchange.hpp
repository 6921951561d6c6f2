// The two machines of a logged-in session, as the driver in proxy/ sees them, whatever the protocol: one per client,
// one per backend. They meet while a lease binds them.
//
// Sans-I/O. A machine is given what was read and says, as slices and bytes in an Output, what is to be written where.
// It streams: no frame has to fit in memory but those it must read whole (limit: message_collect). Called once per
// read, not per frame, so that the seam costs one virtual call for a whole pipeline.
#pragma once

#include "protocol/common/output.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::protocol {

// How sessions share backends.
enum class Multiplexing { automatic, session, transaction, statement };

enum class ClientWant {
    more,      // everything that could be used was consumed
    backend,   // the next frame needs a backend: acquire one, attach, call again with the rest
    terminate, // the client said goodbye
    violation, // an error was put into to_client; close after it is written
};

struct ClientTurn {
    std::size_t consumed = 0;
    ClientWant want = ClientWant::more;
};

// Why a session holds its backend beyond the transaction.
struct Pin {
    std::string_view reason;   // a metric's label: listen, temp_object, advisory_lock, …; empty: not pinned
    std::string_view freed_by; // what would free it, as one would type it
};

// A client's wish that another session end, or what that session is doing.
struct KillRequest {
    std::uint64_t id = 0; // as clients know sessions; 0: there is no such wish
    bool query_only = false;
};
enum class KillAnswer { done, unknown, not_owner };

class BackendExchange;

class ClientExchange {
  public:
    virtual ~ClientExchange() = default;

    // `backend`: the leased and attached one, or null.
    virtual ClientTurn on_client(std::string_view in, BackendExchange* backend, Output& to_backend,
                                 Output& to_client) = 0;
    // The client asks to cancel while its next frame waits for a backend: answers that frame with an error and
    // consumes it. 0: nothing there to cancel.
    virtual std::size_t cancel_waiting(std::string_view in, Output& to_client) = 0;
    // The next frame waited longer than the budget, or no backend can be had: the same with this error.
    virtual std::size_t refuse_waiting(std::string_view in, std::string_view sqlstate, std::string_view message,
                                       Output& to_client) = 0;
    // A last word before the connection is closed by us.
    virtual void farewell(std::string_view sqlstate, std::string_view message, Output& to_client) = 0;
    // No frame of the client is half forwarded.
    virtual bool between_messages() const = 0;
    // Between two transactions as the client sees it: nothing asked that was not answered.
    virtual bool idle() const = 0;
    virtual Pin pin() const = 0;
    // Looked at after each turn, of either machine; it stands until it is answered, and nothing is consumed meanwhile.
    virtual KillRequest kill_request() const { return {}; }
    virtual void answer_kill(KillAnswer, Output&) {}
    // The client wants to log in anew on its connection. Looked at like kill_request(), also after lost(). Nothing is
    // consumed any more and no backend has anything of the session: what is left to do is the login, then another one
    // of these.
    virtual bool login_wanted() const { return false; }
    // Then: what the client has sent behind its wish as far as it was consumed, once.
    virtual std::string take_ahead() { return {}; }
};

enum class AttachResult {
    ready,   // the backend is as the client left it
    pending, // statements were put into to_backend; attached() turns true, or attach_failed() tells why not
};

enum class CycleEnd {
    release, // nothing of the client is left on the backend
    hold,    // the server was asked something; ask again when safe_point() is true next
    pinned,  // the session must keep this backend
};

enum class Lost {
    goes_on, // the client was told by errors and may go on with another backend
    close,   // the client was told; its session ends, too
};

struct BackendTurn {
    std::size_t consumed = 0;
    bool broken = false;       // close this backend: it said goodbye or something unintelligible
    std::string_view reason{}; // for the log, when broken
};

class BackendExchange {
  public:
    virtual ~BackendExchange() = default;

    // `client` is null while no lease binds the backend.
    virtual BackendTurn on_backend(std::string_view in, ClientExchange* client, Output& to_client,
                                   Output& to_backend) = 0;
    virtual AttachResult attach(ClientExchange& client, Output& to_backend) = 0;
    virtual bool attached() const = 0;
    virtual bool attach_failed(std::string& sqlstate, std::string& message) const = 0;
    // Every reply has come, no transaction is open, no frame is half seen.
    virtual bool safe_point() const = 0;
    // At a safe point with a client: may the lease end? Puts a question to the server into to_backend if need be.
    virtual CycleEnd cycle_end(ClientExchange& client, Output& to_backend) = 0;
    // The client has gone. False: what is under way cannot be ended; close the backend (and cancel its query). True:
    // when safe_point() is true (now, or after to_backend was answered) the backend is as new.
    virtual bool client_gone(ClientExchange& client, bool force_reset, Output& to_backend) = 0;
    // The connection is gone while a lease binds it to `client`.
    virtual Lost lost(ClientExchange& client, std::string_view sqlstate, std::string_view message,
                      Output& to_client) = 0;
    // Asks for a trivial reply; done when safe_point() is true again.
    virtual void health_check(Output& to_backend) = 0;
    virtual std::size_t prepared_statements() const = 0;
    virtual bool in_transaction() const = 0;
};

} // namespace rekey::protocol
