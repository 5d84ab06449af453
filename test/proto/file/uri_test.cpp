#include "proto/file/uri.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using proto::Uri;

namespace {

const std::string hash = "0123456789abcdef0123456789abcdef01234567";
const std::string other_hash = "89abcdef0123456789abcdef0123456789abcdef";

Uri uri(Uri::Kind kind, std::string label, std::string path) {
    return {kind, *Sha1::from_hex(hash), std::move(label), std::move(path), std::nullopt, ""};
}

}  // namespace

TEST_CASE("a URI is parsed, and written in one canonical form") {
    using enum Uri::Kind;
    const auto with_manifest_named = [](const char* name) {
        Uri named = uri(file, "", name);
        named.manifest = *Sha1::from_hex(other_hash);
        return named;
    };
    const struct {
        const char* name;
        std::string text;
        Uri expected;
        std::string canonical;  // empty: text
    } rows[] = {
        {"hash alone", "sha1://" + hash, uri(file, "", ""), ""},
        {"bare hash", hash, uri(file, "", ""), "sha1://" + hash},
        {"bare hash among blanks", " " + hash + "\r\n", uri(file, "", ""), "sha1://" + hash},
        {"name", "sha1://" + hash + "/a.txt", uri(file, "", "a.txt"), ""},
        {"slash and no name", "sha1://" + hash + "/", uri(file, "", ""), "sha1://" + hash},
        {"label", "sha1://" + hash + ".txt/a", uri(file, "txt", "a"), ""},
        {"a scheme in capitals", "SHA1Dir://" + hash + ".Lab", uri(directory, "Lab", ""),
         "sha1dir://" + hash + ".Lab"},
        {"label with dots", "sha1dir://" + hash + ".v1.2", uri(directory, "v1.2", ""), ""},
        {"manifest", "sha1://" + hash + "/big.dat?manifest=" + other_hash,
         with_manifest_named("big.dat"), ""},
        {"chunk hint", "sha1://" + hash + "?chunkOf=" + other_hash + "~0~20000000",
         uri(file, "", ""), "sha1://" + hash},
        {"empty query", "sha1://" + hash + "/a?", uri(file, "", "a"), "sha1://" + hash + "/a"},
        {"directory", "sha1dir://" + hash + ".lab/sub/path", uri(directory, "lab", "sub/path"), ""},
        {"directory with a slash", "sha1dir://" + hash + "/sub/", uri(directory, "", "sub"),
         "sha1dir://" + hash + "/sub"},
        {"blank, encoded", "sha1://" + hash + "/a%20b", uri(file, "", "a b"), ""},
        {"blank, as kachery prints it", "sha1://" + hash + "/a b", uri(file, "", "a b"),
         "sha1://" + hash + "/a%20b"},
        {"UTF-8", "sha1://" + hash + "/Grüße_文件_😀", uri(file, "", "Grüße_文件_😀"), ""},
        {"UTF-8, encoded", "sha1://" + hash + "/Gr%C3%BC%C3%9fe", uri(file, "", "Grüße"),
         "sha1://" + hash + "/Grüße"},
        {"no-break space", "sha1://" + hash + "/a%C2%A0b", uri(file, "", "a\u00a0b"), ""},
        {"no UTF-8", "sha1://" + hash + "/a%FFb",
         uri(file, "",
             "a\xff"
             "b"),
         ""},
        {"marks", "sha1://" + hash + "/%3F%23%25%26%22%27%5C%24%0A", uri(file, "", "?#%&\"'\\$\n"),
         ""},
        {"harmless marks", "sha1://" + hash + "/-._~+,=:@", uri(file, "", "-._~+,=:@"), ""},
        {"three dots", "sha1dir://" + hash + "/...", uri(directory, "", "..."), ""},
        {"bare percent", "sha1://" + hash + "/100%.txt", uri(file, "", "100%.txt"),
         "sha1://" + hash + "/100%25.txt"},
        {"bare percent at the end", "sha1://" + hash + "/100%", uri(file, "", "100%"),
         "sha1://" + hash + "/100%25"},
        {"half a byte", "sha1://" + hash + "/a%2", uri(file, "", "a%2"),
         "sha1://" + hash + "/a%252"},
        {"no byte", "sha1://" + hash + "/a%gg", uri(file, "", "a%gg"),
         "sha1://" + hash + "/a%25gg"},
        {"NUL and slash stay encoded", "sha1dir://" + hash + "/a%00b%2Fc",
         uri(directory, "", "a%00b%2Fc"), "sha1dir://" + hash + "/a%2500b%252Fc"},
        {"bare question mark", "sha1://" + hash + "/what?.dat", uri(file, "", "what"),
         "sha1://" + hash + "/what"},
        {"two slashes in a name", "sha1://" + hash + "/a//b", uri(file, "", "a//b"), ""},
        {"dots in a name", "sha1://" + hash + "/a/../b", uri(file, "", "a/../b"), ""},
        {"two slashes in a path", "sha1dir://" + hash + "//a//b", uri(directory, "", "a/b"),
         "sha1dir://" + hash + "/a/b"},
        {"unknown keys", "sha1://" + hash + "/a?label=1&x&=&manifest=" + other_hash + "&y=%",
         with_manifest_named("a"), "sha1://" + hash + "/a?manifest=" + other_hash},
        {"unknown keys of a directory", "sha1dir://" + hash + "?label=1", uri(directory, "", ""),
         "sha1dir://" + hash},
        {"blanks and line ends around", " \tsha1://" + hash + "/a b\r\n", uri(file, "", "a b"),
         "sha1://" + hash + "/a%20b"},
        {"as a shell has it", "'sha1://" + hash + "/a%20b'\n", uri(file, "", "a b"),
         "sha1://" + hash + "/a%20b"},
        {"as a program has it", " \"sha1dir://" + hash + ".a\"", uri(directory, "a", ""),
         "sha1dir://" + hash + ".a"},
        {"as a mail has it", "<" + hash + ">", uri(file, "", ""), "sha1://" + hash},
        {"as a word processor has it", "\u201csha1://" + hash + "/a\u201d", uri(file, "", "a"),
         "sha1://" + hash + "/a"},
        {"as a sentence has it", "(\u200bsha1://" + hash + "/a(1) )", uri(file, "", "a(1)"),
         "sha1://" + hash + "/a%281%29"},
        {"as a page has it", "`sha1://" + hash + "/it's'`", uri(file, "", "it's'"),
         "sha1://" + hash + "/it%27s%27"},
        {"one quote alone", "sha1://" + hash + "/a'", uri(file, "", "a'"),
         "sha1://" + hash + "/a%27"},
        {"a line end inside", "sha1://" + hash + "/a\nb", uri(file, "", "a\nb"),
         "sha1://" + hash + "/a%0Ab"},
        {"upper-case hash", "sha1://0123456789ABCDEF0123456789ABCDEF01234567", uri(file, "", ""),
         "sha1://" + hash},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto parsed = Uri::parse(row.text);
        REQUIRE(parsed);
        CHECK(*parsed == row.expected);
        CHECK(parsed->text() == (row.canonical.empty() ? row.text : row.canonical));
        CHECK(*Uri::parse(parsed->text()) == row.expected);
    }
}

TEST_CASE("a malformed URI is refused, and the complaint says why") {
    const struct {
        std::string text;
        const char* complaint;
    } rows[] = {
        {"", "begins with"},
        {"sha1:/" + hash, "begins with"},
        {"md5://" + hash, "begins with"},
        {"/home/me/a.txt", "begins with"},
        {"sha1", "begins with"},
        {"sha1dir", "begins with"},
        {"SHA1DIR", "begins with"},
        {"sha1://", "40 hexadecimal digits"},
        {"sha1:///" + hash, "40 hexadecimal digits"},
        {"sha1://" + hash + "0/a", "has 41 characters"},
        {"sha1://" + hash.substr(1), "has 39 characters"},
        {"sha1://g" + hash.substr(1), "other than hexadecimal"},
        {"sha1dir://" + hash + "/a/../b", "'..'"},
        {"sha1dir://" + hash + "/a/%2e%2E/b", "'..'"},
        {"sha1dir://" + hash + "/./b", "'.'"},
        {"sha1://" + hash + "/a" + std::string(1, '\0'), "NUL"},
        {"sha1dir://" + hash + "/%2e/b", "'.'"},
        {"sha1://" + hash + "/a?manifest=12", "manifest has 40"},
        {"sha1://" + hash + "/a?manifest=" + hash + "&manifest=" + hash, "two manifests"},
        {"sha1dir://" + hash + "?manifest=" + hash, "no manifest"},
        {"sha1://" + hash + "/" + std::string(20000, 'a'), "too long"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        std::string complaint;
        auto parsed = Uri::parse(row.text, complaint);
        CHECK(parsed.error() == kp2p::Errc::usage);
        CHECK(complaint.find(row.complaint) != std::string::npos);
    }
}

TEST_CASE("a prefix of a URI never parses as the same URI") {
    const std::string text = "sha1://" + hash + ".l/a%20b/ü?manifest=" + other_hash;
    const Uri whole = *Uri::parse(text);
    for (std::size_t size = 0; size < text.size(); ++size) {
        CAPTURE(size);
        auto parsed = Uri::parse(std::string_view(text).substr(0, size));
        CHECK((!parsed || *parsed != whole));
    }
}

TEST_CASE("what was written stays known, also where names stand bare in it") {
    const struct {
        std::string path, bare;
    } rows[] = {{"", ""}, {"/a%20b", "a%20b"}, {"/what?.dat", "what?.dat"}, {".l/a//b", "a//b"}};
    for (const auto& row : rows) {
        CAPTURE(row.path);
        const auto parsed = Uri::parse(" sha1dir://" + hash + row.path + "\n");
        REQUIRE(parsed);
        CHECK(parsed->written == "sha1dir://" + hash + row.path);
        CHECK(parsed->bare_path() == row.bare);
    }
    CHECK(uri(Uri::Kind::directory, "", "a").bare_path().empty());
}

TEST_CASE("a URI has a name for a copy of what it names, or none") {
    const struct {
        std::string text, name;
    } rows[] = {
        {"sha1://" + hash + "/a.csv.gz?manifest=" + other_hash, "a.csv.gz"},
        {"sha1://" + hash + "/a/b", "b"},
        {"sha1://" + hash + "/../..", ""},
        {"sha1://" + hash + "/a%00", "a%00"},
        {"sha1://" + hash, ""},
        {hash, ""},
        {"sha1://" + hash + "/" + std::string(256, 'a'), ""},
        {"sha1://" + hash + "/%FF", ""},
        {"sha1://" + hash + "/a%0Ab", ""},
        {"sha1dir://" + hash + ".lab", "lab"},
        {"sha1dir://" + hash + ".lab/sub/file", "file"},
        {"sha1dir://" + hash, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto parsed = Uri::parse(row.text);
        REQUIRE(parsed);
        CHECK(parsed->own_name() == row.name);
    }
}
