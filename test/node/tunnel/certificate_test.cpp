// What is said of a relay's certificate that is not taken.
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <fstream>

#include "node/async/tasks.hpp"
#include "node/relay_server/certificate.hpp"
#include "node/relay_server/relay_server.hpp"
#include "node/tunnel/opened_tunnel.hpp"
#include "test/run.hpp"
#include "test/runtime.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;

namespace {

constexpr long hour = 3600;

// The same, good from and until so many seconds from now.
std::string dated(const std::string& pem, long from, long until) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free),
        out(BIO_new(BIO_s_mem()), BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    PEM_write_bio_X509(out.get(), certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

struct Row {
    const char* name;
    long from, until;
    bool trusted;
    const char* words;
    bool impostor;
};

constexpr Row rows[] = {
    {"it has ended", -2 * hour, -hour, true, "is not valid any more by this computer's clock",
     false},
    {"it has not begun", hour, 2 * hour, true, "is not valid yet by this computer's clock", false},
    {"of another name", -hour, hour, true, "is for another name; it shows a certificate of kp2p",
     true},
    {"of nobody we know", -hour, hour, false, "nobody that this computer trusts vouches", true},
};

Task<> refused(Row row) {
    test::RealRuntime real(co_await asio::this_coro::executor);
    const test::TempDir dir;
    auto made = make_certificate();
    REQUIRE(made);
    const std::string pem = dated(*made, row.from, row.until);
    std::ofstream(dir.path() / "trusted.pem") << (row.trusted ? pem : *make_certificate());
    ::setenv("SSL_CERT_FILE", (dir.path() / "trusted.pem").c_str(), 1);
    std::string why_not;
    RelayServerConfig config;
    config.listen = Endpoint::loopback(0);
    config.udp_host = config.public_host = config.listen.host;
    config.tls = *tls_context(pem, pem, why_not);
    auto relay = RelayServer::open(real.runtime, config);
    REQUIRE(relay);
    RelayRoute route;
    route.url.host = "127.0.0.1";
    route.url.port = (*relay)->local().port;
    route.url.tls = true;
    TunnelTrouble why;
    auto ran = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn((*relay)->serve());
        auto opened = co_await open_tunnel(real.clock, route, std::nullopt, why);
        CHECK_FALSE(opened);
        all.cancel();
    });
    (void)ran;
    ::unsetenv("SSL_CERT_FILE");
    CAPTURE(why.words);
    CHECK(why.words.find(row.words) != std::string::npos);
    CHECK(why.impostor == row.impostor);
}

}  // namespace

TEST_CASE("it is said what is wrong with the certificate of a relay") {
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        test::run(refused(row));
    }
}
