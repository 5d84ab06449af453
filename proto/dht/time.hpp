// Moments and spans of this folder's machines. Time is only ever passed in.
#pragma once

#include <chrono>

namespace kp2p::proto::dht {

using Time = std::chrono::steady_clock::time_point;
using Span = std::chrono::steady_clock::duration;

}  // namespace kp2p::proto::dht
