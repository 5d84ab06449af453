#include "proto/file/uri.hpp"

#include <algorithm>

#include "proto/utf8.hpp"

namespace kp2p::proto {
namespace {

constexpr std::string_view file_scheme = "sha1://";
constexpr std::string_view directory_scheme = "sha1dir://";

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

// Splits off what is before `mark`; without a mark that is everything, and nothing is left.
std::string_view take_until(char mark, std::string_view& rest) {
    const std::size_t at = rest.find(mark);
    const std::string_view before = rest.substr(0, at);
    rest.remove_prefix(at == rest.npos ? rest.size() : at + 1);
    return before;
}

class Parser {
  public:
    explicit Parser(std::string& complaint) : complaint_(complaint) {}

    Result<Uri> parse(std::string_view text) {
        if (text.size() > max_uri_bytes) return wrong("the URI is too long");
        const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
        if (std::any_of(text.begin(), text.end(), is_control))
            return wrong("the URI contains a control character or a line break");
        Uri uri;
        if (text.starts_with(directory_scheme))
            uri.kind = Uri::Kind::directory;
        else if (!text.starts_with(file_scheme))
            return wrong("a URI begins with sha1:// or sha1dir://");
        text.remove_prefix(text.find("://") + 3);

        std::string_view query = text;
        std::string_view path = take_until('?', query);
        const bool has_query = path.size() < text.size();
        const std::string_view name = take_until('/', path);
        if (auto done = parse_hash(name, uri); !done) return done.error();
        if (auto done = parse_path(path, uri); !done) return done.error();
        if (has_query)
            if (auto done = parse_query(query, uri); !done) return done.error();
        return uri;
    }

  private:
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
        auto label = decode(text);
        if (!label) return label.error();
        uri.label = std::move(*label);
        return ok;
    }

    Result<void> parse_path(std::string_view text, Uri& uri) {
        while (!text.empty()) {
            auto name = decode(take_until('/', text));
            if (!name) return name.error();
            if (name->empty()) return wrong("the path contains an empty name (//)");
            if (*name == "." || *name == "..") return wrong("the path contains '" + *name + "'");
            if (!uri.path.empty()) uri.path += '/';
            uri.path += *name;
        }
        return ok;
    }

    Result<void> parse_query(std::string_view text, Uri& uri) {
        while (!text.empty()) {
            std::string_view value = take_until('&', text);
            const std::string_view name = take_until('=', value);
            if (name == "chunkOf") continue;
            if (name != "manifest")
                return wrong("unknown parameter '" + std::string(name) +
                             "' after the '?' (a '?' in a name is written %3F)");
            if (uri.kind == Uri::Kind::directory) return wrong("a directory has no manifest");
            if (uri.manifest) return wrong("there are two manifests");
            auto sha1 = hash(value, "the SHA-1 of the manifest");
            if (!sha1) return sha1.error();
            uri.manifest = *sha1;
        }
        return ok;
    }

    Result<std::string> decode(std::string_view text) {
        std::string decoded;
        while (!text.empty()) {
            char byte = text[0];
            std::size_t used = 1;
            if (byte == '%') {
                const int high = text.size() > 1 ? hex_value(text[1]) : -1;
                const int low = text.size() > 2 ? hex_value(text[2]) : -1;
                if (high < 0 || low < 0)
                    return wrong("a '%' without two hexadecimal digits (a '%' in a name is %25)");
                byte = static_cast<char>(high << 4 | low);
                used = 3;
                if (byte == '\0' || byte == '/') return wrong("a name contains %00 or %2F");
            }
            decoded += byte;
            text.remove_prefix(used);
        }
        return decoded;
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
    constexpr char hex[] = "0123456789ABCDEF";
    while (!text.empty()) {
        std::string_view bytes = text;
        const auto code = take_code_point(text);
        bytes.remove_suffix(text.size());
        if (code && (is_plain(*code) || also_plain.find(bytes) != std::string_view::npos)) {
            out += bytes;
            continue;
        }
        for (const char c : bytes) {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
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
