#include "rotation/aws/caller.hpp"

#include <algorithm>

namespace rekey::rotation::aws {

namespace {

http::ClientOptions once(http::ClientOptions options) {
    options.retry.attempts = 1;
    return options;
}

http::Request request_of(const Call& call) {
    http::Request request;
    request.method = "POST";
    request.url = call.url;
    request.url.path.clear();
    request.target = call.url.path.empty() ? "/" : call.url.path;
    request.body = call.body;
    return request;
}

// Whether there is a point in another attempt: what is asked for may be asked for twice.
bool worthwhile(const http::Response& response, const ServiceError& error) {
    switch (response.failure) {
    case http::Failure::none:
        return is_passing(error);
    case http::Failure::connect:
    case http::Failure::lost:
    case http::Failure::timed_out:
        return true;
    case http::Failure::tls:
    case http::Failure::protocol:
    case http::Failure::cancelled:
        break;
    }
    return false;
}

} // namespace

Caller::Caller(CallerOptions options)
    : options_(std::move(options)), client_(once(options_.client)),
      random_(static_cast<std::minstd_rand::result_type>(options_.client.seed)) {}

std::chrono::milliseconds Caller::pause(unsigned number) {
    auto most = std::min(options_.longest, options_.unit * (1 << std::min(number, 10u)));
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(0, most.count()))(random_));
}

http::Response Caller::attempt(const Call& call, const Keys* keys, std::chrono::system_clock::time_point now,
                               std::chrono::milliseconds timeout) {
    auto request = request_of(call);
    request.timeout = timeout;
    ToSign to_sign;
    to_sign.method = request.method;
    to_sign.host = request.url.authority();
    to_sign.path = request.target;
    to_sign.body = call.body;
    for (const auto& [name, value] : call.headers)
        to_sign.headers.push_back({name, protocol::Secret(value)});
    request.headers =
        keys != nullptr ? sign(*keys, call.scope, std::move(to_sign), now + skew_) : std::move(to_sign.headers);
    return client_.send(request);
}

CallReply Caller::send(const Call& call, const Keys* keys, std::chrono::system_clock::time_point now) {
    auto began = Clock::now();
    auto passed = [&] { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began); };
    bool corrected = false;
    for (unsigned number = 0;;) {
        auto response = attempt(call, keys, now + passed(), call.timeout - passed());
        CallReply reply;
        if (response.ok()) {
            reply.body = std::move(response.body);
            return reply;
        }
        if (response.status != 0)
            reply.service = parse_error(response.status, response.head, response.body.reveal());
        if (auto date = parse_http_date(response.head.header("Date")); date && is_skewed(reply.service) && !corrected) {
            skew_ = std::chrono::ceil<std::chrono::seconds>(*date - (now + passed()));
            corrected = true;
            continue;
        }
        bool again = worthwhile(response, reply.service);
        auto wait = pause(number);
        if (again && ++number < options_.attempts && passed() + wait < call.timeout) {
            client_.pause(wait);
            continue;
        }
        reply.store_failed = response.status == 0 || is_passing(reply.service);
        reply.error = response.status == 0 ? std::move(response.error)
                                           : client_.name_of(request_of(call)) + ": " + explain(reply.service);
        return reply;
    }
}

} // namespace rekey::rotation::aws
