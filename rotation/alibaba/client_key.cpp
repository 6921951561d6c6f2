#include "rotation/alibaba/client_key.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/common/assert.hpp"
#include "rotation/secret_json.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include <algorithm>

namespace rekey::rotation::alibaba {

namespace {

using Key = std::shared_ptr<evp_pkey_st>;

// OpenSSL with the legacy provider, apart from what everything else uses.
class Library {
  public:
    Library() : context_(OSSL_LIB_CTX_new()) {
        REKEY_ASSERT(context_ != nullptr);
        legacy_ = OSSL_PROVIDER_load(context_, "legacy"); // may not be installed
        standard_ = OSSL_PROVIDER_load(context_, "default");
        REKEY_ASSERT(standard_ != nullptr);
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() {
        OSSL_PROVIDER_unload(standard_);
        if (legacy_ != nullptr)
            OSSL_PROVIDER_unload(legacy_);
        OSSL_LIB_CTX_free(context_);
    }
    OSSL_LIB_CTX* context() const { return context_; }

  private:
    OSSL_LIB_CTX* context_;
    OSSL_PROVIDER* legacy_ = nullptr;
    OSSL_PROVIDER* standard_ = nullptr;
};

// The same key, no longer of the library that read it.
Key taken_over(EVP_PKEY* key) {
    unsigned char* bytes = nullptr;
    int size = i2d_PrivateKey(key, &bytes);
    if (size <= 0)
        return nullptr;
    const unsigned char* at = bytes;
    Key own(d2i_AutoPrivateKey(nullptr, &at, size), EVP_PKEY_free);
    OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
    return own;
}

Key read_pkcs12(std::string_view bytes, const std::string& password, std::string& error) {
    Library library;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    PKCS12* file = PKCS12_init_ex(NID_pkcs7_data, library.context(), nullptr);
    REKEY_ASSERT(file != nullptr);
    if (d2i_PKCS12(&file, &at, static_cast<long>(bytes.size())) == nullptr) { // frees what it cannot fill
        error = "PrivateKeyData is no PKCS #12 file";
        return nullptr;
    }
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
    Key own;
    if (PKCS12_parse(file, password.c_str(), &key, &certificate, nullptr) != 1)
        error = "the password does not open PrivateKeyData, or its algorithm is not supported";
    else if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        error = "PrivateKeyData holds no RSA key";
    else if (certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        error = "the client key has expired; make a new one in the console";
    else
        own = taken_over(key);
    if (error.empty() && !own)
        error = "PrivateKeyData holds no RSA key";
    X509_free(certificate);
    EVP_PKEY_free(key);
    PKCS12_free(file);
    return own;
}

bool is_key_id(std::string_view id) {
    constexpr std::size_t longest = 128;
    return !id.empty() && id.size() <= longest &&
           std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 127; });
}

} // namespace

std::optional<ClientKey> ClientKey::parse(std::string_view document, std::string_view password, std::string& error) {
    CleansingMemory memory;
    auto root = parse_secret_json(document, memory);
    auto id = root ? json_text(json_member(&*root, "KeyId")) : std::string_view();
    auto data = root ? json_text(json_member(&*root, "PrivateKeyData")) : std::string_view();
    auto decoded = protocol::auth::base64_decode(data);
    if (!is_key_id(id) || data.empty() || !decoded) {
        error = "it is no client key: a JSON object with KeyId and PrivateKeyData, which is base64";
        return std::nullopt;
    }
    auto file = protocol::Secret::take(*decoded);
    std::string terminated(password);
    ClientKey key;
    key.id_ = id;
    key.key_ = read_pkcs12(file.reveal(), terminated, error);
    protocol::cleanse(terminated);
    return key.key_ ? std::optional(std::move(key)) : std::nullopt;
}

std::string ClientKey::sign(std::string_view text) const {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    bool begun = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                 EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
    REKEY_ASSERT(begun);
    std::string signature(size, '\0');
    bool made = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                               text.size()) == 1;
    REKEY_ASSERT(made);
    signature.resize(size);
    return protocol::auth::base64_encode(signature);
}

} // namespace rekey::rotation::alibaba
