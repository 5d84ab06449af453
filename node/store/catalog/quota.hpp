// Quota: how much the storage may take. Whoever is about to load a file asks; what was loaded
// before gives way to it, and if that is not enough the file is refused. What is stored is refused
// never, but counts. From any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "node/store/layout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

class Quota {
  public:
    // Absent: as much as there is on the disk.
    void limit(std::optional<std::uint64_t> most_bytes);
    bool is_limited() const;
    // Errc::over_quota; storage_trouble() then names the quota, and what there is.
    Result<void> admit(const Layout& layout, const Sha1& sha1, std::uint64_t size_bytes);
    // What was loaded gives way to what was stored just now, `added_bytes` of it, or to a quota
    // that is less than it was.
    void keep(const Layout& layout, std::uint64_t added_bytes);

  private:
    void count(const Layout& layout, const Sha1& except);
    bool is_fresh() const;

    mutable std::mutex mutex_;
    std::optional<std::uint64_t> most_bytes_;
    // Since a walk through the storage takes long, its sum is used for a while, with what was
    // admitted since; what is refused is counted anew.
    std::optional<std::chrono::system_clock::time_point> counted_;
    std::chrono::system_clock::duration took_{};  // to count
    std::uint64_t used_bytes_ = 0;
};

}  // namespace kp2p
