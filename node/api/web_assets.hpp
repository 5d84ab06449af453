// The files of the web page (node/api/web/), which the build puts into the daemon.
#pragma once

#include <span>
#include <string_view>

namespace kp2p {

struct WebAsset {
    std::string_view path;  // of the URL
    std::string_view content_type;
    std::string_view content;
};

std::span<const WebAsset> web_assets();

}  // namespace kp2p
