#include "rotation/sources/gcp_api.hpp"

#include "config/scalars.hpp"
#include "protocol/auth/base64.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/secret_text.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace {

std::string location_of(const config::Gcp& gcp) {
    constexpr std::string_view mark = "/locations/";
    auto at = gcp.secret.find(mark);
    if (at == std::string::npos)
        return gcp.location;
    auto rest = gcp.secret.substr(at + mark.size());
    return rest.substr(0, rest.find('/'));
}

bool is_number(std::string_view text) {
    constexpr std::size_t longest = 20;
    return !text.empty() && text.size() <= longest && config::parse_integer(text).has_value();
}

} // namespace

std::string gcp_version_name(const config::Gcp& gcp, const std::string& project) {
    if (gcp.secret.starts_with("projects/"))
        return gcp.secret + "/versions/" + gcp.version;
    if (project.empty())
        return {};
    auto location = gcp.location.empty() ? std::string() : "/locations/" + gcp.location;
    return "projects/" + project + location + "/secrets/" + gcp.secret + "/versions/" + gcp.version;
}

std::string gcp_endpoint(const config::Gcp& gcp) {
    if (!gcp.endpoint.empty())
        return gcp.endpoint;
    auto location = location_of(gcp);
    return location.empty() ? "https://secretmanager.googleapis.com"
                            : "https://secretmanager." + location + ".rep.googleapis.com";
}

std::uint32_t crc32c(std::string_view bytes) {
    constexpr std::uint32_t polynomial = 0x82F63B78; // reflected
    std::uint32_t sum = ~0u;
    for (char c : bytes) {
        sum ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            sum = (sum >> 1) ^ ((sum & 1) != 0 ? polynomial : 0);
    }
    return ~sum;
}

FetchResult parse_gcp_version(std::string_view body, const config::Gcp& gcp) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto name = root ? json_text(json_member(&*root, "name")) : std::string_view();
    auto* payload = root ? json_member(&*root, "payload") : nullptr;
    auto version = name.substr(std::min(name.rfind('/') + 1, name.size())); // npos + 1 is 0
    if (!is_number(version))
        return failed_fetch("the answer holds no name of a version");
    auto decoded = protocol::auth::base64_decode(json_text(json_member(payload, "data")));
    if (!decoded || decoded->empty())
        return failed_fetch("the answer holds no payload");
    auto secret = protocol::Secret::take(*decoded);
    auto sum = json_text(json_member(payload, "dataCrc32c"));
    if (!sum.empty() && sum != std::to_string(crc32c(secret.reveal())))
        return failed_fetch("the payload does not have the checksum that the store tells: it was damaged on its way");
    auto text = secret.reveal();
    if (text.ends_with('\n')) // of a file that was uploaded
        text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
    auto result = read_secret_text(text, gcp.shape, Bare::password);
    if (result.credential)
        result.credential->version = version;
    return result;
}

} // namespace rekey::rotation
