// What killed processes left in the storage that nobody can use any more.
#pragma once

#include <functional>

#include "node/store/layout.hpp"

namespace kp2p {

// Removes temporary files, downloads of files that are stored by now, and halves of a download:
// those of living processes are locked, and stay. `is_stored` says what need not be downloaded.
void sweep_storage(const Layout& layout, const std::function<bool(const Sha1&)>& is_stored);

}  // namespace kp2p
