#include "rotation/credential_store.hpp"

#include <functional>
#include <map>

namespace rekey::rotation {

namespace {

class MemoryStore final : public CredentialStore {
  public:
    StoreError read(std::string_view credential, std::optional<StoreEntry>& entry) override {
        auto found = entries_.find(credential);
        if (found == entries_.end())
            entry.reset();
        else
            entry = found->second.clone();
        return StoreError::none;
    }

    StoreError write(std::string_view credential, StoreEntry& entry) override {
        auto found = entries_.find(credential);
        std::uint64_t stored = found == entries_.end() ? 0 : found->second.sequence;
        if (stored != entry.sequence)
            return StoreError::conflict;
        ++entry.sequence;
        entries_.insert_or_assign(std::string(credential), entry.clone());
        return StoreError::none;
    }

    StoreError read_value(std::string_view name, std::optional<protocol::Secret>& value) override {
        auto found = values_.find(name);
        if (found == values_.end())
            value.reset();
        else
            value = found->second.clone();
        return StoreError::none;
    }

    StoreError write_value(std::string_view name, const protocol::Secret& value) override {
        values_.insert_or_assign(std::string(name), value.clone());
        return StoreError::none;
    }

  private:
    std::map<std::string, StoreEntry, std::less<>> entries_;
    std::map<std::string, protocol::Secret, std::less<>> values_;
};

} // namespace

std::unique_ptr<CredentialStore> make_memory_store() {
    return std::make_unique<MemoryStore>();
}

} // namespace rekey::rotation
