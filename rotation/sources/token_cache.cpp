#include "rotation/sources/token_cache.hpp"

#include "rotation/sources/cloud_answers.hpp"

namespace rekey::rotation {

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

} // namespace rekey::rotation
