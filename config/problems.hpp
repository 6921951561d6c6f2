// Collects what is wrong with a configuration, so that all of it is reported at once.
#pragma once

#include "config/tree.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace rekey::config {

class Problems {
  public:
    // Remembers where a key path stands, so that later findings need to know the path only.
    void locate(const std::string& path, Place place) { places_[path] = place; }
    // The place of the path, or of the nearest one around it.
    Place place_of(std::string path) const;
    bool located(const std::string& path) const { return places_.contains(path); }

    // `message` reads on from "key.path: " and holds no secret. Of one path the first error is kept: what follows from
    // a bad value is noise.
    void error(const std::string& path, const std::string& message);
    // For one value of several under the path: all are kept.
    void error(Place place, const std::string& path, const std::string& message);
    void warn(const std::string& path, const std::string& message) { warn(place_of(path), path, message); }
    void warn(Place place, const std::string& path, const std::string& message);

    // An error of a section that makes further findings in it noise: it asks for what this version cannot do.
    void refuse(const std::string& section, const std::string& path, const std::string& message);
    bool refused(const std::string& section) const { return refused_.contains(section); }
    // Whether a value was already found bad.
    bool bad(const std::string& path) const { return bad_.contains(path); }

    bool none() const { return errors_.empty(); }
    std::vector<std::string> errors() const { return in_order(errors_); }
    std::vector<std::string> warnings() const { return in_order(warnings_); }

  private:
    struct Finding {
        std::size_t file = 0;
        int line = 0;
        std::string text;
    };
    static Finding finding(Place place, const std::string& path, const std::string& message);
    static std::vector<std::string> in_order(std::vector<Finding> findings);

    std::map<std::string, Place> places_;
    std::set<std::string> refused_, bad_;
    std::vector<Finding> errors_, warnings_;
};

} // namespace rekey::config
