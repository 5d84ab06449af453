// GatewayThread: a PortMapper that asks a Gateway on a thread of its own, since a router may keep
// whoever asks waiting for as long as it likes. A call takes no longer than the limit; one that
// hangs costs a thread, of which there is one at most, and until it comes back every other call
// waits for it, no longer than the limit.
#pragma once

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/mapping/gateway.hpp"
#include "node/mapping/port_mapper.hpp"

namespace kp2p {

class GatewayThread final : public PortMapper {
  public:
    static constexpr std::chrono::seconds limit{20};

    GatewayThread(Runtime& runtime, std::unique_ptr<Gateway> gateway);
    GatewayThread(const GatewayThread&) = delete;
    ~GatewayThread() override;  // without waiting for what hangs; nobody waits for a call

    Task<Result<Mapping>> map(MappingWish wish) override;
    Task<Result<void>> unmap() override;

  private:
    struct Home;
    struct Call;
    using Work = std::function<Result<Mapping>(Gateway&)>;

    Task<Result<Mapping>> run(Work work);
    bool start(std::shared_ptr<Call> call);

    Runtime& runtime_;
    std::shared_ptr<Gateway> gateway_;  // touched by the thread alone
    std::shared_ptr<Home> home_;
    bool running_ = false;
    Event ended_;
};

}  // namespace kp2p
