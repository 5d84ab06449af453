#include "node/reach/heed.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

// What works has mostly shown it by then.
constexpr Clock::Span before_asking = 300ms;
// Of what is rejected a router tells once a second only, and our other packets may be those.
constexpr Clock::Span question_pause = 250ms;

using Hearing = std::shared_ptr<std::optional<Rejection>>;

Task<Result<UdxPath>> heeded(Greeted greeted, Endpoint to, Hearing heard,
                             Task<Result<UdxPath>> work) {
    Datagrams& socket = greeted.dht.port(greeted.dht.default_socket())->socket();
    co_return co_await heeding(greeted.clock, socket, to, *heard, std::move(work));
}

}  // namespace

Task<Result<void>> heed(Clock& clock, Datagrams& socket, Endpoint to,
                        std::optional<Rejection>& heard) {
    auto slept = co_await clock.sleep_for(before_asking);
    if (!slept) co_return slept;
    const auto inquiry = socket.inquire(to);
    while (inquiry && !heard) {
        inquiry->ask();
        slept = co_await clock.sleep_for(question_pause);
        if (!slept) co_return slept;
        heard = inquiry->answer();
    }
    co_return co_await clock.sleep_for(24h);
}

void tell(const std::optional<Rejection>& heard, const Endpoint& to, Finding& finding) {
    if (!heard) return;
    finding.code = heard->here ? Finding::Code::path_not_let_out : Finding::Code::path_rejected;
    finding.what = rejection_text(to, *heard);
}

Approach heeding_approach(const Greeted& greeted, Approach approach) {
    const Endpoint to = *approach.failure.path->at;
    const auto heard = std::make_shared<std::optional<Rejection>>();
    approach.run = [greeted, to, heard, run = std::move(approach.run)] {
        return heeded(greeted, to, heard, run());
    };
    approach.explain = [to, heard](Finding& finding) { tell(*heard, to, finding); };
    return approach;
}

}  // namespace kp2p
