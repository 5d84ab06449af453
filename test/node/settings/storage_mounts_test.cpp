#include "node/settings/storage_mounts.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "test/temp_dir.hpp"

using namespace kp2p;
namespace fs = std::filesystem;

namespace {

struct Place {
    test::TempDir directory;
    fs::path config = fs::canonical(directory.path()) / "config",
             storage = fs::canonical(directory.path()) / "storage",
             file = config / "storage-mounts";

    Place() { fs::create_directory(storage); }
    // What a storage that was mounted there has left.
    void was_mounted_at(const fs::path& mount) const {
        fs::create_directory(config);
        std::ofstream(file) << storage.native() << '\0' << mount.native() << '\0';
    }
    bool is_away() const { return StorageMounts(config).why_away(storage).has_value(); }
};

}  // namespace

TEST_CASE("an empty directory where something was mounted is not the storage") {
    const Place place;
    CHECK(!place.is_away());
    place.was_mounted_at(place.storage);
    CHECK(place.is_away());
    for (const char* part : {"sha1", "kp2p"}) {
        fs::create_directory(place.storage / part);
        CHECK(!place.is_away());
        fs::remove(place.storage / part);
    }
    CHECK(place.is_away());
    fs::remove(place.storage);
    CHECK(!place.is_away());  // it is missing, which others say
}

TEST_CASE("a storage that is used where it is now is that one") {
    const Place place;
    place.was_mounted_at(place.storage);
    StorageMounts(place.config).remember(place.storage);
    CHECK(!place.is_away());
}

TEST_CASE("where a storage is mounted is kept under its real name") {
    const test::TempDir memory(test::TempDir::Medium::memory);
    const Place place;
    const fs::path link = place.directory.path() / "link";
    fs::create_symlink(memory.path(), link);
    StorageMounts(place.config).remember(link);
    StorageMounts(place.config).remember(link);
    std::ifstream file(place.file, std::ios::binary);
    std::string storage, mount, more;
    if (!std::getline(file, storage, '\0')) return;  // all is on one file system here
    std::getline(file, mount, '\0');
    CHECK(storage == fs::canonical(memory.path()));
    CHECK(storage.starts_with(mount));
    CHECK(!std::getline(file, more, '\0'));
    CHECK(!StorageMounts(place.config).why_away(link));
}

TEST_CASE("what is damaged, or cannot be kept, is no trouble") {
    const Place place;
    fs::create_directory(place.config);
    std::ofstream(place.file) << place.storage.native();
    CHECK(!place.is_away());
    StorageMounts("").remember(place.storage);
    StorageMounts("/dev/null/none").remember(place.storage);
    CHECK(!StorageMounts("").why_away(place.storage));
}
