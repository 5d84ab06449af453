#include "cmd/load_progress.hpp"

#include <algorithm>

namespace kp2p {

client::Progress progress_of(const client::Answer& event, const proto::Uri& uri) {
    constexpr std::size_t id_digits = 8;
    client::Progress progress;
    progress.name = uri.own_name().empty() ? uri.sha1.hex().substr(0, id_digits) : uri.own_name();
    progress.done_bytes = event.number("verified_bytes");
    progress.size_bytes = event.number("size_bytes");
    for (const std::string& node : event.strings("from"))
        progress.from.push_back(node.substr(0, std::min(node.size(), id_digits)));
    progress.searches = event.number("providers") == 0;
    return progress;
}

}  // namespace kp2p
