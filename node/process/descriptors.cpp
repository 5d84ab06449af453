#include "node/process/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "node/log/log.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

Result<void> allow_many_descriptors(std::string& why) {
    constexpr rlim_t enough = 64 * 1024;
    constexpr rlim_t few = 1024;  // for some transfers beside each other
    constexpr rlim_t least = 32;  // for its own sockets and files, and some commands
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return ok;
    limit.rlim_cur = std::min(enough, limit.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= few) return ok;
    const std::string what = "at most " + std::to_string(limit.rlim_cur) +
                             " files and connections can be open at once (ulimit -n)";
    if (limit.rlim_cur < least) {
        why = what + ", and " + std::to_string(least) + " are the least that it needs";
        return Errc::limit_reached;
    }
    log(LogLevel::warning, "daemon", what + ": what needs more fails");
    return ok;
}

}  // namespace kp2p
