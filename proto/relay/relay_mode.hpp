// RelayMode: whether a node forwards streams between others. automatic: while anybody can reach it.
#pragma once

namespace kp2p::proto {

enum class RelayMode { off, automatic, on };

}  // namespace kp2p::proto
