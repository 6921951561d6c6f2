#include "config/load.hpp"

#include "config/build.hpp"
#include "config/check.hpp"
#include "config/gather.hpp"
#include "config/validate.hpp"

namespace rekey::config {

LoadResult load_text(std::string_view text, const std::string& path, const Inputs& inputs, const Config* previous) {
    auto config = std::make_shared<Config>();
    config->file = path;
    Problems problems;
    Gathered gathered;
    if (!gather(text, path, inputs, gathered, problems))
        return {nullptr, problems.errors()};
    config->settings = check(gathered.root, problems);
    SecretReader secrets(inputs, problems, config->settings);
    Building building{*config, problems, secrets};
    build(Section(&gathered.root, "", ""), building);
    validate(*config, problems);
    if (!problems.none())
        return {nullptr, problems.errors()};
    derive_verifiers(*config, previous);
    config->warnings = problems.warnings();
    return {config, {}};
}

LoadResult load_text(std::string_view text, const std::string& path, const Environment& environment) {
    auto inputs = process_inputs();
    inputs.environment = environment;
    return load_text(text, path, inputs);
}

LoadResult load(const std::string& path, const Inputs& inputs, const Config* previous) {
    auto read = inputs.read_file(path, longest_text);
    if (!read.error.empty())
        return {nullptr, {path + ": " + read.error}};
    auto result = load_text(read.text, path, inputs, previous);
    protocol::cleanse(read.text);
    return result;
}

LoadResult load(const std::string& path, const Config* previous) {
    return load(path, process_inputs(), previous);
}

} // namespace rekey::config
