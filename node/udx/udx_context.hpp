// UdxContext: every UDX stream of the process by its id, over all sockets, and those that it only
// forwards. Hands packets to streams, and after each batch lets the touched ones send. Outlives the
// ports and the streams; used by the one thread of its executor.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "node/async/clock.hpp"
#include "node/net/datagrams.hpp"
#include "node/udx/udx_linger.hpp"
#include "proto/udx/challenge.hpp"

namespace kp2p {

class UdxRelay;
class UdxStream;

class UdxContext {
  public:
    // Stream ids derive from `seed`, which must be unpredictable outside of tests.
    UdxContext(Executor executor, Clock& clock, std::uint64_t seed);
    UdxContext(const UdxContext&) = delete;
    UdxContext& operator=(const UdxContext&) = delete;
    ~UdxContext();  // no stream is left

    // For UdpPort. True if the datagram names one of our streams, and was thereby consumed.
    bool receive(Datagrams& socket, const Datagram& datagram);
    // After a batch of receive(): acknowledges and sends what became possible.
    void flush();
    // The socket is going away: its streams end with Errc::closed.
    void forget(Datagrams& socket);
    std::size_t streams() const { return streams_.size(); }
    Clock& clock() { return clock_; }

  private:
    friend class UdxRelay;
    friend class UdxStream;

    std::uint32_t free_id();
    std::uint32_t add(UdxStream& stream);
    std::uint32_t add(UdxRelay& relay, std::size_t end);
    void remove_relayed(std::uint32_t id) { relayed_.erase(id); }
    proto::udx::ChallengeKey challenge_key();
    void remove(UdxStream& stream);
    void linger(std::uint32_t id, const UdxLinger::Entry& entry);
    void touch(UdxStream& stream);       // it sends at the next flush
    void flush_soon(UdxStream& stream);  // which comes at the end of this turn of the loop
    Clock::Time now();                   // one moment for a whole batch
    void repeat_last_words();

    Executor executor_;
    Clock& clock_;
    std::uint64_t seed_, drawn_ = 0;
    std::unordered_map<std::uint32_t, UdxStream*> streams_;
    std::unordered_map<std::uint32_t, std::pair<UdxRelay*, std::size_t>> relayed_;  // and which end
    std::vector<UdxStream*> touched_;
    UdxLinger linger_;
    std::unique_ptr<Alarm> linger_alarm_;
    std::optional<Clock::Time> now_;
    bool flush_posted_ = false;
    std::shared_ptr<UdxContext*> self_;  // posted functions see whether we still exist
};

}  // namespace kp2p
