// The end of a process that may not end by itself.
#pragma once

#include <chrono>

namespace kp2p {

// Stopping takes some milliseconds. What may hang is the system: a name being looked up, a disk.
inline constexpr std::chrono::milliseconds stop_limit{1200};

// Ends the process, with status 0 and a sentence on stderr, if it has not ended by then: what hangs
// is the system (a dead file system, a name look-up), and nothing is lost by that, since no file is
// ever half written under its name. From the first thread, which SIGTERM does not reach any more:
// it asks for what is being done, and would make the process end as if it had been killed.
void end_process_within(std::chrono::milliseconds limit);

}  // namespace kp2p
