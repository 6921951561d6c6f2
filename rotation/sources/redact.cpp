#include "rotation/sources/redact.hpp"

#include <algorithm>
#include <cctype>

namespace rekey::rotation {

namespace {

constexpr std::size_t longest = 400;
constexpr std::size_t suspicious_run = 16; // no English word; keys, tokens and generated passwords are longer
constexpr std::size_t shortest_secret = 4; // a shorter word of the output may be anything
constexpr std::string_view hidden = "[hidden]";
constexpr std::string_view telling[] = {"passw",  "pwd",           "secret",  "token",
                                        "bearer", "authorization", "api_key", "credential"};

bool is_telling(std::string_view word) {
    std::string lower(word);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
    return std::any_of(std::begin(telling), std::end(telling),
                       [&lower](std::string_view part) { return lower.find(part) != std::string::npos; });
}

bool has_long_run(std::string_view word) {
    std::size_t run = 0;
    for (char byte : word) {
        bool part = std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
                    std::string_view("+/=_-~").find(byte) != std::string_view::npos;
        run = part ? run + 1 : 0;
        if (run >= suspicious_run)
            return true;
    }
    return false;
}

bool occurs(std::string_view word, std::string_view secrets) {
    return word.size() >= shortest_secret && secrets.find(word) != std::string_view::npos;
}

// Whatever separates a name from its value, or quotes it.
bool separates(char byte) {
    return std::isspace(static_cast<unsigned char>(byte)) != 0 ||
           std::string_view("=:,;\"'`()[]{}<>|&?").find(byte) != std::string_view::npos;
}

} // namespace

std::string redact(std::string_view text, std::string_view secrets) {
    std::string clean;
    bool hide_line = false;
    text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    while (!text.empty() && clean.size() < longest) {
        auto end = std::find_if(text.begin(), text.end(), separates);
        auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        if (word.empty()) {
            hide_line = hide_line && text.front() != '\n';
            if (!hide_line)
                clean += text.front();
            text.remove_prefix(1);
            continue;
        }
        text.remove_prefix(word.size());
        if (hide_line)
            continue;
        bool hide = has_long_run(word) || occurs(word, secrets) || word.find('@') != std::string_view::npos;
        clean += hide ? hidden : word;
        if (is_telling(word)) {
            clean += " " + std::string(hidden);
            hide_line = true;
        }
    }
    for (auto& byte : clean)
        byte = static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f ? ' ' : byte;
    clean.erase(clean.find_last_not_of(' ') + 1);
    return text.empty() ? clean : clean + " …";
}

} // namespace rekey::rotation
