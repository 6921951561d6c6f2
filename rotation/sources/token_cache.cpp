#include "rotation/sources/token_cache.hpp"

#include "rotation/sources/cloud_answers.hpp"

namespace rekey::rotation {

namespace {

constexpr int unauthorized = 401;

RemoteReply read_answer(http::Response response, const std::string& name,
                        const std::function<FetchResult(std::string_view body)>& read) {
    RemoteReply reply;
    reply.store_failed = !response.ok() && is_store_failure(response.status);
    if (response.status == 0) {
        reply.result.error = std::move(response.error);
        return reply;
    }
    reply.result = response.ok() ? read(response.body.reveal())
                                 : failed_fetch(explain_cloud_status(response.status, response.body.reveal()));
    if (!reply.result.credential)
        reply.result.error = name + ": " + reply.result.error;
    return reply;
}

} // namespace

TokenReply read_token_reply(http::Response response, const std::string& name, const Moment& moment) {
    TokenReply reply;
    reply.store_failed = !response.ok() && is_store_failure(response.status);
    if (response.status == 0) {
        reply.error = std::move(response.error);
        return reply;
    }
    if (!response.ok()) {
        reply.error = name + ": " + explain_cloud_status(response.status, response.body.reveal());
        return reply;
    }
    auto token = parse_access_token(response.body.reveal(), moment.wall);
    if (!token) {
        reply.error = name + ": the answer holds no access token with an end to come";
        return reply;
    }
    reply.token = std::move(token->token);
    reply.life = token->life;
    return reply;
}

TokenReply TokenCache::get(const Moment& moment) {
    TokenReply kept;
    kept.token = token_.clone();
    if (!token_.empty() && moment.now + renew_before < ends_at_)
        return kept;
    auto reply = ask_(moment);
    if (!reply.error.empty())
        return !token_.empty() && moment.now < ends_at_ ? std::move(kept) : std::move(reply);
    token_ = reply.token.clone();
    ends_at_ = moment.now + reply.life;
    return reply;
}

RemoteReply ask_with_token(TokenCache& tokens, const Moment& moment, const std::string& name,
                           const std::function<http::Response(const protocol::Secret& token)>& ask,
                           const std::function<FetchResult(std::string_view body)>& read) {
    for (bool again : {true, false}) {
        auto token = tokens.get(moment);
        if (!token.error.empty())
            return {failed_fetch(std::move(token.error)), token.store_failed};
        auto response = ask(token.token);
        if (response.status != unauthorized || !again)
            return read_answer(std::move(response), name, read);
        tokens.forget(); // perhaps it was taken back before its end
    }
    return {};
}

} // namespace rekey::rotation
