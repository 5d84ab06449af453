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

TEST_CASE("a document that is no directory is refused") {
    const struct {
        const char* name;
        std::string json;
    } rows[] = {
        {"no JSON", "{"},
        {"no dirs", R"({"files": {}})"},
        {"files is an array", R"({"files": [], "dirs": {}})"},
        {"far too deep", nested(5000)},
        {"half an escape", directory(R"("a\udc)", "")},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(Sha1Dir::parse(row.json).error() == proto::Errc::bad_text);
    }
}

TEST_CASE("an odd entry is left out, and the others stay") {
    const std::string long_name(256, 'n'), empty = directory("", "");
    const struct {
        const char* name;
        std::string files, dirs;  // beside the file "good"
        std::string path;         // of what is left out
    } rows[] = {
        {"parent", "\"..\": " + file, "", ".."},
        {"itself", "\".\": " + file, "", "."},
        {"empty name", "\"\": " + file, "", ""},
        {"absolute", "\"/etc/passwd\": " + file, "", "/etc/passwd"},
        {"slash", "\"a/../../b\": " + file, "", "a/../../b"},
        {"NUL", "\"a\\u0000b\": " + file, "", std::string("a\0b", 3)},
        {"long name", "\"" + long_name + "\": " + file, "", long_name},
        {"parent as directory", "", "\"..\": " + empty, ".."},
        {"twice", "\"good\": " + file, "", "good"},
        {"file and directory", "", "\"good\": " + empty, "good"},
        {"directory twice", "", "\"x\": " + empty + ", \"x\": " + empty, "x"},
        {"no SHA-1", R"("a": {"size": 1})", "", "a"},
        {"another hash", R"("a": {"size": 1, "md5": "d41d8cd98f00b204e9800998ecf8427e"})", "", "a"},
        {"SHA-1 is null", R"("a": {"size": 1, "sha1": null})", "", "a"},
        {"a bad SHA-1", R"("a": {"size": 1, "sha1": "zz"})", "", "a"},
        {"negative size",
         R"("a": {"size": -1, "sha1": "0123456789abcdef0123456789abcdef01234567"})", "", "a"},
        {"a number", R"("a": 7)", "", "a"},
        {"directory of another shape", "", R"("d": {"files": {}})", "d"},
        {"below", "", "\"d\": " + directory(R"("a": {"size": 1})", ""), "d/a"},
        {"a byte that is no UTF-8", "\"x\\udcff\": " + file, "", std::string("x\0", 2)},
        {"half a pair", "\"x\\ud83dy\": " + file, "", std::string("x\0y", 3)},
        {"halves the wrong way round", "\"\\udE00\\uD83d\": " + file, "", std::string("\0\0", 2)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const std::string between = row.files.empty() ? "" : ", ";
        Sha1Dir::LeftOut left_out;
        const auto dir = Sha1Dir::parse(
            directory("\"good\": " + file + between + row.files, row.dirs), left_out);
        REQUIRE(dir);
        CHECK(dir->find("good").file);
        CHECK(dir->files.size() == 1);
        CHECK(left_out.count == 1);
        CHECK(left_out.paths == std::vector<std::string>{row.path});
    }
}

TEST_CASE("escapes that are no lone surrogates mean what they say") {
    const auto dir = Sha1Dir::parse(directory(
        R"("\ud83d\ude00": )" + file + R"(, "\\udcff": )" + file + R"(, "\"\u00e9": )" + file, ""));
    REQUIRE(dir);
    CHECK(dir->find("😀").file);
    CHECK(dir->find("\\udcff").file);
    CHECK(dir->find("\"é").file);
}

TEST_CASE("what is too deep is left out") {
    Sha1Dir::LeftOut left_out;
    CHECK(Sha1Dir::parse(nested(int{max_sha1dir_depth}), left_out));
    CHECK(left_out.count == 0);
    CHECK(Sha1Dir::parse(nested(int{max_sha1dir_depth} + 1), left_out));
    CHECK(left_out.count == 1);
}

TEST_CASE("what was left out is said in one printable sentence, however much it is") {
    std::string odd;
    for (int i = 0; i < 20; ++i)
        odd += std::string(i ? ", " : "") + "\"\\u001b" + std::to_string(i) + "\": 1";
    Sha1Dir::LeftOut left_out;
    REQUIRE(Sha1Dir::parse(directory(odd, ""), left_out));
    CHECK(left_out.text() ==
          "left out of the directory, as nothing can be read of these 20 entries: ?0, ?1, ?2, ?3, "
          "?4, "
          "?5, ?6, ?7, ...");
    CHECK(Sha1Dir::LeftOut().text().empty());
}
