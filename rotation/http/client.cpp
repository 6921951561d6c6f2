#include "rotation/http/client.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace rekey::rotation::http {

namespace {

// Servers and what lies between close idle connections after a minute or more.
constexpr auto idle_at_most = std::chrono::seconds(50);
constexpr std::size_t proxy_answer_limit = 16 * 1024;

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 307 || status == 308;
}

std::vector<Header> copy(const std::vector<Header>& headers) {
    std::vector<Header> copies;
    for (const auto& header : headers)
        copies.push_back({header.name, header.value.clone()});
    return copies;
}

} // namespace

// One way to one server.
struct Client::Hop {
    const Request& request;
    config::HttpUrl url;
    std::string target;
};

Client::Client(ClientOptions options)
    : options_(std::move(options)), tls_(options_.tls),
      random_(static_cast<std::minstd_rand::result_type>(options_.seed)) {}

Client::~Client() = default;

std::string Client::name_of(const Request& request) const {
    auto path = request.target.substr(0, request.target.find('?'));
    return options_.store + ": " + request.method + " " + request.url.origin() + path;
}

Response Client::send(const Request& request) {
    auto deadline = Clock::now() + request.timeout;
    auto valid = [](const Header& header) { return is_header_value(header.value.reveal()); };
    Response response;
    if (!std::all_of(request.headers.begin(), request.headers.end(), valid)) {
        response.failure = Failure::protocol;
        response.error = name_of(request) + ": a token or other header value holds characters that cannot be sent";
        return response;
    }
    for (unsigned number = 1;; ++number) {
        response = follow(request, deadline);
        auto retry_after = response.head.header("Retry-After");
        auto pause = pause_before_retry(
            options_.retry, {response.failure, response.status, request.repeatable, retry_after}, number, random_());
        if (!pause || Clock::now() + *pause >= deadline)
            break;
        pause_until(Clock::now() + *pause, cancellation_);
    }
    if (response.failure != Failure::none)
        response.error = name_of(request) + ": " + response.error;
    return response;
}

Response Client::follow(const Request& request, Clock::time_point deadline) {
    Hop hop{request, request.url, request.target};
    auto response = exchange(hop, deadline);
    for (unsigned followed = 0; is_redirect(response.status) && followed < request.redirects; ++followed) {
        Fault fault;
        if (!redirect(response, hop, fault)) {
            Response refused;
            refused.failure = fault.kind;
            refused.error = std::move(fault.text);
            return refused;
        }
        response = exchange(hop, deadline);
    }
    return response;
}

// Where to instead. A store's token goes along, so only to where it is as well protected.
bool Client::redirect(const Response& response, Hop& hop, Fault& fault) const {
    auto location = response.head.header("Location");
    auto question = std::min(location.find('?'), location.size());
    if (location.starts_with('/') && !location.starts_with("//")) {
        hop.target = location;
    } else if (auto url = config::parse_http_url(std::string_view(location).substr(0, question))) {
        if (hop.url.tls && !url->tls) {
            fault = {Failure::protocol, "it redirects from https to http, which is not followed"};
            return false;
        }
        hop.target = (url->path.empty() ? "/" : url->path) + location.substr(question);
        url->path.clear();
        hop.url = std::move(*url);
    } else {
        fault = {Failure::protocol, "status " + std::to_string(response.status) + " without a usable Location"};
        return false;
    }
    if (!is_header_value(hop.target) || hop.target.find(' ') != std::string::npos) {
        fault = {Failure::protocol, "it redirects to what is no address"};
        return false;
    }
    return true;
}

Response Client::exchange(const Hop& hop, Clock::time_point deadline) {
    Response response;
    auto fail = [&](Fault fault) {
        stream_.reset();
        response.failure = fault.kind;
        response.error = std::move(fault.text);
        return std::move(response);
    };
    // A connection that may just be closing is not for what must not be sent twice.
    bool fresh = !stream_ || !hop.request.repeatable || connected_to_ != hop.url.origin() || !stream_->quiet() ||
                 Clock::now() - used_at_ > idle_at_most;
    if (auto fault = fresh ? open(hop, std::min(deadline, Clock::now() + options_.connect_timeout)) : Fault{})
        return fail(std::move(fault));
    const auto* proxy = options_.proxy.for_url(hop.url);
    bool forwarded = proxy != nullptr && !hop.url.tls; // the proxy reads the request
    auto headers = copy(hop.request.headers);
    if (forwarded && !proxy->authorization.empty())
        headers.push_back({"Proxy-Authorization", proxy->authorization.clone()});
    auto text = write_request(hop.request.method, forwarded ? hop.url.origin() + hop.target : hop.target,
                              hop.url.authority(), headers, hop.request.body);
    ResponseReader reader(ResponseReader::Kind::ordinary, options_.response_limit);
    auto fault = talk(text, reader, deadline);
    protocol::cleanse(text);
    if (fault)
        return fail(std::move(fault));
    response.head = reader.head();
    response.status = response.head.status;
    response.body = reader.take_body();
    used_at_ = Clock::now();
    if (!response.head.keep_alive)
        stream_.reset();
    return response;
}

Fault Client::open(const Hop& hop, Clock::time_point deadline) {
    stream_ = std::make_unique<Stream>(cancellation_);
    connected_to_ = hop.url.origin();
    const auto* proxy = options_.proxy.for_url(hop.url);
    const auto& first = proxy != nullptr ? proxy->url : hop.url;
    if (auto fault = stream_->connect(first.host, first.port, deadline)) {
        fault.text =
            (proxy != nullptr ? "cannot connect to the proxy " + first.origin() : "cannot connect") + ": " + fault.text;
        return fault;
    }
    if (!hop.url.tls)
        return {};
    if (proxy != nullptr)
        if (auto fault = tunnel(hop, *proxy, deadline))
            return fault;
    std::string error;
    auto context = tls_.get(error);
    if (!context)
        return {Failure::tls, error};
    auto fault =
        stream_->start_tls(context.get(), tls_.server_name().empty() ? hop.url.host : tls_.server_name(), deadline);
    if (fault.kind == Failure::lost || fault.kind == Failure::timed_out)
        fault.kind = Failure::connect; // no request was sent
    return fault;
}

Fault Client::tunnel(const Hop& hop, const Proxy& proxy, Clock::time_point deadline) {
    auto host = hop.url.origin().substr(std::string_view("https://").size()); // CONNECT wants the port always
    std::vector<Header> headers;
    if (!proxy.authorization.empty())
        headers.push_back({"Proxy-Authorization", proxy.authorization.clone()});
    auto text = write_request("CONNECT", host, host, headers, {});
    ResponseReader reader(ResponseReader::Kind::connect, proxy_answer_limit);
    auto fault = talk(text, reader, deadline);
    protocol::cleanse(text);
    if (fault)
        return {fault.kind == Failure::cancelled ? fault.kind : Failure::connect,
                "the proxy " + proxy.url.origin() + ": " + fault.text};
    if (auto status = reader.head().status; status < 200 || status > 299)
        return {Failure::connect, "the proxy " + proxy.url.origin() + " answers status " + std::to_string(status)};
    return {};
}

Fault Client::talk(std::string_view request, ResponseReader& reader, Clock::time_point deadline) {
    if (auto fault = stream_->write(request, deadline))
        return fault;
    char bytes[16 * 1024];
    Fault fault;
    while (!reader.done() && !fault) {
        std::size_t count = 0;
        fault = stream_->read(bytes, sizeof bytes, count, deadline);
        if (fault)
            break;
        auto wrong = count != 0 ? reader.take({bytes, count}) : reader.end();
        if (!wrong.empty())
            fault = {count != 0 ? Failure::protocol : Failure::lost, wrong};
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return fault;
}

} // namespace rekey::rotation::http
