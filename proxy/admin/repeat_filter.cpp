#include "proxy/admin/repeat_filter.hpp"

namespace rekey::proxy::admin {

bool RepeatFilter::admit(std::string_view text, Clock::time_point now) {
    auto found = entries_.find(std::string(text));
    if (found != entries_.end()) {
        ++found->second.count;
        return false; // due() writes it, or forgets it
    }
    if (entries_.size() < texts_max)
        entries_.emplace(text, Entry{now});
    return true;
}

std::vector<RepeatFilter::Repeated> RepeatFilter::due(Clock::time_point now) {
    std::vector<Repeated> repeated;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        auto& [text, seen] = *entry;
        if (now - seen.written < interval) {
            ++entry;
        } else if (seen.count == 0) {
            entry = entries_.erase(entry);
        } else {
            repeated.push_back({text, seen.count});
            seen = Entry{now};
            ++entry;
        }
    }
    return repeated;
}

} // namespace rekey::proxy::admin
