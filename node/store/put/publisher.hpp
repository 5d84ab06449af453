// Publisher: makes finished files appear under their final names, durably, and many of them at the
// price of a few. Shape: begin() before the first is written; add() each, then finish(); what was
// added counts only after a finish() that succeeded, though it may be seen earlier. After a failure
// all else fails too: what was added since the last finish() is to be written anew. One that is
// destroyed unfinished publishes no more.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "node/store/directories.hpp"
#include "node/store/layout.hpp"
#include "node/store/put/place_content.hpp"
#include "node/store/temp_file.hpp"

namespace kp2p {

class Publisher {
  public:
    Publisher(const Layout& layout, DirectoryMaker& maker);

    Result<void> begin();
    // Is called with the file when it has its final name, if it is the one that got it.
    using Published = std::function<void(const File& file)>;
    // In contents(): a content, and one that is there already stays (place_content.hpp).
    Result<void> add(TempFile file, const Sha1& sha1, Published published = Published());
    // Beside it: its ".link", and an older one gives way.
    Result<void> add_link(TempFile file, const Sha1& sha1);
    Result<void> finish();

  private:
    enum class Kind { content, link };
    struct Pending {
        TempFile file;
        Sha1 sha1;
        Kind kind;
        Published published;
        Placed placed = {};
    };
    Result<void> add(Pending pending);
    Result<void> publish();
    Result<void> name(Pending& pending, bool each);
    Result<void> flush_names(bool each);
    Result<void> fail(std::error_code error, std::size_t named);

    const Layout& layout_;
    DirectoryMaker& maker_;
    std::size_t max_pending_;       // each holds a descriptor
    std::optional<File> contents_;  // opened before what is to be flushed was written
    std::vector<Pending> pending_;
    std::error_code failure_;
};

}  // namespace kp2p
