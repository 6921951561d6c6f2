#include "proxy/admin/admin_client.hpp"

#include "config/scalars.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <vector>

namespace rekey::proxy::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Endpoint = asio::generic::stream_protocol::endpoint;

constexpr std::uint64_t body_bytes_max = 64U << 20; // a status with many thousand clients

// The steps one after the other; each ends the loop's run.
class Exchange {
  public:
    AdminResponse run(const config::Address& address, const AdminRequest& request) {
        error_code error = connect(address, request.connect_time);
        if (!error)
            error = send(request);
        if (!error)
            error = receive(request.reply_time);
        if (error)
            return {0, {}, address.text() + ": " + error.message()};
        return {parser_.get().result_int(), std::move(parser_.get().body()), {}};
    }

  private:
    template <class Start> error_code step(Start start) {
        error_code result = asio::error::operation_aborted;
        context_.restart();
        start([&result](error_code error, auto&&...) { result = error; });
        context_.run();
        return result;
    }

    error_code connect(const config::Address& address, std::chrono::milliseconds time) {
        std::vector<Endpoint> endpoints;
        error_code error;
        if (address.is_unix()) {
            endpoints.emplace_back(asio::local::stream_protocol::endpoint(address.unix_path));
        } else {
            asio::ip::tcp::resolver resolver(context_);
            auto found = resolver.resolve(address.host, std::to_string(address.port), error);
            for (auto& entry : found)
                endpoints.emplace_back(entry.endpoint());
        }
        for (auto& endpoint : endpoints) {
            stream_.expires_after(time);
            error = step([&](auto done) { stream_.async_connect(endpoint, done); });
            if (!error)
                return {};
            stream_.close();
        }
        return error;
    }

    error_code send(const AdminRequest& request) {
        auto verb = http::string_to_verb(request.method);
        http::request<http::empty_body> message(verb, request.target, 11);
        message.set(http::field::host, "localhost"); // the address was chosen by the operator
        message.set(http::field::user_agent, "rekey");
        message.set(http::field::connection, "close");
        if (request.token != nullptr && !request.token->empty())
            message.set(http::field::authorization, "Bearer " + std::string(request.token->reveal()));
        if (verb == http::verb::post)
            message.set(http::field::content_length, "0");
        stream_.expires_after(request.connect_time);
        return step([&](auto done) { http::async_write(stream_, message, done); });
    }

    error_code receive(std::optional<std::chrono::milliseconds> time) {
        parser_.body_limit(body_bytes_max);
        if (time)
            stream_.expires_after(*time);
        else
            stream_.expires_never();
        return step([&](auto done) { http::async_read(stream_, buffer_, parser_, done); });
    }

    asio::io_context context_{1};
    beast::basic_stream<asio::generic::stream_protocol, asio::io_context::executor_type> stream_{context_};
    beast::flat_buffer buffer_;
    http::response_parser<http::string_body> parser_;
};

} // namespace

AdminResponse ask_admin(const config::Address& address, const AdminRequest& request) {
    return Exchange().run(address, request);
}

std::optional<config::Address> parse_admin_url(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (url.starts_with(scheme))
        url.remove_prefix(scheme.size());
    else if (!url.starts_with("unix:"))
        return std::nullopt;
    if (url.ends_with("/"))
        url.remove_suffix(1);
    return config::parse_address(url);
}

std::string percent_encoded(std::string_view text) {
    constexpr auto hex = "0123456789ABCDEF";
    std::string out;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
            continue;
        }
        auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += hex[byte >> 4];
        out += hex[byte & 15];
    }
    return out;
}

} // namespace rekey::proxy::admin
