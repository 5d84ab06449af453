// Any JSON, and what is inserted into a link file, either is refused or parses to an absolute path
// and a stamp that read back the same.
#include <cstdlib>

#include "node/store/link_file.hpp"

namespace {

void check(std::string_view json) {
    using kp2p::LinkFile;
    const auto link = LinkFile::parse(json);
    if (!link) return;
    if (!link->path.is_absolute()) std::abort();
    const auto again = LinkFile::parse(link->text());
    if (!again || again->path != link->path || again->size_bytes != link->size_bytes ||
        again->modified_s != link->modified_s || again->modified_ns != link->modified_ns ||
        again->manifest != link->manifest)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(kp2p::as_text({data, size}));
    check(text);
    check(R"({"path": "/)" + text +
          R"(", "manifest_hash": null, "stat": {"size": 1, "mtime": 2}})");
    check(R"({"path": "/", "manifest_hash": null, "stat": {"size": 1, "mtime": 2.)" + text + "}}");
    return 0;
}
