#include "proxy/admin/logging.hpp"

#include "proxy/admin/json_text.hpp"
#include "proxy/admin/repeat_filter.hpp"
#include "proxy/admin/time_text.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <mutex>

namespace rekey::proxy::admin {
namespace {

constexpr std::size_t queue_lines = 8192;

rotation::LogLevel level_of(std::string_view name) {
    using enum rotation::LogLevel;
    if (name == "debug")
        return debug;
    if (name == "warn" || name == "warning")
        return warn;
    return name == "error" ? error : info;
}

// Control characters would let a peer's text start a line of its own.
std::string one_line(std::string_view text) {
    std::string line;
    line.reserve(text.size());
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            line += c;
            continue;
        }
        constexpr auto hex = "0123456789abcdef";
        line += "\\x";
        line += hex[byte >> 4];
        line += hex[byte & 15];
    }
    return line;
}

} // namespace

std::string_view to_string(rotation::LogLevel level) {
    switch (level) {
    case rotation::LogLevel::debug:
        return "debug";
    case rotation::LogLevel::info:
        return "info";
    case rotation::LogLevel::warn:
        return "warn";
    case rotation::LogLevel::error:
        return "error";
    }
    return "info";
}

std::string format_line(config::LogFormat format, std::chrono::system_clock::time_point time, rotation::LogLevel level,
                        std::string_view text) {
    auto stamp = utc_text(time);
    std::string name(to_string(level));
    if (format == config::LogFormat::json)
        return "{\"time\":\"" + stamp + "\",\"level\":\"" + name + "\",\"message\":" + json_string(text) + "}";
    name.resize(5, ' ');
    return stamp + " " + name + " " + one_line(text);
}

struct Logging::State {
    std::shared_ptr<spdlog::async_logger> logger;
    std::shared_ptr<spdlog::details::thread_pool> writer; // joined before the logger that it writes with goes
    std::atomic<rotation::LogLevel> level;
    std::atomic<config::LogFormat> format;
    std::mutex mutex; // of `repeats`; held for a look-up, and only for warnings and errors
    RepeatFilter repeats;
    std::atomic<std::uint64_t> suppressed{0};

    void emit(rotation::LogLevel at, std::string_view text) {
        logger->log(spdlog::level::info, format_line(format, std::chrono::system_clock::now(), at, text));
    }
};

Logging::Logging(std::string_view level, config::LogFormat format) : state_(std::make_unique<State>()) {
    state_->writer = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
    auto output = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    state_->logger = std::make_shared<spdlog::async_logger>("rekey", output, state_->writer,
                                                            spdlog::async_overflow_policy::overrun_oldest);
    state_->logger->set_pattern("%v"); // lines come formatted
    state_->logger->flush_on(spdlog::level::info);
    configure(level, format);
}

Logging::~Logging() {
    flush_repeated(std::chrono::steady_clock::time_point::max());
}

void Logging::configure(std::string_view level, config::LogFormat format) {
    state_->level = level_of(level);
    state_->format = format;
}

void Logging::write(rotation::LogLevel level, std::string_view text) {
    if (level < state_->level)
        return;
    if (level >= rotation::LogLevel::warn) {
        std::lock_guard lock(state_->mutex);
        if (!state_->repeats.admit(text, std::chrono::steady_clock::now())) {
            ++state_->suppressed;
            return;
        }
    }
    state_->emit(level, text);
}

rotation::LogSink Logging::sink() {
    return [this](rotation::LogLevel level, std::string_view text) { write(level, text); };
}

void Logging::flush_repeated(std::chrono::steady_clock::time_point now) {
    std::vector<RepeatFilter::Repeated> repeated;
    {
        std::lock_guard lock(state_->mutex);
        repeated = state_->repeats.due(now);
    }
    for (auto& [text, count] : repeated)
        state_->emit(rotation::LogLevel::warn, text + " (" + std::to_string(count) + " more times)");
}

std::uint64_t Logging::dropped() const {
    return state_->writer->overrun_counter();
}
std::uint64_t Logging::suppressed() const {
    return state_->suppressed;
}

} // namespace rekey::proxy::admin
