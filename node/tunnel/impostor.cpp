#include "node/tunnel/impostor.hpp"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "proto/text.hpp"

namespace kp2p {
namespace {

constexpr int login_wanted = 511;  // RFC 6585, section 6
constexpr std::size_t max_shown_bytes = 100;
constexpr std::uint16_t usual_tls_port = 443;

// Nothing that a terminal makes something of, and no more than one reads.
std::string shown(std::string_view text) {
    std::string all(text.substr(0, max_shown_bytes));
    std::ranges::replace_if(
        all, [](char c) { return c < ' ' || c > '~'; }, '?');
    return all;
}

// What is behind the host of a URL may be somebody's session.
std::string host_of(std::string_view url) {
    const auto scheme_end = url.find("://");
    if (scheme_end == url.npos) return {};
    url.remove_prefix(scheme_end + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    return shown(url.substr(url.find('@') + 1));
}

std::string common_name(X509_NAME* name) {
    std::array<char, 256> text{};
    const int size = X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), text.size());
    return size > 0 ? shown(text.data()) : "nobody";
}

// Of the variable of OpenSSL that names those to trust.
std::string unread_store_words() {
    const char* const name = std::getenv(X509_get_default_cert_file_env());
    if (!name || std::ifstream(name)) return {};
    return "; SSL_CERT_FILE names no file that can be read";
}

std::string day_of(Clock::WallTime at) {
    const std::time_t now = std::chrono::system_clock::to_time_t(at);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d", &utc);
    return text.data();
}

// Up to the next comma that is not in quotes, which is taken off, too.
std::string_view next_in_list(std::string_view& rest) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < rest.size() && (quoted || rest[end] != ','); ++end) {
        if (rest[end] == '"') quoted = !quoted;
        if (rest[end] == '\\' && quoted) ++end;
    }
    const std::string_view one = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    return one;
}

// "wants a user and a password that it knows"
std::string login_words(const HttpHead& answer) {
    std::string schemes;
    bool basic = false;
    for (const auto& [name, value] : answer.fields) {
        if (proto::in_lower_case(name) != "proxy-authenticate") continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            std::string_view one = next_in_list(rest);
            one.remove_prefix(std::min(one.size(), one.find_first_not_of(' ')));
            const std::string scheme = shown(one.substr(0, one.find(' ')));
            if (scheme.empty() || scheme.find('=') != scheme.npos) continue;  // what one takes
            basic = basic || proto::in_lower_case(scheme) == "basic";
            schemes += (schemes.empty() ? "" : " or ") + scheme;
        }
    }
    if (basic || schemes.empty()) return "wants a user and a password that it knows";
    return "lets in by " + schemes +
           " alone, and kp2p speaks Basic: a program that speaks that, such as cntlm or px, can "
           "stand between, to be named in https_proxy";
}

}  // namespace

std::string page_words(const HttpHead& answer) {
    const std::string type = proto::in_lower_case(answer.field("Content-Type"));
    const bool is_html = type.starts_with("text/html");
    const bool leads_on = answer.status / 100 == 3 && !answer.field("Location").empty();
    if (!leads_on && answer.status != login_wanted && !(answer.status / 100 == 2 && is_html))
        return {};
    const std::string to = host_of(answer.field("Location"));
    return "answers with a web page" + (to.empty() ? "" : " that leads to " + to);
}

std::string refusal_words(const HttpHead& answer, std::uint16_t port) {
    if (answer.status == 407 || answer.status == 401) return login_words(answer);
    const std::string status = "status " + std::to_string(answer.status);
    if (answer.status >= 502 && answer.status <= 504)
        return "does not get through to the relay: it answers with " + status;
    const bool usual = port == usual_tls_port;
    return "refuses, with " + status +
           (usual ? ""
                  : "; many let through to port 443 alone, and this is " + std::to_string(port));
}

std::string certificate_words(X509* certificate) {
    if (!certificate) return {};
    return "shows a certificate of " + common_name(X509_get_subject_name(certificate)) + " that " +
           common_name(X509_get_issuer_name(certificate)) + " has made";
}

TunnelTrouble refusal_of(X509* certificate, int reason, Clock::WallTime now) {
    const std::string shown = "; it " + certificate_words(certificate);
    const std::string today = " by this computer's clock, where it is " + day_of(now);
    switch (reason) {
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {"its certificate is not valid yet" + today, false};
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {"its certificate is not valid any more" + today, false};
        case X509_V_OK:
            return {"its certificate is for another name" + shown, true};
    }
    return {"nobody that this computer trusts vouches for its certificate" + shown +
                unread_store_words(),
            true};
}

}  // namespace kp2p
