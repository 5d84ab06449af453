#include "node/reach/tcp_acceptor.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/reach/tcp_handshake.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Each handshake costs four scalar multiplications.
constexpr proto::dht::RateLimit::Limits tcp_source_limits{10, 50}, tcp_limits{400, 800};

}  // namespace

TcpAcceptor::TcpAcceptor(TcpAcceptorParts parts)
    : parts_(std::move(parts)),
      sources_(parts_.runtime.clock.now(), tcp_source_limits),
      all_sources_(parts_.runtime.clock.now(), tcp_limits) {}

Task<> TcpAcceptor::run() {
    auto done = co_await with_tasks([this](Tasks& all) -> Task<> { co_await accept_loop(all); });
    (void)done;  // it ends by cancellation, or with the port
}

Task<> TcpAcceptor::accept_loop(Tasks& all) {
    for (;;) {
        auto stream = co_await parts_.streams.accept();
        if (!stream) co_return;
        const Host source = (*stream)->path().remote.host.subscriber();
        make_room(source);
        handshakes_[++taken_].source = source;
        all.spawn(attend(*std::move(stream), taken_));
    }
}

void TcpAcceptor::make_room(const Host& source) {
    const auto is_from_there = [&](const auto& each) { return each.second.source == source; };
    const auto from_there = static_cast<std::size_t>(
        std::count_if(handshakes_.begin(), handshakes_.end(), is_from_there));
    auto gone = handshakes_.end();
    if (from_there >= max_handshakes_of_host)
        gone = std::find_if(handshakes_.begin(), handshakes_.end(), is_from_there);
    else if (handshakes_.size() >= max_handshakes)
        gone = std::ranges::find_if(handshakes_, [](auto& each) { return each.second.refused; });
    if (gone == handshakes_.end() && handshakes_.size() >= max_handshakes)
        gone = handshakes_.begin();
    if (gone == handshakes_.end()) return;
    Tasks* const tasks = gone->second.tasks;
    handshakes_.erase(gone);
    tasks->cancel();
}

Task<Result<proto::NoiseKeys>> TcpAcceptor::answer(ByteStream& stream, Host source) {
    const std::function<bool()> may_cost = [this, source] {
        const auto now = parts_.runtime.clock.now();
        return sources_.allow(now, {source, 0}) && all_sources_.spend(now);
    };
    Answering by{parts_.runtime.random, parts_.keys, may_cost, parts_.welcome, parts_.twin};
    auto answered = answer_over(stream, std::move(by));
    co_return co_await std::move(answered);
}

// How long a refusal takes, and how it looks, does not depend on what was wrong.
Task<> TcpAcceptor::attend(std::unique_ptr<ByteStream> stream, std::uint64_t number) {
    Clock& clock = parts_.runtime.clock;
    const auto until = clock.now() + handshake_limit;
    Result<proto::NoiseKeys> keys;
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        Handshake& own = handshakes_.at(number);
        own.tasks = &all;
        auto limited = with_timeout(clock, handshake_limit, answer(*stream, own.source));
        keys = co_await std::move(limited);
        if (keys || keys.error() == asio::error::operation_aborted) co_return;
        own.refused = true;
        auto slept = co_await clock.sleep_until(until);
        (void)slept;  // cut short, another has taken its place
    });
    handshakes_.erase(number);
    if (done && keys) co_return parts_.accepted(Link{std::move(stream), *keys});
    stream->destroy();
}

}  // namespace kp2p
