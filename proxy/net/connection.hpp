// One data socket, plain or TLS, in its worker's epoll set: the only writer to it and the only reader of it.
//
// Reads go into memory lent by the worker; what could not be written at once is kept and written when the socket takes
// it, and until then the peer that feeds it is not read (back-pressure).
#pragma once

#include "protocol/common/output.hpp"
#include "protocol/common/transform.hpp"
#include "proxy/net/event_loop.hpp"
#include "proxy/net/tls.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace rekey::proxy::net {

enum class ReadStatus { data, would_block, end, garbled }; // garbled: what a Transform cannot decode
struct ReadResult {
    ReadStatus status = ReadStatus::would_block;
    std::size_t size = 0;
};

// A socket with all that is needed to move it to another handler or worker.
struct Socket {
    int fd = -1;
    Ssl ssl;
    std::unique_ptr<protocol::Transform> transform; // null but for the few that agreed on one
    Socket() = default;
    explicit Socket(int descriptor) : fd(descriptor) {}
    Socket(Socket&& other) noexcept
        : fd(std::exchange(other.fd, -1)), ssl(std::move(other.ssl)), transform(std::move(other.transform)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }
    void close();
};

class Connection : public EventHandler, public Disposable {
  public:
    explicit Connection(EventLoop& loop) : loop_(loop) {}
    ~Connection() override;

    bool open() const { return socket_.fd >= 0; }
    bool congested() const { return unsent_at_ < unsent_.size(); }
    bool tls() const { return socket_.ssl != nullptr; }
    // Bytes accepted but not yet taken by the socket.
    std::size_t unsent() const { return unsent_.size() - unsent_at_; }

  protected:
    // Takes the socket over and adds it to the loop. False: it could not be added.
    bool take(Socket socket);
    Socket give(); // removes it from the loop
    void close_socket();

    // False: the connection is broken.
    bool write(const protocol::Output& output);
    bool write(std::string_view bytes);
    // Orderly: what was written is still sent by the kernel; TLS says goodbye.
    void shutdown_write();

    ReadResult read(std::span<char> into);
    // From now on, everything read and written goes through it; `unread` was read before, but belongs behind it.
    // resume() afterwards. Once.
    void install(std::unique_ptr<protocol::Transform> transform, std::string_view unread);
    // Why a read was garbled.
    std::string_view garble() const { return socket_.transform->failure(); }

    // The first unread byte of the socket, which stays there; absent when there is none.
    std::optional<char> peek() const;

    // The handshake's end arrives by on_tls().
    void start_tls(Ssl ssl, bool server);
    SSL* ssl() { return socket_.ssl.get(); }
    int fd() const { return socket_.fd; }
    bool hung_up() const { return hang_up_; }
    // Reads on after a pause; what came meanwhile raised its edge then.
    void resume() {
        if (readable_ && open())
            loop_.again(this);
    }

    virtual void on_readable() = 0;
    virtual void on_drained() = 0; // nothing is unsent any more
    virtual void on_tls(bool established) { (void)established; }
    // While connect() is under way; then on_connected() once.
    virtual void on_connected() {}
    void connecting() { connecting_ = true; }

    EventLoop& loop_;

  private:
    void on_event(std::uint32_t events) final;
    ReadResult read_raw(std::span<char> into);
    ReadResult read_transformed(std::span<char> into);
    bool write_raw(std::string_view bytes);
    bool write_transformed(const protocol::Output& output);
    bool flush();
    std::ptrdiff_t send_some(std::string_view bytes);
    bool continue_tls();
    void keep(std::string_view bytes);

    Socket socket_;
    std::string unsent_;
    std::size_t unsent_at_ = 0;
    bool readable_ = true; // the kernel or OpenSSL may have bytes that were not read
    bool hang_up_ = false;
    bool handshaking_ = false;
    bool connecting_ = false;
};

} // namespace rekey::proxy::net
