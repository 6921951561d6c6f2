// A bare TCP relay: the floor that every proxy of one thread is compared with. One upstream connection per client, one
// read and one write per chunk, nothing parsed, no state but bytes that a full socket would not take.
//
// relay LISTEN_PORT UPSTREAM_PORT, both on 127.0.0.1.
#include "bench/load/sockets.hpp"

#include <sys/epoll.h>

#include <array>
#include <string>

using namespace rekey::bench;

namespace {

struct End {
    int fd = -1;
    End* peer = nullptr;
    std::string unsent; // what this socket would not take yet; its peer is not read meanwhile
};

int epoll_fd = -1;

// An end is read while its peer takes everything, and watched for room while it owes something itself.
void watch(End* end, int operation) {
    epoll_event event{};
    event.events = (end->peer->unsent.empty() ? std::uint32_t{EPOLLIN} : 0U) |
                   (end->unsent.empty() ? 0U : std::uint32_t{EPOLLOUT});
    event.data.ptr = end;
    epoll_ctl(epoll_fd, operation, end->fd, &event);
}

// A closed pair is freed only after the batch of events that may still name its other half.
std::array<End*, 512> garbage;
std::size_t garbage_size = 0;

void close_pair(End* end) {
    if (end->fd < 0)
        return;
    for (End* one : {end, end->peer}) {
        close(one->fd);
        one->fd = -1;
        garbage[garbage_size++] = one;
    }
}

void accept_client(int listener, std::uint16_t upstream_port) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0)
        return;
    // A blocking connect: on loopback it ends at once.
    const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(upstream_port);
    if (upstream < 0 || connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(client);
        if (upstream >= 0)
            close(upstream);
        return;
    }
    auto* front = new End{client, nullptr, {}};
    auto* back = new End{upstream, front, {}};
    front->peer = back;
    for (End* end : {front, back}) {
        no_delay(end->fd);
        watch(end, EPOLL_CTL_ADD);
    }
}

void forward(End* from) {
    static std::array<char, 65536> buffer;
    const ssize_t got = recv(from->fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            close_pair(from);
        return;
    }
    End* to = from->peer;
    ssize_t sent = send(to->fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        return close_pair(from);
    sent = sent < 0 ? 0 : sent;
    if (sent == got)
        return;
    to->unsent.assign(buffer.data() + sent, static_cast<std::size_t>(got - sent));
    watch(from, EPOLL_CTL_MOD);
    watch(to, EPOLL_CTL_MOD);
}

void flush(End* to) {
    const ssize_t sent = send(to->fd, to->unsent.data(), to->unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        return close_pair(to);
    to->unsent.erase(0, sent < 0 ? 0 : static_cast<std::size_t>(sent));
    if (!to->unsent.empty())
        return;
    watch(to, EPOLL_CTL_MOD);
    watch(to->peer, EPOLL_CTL_MOD);
}

void handle(const epoll_event& event) {
    End* end = static_cast<End*>(event.data.ptr);
    if (end->fd >= 0 && (event.events & EPOLLOUT) != 0 && !end->unsent.empty())
        flush(end);
    if (end->fd >= 0 && (event.events & EPOLLIN) != 0 && end->peer->unsent.empty())
        forward(end);
    else if (end->fd >= 0 && (event.events & (EPOLLERR | EPOLLHUP)) != 0)
        close_pair(end);
}

} // namespace

int main(int argc, char** argv) {
    const std::uint16_t upstream_port = port_argument(argc, argv, 2);
    const int listener = listen_on_loopback(port_argument(argc, argv, 1));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_event accepting{};
    accepting.events = EPOLLIN;
    accepting.data.ptr = nullptr;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &accepting);
    std::array<epoll_event, garbage.size() / 2> events;
    for (;;) {
        const int ready = epoll_wait(epoll_fd, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr)
                accept_client(listener, upstream_port);
            else
                handle(event);
        }
        while (garbage_size > 0)
            delete garbage[--garbage_size];
    }
}
