// Faults: what the system calls of the storage do in a test that is linked with --wrap for each:
// they fail, come in pieces, or let something happen in between.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace kp2p::test {

struct Faults {
    int failing_data_flushes = 0;  // how many of the next, with `error`
    int failing_name_flushes = 0;
    int failing_system_flushes = 0;
    int passing_system_flushes = 0;  // before those
    int error = 0;
    enum class Locks { working, always_held, missing } locks = Locks::working;
    bool interrupted = false;  // reads and writes are now and then interrupted, and come in pieces
    bool unreadable = false;   // reads fail, with `error`
    std::function<void()> after_read;  // once
    std::vector<std::string> calls;    // "write", "flush data", "flush names", "flush system",
                                       // "begin flush"
};
extern Faults faults;

}  // namespace kp2p::test
