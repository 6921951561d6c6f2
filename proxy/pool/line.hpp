// Who stands in line: a list whose places are used again, so that lining up and leaving take no memory.
#pragma once

#include <iterator>
#include <list>

namespace rekey::proxy {

template <typename T>
class Line {
  public:
    using Place = typename std::list<T*>::iterator; // good until its owner leaves

    bool empty() const { return places_.empty(); }
    std::size_t size() const { return places_.size(); }
    T* front() const { return places_.front(); }
    T* back() const { return places_.back(); }
    Place begin() { return places_.begin(); }
    Place end() { return places_.end(); }

    Place enter_front(T& who) { return enter(places_.begin(), who); }
    Place enter_back(T& who) { return enter(places_.end(), who); }
    // The place behind it.
    Place leave(Place place) {
        auto next = std::next(place);
        spare_.splice(spare_.begin(), places_, place);
        return next;
    }
    T* take_front() {
        auto* first = places_.front();
        leave(places_.begin());
        return first;
    }

  private:
    Place enter(Place before, T& who) {
        if (spare_.empty())
            return places_.insert(before, &who);
        auto place = spare_.begin();
        *place = &who;
        places_.splice(before, spare_, place);
        return place;
    }

    std::list<T*> places_, spare_; // never more spare ones than stood in line at once
};

} // namespace rekey::proxy
