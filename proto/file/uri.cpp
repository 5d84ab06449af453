#include "proto/file/uri.hpp"

#include <algorithm>

#include "proto/file/sha1dir.hpp"
#include "proto/text.hpp"
#include "proto/utf8.hpp"

namespace kp2p::proto {
namespace {

constexpr std::string_view file_scheme = "sha1://";
constexpr std::string_view directory_scheme = "sha1dir://";

// Splits off what is before `mark`; without a mark that is everything, and nothing is left.
std::string_view take_until(char mark, std::string_view& rest) {
    const std::size_t at = rest.find(mark);
    const std::string_view before = rest.substr(0, at);
    rest.remove_prefix(at == rest.npos ? rest.size() : at + 1);
    return before;
}

// What is no "%XX" stands for itself, as do a NUL and a slash, which no name has.
std::string decode(std::string_view text) {
    std::string decoded;
    while (!text.empty()) {
        const auto byte = percent_byte(text);
        const bool encoded = byte && *byte != '\0' && *byte != '/';
        decoded += encoded ? static_cast<char>(*byte) : text[0];
        text.remove_prefix(encoded ? 3 : 1);
    }
    return decoded;
}

class Parser {
  public:
    explicit Parser(std::string& complaint) : complaint_(complaint) {}

    Result<Uri> parse(std::string_view text) {
        text = without_quotes_around(text);
        if (text.size() > max_uri_bytes) return wrong("the URI is too long");
        Uri uri;
        uri.written = text;
        if (Sha1::from_hex(text)) {
            uri.written.insert(0, file_scheme);
            return bare(uri);
        }
        const std::size_t scheme_end = text.find("://");
        const std::string scheme = in_lower_case(text.substr(0, scheme_end)) + "://";
        if (scheme_end == text.npos || (scheme != file_scheme && scheme != directory_scheme))
            return wrong("a URI begins with sha1:// or sha1dir://, or is 40 hexadecimal digits");
        if (scheme == directory_scheme) uri.kind = Uri::Kind::directory;
        text.remove_prefix(scheme.size());
        uri.written = scheme + std::string(text);  // others may take the lower case alone
        if (text.find('\0') != text.npos) return wrong("the URI contains a NUL");

        std::string_view query = text;
        std::string_view path = take_until('?', query);
        const std::string_view name = take_until('/', path);
        if (auto done = parse_hash(name, uri); !done) return done.error();
        if (uri.kind == Uri::Kind::file)
            uri.path = decode(path);
        else if (auto done = parse_path(path, uri); !done)
            return done.error();
        if (auto done = parse_query(query, uri); !done) return done.error();
        return uri;
    }

  private:
    static Uri bare(Uri uri) {
        uri.sha1 = *Sha1::from_hex(std::string_view(uri.written).substr(file_scheme.size()));
        return uri;
    }

    std::error_code wrong(std::string sentence) {
        complaint_ = std::move(sentence);
        return make_error_code(kp2p::Errc::usage);
    }

    Result<Sha1> hash(std::string_view text, const std::string& what) {
        if (text.size() != 2 * Sha1::size_bytes)
            return wrong(what + " has 40 hexadecimal digits; this one has " +
                         std::to_string(text.size()) + " characters");
        auto sha1 = Sha1::from_hex(text);
        if (!sha1) return wrong(what + " contains something other than hexadecimal digits");
        return sha1;
    }

    Result<void> parse_hash(std::string_view text, Uri& uri) {
        auto sha1 = hash(take_until('.', text), "the SHA-1 after ://");
        if (!sha1) return sha1.error();
        uri.sha1 = *sha1;
        uri.label = decode(text);
        return ok;
    }

    Result<void> parse_path(std::string_view text, Uri& uri) {
        while (!text.empty()) {
            const std::string name = decode(take_until('/', text));
            if (name.empty()) continue;
            if (name == "." || name == "..") return wrong("the path contains '" + name + "'");
            if (!uri.path.empty()) uri.path += '/';
            uri.path += name;
        }
        return ok;
    }

    Result<void> parse_query(std::string_view text, Uri& uri) {
        while (!text.empty()) {
            std::string_view value = take_until('&', text);
            const std::string_view name = take_until('=', value);
            if (name != "manifest") continue;
            if (uri.kind == Uri::Kind::directory) return wrong("a directory has no manifest");
            if (uri.manifest) return wrong("there are two manifests");
            auto sha1 = hash(value, "the SHA-1 of the manifest");
            if (!sha1) return sha1.error();
            uri.manifest = *sha1;
        }
        return ok;
    }

    std::string& complaint_;
};

bool is_plain(char32_t code) {
    if (code < 0x80) {
        const auto c = static_cast<char>(code);
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-._~+,=:@").find(c) != std::string_view::npos;
    }
    // Blanks, controls, direction marks and other characters that cannot be seen.
    struct Range {
        char32_t first, last;
    };
    constexpr Range hidden[] = {
        {0x80, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},   {0x1680, 0x1680},   {0x180e, 0x180e},
        {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},   {0xe000, 0xf8ff},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffc}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};
    return std::none_of(std::begin(hidden), std::end(hidden),
                        [&](const Range& r) { return code >= r.first && code <= r.last; });
}

void encode(std::string& out, std::string_view text, std::string_view also_plain) {
    while (!text.empty()) {
        std::string_view bytes = text;
        const auto code = take_code_point(text);
        bytes.remove_suffix(text.size());
        if (code && (is_plain(*code) || also_plain.find(bytes) != std::string_view::npos)) {
            out += bytes;
            continue;
        }
        for (const char c : bytes) add_percent(out, c);
    }
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text, std::string& complaint) {
    return Parser(complaint).parse(text);
}

Result<Uri> Uri::parse(std::string_view text) {
    std::string complaint;
    return parse(text, complaint);
}

std::string_view Uri::bare_path() const {
    std::string_view rest = written;
    rest.remove_prefix(std::min(directory_scheme.size(), rest.size()));
    take_until('/', rest);
    return rest;
}

std::string Uri::own_name() const {
    const std::string& named = path.empty() ? label : path;
    const std::string name = named.substr(named.rfind('/') + 1);
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 127; };
    return is_entry_name(name) && std::ranges::none_of(name, is_control) ? name : "";
}

std::string Uri::text() const {
    std::string out(kind == Kind::directory ? directory_scheme : file_scheme);
    out += sha1.hex();
    if (!label.empty()) {
        out += '.';
        encode(out, label, "");
    }
    if (!path.empty()) {
        out += '/';
        encode(out, path, "/");
    }
    if (manifest) out += "?manifest=" + manifest->hex();
    return out;
}

}  // namespace kp2p::proto
