#include "rotation/alibaba/caller.hpp"

#include <algorithm>

namespace rekey::rotation::alibaba {

namespace {

http::ClientOptions once(http::ClientOptions options) {
    options.retry.attempts = 1;
    return options;
}

bool is_worthwhile(http::Failure failure) {
    return failure == http::Failure::connect || failure == http::Failure::lost || failure == http::Failure::timed_out;
}

} // namespace

Caller::Caller(CallerOptions options, ReadError read_error)
    : options_(std::move(options)), read_error_(std::move(read_error)),
      url_(config::parse_http_url(options_.address).value_or(config::HttpUrl{})), client_(once(options_.client)),
      random_(static_cast<std::minstd_rand::result_type>(options_.client.seed)) {}

void Caller::cancel() {
    cancelled_ = true;
    client_.cancel();
}

bool Caller::pause(std::chrono::milliseconds span) {
    client_.pause(span);
    return !cancelled_;
}

std::chrono::milliseconds Caller::wait_after(unsigned number) {
    auto most = std::min(options_.longest, options_.unit * (1 << std::min(number, 10u))).count();
    return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(most / 2, most)(random_));
}

Reply Caller::read(http::Response response, const http::Request& request) {
    Reply reply;
    reply.head = std::move(response.head);
    if (response.ok()) {
        reply.body = std::move(response.body);
    } else if (response.status == 0) {
        reply.error = std::move(response.error);
        reply.store_failed = true;
    } else {
        reply.service = read_error_(response.status, response.body.reveal());
        reply.error = client_.name_of(request) + ": " + explain(reply.service);
        reply.store_failed = is_passing(reply.service);
    }
    return reply;
}

Reply Caller::send(const Make& make, WallTime now) {
    Reply reply;
    reply.error = options_.broken;
    if (!reply.error.empty())
        return reply;
    auto began = Clock::now();
    auto passed = [&] { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began); };
    http::Request request;
    request.method = "POST";
    request.url = url_;
    request.target = "/";
    for (unsigned number = 0;; ++number) {
        auto attempt = make(now + passed());
        request.headers = std::move(attempt.headers);
        request.body = attempt.body.reveal();
        request.timeout = options_.timeout - passed();
        auto response = client_.send(request);
        auto failure = response.failure;
        reply = read(std::move(response), request);
        bool again = failure == http::Failure::none ? reply.store_failed : is_worthwhile(failure);
        auto wait = wait_after(number);
        if (!again || number + 1 >= options_.attempts || passed() + wait >= options_.timeout || !pause(wait))
            return reply;
    }
}

CallerOptions caller_options(const config::AliyunKms& kms, const std::string& store, std::chrono::milliseconds timeout,
                             Environment& environment, const config::Environment& variables, const Patience& patience) {
    CallerOptions options;
    options.client.store = store;
    options.client.tls.ca = kms.ca;
    options.client.proxy = http::ProxySettings(variables, options.broken);
    options.client.seed = environment.random(UINT64_MAX);
    if (!options.broken.empty())
        options.broken = store + ": " + options.broken;
    options.address = kms.endpoint;
    options.timeout = timeout;
    options.unit = patience.unit;
    return options;
}

std::unique_ptr<Gateway> make_gateway(std::shared_ptr<const config::AliyunKms> kms, const std::string& store,
                                      std::chrono::milliseconds timeout, Environment& environment,
                                      const config::Environment& variables, const Patience& patience) {
    auto options = caller_options(*kms, store, timeout, environment, variables, patience);
    if (kms->client_key.empty())
        return make_open_api_gateway(std::move(kms), std::move(options), variables, patience);
    return make_dedicated_gateway(std::move(kms), std::move(options));
}

} // namespace rekey::rotation::alibaba
