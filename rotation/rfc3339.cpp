#include "rotation/rfc3339.hpp"

#include <cstdio>

namespace rekey::rotation {

using namespace std::chrono;

namespace {

class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    unsigned digits(std::size_t count) {
        unsigned number = 0;
        for (; count > 0; --count)
            number = number * 10 + digit();
        return number;
    }
    // The next character, which must be one of `allowed`.
    char one_of(std::string_view allowed) {
        char next = peek();
        ok_ = ok_ && next != '\0' && allowed.find(next) != std::string_view::npos;
        if (ok_)
            rest_.remove_prefix(1);
        return next;
    }
    nanoseconds fraction() {
        if (peek() != '.')
            return {};
        one_of(".");
        std::int64_t count = digit(), scale = 100'000'000;
        for (count *= scale; peek() >= '0' && peek() <= '9';) {
            scale /= 10;
            ok_ = ok_ && scale > 0;
            count += scale * digit();
        }
        return nanoseconds(count);
    }
    void require(bool condition) { ok_ = ok_ && condition; }
    bool done() const { return ok_ && rest_.empty(); }

  private:
    char peek() const { return ok_ && !rest_.empty() ? rest_.front() : '\0'; }
    unsigned digit() { return static_cast<unsigned>(one_of("0123456789") - '0'); }

    std::string_view rest_;
    bool ok_ = true;
};

} // namespace

std::string format_rfc3339(system_clock::time_point time) {
    auto day = floor<days>(time);
    year_month_day date(day);
    hh_mm_ss clock(floor<milliseconds>(time) - day);
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return text;
}

std::optional<system_clock::time_point> parse_rfc3339(std::string_view text) {
    Scanner scan(text);
    auto y = scan.digits(4);
    scan.one_of("-");
    auto m = scan.digits(2);
    scan.one_of("-");
    auto d = scan.digits(2);
    scan.one_of("Tt ");
    auto hour = scan.digits(2);
    scan.one_of(":");
    auto minute = scan.digits(2);
    scan.one_of(":");
    auto second = scan.digits(2);
    auto fraction = scan.fraction();
    char sign = scan.one_of("Zz+-");
    minutes offset{};
    if (sign == '+' || sign == '-') {
        auto offset_hour = scan.digits(2);
        scan.one_of(":");
        auto offset_minute = scan.digits(2);
        scan.require(offset_hour < 24 && offset_minute < 60);
        offset = hours(offset_hour) + minutes(offset_minute);
    }
    year_month_day date{year(static_cast<int>(y)), month(m), day(d)};
    if (!scan.done() || !date.ok() || y < 1970 || y > 2261 || hour > 23 || minute > 59 || second > 60)
        return std::nullopt;
    auto local = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + fraction;
    return time_point_cast<system_clock::duration>(sign == '-' ? local + offset : local - offset);
}

} // namespace rekey::rotation
