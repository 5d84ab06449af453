// What a connection is used for: told by those who use it, asked by those who decide which
// connection makes room for another.
#pragma once

#include <set>

#include "proto/bytes.hpp"

namespace kp2p {

// quiet: an answer is awaited, or files are open, but nothing moves
enum class Work { none, quiet, busy };
struct Use {
    std::set<Topic> topics;  // that both have proven to be in; none: a stranger
    Work work = Work::none;
};

}  // namespace kp2p
