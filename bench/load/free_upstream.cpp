// A nearly free PostgreSQL: protocol 3.0 with canned answers, so that the proxy in front of it is what is measured.
//
// free_upstream PORT, on 127.0.0.1. Lets everybody in without a password. Answers
//   SELECT abalance …            one row (simple, extended, prepared)
//   SELECT count(*) …            one row with 1 (pgbench asks for the scale so)
//   any other SELECT, SHOW       no rows; set_config('name', 'value', …) takes effect as SET does
//   SET name {TO|=} value, RESET  reported back as ParameterStatus where PostgreSQL would: a pooler that waits for the
//                                report would otherwise send SET before every transaction
//   BEGIN, COMMIT, ROLLBACK, …   the transaction status in ReadyForQuery
//   anything else                its command tag
#include "bench/load/free_upstream_session.hpp"
#include "bench/load/sockets.hpp"

#include <sys/epoll.h>

#include <array>
#include <memory>
#include <unordered_map>

using namespace rekey::bench;

namespace {

struct Connection {
    int fd;
    FreeSession session;
    std::string output;
};

// Loopback takes what a small reply needs; a client that does not read its replies is waited for.
bool send_all(int fd, const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t sent = send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        done += static_cast<std::size_t>(sent);
    }
    return true;
}

bool serve(Connection& connection) {
    static std::array<char, 65536> buffer;
    const ssize_t got = recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    connection.output.clear();
    const bool more = connection.session.on_bytes({buffer.data(), static_cast<std::size_t>(got)}, connection.output);
    return send_all(connection.fd, connection.output) && more;
}

} // namespace

int main(int argc, char** argv) {
    const int listener = listen_on_loopback(port_argument(argc, argv, 1));
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    const auto watch = [epoll_fd](int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    };
    watch(listener);
    std::unordered_map<int, std::unique_ptr<Connection>> connections;
    std::array<epoll_event, 256> events;
    for (;;) {
        const int ready = epoll_wait(epoll_fd, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                if (client < 0)
                    continue;
                no_delay(client);
                connections[client] = std::make_unique<Connection>(Connection{client, FreeSession(client), {}});
                watch(client);
            } else if (!serve(*connections.at(fd))) {
                connections.erase(fd);
                close(fd);
            }
        }
    }
}
