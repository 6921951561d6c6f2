#include "proxy/admin/admin_token.hpp"
#include "proxy/admin/listener_certificate.hpp"
#include "proxy/admin/process.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

namespace rekey::proxy::admin {
namespace {

TEST(AdminToken, IsMadeOnceForItsOwner) {
    tests::TemporaryDirectory directory;
    auto path = directory / "admin.token";
    auto token = load_or_make_token(path);
    EXPECT_EQ(token.size(), 43U);
    EXPECT_EQ(token.reveal().find_first_of("+/= \n"), std::string_view::npos);
    EXPECT_EQ(load_or_make_token(path).reveal(), token.reveal());
    EXPECT_EQ(read_token(path).reveal(), token.reveal());
    struct stat facts{};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST(AdminToken, NamesAPathItCannotWrite) {
    tests::TemporaryDirectory directory;
    try {
        load_or_make_token(directory / "missing/admin.token");
        FAIL() << "written";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("missing/admin.token: No such file"), std::string::npos);
    }
    EXPECT_TRUE(read_token(directory / "missing/admin.token").empty());
}

TEST(ListenerCertificate, IsForThisMachineAndTenYears) {
    auto pem = make_listener_certificate();
    BIO* in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
    ASSERT_NE(certificate, nullptr);
    ASSERT_NE(key, nullptr);
    EXPECT_EQ(X509_check_private_key(certificate, key), 1);
    EXPECT_EQ(X509_verify(certificate, key), 1);
    EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
    EXPECT_EQ(X509_check_host(certificate, "db.example", 0, 0, nullptr), 0);
    EXPECT_EQ(X509_check_ca(certificate), 0);
    int days = 0, seconds = 0;
    ASSERT_EQ(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)), 1);
    EXPECT_GE(days, 3649);
    EXPECT_EQ(X509_cmp_current_time(X509_get0_notBefore(certificate)), -1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(in);
}

TEST(Process, WritesNoCoreFile) {
    harden_process();
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
    EXPECT_EQ(limit.rlim_max, 0U);
}

TEST(Process, MayOpenAsManyFilesAsTheSystemLetsIt) {
    auto now = raise_descriptor_limit();
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
    EXPECT_EQ(now, limit.rlim_cur);
}

class ServiceManagerTest : public testing::Test {
  protected:
    void listen(const std::string& path) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(name.sun_path, sizeof name.sun_path - 1);
        if (name.sun_path[0] == '@')
            name.sun_path[0] = '\0';
        auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
        ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), size), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~ServiceManagerTest() override {
        ::unsetenv("NOTIFY_SOCKET");
        if (fd >= 0)
            ::close(fd);
    }
    std::string received() {
        char text[256];
        auto size = ::recv(fd, text, sizeof text, MSG_DONTWAIT);
        return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
    }
    int fd = -1;
};

TEST_F(ServiceManagerTest, HearsWhatTheProcessDoes) {
    tests::TemporaryDirectory directory;
    listen(directory / "notify");
    notify_service_manager("READY=1");
    EXPECT_EQ(received(), "READY=1");
    notify_service_manager(reloading_state());
    EXPECT_TRUE(received().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST_F(ServiceManagerTest, HearsItInTheAbstractNamespace) {
    listen("@rekey-test-" + std::to_string(::getpid()));
    notify_service_manager("STOPPING=1");
    EXPECT_EQ(received(), "STOPPING=1");
}

TEST_F(ServiceManagerTest, MayBeAbsent) {
    ::unsetenv("NOTIFY_SOCKET");
    notify_service_manager("READY=1");
    ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
    notify_service_manager("READY=1");
    ::setenv("NOTIFY_SOCKET", "relative", 1);
    notify_service_manager("READY=1");
    ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
    notify_service_manager("READY=1");
}

} // namespace
} // namespace rekey::proxy::admin
