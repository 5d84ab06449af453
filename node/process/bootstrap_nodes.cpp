#include "node/process/bootstrap.hpp"

namespace kp2p {

std::vector<BootstrapNode> bootstrap_nodes(const Settings& settings) {
    const std::vector<std::string>& texts = settings.bootstrap;
    if (texts.empty() || texts.front() == "public") return public_bootstrap();
    std::vector<BootstrapNode> nodes;
    if (texts.front() == "none" || is_first(settings)) return nodes;
    for (const std::string& text : texts)
        if (auto node = parse_bootstrap(text)) nodes.push_back(*std::move(node));
    return nodes;
}

bool is_first(const Settings& settings) {
    return !settings.bootstrap.empty() && settings.bootstrap.front() == "self";
}

}  // namespace kp2p
