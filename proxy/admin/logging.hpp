// The process's log: event-style lines on stderr, written by a thread of their own behind a bounded queue, so that a
// slow reader of stderr never holds up a worker; what does not fit is dropped, oldest first, and counted.
//
// Identical warnings and errors are written once and then once a minute with a count. Control characters are
// escaped, so that no peer can forge a line.
#pragma once

#include "config/config.hpp"
#include "rotation/ports.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rekey::proxy::admin {

// `level` as in the configuration: debug | info | warn | error.
class Logging {
  public:
    Logging(std::string_view level, config::LogFormat format);
    ~Logging(); // writes what is queued
    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;

    // Any thread.
    void write(rotation::LogLevel level, std::string_view text);
    rotation::LogSink sink();
    // Any thread; a reload changes both.
    void configure(std::string_view level, config::LogFormat format);
    // Writes the counts of repetitions that are due; called now and then.
    void flush_repeated(std::chrono::steady_clock::time_point now);
    std::uint64_t dropped() const;
    std::uint64_t suppressed() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// One line of the log without its newline; `time` in UTC.
std::string format_line(config::LogFormat format, std::chrono::system_clock::time_point time, rotation::LogLevel level,
                        std::string_view text);
std::string_view to_string(rotation::LogLevel level);

} // namespace rekey::proxy::admin
