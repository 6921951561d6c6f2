// The one place of the control plane's clients that instantiates Beast's parser.
#include "rotation/http/message.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>

namespace rekey::rotation::http {

namespace {

namespace beast = boost::beast;
using Parser = beast::http::response_parser<beast::http::string_body>;

constexpr std::uint32_t header_limit = 16 * 1024;

std::string text_of(beast::string_view text) {
    return {text.data(), text.size()};
}

} // namespace

bool is_header_value(std::string_view value) {
    return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < 127; });
}

std::string write_request(std::string_view method, std::string_view target, std::string_view host,
                          const std::vector<Header>& headers, std::string_view body) {
    constexpr std::size_t fixed = 256;
    std::size_t size = fixed + method.size() + target.size() + host.size() + body.size();
    for (const auto& header : headers)
        size += header.name.size() + header.value.size() + 4;
    std::string text;
    text.reserve(size); // it never grows, so that no copy of a secret stays behind
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host);
    text.append("\r\nUser-Agent: rekey\r\n");
    bool accepts = std::any_of(headers.begin(), headers.end(), [](const Header& header) {
        return beast::iequals(beast::string_view(header.name), "Accept");
    });
    if (!accepts)
        text.append("Accept: */*\r\n");
    for (const auto& header : headers)
        text.append(header.name).append(": ").append(header.value.reveal()).append("\r\n");
    if (!body.empty() || method == "POST" || method == "PUT")
        text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    return text.append("\r\n").append(body);
}

std::string Head::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (beast::iequals(beast::string_view(key.data(), key.size()), beast::string_view(name.data(), name.size())))
            return value;
    return {};
}

struct ResponseReader::State {
    State(Kind its_kind, std::size_t its_limit) : kind(its_kind), limit(its_limit) { restart(); }
    ~State() { protocol::cleanse(pending); }

    void restart() {
        parser.emplace();
        parser->eager(true);
        parser->header_limit(header_limit);
        parser->body_limit(limit);
        parser->skip(kind == Kind::connect);
        // It never grows: see write_request().
        parser->get().body().reserve(limit);
    }

    std::string explain(const boost::system::error_code& error) const {
        if (error == beast::http::error::body_limit || error == beast::http::error::buffer_overflow)
            return "the answer is longer than " + std::to_string(limit) + " bytes";
        return "the answer is no HTTP: " + error.message();
    }

    // Parses what is there; what is left is the beginning of something.
    std::string parse() {
        while (!pending.empty() && !parser->is_done()) {
            boost::system::error_code error;
            auto used = parser->put(boost::asio::buffer(pending.data(), pending.size()), error);
            erase(used);
            bool more = error == beast::http::error::need_more;
            if (error && !more)
                return explain(error);
            if (parser->is_done() && parser->get().result_int() / 100 == 1)
                restart();
            else if (more || used == 0)
                break;
        }
        return {};
    }

    void erase(std::size_t used) {
        std::string rest;
        rest.reserve(pending.capacity());
        rest = std::string_view(pending).substr(used);
        protocol::cleanse(pending);
        pending.swap(rest);
    }

    Kind kind;
    std::size_t limit;
    std::optional<Parser> parser;
    std::string pending; // not parsed yet
    bool begun = false;
};

ResponseReader::ResponseReader(Kind kind, std::size_t body_limit) : state_(std::make_unique<State>(kind, body_limit)) {}

ResponseReader::~ResponseReader() {
    if (state_->parser)
        protocol::cleanse(state_->parser->get().body());
}

std::string ResponseReader::take(std::string_view bytes) {
    state_->begun = state_->begun || !bytes.empty();
    std::string all;
    all.reserve(state_->pending.size() + bytes.size());
    all.append(state_->pending).append(bytes);
    protocol::cleanse(state_->pending);
    state_->pending.swap(all);
    return state_->parse();
}

std::string ResponseReader::end() {
    boost::system::error_code error;
    if (state_->parser->got_some())
        state_->parser->put_eof(error);
    if (!error && state_->parser->is_done())
        return {};
    return "the connection ended before the answer did";
}

bool ResponseReader::done() const {
    return state_->parser->is_done();
}

bool ResponseReader::begun() const {
    return state_->begun;
}

Head ResponseReader::head() const {
    Head head;
    const auto& message = state_->parser->get();
    head.status = static_cast<int>(message.result_int());
    // Bytes behind the answer belong to nothing that was asked.
    head.keep_alive = message.keep_alive() && !message.need_eof() && state_->pending.empty();
    for (const auto& field : message)
        head.headers.emplace_back(text_of(field.name_string()), text_of(field.value()));
    return head;
}

protocol::Secret ResponseReader::take_body() {
    return protocol::Secret::take(state_->parser->get().body());
}

} // namespace rekey::rotation::http
