// Any text as a configuration file: an answer within bounds, no crash, and never both errors and a configuration.
#include "config/diff.hpp"
#include "config/load.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace rekey::config;

// No file system: what is included or named is a short text of its own.
Inputs closed_world() {
    return {
        [](const std::string& name) { return name == "UNSET" ? std::nullopt : std::optional<std::string>("value"); },
        [](const std::string& path, std::size_t) -> FileRead {
            if (path.ends_with(".yaml"))
                return {"users: [{ name: other, methods: [cert] }]\nlimits: { startup_timeout: 1s }\n", false, {}};
            if (path.ends_with("key") || path.ends_with("crt"))
                return {std::string(64, 'a'), true, {}};
            return {{}, false, "No such file or directory"};
        },
        [](const std::string&) { return std::vector<std::string>{"a.yaml", "b.yaml"}; }};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto result = load_text(text, "/fuzz/rekey.yaml", closed_world());
    if (result.ok() != result.errors.empty())
        std::abort();
    if (result.ok()) {
        auto again = load_text(text, "/fuzz/rekey.yaml", closed_world(), result.config.get());
        if (!again.ok() || diff(*result.config, *again.config).any())
            std::abort();
        keep_until_restart(*result.config, *again.config);
        if (diff(*result.config, *again.config).any())
            std::abort();
    }
    return 0;
}
