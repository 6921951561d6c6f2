#include "proxy/admin/http_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <sys/socket.h>

#include <array>
#include <optional>
#include <set>

namespace rekey::proxy::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::generic::stream_protocol, asio::io_context::executor_type>;

class Connection;

bool is_malformed(error_code error) {
    static const auto& of_http = http::make_error_code(http::error::bad_method).category();
    return error && error.category() == of_http && error != http::error::end_of_stream &&
           error != http::error::partial_message;
}

std::string text_of(beast::string_view text) {
    return {text.data(), text.size()};
}

} // namespace

struct HttpServer::Shared {
    HttpHandler handler;
    HttpLimits limits;
    std::set<Connection*> connections;
    bool ended = false;
};

namespace {

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(Stream::socket_type socket, std::shared_ptr<HttpServer::Shared> server)
        : stream_(std::move(socket)), server_(std::move(server)) {
        server_->connections.insert(this);
    }
    ~Connection() { server_->connections.erase(this); }

    void read() {
        parser_.emplace();
        parser_->header_limit(server_->limits.header_bytes);
        parser_->body_limit(server_->limits.body_bytes);
        stream_.expires_after(server_->limits.request_time);
        http::async_read(stream_, buffer_, *parser_,
                         [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
    }
    void close() { stream_.close(); }

  private:
    void on_read(error_code error) {
        if (error == http::error::header_limit)
            return refuse(431, "request header too large\n");
        if (error == http::error::body_limit)
            return refuse(413, "request body too large\n");
        if (is_malformed(error))
            return refuse(400, "malformed request\n");
        if (error)
            return; // the peer left, or was too slow
        stream_.expires_never();
        HttpRequest request;
        auto& message = parser_->get();
        request.method = text_of(message.method_string());
        request.host = text_of(message[http::field::host]);
        request.authorization = text_of(message[http::field::authorization]);
        if (!parse_target(text_of(message.target()), request))
            return refuse(400, "malformed request target\n");
        keep_alive_ = message.keep_alive();
        head_ = message.method() == http::verb::head;
        if (head_)
            request.method = "GET";
        server_->handler(request, [self = shared_from_this()](HttpReply reply) { self->write(std::move(reply)); });
    }

    void refuse(unsigned status, std::string text) {
        keep_alive_ = false;
        HttpReply reply;
        reply.status = status;
        reply.body = std::move(text);
        write(std::move(reply));
    }

    void write(HttpReply reply) {
        if (server_->ended)
            return;
        reply_.emplace();
        reply_->result(reply.status);
        reply_->version(11);
        reply_->keep_alive(keep_alive_);
        reply_->set(http::field::content_type, reply.content_type);
        reply_->set(http::field::cache_control, "no-store");
        reply_->set("X-Content-Type-Options", "nosniff");
        for (auto& [name, value] : reply.headers)
            reply_->set(name, value);
        reply_->content_length(reply.body.size());
        if (!head_)
            reply_->body() = std::move(reply.body);
        stream_.expires_after(server_->limits.request_time);
        http::async_write(stream_, *reply_, [self = shared_from_this()](error_code error, std::size_t) {
            if (error || self->server_->ended)
                return;
            if (self->keep_alive_)
                return self->read();
            self->end();
        });
    }

    // Half-close, and read away what the peer still sends: it would turn into a reset that overtakes the reply.
    void end() {
        error_code error;
        stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
        stream_.expires_after(server_->limits.request_time);
        if (!error)
            read_away();
    }

    void read_away() {
        stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](error_code error, std::size_t) {
            if (!error)
                self->read_away();
        });
    }

    Stream stream_;
    std::shared_ptr<HttpServer::Shared> server_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::string_body>> reply_;
    std::array<char, 1024> rest_{};
    bool keep_alive_ = false, head_ = false;
};

} // namespace

HttpServer::HttpServer(ControlLoop& loop, const config::Address& address, HttpHandler handler, HttpLimits limits)
    : shared_(std::make_shared<Shared>()), listening_(loop, address, [this, &loop](int fd) { accepted(loop, fd); }) {
    shared_->handler = std::move(handler);
    shared_->limits = limits;
}

HttpServer::~HttpServer() {
    shared_->ended = true;
    for (auto* connection : shared_->connections)
        connection->close();
}

void HttpServer::accepted(ControlLoop& loop, int fd) {
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size);
    Stream::socket_type socket(loop.context().get_executor());
    socket.assign(asio::generic::stream_protocol(local.ss_family, 0), fd);
    if (shared_->connections.size() >= shared_->limits.connections)
        return; // closed with `socket`
    std::make_shared<Connection>(std::move(socket), shared_)->read();
}

} // namespace rekey::proxy::admin
