#include "rotation/sources/secret_file.hpp"

#include "rotation/descriptor.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace rekey::rotation {

namespace {

constexpr std::size_t longest = 64 * 1024;

} // namespace

std::string read_secret(const config::SecretReference& reference, protocol::Secret& secret) {
    if (reference.file.empty()) {
        secret = reference.value.clone();
        return {};
    }
    auto because = [&](const char* reason) { return "cannot read " + reference.file + ": " + reason; };
    Descriptor file(::open(reference.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
        return because(std::strerror(errno));
    std::string content(longest + 1, '\0');
    std::size_t size = 0;
    while (size < content.size()) {
        auto got = ::read(file.get(), content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return because(std::strerror(errno));
        if (got == 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    if (size > longest) {
        protocol::cleanse(content);
        return because("it is longer than 64 KiB");
    }
    content.resize(size); // shrinks in place: nothing is left behind
    while (!content.empty() && std::strchr(" \t\r\n", content.back()) != nullptr)
        content.pop_back();
    secret = protocol::Secret::take(content);
    return secret.empty() ? because("it is empty") : std::string();
}

} // namespace rekey::rotation
