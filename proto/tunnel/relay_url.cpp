#include "proto/tunnel/relay_url.hpp"

#include <algorithm>

#include "proto/errc.hpp"
#include "proto/text.hpp"
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

Result<RelayUrl> RelayUrl::parse(std::string_view text, std::string& complaint) {
    const auto wrong = [&complaint](std::string_view what) {
        complaint = what;
        return Errc::bad_text;
    };
    RelayUrl url;
    const auto scheme_end = text.find("://");
    if (scheme_end == text.npos) return wrong("it does not begin with https://");
    const std::string scheme = in_lower_case(text.substr(0, scheme_end));
    if (scheme != "https" && scheme != "http") return wrong("a relay speaks https, nothing else");
    url.tls = scheme == "https";
    text.remove_prefix(scheme_end + 3);
    const auto hash = text.find('#');
    if (hash == text.npos) return wrong("#TOKEN is missing at its end");
    const std::string_view before = text.substr(0, hash);
    const auto slash = before.find_first_of("/?");
    if (slash != before.npos) url.path = before.substr(slash);
    if (url.path.starts_with('?')) url.path.insert(0, "/");
    const std::string_view authority = before.substr(0, slash);
    if (authority.find('@') != authority.npos)
        return wrong("a relay takes no user: only HOST[:PORT] is between // and /");
    auto at = WebAddress::parse(authority, url.tls ? 443 : 80);
    if (!at)
        return wrong("HOST[:PORT] is a name or an address, of IPv6 in brackets, and 1 to 65535");
    url.host = std::move(at->host);
    url.port = at->port;
    if (url.path.size() > max_path_bytes || !std::ranges::all_of(url.path, is_path_char))
        return wrong("its path is too long, or has blanks or other characters that none has");
    const auto decoded = percent_decoded(text.substr(hash + 1));
    if (!decoded) return wrong("there is a % behind # that begins no %XX");
    std::string_view after = *decoded;
    if (const auto dot = after.find('.'); dot != after.npos) {
        const auto fingerprint = Fingerprint::from_hex(after.substr(dot + 1));
        if (!fingerprint) return wrong("behind the dot are not the 64 hex digits of a fingerprint");
        if (!url.tls) return wrong("with http:// there is no certificate, and so no fingerprint");
        url.fingerprint = *fingerprint;
        after = after.substr(0, dot);
    }
    url.token = after;
    if (!is_token(url.token))
        return wrong("the token behind # is not 8 to 128 letters, digits, - and _");
    return url;
}

Result<RelayUrl> RelayUrl::parse(std::string_view text) {
    std::string complaint;
    return parse(text, complaint);
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
