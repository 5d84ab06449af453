#include "node/async/memory.hpp"

namespace kp2p {

void keep_freed_memory() {}

void give_freed_memory_back() {}

void give_code_back() {}

}  // namespace kp2p
