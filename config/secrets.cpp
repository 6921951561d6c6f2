#include "config/secrets.hpp"

#include "config/gather.hpp"
#include "config/scalars.hpp"
#include "protocol/common/assert.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <filesystem>

namespace rekey::config {

namespace {

constexpr std::size_t longest_secret = 64 * 1024;

// Random for each process, so that a fingerprint is worth nothing outside. Constant once made.
const std::array<unsigned char, 32>& process_key() {
    static const auto key = [] {
        std::array<unsigned char, 32> bytes{};
        REKEY_ASSERT(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
        return bytes;
    }();
    return key;
}

} // namespace

std::string keyed_digest(std::string_view key, std::string_view content) {
    const auto& own = process_key();
    if (key.empty())
        key = {reinterpret_cast<const char*>(own.data()), own.size()};
    std::string digest(32, '\0');
    auto bytes = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                      reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    REKEY_ASSERT(bytes != nullptr);
    return digest;
}

std::string fingerprint(std::string_view content) {
    return lower_case_hex(keyed_digest({}, content));
}

SecretReader::SecretReader(const Inputs& inputs, Problems& problems, std::vector<Setting>& settings)
    : inputs_(inputs), problems_(problems), settings_(settings) {
    for (std::size_t i = 0; i < settings_.size(); ++i)
        by_path_[settings_[i].path] = i;
}

protocol::Secret SecretReader::read(const Node* mapping, const std::string& path) {
    if (mapping == nullptr || problems_.bad(path))
        return {};
    auto file = mapping->find("file"), variable = mapping->find("env"), value = mapping->find("value");
    auto strict = mapping->find("strict_permissions");
    protocol::Secret secret;
    if (file != nullptr && !problems_.bad(path + ".file")) {
        secret = read_file(*file, path, strict != nullptr && strict->text == "true");
    } else if (variable != nullptr && !problems_.bad(path + ".env")) {
        auto content = inputs_.environment(variable->text);
        if (!content)
            problems_.error(path + ".env", "the environment variable " + variable->text + " is not set");
        else if (content->empty())
            problems_.error(path + ".env", "the environment variable " + variable->text + " is empty");
        else
            secret = protocol::Secret::take(*content);
    } else if (value != nullptr) {
        secret = protocol::Secret(value->text);
    }
    note(path, fingerprint(secret.reveal()));
    return secret;
}

SecretReference SecretReader::reference(const Node* mapping, const std::string& path) {
    SecretReference reference;
    auto file = mapping != nullptr ? mapping->find("file") : nullptr;
    if (file == nullptr) {
        reference.value = read(mapping, path);
        return reference;
    }
    if (problems_.bad(path) || problems_.bad(path + ".file"))
        return reference;
    std::error_code ignored;
    reference.file = std::filesystem::absolute(resolve(file->place, file->text), ignored).lexically_normal().string();
    auto content = inputs_.read_file(reference.file, longest_secret);
    protocol::cleanse(content.text);
    auto strict = mapping->find("strict_permissions");
    if (!content.error.empty())
        problems_.warn(path + ".file", "cannot read " + reference.file + " now: " + content.error);
    else if (content.others_may_read)
        judge_permissions(reference.file, path + ".file", strict != nullptr && strict->text == "true");
    note(path, fingerprint(reference.file)); // its content changes by itself
    return reference;
}

std::optional<std::string> SecretReader::variable(const std::string& name) const {
    auto value = inputs_.environment(name);
    return value && !value->empty() ? value : std::nullopt;
}

protocol::Secret SecretReader::read_file(const Node& value, const std::string& path, bool strict) {
    auto name = resolve(value.place, value.text);
    auto read = inputs_.read_file(name, longest_secret);
    if (!read.error.empty()) {
        problems_.error(path + ".file", "cannot read " + name + ": " + read.error);
        return {};
    }
    if (read.others_may_read)
        judge_permissions(name, path + ".file", strict);
    if (read.text.ends_with('\n'))
        read.text.resize(read.text.size() - (read.text.ends_with("\r\n") ? 2 : 1));
    if (read.text.empty())
        problems_.error(path + ".file", name + " is empty");
    else if (read.text.find('\0') != std::string::npos)
        problems_.error(path + ".file", name + " holds a NUL byte");
    return protocol::Secret::take(read.text);
}

std::string SecretReader::digest_of(const std::string& file, const std::string& path, bool private_file) {
    if (problems_.bad(path))
        return {};
    auto read = inputs_.read_file(file, longest_text);
    if (!read.error.empty()) {
        problems_.error(path, "cannot read " + file + ": " + read.error);
        return {};
    }
    if (read.others_may_read && private_file)
        judge_permissions(file, path, false);
    auto print = fingerprint(read.text);
    protocol::cleanse(read.text);
    note(path, print);
    return print;
}

void SecretReader::judge_permissions(const std::string& file, const std::string& path, bool strict) {
    if (strict)
        problems_.error(path, file + " may be read by everybody, which strict_permissions forbids");
    else if (warned_.insert(file).second)
        problems_.warn(path, file + " may be read by everybody");
}

void SecretReader::note(const std::string& path, const std::string& print) {
    if (auto known = by_path_.find(path); known != by_path_.end())
        settings_[known->second].fingerprint += ' ' + print;
}

} // namespace rekey::config
