// ProgressBar: a line on a terminal that says how far something is (progress_line.hpp), drawn over
// itself some times a second; nothing when stderr is no terminal, in the background of one, or with
// --quiet or --json. On a terminal that can do no more than print (TERM=dumb) it is a new line now
// and then. Gone when destroyed, and before the command prints or says anything.
#pragma once

#include <chrono>

#include "node/client/progress_line.hpp"

namespace kp2p::client {

class Command;

class ProgressBar {
  public:
    explicit ProgressBar(Command& command);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    void show(const Progress& progress);
    const Progress& last() const { return last_; }  // what was shown, or would have been
    void erase();                                   // until it is shown again

  private:
    using Time = ProgressLine::Time;
    enum class Kind { none, plain, drawn };

    Command& command_;
    Kind kind_ = Kind::none;
    ProgressLine line_;
    Progress last_;
    Time shown_{};
    bool there_ = false;
};

}  // namespace kp2p::client
