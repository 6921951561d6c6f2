#include "rotation/alibaba/data_key_cache.hpp"

#include "protocol/auth/digest.hpp"

#include <algorithm>

namespace rekey::rotation::alibaba {

namespace {

std::string name_of(std::string_view encrypted) {
    return std::string(protocol::auth::view(protocol::auth::sha256({encrypted})));
}

} // namespace

protocol::Secret DataKeyCache::find(std::string_view encrypted, Clock::time_point now) {
    drop_old(now);
    auto found = entries_.find(name_of(encrypted));
    if (found == entries_.end())
        return {};
    found->second.used = now;
    return found->second.key.clone();
}

void DataKeyCache::put(std::string_view encrypted, protocol::Secret key, Clock::time_point now) {
    drop_old(now);
    auto name = name_of(encrypted);
    if (!entries_.contains(name) && entries_.size() == capacity)
        entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                        [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
    entries_.insert_or_assign(std::move(name), Entry{std::move(key), now, now});
}

void DataKeyCache::drop_old(Clock::time_point now) {
    std::erase_if(entries_, [now](const auto& entry) {
        return now - entry.second.used >= after_use || now - entry.second.written >= after_write;
    });
}

} // namespace rekey::rotation::alibaba
