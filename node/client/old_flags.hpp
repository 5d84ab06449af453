// Flags that the commands of kachery-p2p and kachery had and that mean nothing here, so that
// scripts which give them go on working. A command takes those of its name with one remark.
#pragma once

#include <string_view>
#include <vector>

namespace kp2p::client {

struct OldFlag {
    std::string_view name;  // "-c,--channel" with a short one
    bool has_value = false;
};

// Source: kachery_p2p/cli.py up to 0.8 and kachery's bin/kachery-*, parser_helpers.py.
std::vector<OldFlag> old_flags(std::string_view command);

}  // namespace kp2p::client
