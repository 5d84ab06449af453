// Verdicts: what this process has found out about the content of files by hashing them, each good
// as long as the file has the same stamp. From several threads at once. At most max_kept; of more
// the oldest are forgotten, which costs no more than another hashing.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "node/store/file.hpp"

namespace kp2p {

enum class Verdict {
    right,
    wrong,
    unreadable,
};

class Verdicts {
  public:
    static constexpr std::size_t max_kept = 16384;

    void keep(const Sha1& sha1, const FileStamp& stamp, Verdict verdict);
    std::optional<Verdict> of(const Sha1& sha1, const FileStamp& stamp) const;
    void forget(const Sha1& sha1, Verdict verdict);

  private:
    using Key = std::pair<Sha1, std::uint64_t>;  // with the inode: one can be stored and linked
    struct Kept {
        FileStamp stamp;
        Verdict verdict;
    };
    mutable std::mutex mutex_;
    std::map<Key, Kept> kept_;
    std::deque<Key> order_;  // of kept_, the oldest first
};

}  // namespace kp2p
