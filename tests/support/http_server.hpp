// A strict little HTTP/1.1 server on a free loopback port, for clients under test: it answers as it is told, with TLS
// or behind a CONNECT if wanted, and notes what it was asked. A request that is not as the standard wants it is
// answered with 400, and noted as such.
#pragma once

#include "rotation/descriptor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rekey::tests {

struct SeenRequest {
    std::string method, target, body;
    std::map<std::string, std::string> headers; // names in lower case
    int connection = 0;                         // from 1
    bool malformed = false;

    std::string header(const std::string& name) const {
        auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    }
};

// The bytes of an answer; no bytes: the connection is closed without one.
struct Answer {
    std::string bytes;
    bool close = false; // afterwards
    bool hang = false;  // say nothing until the client goes away

    static Answer json(int status, const std::string& body, const std::string& headers = {}) {
        return {"HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Type: application/json\r\n" + headers +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                false, false};
    }
};

class HttpServer {
  public:
    using Handler = std::function<Answer(const SeenRequest&)>;
    enum class Way { plain, tls, proxy }; // proxy: a CONNECT is answered with 200, then comes TLS

    explicit HttpServer(Handler handler, Way way = Way::plain, std::shared_ptr<SSL_CTX> context = nullptr)
        : handler_(std::move(handler)), way_(way), context_(std::move(context)) {
        ::signal(SIGPIPE, SIG_IGN); // a client may go away at any time
        listener_ = rotation::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_.get(), 16) != 0 ||
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            std::abort();
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer() {
        {
            std::lock_guard lock(mutex_);
            ended_ = true;
            ::shutdown(listener_.get(), SHUT_RDWR);
            for (int fd : open_)
                ::shutdown(fd, SHUT_RDWR);
        }
        acceptor_.join();
        for (auto& thread : threads_)
            thread.join();
    }

    std::uint16_t port() const { return port_; }
    std::string url() const {
        return (way_ == Way::tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
    }
    std::vector<SeenRequest> requests() const {
        std::lock_guard lock(mutex_);
        return requests_;
    }
    // How many requests asked for this.
    std::size_t count(const std::string& method, const std::string& target) const {
        auto seen = requests();
        return static_cast<std::size_t>(std::count_if(seen.begin(), seen.end(), [&](const SeenRequest& request) {
            return request.method == method && request.target == target;
        }));
    }

  private:
    struct Connection {
        int fd = -1;
        SSL* ssl = nullptr;
        std::string pending;

        bool more() {
            char bytes[4096];
            auto count = ssl != nullptr ? SSL_read(ssl, bytes, sizeof bytes)
                                        : static_cast<int>(::recv(fd, bytes, sizeof bytes, 0));
            if (count > 0)
                pending.append(bytes, static_cast<std::size_t>(count));
            return count > 0;
        }
        bool write(const std::string& text) {
            if (ssl != nullptr)
                return text.empty() || SSL_write(ssl, text.data(), static_cast<int>(text.size())) > 0;
            return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
        }
    };

    void accept_all() {
        for (int number = 1;; ++number) {
            int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            std::lock_guard lock(mutex_);
            if (fd < 0 || ended_) {
                if (fd >= 0)
                    ::close(fd);
                return;
            }
            open_.push_back(fd);
            threads_.emplace_back([this, fd, number] {
                serve(fd, number);
                std::lock_guard inner(mutex_);
                open_.remove(fd);
                ::close(fd);
            });
        }
    }

    void serve(int fd, int number) {
        Connection connection;
        connection.fd = fd;
        if (way_ == Way::proxy) {
            SeenRequest request;
            if (!read_request(connection, request))
                return;
            request.connection = number;
            if (!answer(connection, request) || request.method != "CONNECT")
                return;
        }
        std::unique_ptr<SSL, decltype(&SSL_free)> ssl(nullptr, SSL_free);
        if (way_ != Way::plain) {
            ssl.reset(SSL_new(context_.get()));
            SSL_set_fd(ssl.get(), fd);
            if (SSL_accept(ssl.get()) != 1)
                return;
            connection.ssl = ssl.get();
        }
        SeenRequest request;
        while (read_request(connection, request)) {
            request.connection = number;
            if (!answer(connection, request))
                break;
            request = {};
        }
        if (ssl)
            SSL_shutdown(ssl.get());
    }

    // False: the connection ends.
    bool answer(Connection& connection, const SeenRequest& request) {
        {
            std::lock_guard lock(mutex_);
            requests_.push_back(request);
        }
        auto answer = request.malformed ? Answer::json(400, "{\"errors\":[\"malformed\"]}") : handler_(request);
        while (answer.hang && connection.more()) {
        }
        return !answer.hang && !answer.bytes.empty() && connection.write(answer.bytes) && !answer.close;
    }

    static bool read_request(Connection& connection, SeenRequest& request) {
        std::size_t end = 0;
        while ((end = connection.pending.find("\r\n\r\n")) == std::string::npos)
            if (!connection.more())
                return false;
        auto head = connection.pending.substr(0, end + 2);
        connection.pending.erase(0, end + 4);
        parse_head(head, request);
        auto length = request.header("content-length");
        request.malformed |= length.find_first_not_of("0123456789") != std::string::npos;
        std::size_t size = length.empty() || request.malformed ? 0 : std::stoul(length);
        while (connection.pending.size() < size)
            if (!connection.more())
                return false;
        request.body = connection.pending.substr(0, size);
        connection.pending.erase(0, size);
        return true;
    }

    static void parse_head(const std::string& head, SeenRequest& request) {
        auto line = head.substr(0, head.find("\r\n"));
        auto first = line.find(' '), last = line.rfind(' ');
        request.method = line.substr(0, first);
        request.malformed |= first == last || line.substr(last + 1) != "HTTP/1.1";
        request.target = first == last ? "" : line.substr(first + 1, last - first - 1);
        request.malformed |= request.target.empty() || request.target.find(' ') != std::string::npos;
        for (auto at = head.find("\r\n") + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
            auto field = head.substr(at, head.find("\r\n", at) - at);
            auto colon = field.find(": ");
            request.malformed |= colon == std::string::npos || colon == 0;
            auto name = field.substr(0, colon);
            for (auto& byte : name)
                byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
            request.malformed |= name.find(' ') != std::string::npos;
            auto value = colon == std::string::npos ? std::string() : field.substr(colon + 2);
            request.malformed |= !request.headers.emplace(name, value).second; // none of ours repeats
        }
        request.malformed |= request.header("host").empty();
    }

    Handler handler_;
    Way way_;
    std::shared_ptr<SSL_CTX> context_;
    rotation::Descriptor listener_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    bool ended_ = false;
    std::list<int> open_;
    std::vector<SeenRequest> requests_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

} // namespace rekey::tests
