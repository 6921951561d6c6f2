#include "proxy/admin/listening_socket.hpp"
#include "tests/support/temporary_directory.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

namespace rekey::proxy::admin {
namespace {

config::Address loopback(std::uint16_t port = 0) {
    config::Address address;
    address.host = "127.0.0.1";
    address.port = port;
    return address;
}

int connect_tcp(std::uint16_t port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    return fd;
}

TEST(ListeningSocket, HandsOverEveryConnection) {
    ControlLoop loop;
    int accepted = 0;
    ListeningSocket listening(loop, loopback(), [&](int fd) {
        ::close(fd);
        if (++accepted == 3)
            loop.stop();
    });
    ASSERT_NE(listening.port(), 0);
    int clients[] = {connect_tcp(listening.port()), connect_tcp(listening.port()), connect_tcp(listening.port())};
    loop.run();
    EXPECT_EQ(accepted, 3);
    for (int fd : clients)
        ::close(fd);
}

TEST(ListeningSocket, SaysWhichAddressIsTaken) {
    ControlLoop loop;
    ListeningSocket first(loop, loopback(), [](int fd) { ::close(fd); });
    try {
        ListeningSocket second(loop, loopback(first.port()), [](int fd) { ::close(fd); });
        FAIL() << "bound twice";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("127.0.0.1:" + std::to_string(first.port())), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("in use"), std::string::npos);
    }
}

TEST(ListeningSocket, MakesAUnixSocketForItsOwnerOverAStaleOneAndRemovesIt) {
    tests::TemporaryDirectory directory;
    config::Address address;
    address.unix_path = std::string(directory.path()) + "/admin";
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.unix_path.copy(name.sun_path, sizeof name.sun_path - 1);
    int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(stale, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ::close(stale);
    struct stat facts{};
    {
        ControlLoop loop;
        ListeningSocket listening(loop, address, [](int fd) { ::close(fd); });
        EXPECT_EQ(listening.port(), 0);
        ASSERT_EQ(::stat(name.sun_path, &facts), 0);
        EXPECT_EQ(facts.st_mode & 0777, 0600U);
    }
    EXPECT_NE(::stat(name.sun_path, &facts), 0);
}

TEST(ListeningSocket, LeavesAFileInItsPlaceAlone) {
    tests::TemporaryDirectory directory;
    config::Address address;
    address.unix_path = std::string(directory.path()) + "/data";
    std::ofstream(address.unix_path) << "precious";
    ControlLoop loop;
    EXPECT_THROW(ListeningSocket(loop, address, [](int fd) { ::close(fd); }), std::runtime_error);
    EXPECT_TRUE(std::ifstream(address.unix_path).good());
}

TEST(ListeningSocket, RefusesAPathThatDoesNotFit) {
    ControlLoop loop;
    config::Address address;
    address.unix_path = "/" + std::string(200, 'x');
    EXPECT_THROW(ListeningSocket(loop, address, [](int fd) { ::close(fd); }), std::runtime_error);
}

} // namespace
} // namespace rekey::proxy::admin
