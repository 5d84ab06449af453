// The doctor where no daemon runs: what a daemon of these settings would find.
#pragma once

#include "node/report/doctor.hpp"
#include "node/settings/settings.hpp"

namespace kp2p {

// Takes the ports for a moment and asks the DHT nodes of the settings, for a few seconds; writes
// nothing. `trouble` is why the settings cannot be used, empty if they can. Blocks.
Checks examine_without_daemon(const Settings& settings, const std::string& trouble);

}  // namespace kp2p
