// What is in the storage that nobody can use any more, or that gives way when room is needed.
#pragma once

#include <functional>

#include "node/store/layout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

// Removes temporary files, downloads of files that are stored by now, halves of a download, and
// downloads that were not gone on with for a week; not what a living process has
// (take_abandoned()). `is_stored` says what need not be downloaded. Never leaves the storage
// through a symbolic link.
void sweep_storage(const Layout& layout, const std::function<bool(const Sha1&)>& is_stored);

// Of the downloads that are not finished, with those that go on.
struct PartialUsage {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;  // on the disk
};
PartialUsage partial_usage(const Layout& layout);

// Removes the download that was longest not gone on with, unless a living process has it; false if
// there is none.
bool make_room(const Layout& layout);

// What `work` gives, which returns a Result, when it has had all the room that there can be.
template <class Work>
auto with_room(const Layout& layout, Work work) {
    for (;;) {
        auto result = work();
        if (result || result.error() != Errc::out_of_space || !make_room(layout)) return result;
    }
}

}  // namespace kp2p
