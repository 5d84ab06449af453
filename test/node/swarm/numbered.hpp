// Nodes by number.
#pragma once

#include <cstring>

#include "proto/bytes.hpp"

namespace kp2p::test {

inline NodeId numbered(std::size_t number) {
    NodeId id;
    std::memcpy(id.data(), &number, sizeof number);
    id.data()[31] = 1;
    return id;
}
inline std::size_t number_of(const NodeId& id) {
    std::size_t number;
    std::memcpy(&number, id.data(), sizeof number);
    return number;
}

}  // namespace kp2p::test
