// The sources, one file each; make_source() (rotation/source.hpp) chooses.
#pragma once

#include "config/load.hpp"
#include "rotation/alibaba/config_cipher.hpp"
#include "rotation/alibaba/gateway.hpp"
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

// Of the policy its statuses are the source's own.
std::unique_ptr<Source> make_http_source(const config::Source& source, Environment& environment,
                                         const protocol::Secret& version_key,
                                         const config::Environment& variables = config::process_environment(),
                                         const http::RetryPolicy& retry = {});
std::unique_ptr<Source> make_gcp_source(const config::Source& source, Environment& environment,
                                        const protocol::Secret& version_key,
                                        const config::Environment& variables = config::process_environment(),
                                        const http::RetryPolicy& retry = {});
std::unique_ptr<Source> make_azure_source(const config::Source& source, Environment& environment,
                                          const protocol::Secret& version_key,
                                          const config::Environment& variables = config::process_environment(),
                                          const http::RetryPolicy& retry = {});

// How AWS is asked; tests have no patience and an environment of their own.
struct AwsPatience {
    std::chrono::milliseconds unit{1000};     // see aws::CallerOptions
    std::chrono::milliseconds metadata{1000}; // time-out and pause of the metadata's endpoints
};
std::unique_ptr<Source>
make_secrets_manager_source(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
                            const config::Environment& variables = config::process_environment(),
                            const AwsPatience& patience = {});
// Hands out no password but what makes one for each login; its version never changes.
std::unique_ptr<Source> make_rds_iam_source(const config::Source& source, Environment& environment,
                                            const config::Environment& variables = config::process_environment(),
                                            const AwsPatience& patience = {});

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

std::unique_ptr<Source> make_aliyun_kms_source(const config::Source& source, Environment& environment,
                                               const protocol::Secret& version_key,
                                               const config::Environment& variables = config::process_environment(),
                                               const alibaba::Patience& patience = {});

} // namespace rekey::rotation
