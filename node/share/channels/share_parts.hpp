// What sharing is made of: the node's storage, and the swarm as sharing sees it.
#pragma once

#include "node/async/runtime.hpp"
#include "proto/bytes.hpp"

namespace kp2p {

class ForeignCalls;
class Peers;
class Store;

struct ShareParts {
    Runtime& runtime;
    Store& store;
    Peers& peers;
    ForeignCalls& foreign;  // for files that lie outside of the storage
    NodeId own;
};

}  // namespace kp2p
