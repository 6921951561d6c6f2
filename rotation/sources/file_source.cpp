#include "rotation/sources/credential_files.hpp"
#include "rotation/sources/path_watch.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/version_hash.hpp"

namespace rekey::rotation {

namespace {

class FileSource final : public Source {
  public:
    FileSource(const config::Source& source, Environment& environment, DescriptorWatcher& watcher, LogSink log,
               const protocol::Secret& version_key)
        : files_(std::make_shared<const config::Source>(what_matters(source))), environment_(environment),
          watcher_(watcher), log_(std::move(log)), versions_(std::make_shared<VersionHash>(version_key, environment)) {}

    std::string_view type() const override { return "file"; }

    void fetch(std::function<void(FetchResult)> done) override {
        if (watch_)
            watch_->arm();
        auto reading = std::make_shared<FileReading>();
        environment_.run_blocking(
            [files = files_, versions = versions_, reading] { read(*files, *versions, *reading); },
            [alive = std::weak_ptr(alive_), this, reading, done = std::move(done)] {
                if (alive.expired())
                    return;
                warn_once(reading->readable_by_others);
                done(std::move(reading->result));
            });
    }

    void watch(std::function<void()> changed) override {
        watch_ = std::make_unique<PathWatch>(files_->path, environment_, watcher_, std::move(changed), log_);
    }

  private:
    static config::Source what_matters(const config::Source& source) {
        config::Source files;
        files.path = source.path;
        files.format = source.format;
        files.user = source.user;
        files.passfile = source.passfile;
        files.strict_permissions = source.strict_permissions;
        return files;
    }

    static void read(const config::Source& files, const VersionHash& versions, FileReading& reading) {
        reading = read_credential_files(files);
        if (auto& credential = reading.result.credential; credential && credential->version.empty())
            credential->version = versions.of(*credential);
    }

    void warn_once(const std::string& path) {
        if (path.empty() || warned_)
            return;
        warned_ = true;
        log_(LogLevel::warn, "file: " + path + " may be read by others (chmod o= it, unless its mount makes it so)");
    }

    std::shared_ptr<const config::Source> files_; // shared with the worker
    Environment& environment_;
    DescriptorWatcher& watcher_;
    LogSink log_;
    std::shared_ptr<const VersionHash> versions_;
    std::unique_ptr<PathWatch> watch_;
    bool warned_ = false;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true); // expires with the source
};

} // namespace

std::unique_ptr<Source> make_file_source(const config::Source& source, Environment& environment,
                                         DescriptorWatcher& watcher, LogSink log, const protocol::Secret& version_key) {
    return std::make_unique<FileSource>(source, environment, watcher, std::move(log), version_key);
}

} // namespace rekey::rotation
