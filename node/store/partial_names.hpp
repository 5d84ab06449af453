// PartialNames: which files have a download under way or left over, as far as the names in
// kp2p/partial say: who asks for many files is spared looking for each. From any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>

#include "node/store/layout.hpp"

namespace kp2p {

class PartialNames {
  public:
    // What others begin is seen after so long.
    static constexpr std::chrono::milliseconds fresh_span{50};

    // Whether there may be one.
    bool may_have(const Layout& layout, const Sha1& file);
    // The same as far as is known without a look at the disk, which is often nothing: true then.
    bool may_have(const Sha1& file) const;
    void began(const Sha1& file);  // here

  private:
    bool is_fresh(std::chrono::system_clock::time_point now) const;

    mutable std::mutex mutex_;
    std::int64_t changed_ns_ = 0;                     // when a name came or went last; 0: unknown
    std::chrono::system_clock::time_point looked_{};  // when that was so
    std::set<Sha1> files_;                            // as of then
};

}  // namespace kp2p
