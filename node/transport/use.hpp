// What a connection is used for: told by those who use it, asked by those who decide which
// connection makes room for another.
#pragma once

#include <set>

#include "proto/bytes.hpp"

namespace kp2p {

enum class Work { none, quiet, busy };  // quiet: files are open, but nothing moves
struct Use {
    std::set<Topic> topics;  // that both have proven to be in; none: a stranger
    Work work = Work::none;
};

}  // namespace kp2p
