#include "rotation/aws/rds_tokens.hpp"

#include "config/aws_endpoint.hpp"
#include "protocol/common/assert.hpp"

namespace rekey::rotation::aws {

namespace {

bool same(const Keys& a, const Keys& b) {
    return a.id == b.id && protocol::equal_in_constant_time(a.secret.reveal(), b.secret.reveal()) &&
           protocol::equal_in_constant_time(a.session.reveal(), b.session.reveal());
}

} // namespace

RdsTokens::RdsTokens(std::string user, std::string region) : user_(std::move(user)), region_(std::move(region)) {}

void RdsTokens::use(std::shared_ptr<const Keys> keys, std::string fallback) {
    std::lock_guard lock(mutex_);
    if (!keys_ || !same(*keys_, *keys) || fallback != fallback_)
        made_.clear();
    keys_ = std::move(keys);
    fallback_ = std::move(fallback);
}

protocol::Secret RdsTokens::make(const std::string& host, std::uint16_t port,
                                 std::chrono::system_clock::time_point now) const {
    std::lock_guard lock(mutex_);
    REKEY_ASSERT(keys_ != nullptr);
    ToSign request;
    request.host = host + ":" + std::to_string(port); // the port is part of what is signed
    auto known = made_.find(request.host);
    // A clock that was put back makes a new one, too.
    if (known != made_.end() && now >= known->second.at && now - known->second.at < token_reused)
        return known->second.token.clone();
    auto of_host = config::region_of_host(host);
    Scope scope{!region_.empty() ? region_ : of_host.empty() ? fallback_ : std::string(of_host), "rds-db"};
    auto name = request.host;
    request.query = {{"Action", "connect"}, {"DBUser", user_}};
    auto token = presign(*keys_, scope, std::move(request), token_valid, now);
    auto copy = token.clone();
    made_.insert_or_assign(std::move(name), Made{std::move(token), now});
    return copy;
}

} // namespace rekey::rotation::aws
