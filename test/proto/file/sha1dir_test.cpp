#include "proto/file/sha1dir.hpp"

#include <doctest/doctest.h>

#include "proto/file/sha1.hpp"
#include "test/vectors.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

const std::string file = R"({"size": 1, "sha1": "0123456789abcdef0123456789abcdef01234567"})";

std::string directory(const std::string& files, const std::string& dirs) {
    return R"({"files": {)" + files + R"(}, "dirs": {)" + dirs + "}}";
}

std::string nested(int depth) {
    std::string json = directory("", "");
    for (int i = 1; i < depth; ++i) json = directory("", "\"d\": " + json);
    return json;
}

}  // namespace

TEST_CASE("a directory is read, and written as the bytes of Python's json.dumps()") {
    const auto row = test::vectors("file")["sha1dir"];
    const std::string_view json = row["json"].get_string();
    auto dir = Sha1Dir::parse(json);
    REQUIRE(dir);
    CHECK(dir->text() == json);
    CHECK(sha1_of(as_bytes(dir->text())).hex() == std::string_view(row["sha1"].get_string()));
    CHECK(dir->files.contains("文件.dat"));
    CHECK(dir->files.contains("naïve \"quoted\"\\.txt"));
}

TEST_CASE("a path names a file, a directory or nothing") {
    const Sha1Dir dir = *Sha1Dir::parse(test::vectors("file")["sha1dir"]["json"].get_string());
    const struct {
        const char* path;
        char kind;
    } rows[] = {{"", 'd'},        {"a b.txt", 'f'},         {"sub dir", 'd'},
                {"empty", 'd'},   {"sub dir/deep", 'f'},    {"sub dir/more/x", 'f'},
                {"missing", '-'}, {"sub dir/missing", '-'}, {"a b.txt/x", '-'},
                {"..", '-'},      {"sub dir//deep", '-'},   {"/a b.txt", '-'}};
    for (const auto& row : rows) {
        CAPTURE(row.path);
        const auto found = dir.find(row.path);
        CHECK((found.file != nullptr) == (row.kind == 'f'));
        CHECK((found.dir != nullptr) == (row.kind == 'd'));
    }
    CHECK(dir.find("sub dir/deep").file->size_bytes == 4);
    CHECK(dir.find("").dir == &dir);
}

TEST_CASE("the entries of a directory come by name, files and directories together") {
    const Sha1Dir dir = *Sha1Dir::parse(directory("\"a\": " + file + ", \"c\": " + file,
                                                  "\"b\": " + directory("\"x\": " + file, "")));
    const auto entries = dir.entries();
    REQUIRE(entries.size() == 3);
    CHECK(entries[0].name == "a");
    CHECK(entries[0].size_bytes == 1);
    CHECK(entries[1].name == "b");
    CHECK(entries[1].kind == DirEntry::Kind::directory);
    CHECK(entries[2].name == "c");
}

TEST_CASE("every truncation of a directory is refused") {
    const std::string_view json = test::vectors("file")["sha1dir"]["json"].get_string();
    for (std::size_t size = 0; size < json.size(); ++size) {
        CAPTURE(size);
        CHECK(!Sha1Dir::parse(json.substr(0, size)));
    }
}

TEST_CASE("a hostile directory is refused") {
    const std::string long_name(256, 'n');
    const struct {
        const char* name;
        std::string json;
        Errc error;
    } rows[] = {
        {"no JSON", "{", Errc::bad_text},
        {"no dirs", R"({"files": {}})", Errc::bad_text},
        {"files is an array", R"({"files": [], "dirs": {}})", Errc::bad_text},
        {"parent", directory("\"..\": " + file, ""), Errc::bad_value},
        {"itself", directory("\".\": " + file, ""), Errc::bad_value},
        {"empty name", directory("\"\": " + file, ""), Errc::bad_value},
        {"absolute", directory("\"/etc/passwd\": " + file, ""), Errc::bad_value},
        {"slash", directory("\"a/../../b\": " + file, ""), Errc::bad_value},
        {"NUL", directory("\"a\\u0000b\": " + file, ""), Errc::bad_value},
        {"long name", directory("\"" + long_name + "\": " + file, ""), Errc::bad_value},
        {"parent as directory", directory("", "\"..\": " + directory("", "")), Errc::bad_value},
        {"twice", directory("\"a\": " + file + ", \"a\": " + file, ""), Errc::bad_value},
        {"file and directory", directory("\"a\": " + file, "\"a\": " + directory("", "")),
         Errc::bad_value},
        {"file without a hash", directory(R"("a": {"size": 1})", ""), Errc::bad_text},
        {"file with a bad hash", directory(R"("a": {"size": 1, "sha1": "zz"})", ""),
         Errc::bad_text},
        {"negative size", directory(R"("a": {"size": -1, "sha1": "zz"})", ""), Errc::bad_text},
        {"too deep", nested(max_sha1dir_depth + 1), Errc::too_long},
        {"far too deep", nested(5000), Errc::bad_text},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(Sha1Dir::parse(row.json).error() == row.error);
    }
    CHECK(Sha1Dir::parse(nested(max_sha1dir_depth)));
}
