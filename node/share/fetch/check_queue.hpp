// CheckQueue: chunks that came and wait for a thread of the pool. Where two wait, one thread takes
// both: hashed side by side, they take little longer than one.
#pragma once

#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "proto/transfer/download.hpp"

namespace kp2p {

class CheckQueue {
  public:
    using Job = proto::Download::CheckChunk;
    struct Checked {
        std::uint64_t job;
        Result<proto::CheckedChunk> result;
    };

    void add(Job job) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(job));
    }
    std::size_t waiting() const {
        const std::lock_guard lock(mutex_);
        return waiting_.size();
    }
    // Of one or two that wait; none if others have taken all. On any thread.
    std::vector<Checked> check_some() {
        const std::vector<Job> jobs = take();
        std::vector<Checked> checked;
        if (jobs.size() == 1) checked.push_back({jobs[0].job, proto::run_check(*jobs[0].check)});
        if (jobs.size() == 2) {
            auto both = proto::run_checks(*jobs[0].check, *jobs[1].check);
            for (std::size_t i = 0; i < 2; ++i)
                checked.push_back({jobs[i].job, std::move(both[i])});
        }
        return checked;
    }

  private:
    std::vector<Job> take() {
        const std::lock_guard lock(mutex_);
        std::vector<Job> jobs;
        while (!waiting_.empty() && jobs.size() < 2) {
            jobs.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        return jobs;
    }

    mutable std::mutex mutex_;
    std::deque<Job> waiting_;
};

}  // namespace kp2p
