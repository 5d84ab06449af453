// depart(): the last thing that a node does which others may have in their routing tables. They are
// told that it is gone, or those who look something up would ask it in vain, and wait; and it
// answers no more, as whoever is told pings it first. Nothing is waited for. Source: npm dht-rpc
// 6.27.0 (index.js, DOWN_HINT).
#pragma once

#include "node/dht/dht.hpp"

namespace kp2p {

void depart(Dht& dht);

}  // namespace kp2p
