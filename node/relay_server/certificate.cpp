#include "node/relay_server/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "node/tunnel/web_stream.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using X509Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long validity_seconds = 10L * 365 * 24 * 3600;
constexpr char certificate_name[] = "kp2p-relay";

Result<void> sign(X509* certificate, EVP_PKEY* key) {
    bool good = X509_set_version(certificate, 2) == 1;
    good = good && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1;
    good = good && X509_gmtime_adj(X509_getm_notBefore(certificate), -24 * 3600L) != nullptr;
    good = good && X509_gmtime_adj(X509_getm_notAfter(certificate), validity_seconds) != nullptr;
    good = good && X509_set_pubkey(certificate, key) == 1;
    X509_NAME* name = X509_get_subject_name(certificate);
    const auto* text = reinterpret_cast<const unsigned char*>(certificate_name);
    good = good && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1;
    good = good && X509_set_issuer_name(certificate, name) == 1;
    good = good && X509_sign(certificate, key, EVP_sha256()) > 0;
    return good ? Result<void>(ok) : Errc::failed;
}

}  // namespace

Result<std::string> make_certificate() {
    const PrivateKey key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const X509Certificate certificate(X509_new(), X509_free);
    const Bio text(BIO_new(BIO_s_mem()), BIO_free);
    if (!key || !certificate || !text) return Errc::failed;
    auto is_signed = sign(certificate.get(), key.get());
    if (!is_signed) return is_signed.error();
    const bool written =
        PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) &&
        PEM_write_bio_X509(text.get(), certificate.get());
    if (!written) return Errc::failed;
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

Result<std::shared_ptr<asio::ssl::context>> tls_context(const std::string& certificates,
                                                        const std::string& key, std::string& why) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    std::error_code error;
    context->use_certificate_chain(asio::buffer(certificates), error);
    if (error) why = "the certificate: " + error.message();
    if (!error) {
        context->use_private_key(asio::buffer(key), asio::ssl::context::pem, error);
        if (error) why = "the key: " + error.message();
    }
    if (error) return Errc::usage;
    return context;
}

Result<proto::tunnel::Fingerprint> fingerprint_of_pem(const std::string& certificates) {
    const Bio text(BIO_new_mem_buf(certificates.data(), static_cast<int>(certificates.size())),
                   BIO_free);
    if (!text) return Errc::failed;
    const X509Certificate certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr),
                                      X509_free);
    if (!certificate) return Errc::usage;
    return fingerprint_of(certificate.get());
}

}  // namespace kp2p
