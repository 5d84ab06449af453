#include "cmd/dest/dest_trouble.hpp"

#include <doctest/doctest.h>

#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::error_code code(std::errc error) { return make_error_code(error); }

}  // namespace

// As of exFAT, NTFS and shares of Windows, which a test has not at hand.
TEST_CASE("a name that the file system does not take is told from a place that is not there") {
    const TempDir dir;
    const std::string no_name = "the file system there takes no such name",
                      path = dir.path() / "a: b.dat";
    for (const std::errc error : {std::errc::no_such_file_or_directory, std::errc::invalid_argument,
                                  std::errc::illegal_byte_sequence}) {
        CAPTURE(static_cast<int>(error));
        CHECK(contains(replacing_trouble(path, code(error)), path));
        CHECK(contains(replacing_trouble(path, code(error)), no_name));
        CHECK(!contains(replacing_trouble(dir.path() / "gone" / "b.dat", code(error)), no_name));
        const std::string of_entry = naming_trouble(dir.path() / "out", "in/a: b.dat", code(error));
        CHECK(contains(of_entry, "out/in/a: b.dat: " + code(error).message()));
        CHECK(contains(of_entry, no_name));
    }
    const std::string twice =
        naming_trouble(dir.path() / "out", "a.dat", code(std::errc::file_exists));
    CHECK(contains(twice,
                   "out/a.dat: File exists; the file system there takes this for the name "
                   "of another"));
    CHECK(naming_trouble("out", "a.dat", code(std::errc::no_space_on_device)) == "out/a.dat");
}
