#include "node/process/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "node/log/log.hpp"

namespace kp2p {

void allow_many_descriptors() {
    constexpr rlim_t enough = 64 * 1024;
    constexpr rlim_t few = 1024;  // for some transfers beside each other
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
    limit.rlim_cur = std::min(enough, limit.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= few) return;
    log(LogLevel::warning, "daemon",
        "at most " + std::to_string(limit.rlim_cur) +
            " files and connections can be open at once (ulimit -n): what needs more fails");
}

}  // namespace kp2p
