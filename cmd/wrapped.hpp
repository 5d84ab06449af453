// Words for a terminal of 80 columns.
#pragma once

#include <string>
#include <string_view>

namespace kp2p {

// `label`, and beside it, from column `indent` on, the words, which begin further lines where they
// would pass column 80, or hold a line end. A word that is longer than a line stands alone.
std::string wrapped(std::string_view label, std::size_t indent, std::string_view words);

}  // namespace kp2p
