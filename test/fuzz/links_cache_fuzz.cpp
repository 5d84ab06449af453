// A cache of any bytes, and one of ours with bytes of it replaced or its end cut off, gives either
// nothing or just the links that were saved.
#include <cstdlib>

#include "node/store/links_cache.hpp"
#include "proto/file/links.hpp"
#include "test/files.hpp"
#include "test/temp_dir.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kp2p;
    static const test::TempDir directory;
    static const std::filesystem::path path = directory.path() / "links" / "cache";
    static const FileStamp stamp{3 * proto::chunk_bytes, 1, 2, 3};
    static const KnownLinks links{std::vector<Sha1Link>(3, proto::first_link()), {1, 2, 3}};
    static const std::string saved = [] {
        save_links(path, stamp, links);
        return test::read_file(path);
    }();
    if (saved.empty()) std::abort();

    const ByteView input(data, size);
    test::write_file(path, input);
    if (const auto loaded = load_links(path, stamp); loaded && as_text(input) != saved)
        std::abort();

    if (size < 2) return 0;
    std::string damaged = saved;
    const ByteView patch = input.subspan(2);
    const std::size_t at = data[0] % damaged.size();
    damaged.replace(at, std::min(patch.size(), damaged.size() - at), as_text(patch));
    if (data[1] < damaged.size()) damaged.resize(data[1]);
    test::write_file(path, damaged);
    const auto loaded = load_links(path, stamp);
    if (loaded.has_value() != (damaged == saved) || (loaded && *loaded != links)) std::abort();
    return 0;
}
