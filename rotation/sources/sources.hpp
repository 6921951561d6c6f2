// The sources, one file each; make_source() (rotation/source.hpp) chooses.
#pragma once

#include "rotation/alibaba/config_cipher.hpp"
#include "rotation/http/retry.hpp"
#include "rotation/nacos/listener.hpp"
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

// How Nacos is asked; tests have no patience.
struct NacosPatience {
    http::RetryPolicy retry; // of it the pauses count, between rounds over the servers
    nacos::ListenerPatience listener;
};
// `cipher` may be null: then a configuration that KMS has encrypted is refused.
std::unique_ptr<Source> make_nacos_source(const config::Source& source, Environment& environment,
                                          DescriptorWatcher& watcher, LogSink log, const protocol::Secret& version_key,
                                          std::unique_ptr<ConfigCipher> cipher = nullptr,
                                          const NacosPatience& patience = {});

} // namespace rekey::rotation
