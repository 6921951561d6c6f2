// What stores of credentials answer. A first byte says which; where there is a status, the second one is it.
#include "protocol/common/assert.hpp"
#include "rotation/alibaba/answers.hpp"
#include "rotation/alibaba/envelope.hpp"
#include "rotation/alibaba/protobuf.hpp"
#include "rotation/aws/answers.hpp"
#include "rotation/aws/profiles.hpp"
#include "rotation/http/message.hpp"
#include "rotation/nacos/api.hpp"
#include "rotation/sources/cloud_answers.hpp"
#include "rotation/sources/gcp_api.hpp"
#include "rotation/sources/gcp_key.hpp"
#include "rotation/sources/kms_secret.hpp"
#include "rotation/sources/secrets_manager_api.hpp"
#include "rotation/sources/vault_api.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace rekey;
using namespace rekey::rotation;

constexpr std::chrono::system_clock::time_point now{std::chrono::seconds(1'800'000'000)};

void check(const FetchResult& result) {
    REKEY_ASSERT(result.credential.has_value() == result.error.empty());
}

template <class Result> void check_keys(const Result& result) {
    REKEY_ASSERT(!(result.keys && !result.error.empty()));
}

void vault(std::string_view text, int status) {
    config::Vault kv;
    kv.username_field = "username";
    kv.password_field = "password";
    for (auto engine : {config::VaultEngine::kv_v1, config::VaultEngine::kv_v2}) {
        kv.engine = engine;
        check(parse_vault_kv(text, kv));
    }
    check(parse_vault_static(text, 7));
    check(parse_vault_dynamic(text));
    parse_vault_auth(text);
    parse_vault_token(text);
    parse_vault_lease(text);
    explain_vault_status(status, text);
}

void aws_answers(std::string_view text, int status) {
    config::Aws secret;
    secret.username_field = "username";
    secret.password_field = "password";
    check(parse_secret_value(text, secret));
    parse_rotate_secret(text);
    check_keys(aws::parse_keys_json(text));
    check_keys(aws::parse_keys_xml(text));
    auto error = aws::parse_error(status, {}, text);
    aws::explain(error);
    aws::is_passing(error);
    aws::parse_http_date(text);
}

void profiles(std::string_view text) {
    std::map<std::string, aws::Profile> found;
    aws::parse_profiles(text, aws::FileKind::config, found);
    aws::parse_profiles(text, aws::FileKind::credentials, found);
}

void kms(std::string_view text, int status) {
    config::AliyunKms settings;
    settings.username_field = "username";
    settings.password_field = "password";
    std::string error;
    auto value = alibaba::parse_secret_value(text, error);
    if (error.empty())
        check(read_kms_secret(value, settings, now, 7));
    check_keys(alibaba::parse_keys(text));
    alibaba::explain(alibaba::parse_error(status, text));
    alibaba::parse_plaintext(text);
}

void envelope(std::string_view text) {
    static const protocol::Secret key("0123456789abcdef");
    std::string error;
    auto plain = alibaba::decrypt_content(key, text, error);
    REKEY_ASSERT(error.empty() || plain.empty());
    error.clear();
    auto data_key = alibaba::data_key(alibaba::CipherKind::aes_256, text, error);
    REKEY_ASSERT(!error.empty() || data_key.size() == 32);
    alibaba::kind_of(text);
}

void protobuf(std::string_view text) {
    auto fields = alibaba::parse_protobuf(text);
    if (!fields)
        return;
    for (const auto& field : *fields)
        REKEY_ASSERT(field.bytes.empty() || (field.bytes.data() >= text.data() &&
                                             field.bytes.data() + field.bytes.size() <= text.data() + text.size()));
}

void nacos_answers(std::string_view text, int status) {
    http::Head head;
    head.status = status;
    for (auto api : {config::NacosApi::v1, config::NacosApi::v2, config::NacosApi::v3}) {
        auto reading = nacos::read_answer(api, head, text);
        REKEY_ASSERT(reading.document.has_value() == reading.error.empty());
    }
    static const config::Nacos settings = [] {
        config::Nacos nacos;
        nacos.group = "DEFAULT_GROUP";
        nacos.data_id = "orders.yaml";
        return nacos;
    }();
    nacos::parse_login(text);
    nacos::names_configuration(text, settings);
    nacos::explain_status(status, text);
}

void clouds(std::string_view text, int status) {
    check(parse_gcp_version(text, {}));
    parse_access_token(text, now);
    explain_cloud_status(status, text);
    auto key = parse_service_account_key(text);
    REKEY_ASSERT(!key.error.empty() || !key.email.empty());
}

// Cut in two, it reads the same.
void http_response(std::string_view text, std::size_t cut) {
    auto read = [&](std::initializer_list<std::string_view> pieces) {
        http::ResponseReader reader(http::ResponseReader::Kind::ordinary, 4096);
        for (auto piece : pieces)
            if (!reader.done() && !reader.take(piece).empty())
                return std::string("wrong");
        if (!reader.done() && (!reader.end().empty() || !reader.done()))
            return std::string("unfinished");
        auto head = reader.head();
        return std::to_string(head.status) + " " + std::string(reader.take_body().reveal());
    };
    cut = text.empty() ? 0 : cut % text.size();
    REKEY_ASSERT(read({text}) == read({text.substr(0, cut), text.substr(cut)}));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const int status = 100 + 2 * data[1];
    std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    switch (data[0] % 9) {
    case 0:
        vault(text, status);
        break;
    case 1:
        aws_answers(text, status);
        break;
    case 2:
        profiles(text);
        break;
    case 3:
        kms(text, status);
        break;
    case 4:
        envelope(text);
        break;
    case 5:
        protobuf(text);
        break;
    case 6:
        nacos_answers(text, status);
        break;
    case 7:
        clouds(text, status);
        break;
    case 8:
        http_response(text, data[1]);
        break;
    }
    return 0;
}
