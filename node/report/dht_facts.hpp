// What the DHT part of a node tells about the network.
#pragma once

#include <optional>

#include "node/dht/dht.hpp"
#include "node/report/doctor.hpp"

namespace kp2p {

// Why nobody can be found; nothing while nodes answer.
std::optional<Finding> dht_trouble(const DhtContact& contact);

void note_dht(Facts& facts, Dht& dht);

}  // namespace kp2p
