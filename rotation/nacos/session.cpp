#include "rotation/nacos/session.hpp"

#include "protocol/common/assert.hpp"
#include "rotation/alibaba/identity.hpp"
#include "rotation/sources/secret_file.hpp"

#include <algorithm>

namespace rekey::rotation::nacos {

using config::NacosApi;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto login_retry = seconds(5);  // while a token that is to be renewed still serves
constexpr auto doubt_pause = seconds(60); // between logins because of refusals
constexpr auto least_attempt = milliseconds(100);

http::ClientOptions one_attempt(http::ClientOptions options) {
    options.retry.attempts = 1; // the next is another server's
    options.retry.status = nullptr;
    return options;
}

bool is_refusal(int status) {
    return status == 401 || status == 403;
}

protocol::Secret bearer(const protocol::Secret& token) {
    constexpr std::string_view word = "Bearer ";
    std::string text;
    text.reserve(word.size() + token.size());
    text.append(word).append(token.reveal());
    return protocol::Secret::take(text);
}

} // namespace

struct Session::Call {
    const char* method = "GET";
    std::string target; // behind the context path
    std::string_view body{};
    bool about_group = true; // what the signature covers
    bool with_token = true;
    bool once = false;          // one server, one attempt
    bool final_failure = false; // a status 500 is an answer, too
    milliseconds hold{0};       // how long the server may wait before it answers
};

struct Session::Reply {
    http::Response response;
    std::string error;         // of what was not even sent, or got no answer; with store, method and address
    std::string name;          // of the request, for errors about its answer
    bool store_failed = false; // with `error`

    int status() const { return response.status; }
    // Whether another server may do better.
    bool passing() const {
        if (response.status != 0)
            return is_passing_status(response.status);
        return response.failure != http::Failure::none && response.failure != http::Failure::cancelled;
    }
    // Whether it could be worth asking the same server again.
    bool untrusted() const {
        return response.failure == http::Failure::tls || response.failure == http::Failure::protocol;
    }
};

Session::Session(std::shared_ptr<const config::Nacos> nacos, SessionOptions options)
    : nacos_(std::move(nacos)), options_(std::move(options)), client_(one_attempt(options_.client)),
      random_(static_cast<std::minstd_rand::result_type>(options_.seed)) {
    for (const auto& address : nacos_->addresses)
        servers_.push_back(config::parse_http_url(address).value_or(config::HttpUrl{}));
    REKEY_ASSERT(!servers_.empty());
    current_ = options_.seed % servers_.size(); // many clients spread over the servers
}

Reading Session::read(const Moment& moment) {
    if (nacos_->api != NacosApi::automatic)
        return read_by(nacos_->api, moment);
    auto reading = read_by(modern_ ? NacosApi::v3 : NacosApi::v1, moment);
    if (!reading.no_api)
        return reading;
    auto other = read_by(modern_ ? NacosApi::v1 : NacosApi::v3, moment);
    if (other.no_api)
        return reading;
    modern_ = !modern_;
    return other;
}

Reading Session::read_by(NacosApi api, const Moment& moment) {
    Call call;
    call.target = read_target(*nacos_, api);
    auto reply = ask(call, moment);
    Reading reading;
    if (reply.status() == 0) {
        reading.error = std::move(reply.error);
        reading.store_failed = reply.store_failed;
        return reading;
    }
    reading = read_answer(api, reply.response.head, reply.response.body.reveal());
    if (!reading.error.empty() && !reading.absent)
        reading.error = reply.name + ": " + reading.error;
    return reading;
}

Listening Session::listen(const std::string& md5, milliseconds hold, const Moment& moment) {
    const auto form = listen_form(*nacos_, md5);
    Call call;
    call.method = "POST";
    call.target = "/v1/cs/configs/listener";
    call.body = form;
    call.about_group = false; // it could be about several
    call.once = true;
    call.hold = hold;
    auto reply = ask(call, moment);
    Listening listening;
    listening.error = reply.error;
    if (reply.response.ok()) {
        auto named = names_configuration(reply.response.body.reveal(), *nacos_);
        if (named)
            listening.heard = *named ? Listening::Heard::changed : Listening::Heard::nothing;
        else
            listening.error = reply.name + ": the answer is not that of a Nacos server";
    } else if (reply.status() != 0) {
        auto body = reply.response.body.reveal();
        listening.error = reply.name + ": " + explain_status(reply.status(), body);
        if (is_missing_api(reply.status(), body))
            listening.heard = Listening::Heard::unsupported;
    }
    if (listening.heard == Listening::Heard::failed)
        turn_to_next();
    return listening;
}

Session::Reply Session::ask(const Call& call, const Moment& moment) {
    if (auto login = have_token(moment); !login.error.empty()) {
        Reply reply;
        reply.error = std::move(login.error);
        reply.store_failed = login.store_failed;
        return reply;
    }
    auto reply = send(call, moment);
    bool doubt = is_refusal(reply.status()) && !token_.empty() && moment.now >= logged_in_at_ + doubt_pause;
    if (!doubt || !log_in(moment).error.empty())
        return reply;
    return send(call, moment);
}

Session::Reply Session::send(const Call& call, const Moment& moment) {
    const auto end = Clock::now() + options_.timeout + call.hold * 3 / 2;
    const auto share = (end - Clock::now()) / (call.once ? 1 : static_cast<int>(servers_.size()));
    const auto attempts = call.once ? 1 : rounds * servers_.size();
    for (std::size_t number = 1;; ++number) {
        auto left = std::max<Clock::duration>(end - Clock::now(), least_attempt);
        auto reply = send_once(call, moment, std::chrono::ceil<milliseconds>(std::min<Clock::duration>(share, left)));
        bool last = number >= (reply.untrusted() ? servers_.size() : attempts) || Clock::now() >= end;
        if (!reply.passing() || last || (call.final_failure && reply.status() == 500))
            return reply;
        turn_to_next();
        const auto& retry = options_.client.retry;
        auto span = static_cast<std::uint64_t>((retry.most - retry.least).count()) + 1;
        if (number % servers_.size() == 0)
            client_.pause(retry.least + milliseconds(random_() % span));
    }
}

Session::Reply Session::send_once(const Call& call, const Moment& moment, milliseconds timeout) {
    http::Request request;
    request.method = call.method;
    request.url = servers_[current_];
    request.target = (request.url.path.empty() ? "/nacos" : request.url.path) + call.target;
    request.body = call.body;
    request.timeout = timeout;
    Reply reply;
    reply.name = client_.name_of(request);
    reply.error = add_headers(call, moment, request.headers);
    if (!reply.error.empty())
        return reply;
    reply.response = client_.send(request);
    reply.error = reply.response.error;
    reply.store_failed = reply.response.status == 0;
    return reply;
}

// Empty, or which secret cannot be read.
std::string Session::add_headers(const Call& call, const Moment& moment, std::vector<http::Header>& headers) {
    auto add = [&](const char* name, std::string_view value) { headers.push_back({name, protocol::Secret(value)}); };
    add("Client-Version", "Nacos-CPP-Client:v1.0.0");
    add("Client-AppName", "rekey");
    add("exConfigInfo", "true");
    if (!call.body.empty())
        add("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8");
    if (call.hold.count() != 0)
        add("Long-Pulling-Timeout", std::to_string(call.hold.count()));
    if (call.with_token && !token_.empty())
        headers.push_back({"Authorization", bearer(token_)});
    if (!nacos_->access_key.given() || !call.with_token)
        return {};
    auto access = alibaba::read_access_key(nacos_->access_key);
    if (!access.keys)
        return "nacos: " + access.error;
    auto resource = call.about_group ? signed_resource(nacos_->name_space, nacos_->group) : std::string();
    for (auto& header : sign(*access.keys, {nacos_->region, nacos_->product}, resource, moment.wall))
        headers.push_back(std::move(header));
    return {};
}

// Without a user there never is one.
Session::Login Session::have_token(const Moment& moment) {
    if (nacos_->username.empty() || (!token_.empty() && moment.now < renew_at_))
        return {};
    auto login = log_in(moment);
    if (login.error.empty() || token_.empty() || moment.now >= expires_at_)
        return login;
    renew_at_ = moment.now + login_retry;
    return {};
}

Session::Login Session::log_in(const Moment& moment) {
    protocol::Secret password;
    if (auto error = read_secret(nacos_->password, password); !error.empty())
        return {"nacos: " + error, false};
    auto form = login_form(nacos_->username, password.reveal());
    Call call;
    call.method = "POST";
    call.body = form.reveal();
    call.with_token = false;
    call.final_failure = true; // so answers 3.x to a wrong password
    bool modern = nacos_->api == NacosApi::v3 || modern_;
    const char *first = "/v1/auth/users/login", *second = "/v3/auth/user/login";
    Reply reply;
    for (const auto* target : {modern ? second : first, modern ? first : second}) {
        call.target = target;
        reply = send(call, moment);
        if (!is_missing_api(reply.status(), reply.response.body.reveal()))
            break;
    }
    return read_login(reply, moment);
}

Session::Login Session::read_login(const Reply& reply, const Moment& moment) {
    if (reply.status() == 0)
        return {reply.error, reply.store_failed};
    auto body = reply.response.body.reveal();
    if (!reply.response.ok())
        return {reply.name + ": " + explain_status(reply.status(), body), is_passing_status(reply.status())};
    auto token = parse_login(body);
    if (!token)
        return {reply.name + ": the answer holds no token", false};
    token_ = std::move(token->text);
    logged_in_at_ = moment.now;
    expires_at_ = moment.now + token->ttl;
    // Between a tenth and a fifteenth of its life before its end.
    const auto ttl = std::chrono::duration_cast<milliseconds>(token->ttl);
    renew_at_ = expires_at_ - ttl / 15 - milliseconds(random_() % static_cast<std::uint64_t>((ttl / 30).count() + 1));
    return {};
}

} // namespace rekey::rotation::nacos
