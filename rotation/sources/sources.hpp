// The sources, one file each; make_source() (rotation/source.hpp) chooses.
#pragma once

#include "rotation/source.hpp"

#include <memory>

namespace rekey::rotation {

std::unique_ptr<Source> make_file_source(const config::Source& source, Environment& environment,
                                         DescriptorWatcher& watcher, LogSink log, const protocol::Secret& version_key);
std::unique_ptr<Source> make_env_source(const config::Source& source, Environment& environment,
                                        const protocol::Secret& version_key);
std::unique_ptr<Source> make_exec_source(const config::Source& source, Environment& environment, LogSink log,
                                         const protocol::Secret& version_key);

} // namespace rekey::rotation
