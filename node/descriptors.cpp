#include "node/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace kp2p {

void allow_many_descriptors() {
    constexpr rlim_t enough = 64 * 1024;
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
    limit.rlim_cur = std::min(enough, limit.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace kp2p
