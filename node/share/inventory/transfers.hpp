// Transfers: what is being loaded and given just now, for people: each load that somebody asked
// for, and each file that a neighbour has open here. Says in the log, in one line, what came of
// each.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/async/runtime.hpp"
#include "node/share/inventory/file_traffic.hpp"
#include "proto/bytes.hpp"
#include "proto/limit/recent_rate.hpp"

namespace kp2p {

enum class TransferKind { load, give };

struct TransferFacts {
    TransferKind kind = TransferKind::load;
    Sha1 file;
    std::string name = {};           // for people; may be empty
    std::vector<NodeId> nodes = {};  // from whom, or to whom
    std::uint64_t bytes = 0;         // verified, or given
    std::uint64_t size_bytes = 0;    // 0: not known yet
};

class Transfers {
  public:
    Transfers(Runtime& runtime, FileCounts& counts) : runtime_(runtime), counts_(counts) {}
    Transfers(const Transfers&) = delete;

    // One of them, for as long as this lives. Not to outlive the Transfers.
    class Entry {
      public:
        // `cancel` ends it, soon.
        Entry(Transfers& all, TransferFacts facts, std::function<void()> cancel);
        Entry(const Entry&) = delete;
        ~Entry();
        void moved(std::uint64_t bytes);  // more of them
        void set(std::uint64_t bytes, std::uint64_t size_bytes, std::vector<NodeId> nodes);
        void done() { done_ = true; }  // all that was asked for is here

      private:
        friend class Transfers;
        void told();

        Transfers& all_;
        std::uint64_t id_;
        TransferFacts facts_;
        std::function<void()> cancel_;
        Clock::Time began_;
        std::uint64_t began_bytes_ = 0;  // what was here before
        bool seen_ = false, done_ = false;
        proto::RecentRate rate_;
    };

    struct Report {
        std::uint64_t id = 0;
        TransferFacts facts;
        Clock::Span age{};
        double bytes_per_second = 0;  // of the last seconds
    };
    std::vector<Report> reports() const;
    bool cancel(std::uint64_t id);  // false: there is none of that number

  private:
    Runtime& runtime_;
    FileCounts& counts_;
    std::map<std::uint64_t, Entry*> entries_;
    std::uint64_t next_ = 1;
};

}  // namespace kp2p
