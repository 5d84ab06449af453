// ProgressLine: the words for how far something is, in one line of a certain width:
//   recording.dat   45 %  1.21 GB of 2.69 GB  112 MB/s  0:13 left  from 1741cb70, 9f0c2b11
// What has no room is left out, from the end on; the name is shortened before anything is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/limit/recent_rate.hpp"

namespace kp2p::client {

struct Progress {
    std::string name = {};  // may be empty
    std::uint64_t done_bytes = 0;
    std::uint64_t size_bytes = 0;        // 0: not known yet
    std::vector<std::string> from = {};  // whom, each as people see it
    bool searches = false;               // nothing can come before somebody is found
};

class ProgressLine {
  public:
    using Time = proto::RecentRate::Time;

    // `width` in columns; the line has no end.
    std::string text(Time now, const Progress& progress, std::size_t width);

  private:
    proto::RecentRate rate_;
};

// Of a terminal: wide letters take two.
std::size_t columns_of(std::string_view text);
// "0:07", "12:40", "3:05:00"; whole seconds.
std::string span_words(std::uint64_t seconds);
// "20.1 MB of 3.00 GB kept", for who stops it.
std::string kept_words(const Progress& progress);

}  // namespace kp2p::client
