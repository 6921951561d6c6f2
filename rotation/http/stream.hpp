// One TCP connection, with TLS or without, read and written in blocking calls that end at a deadline.
//
// For a blocking thread; one at a time. No error text holds a byte that was read or written.
#pragma once

#include "rotation/descriptor.hpp"
#include "rotation/http/cancellation.hpp"
#include "rotation/ports.hpp"

#include <memory>
#include <string>
#include <string_view>

struct addrinfo;
struct ssl_st;
struct ssl_ctx_st;

namespace rekey::rotation::http {

enum class Failure {
    none,
    connect, // nothing was sent
    tls,     // the peer could not be trusted, or did not trust us: trying again does not help
    timed_out,
    lost,     // the connection ended too early
    protocol, // no HTTP, too long, or a redirect that may not be followed
    cancelled,
};

struct Fault {
    Failure kind = Failure::none;
    std::string text;
    explicit operator bool() const { return kind != Failure::none; }
};

class Stream {
  public:
    // `cancellation` outlives the stream.
    explicit Stream(const Cancellation& cancellation);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // Tries the addresses of the name one after the other. The resolver's own time-outs count, too.
    Fault connect(const std::string& host, std::uint16_t port, Clock::time_point deadline);
    // Over what is connected. Verifies the peer's certificate for `name` (host name or IP address), always.
    Fault start_tls(ssl_ctx_st* context, const std::string& name, Clock::time_point deadline);
    Fault write(std::string_view bytes, Clock::time_point deadline);
    // Some bytes; `count` 0 without a fault: the peer has closed properly.
    Fault read(char* out, std::size_t size, std::size_t& count, Clock::time_point deadline);
    // An idle connection that the peer neither closed nor wrote to.
    bool quiet() const;

  private:
    struct FreeSsl {
        void operator()(ssl_st* ssl) const;
    };
    Fault wait(short events, Clock::time_point deadline) const;
    Fault connect_to(const ::addrinfo& address, Clock::time_point deadline);
    Fault send_raw(std::string_view bytes, Clock::time_point deadline);
    Fault receive_raw(char* out, std::size_t size, std::size_t& count, Clock::time_point deadline);
    Fault flush_tls(Clock::time_point deadline);
    Fault fill_tls(bool& ended, Clock::time_point deadline);
    // Repeats an SSL operation until it has succeeded (its result is in `result`) or failed; 0: closed.
    template <class Operation> Fault tls_step(Operation operation, int& result, Clock::time_point deadline);
    Fault tls_failure() const;

    const Cancellation& cancellation_;
    Descriptor socket_;
    std::unique_ptr<ssl_st, FreeSsl> ssl_;
};

// Sleeps until `until`, or less when cancelled.
void pause_until(Clock::time_point until, const Cancellation& cancellation);

} // namespace rekey::rotation::http
