#include "config/problems.hpp"

#include <algorithm>

namespace rekey::config {

Place Problems::place_of(std::string path) const {
    while (true) {
        if (auto known = places_.find(path); known != places_.end())
            return known->second;
        if (path.empty())
            return {};
        auto cut = path.find_last_of(".[");
        path.resize(cut == std::string::npos ? 0 : cut);
    }
}

void Problems::error(const std::string& path, const std::string& message) {
    if (!bad(path))
        error(place_of(path), path, message);
}

void Problems::error(Place place, const std::string& path, const std::string& message) {
    bad_.insert(path);
    errors_.push_back(finding(place, path, message));
}

void Problems::warn(Place place, const std::string& path, const std::string& message) {
    warnings_.push_back(finding(place, path, message));
}

void Problems::refuse(const std::string& section, const std::string& path, const std::string& message) {
    refused_.insert(section);
    error(path, message);
}

Problems::Finding Problems::finding(Place place, const std::string& path, const std::string& message) {
    Finding found;
    if (place.file != nullptr) {
        found.file = place.file->order;
        found.line = place.line;
        found.text = place.file->name + ":" + std::to_string(place.line) + ": ";
    }
    found.text += path.empty() ? message : path + ": " + message;
    return found;
}

std::vector<std::string> Problems::in_order(std::vector<Finding> findings) {
    std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
        return std::pair(a.file, a.line) < std::pair(b.file, b.line);
    });
    constexpr std::size_t most = 100;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < findings.size() && i < most; ++i)
        texts.push_back(std::move(findings[i].text));
    if (findings.size() > most)
        texts.push_back("and " + std::to_string(findings.size() - most) + " more");
    return texts;
}

} // namespace rekey::config
