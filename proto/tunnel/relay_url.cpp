#include "proto/tunnel/relay_url.hpp"

#include <algorithm>

#include "proto/errc.hpp"
#include "proto/host.hpp"
#include "proto/tunnel/web_address.hpp"

namespace kp2p::proto::tunnel {
namespace {

constexpr std::size_t max_path_bytes = 1024, min_token_bytes = 8, max_token_bytes = 128;

bool is_token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool is_path_char(char c) { return c > ' ' && c < 0x7f && c != '#' && c != '"' && c != '<'; }

}  // namespace

bool is_token(std::string_view text) {
    return text.size() >= min_token_bytes && text.size() <= max_token_bytes &&
           std::all_of(text.begin(), text.end(), is_token_char);
}

Result<RelayUrl> RelayUrl::parse(std::string_view text) {
    RelayUrl url;
    constexpr std::string_view https = "https://", http = "http://";
    if (!text.starts_with(https) && !text.starts_with(http)) return Errc::bad_text;
    url.tls = text.starts_with(https);
    text.remove_prefix(url.tls ? https.size() : http.size());
    const auto hash = text.find('#');
    if (hash == text.npos) return Errc::bad_text;
    const std::string_view before = text.substr(0, hash);
    std::string_view after = text.substr(hash + 1);
    const auto slash = before.find('/');
    if (slash != before.npos) url.path = before.substr(slash);
    auto at = WebAddress::parse(before.substr(0, slash), url.tls ? 443 : 80);
    if (!at) return at.error();
    url.host = std::move(at->host);
    url.port = at->port;
    if (const auto dot = after.find('.'); dot != after.npos) {
        const auto fingerprint = Fingerprint::from_hex(after.substr(dot + 1));
        if (!fingerprint || !url.tls) return Errc::bad_text;
        url.fingerprint = *fingerprint;
        after = after.substr(0, dot);
    }
    url.token = after;
    const bool fits = url.path.size() <= max_path_bytes && is_token(url.token) &&
                      std::all_of(url.path.begin(), url.path.end(), is_path_char);
    if (!fits) return Errc::bad_text;
    return url;
}

std::string RelayUrl::authority() const { return WebAddress{host, port}.text(); }

std::string RelayUrl::place() const {
    const bool usual = port == (tls ? 443 : 80);
    std::string text = tls ? "https://" : "http://";
    return text + (usual ? WebAddress{host, port}.host_text() : authority()) + path;
}

std::string RelayUrl::text() const {
    std::string all = place() + '#' + token;
    return fingerprint ? all + '.' + fingerprint->hex() : all;
}

}  // namespace kp2p::proto::tunnel
