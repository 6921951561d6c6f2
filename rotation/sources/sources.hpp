// The sources, one file each; make_source() (rotation/source.hpp) chooses.
#pragma once

#include "rotation/http/retry.hpp"
#include "rotation/source.hpp"

#include <memory>

namespace rekey::rotation {

std::unique_ptr<Source> make_file_source(const config::Source& source, Environment& environment,
                                         DescriptorWatcher& watcher, LogSink log, const protocol::Secret& version_key);
std::unique_ptr<Source> make_env_source(const config::Source& source, Environment& environment,
                                        const protocol::Secret& version_key);
std::unique_ptr<Source> make_exec_source(const config::Source& source, Environment& environment, LogSink log,
                                         const protocol::Secret& version_key);

// Of the policy its statuses are the source's own.
std::unique_ptr<Source> make_vault_source(const config::Source& source, Environment& environment,
                                          const protocol::Secret& version_key, const http::RetryPolicy& retry = {});

} // namespace rekey::rotation
