#include "node/mapping/gateway_thread.hpp"

#include <mutex>

#include "node/async/attempt.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {

// Where the thread reports back, as long as there is somebody to report to.
struct GatewayThread::Home {
    std::mutex mutex;
    GatewayThread* owner;  // null: nobody; changed by the loop's thread, under the mutex
};

struct GatewayThread::Call {
    Work work;
    Attempt<Result<Mapping>> made;
    bool over = false;
};

GatewayThread::GatewayThread(Runtime& runtime, std::unique_ptr<Gateway> gateway)
    : runtime_(runtime),
      gateway_(std::move(gateway)),
      home_(std::make_shared<Home>()),
      ended_(runtime.executor) {
    home_->owner = this;
}

GatewayThread::~GatewayThread() {
    const std::lock_guard lock(home_->mutex);
    home_->owner = nullptr;
}

Task<Result<Mapping>> GatewayThread::map(MappingWish wish) {
    Work work = [wish](Gateway& gateway) { return gateway.map(wish); };
    co_return co_await run(std::move(work));
}

Task<Result<void>> GatewayThread::unmap() {
    Work work = [](Gateway& gateway) -> Result<Mapping> {
        gateway.unmap();
        return Mapping();
    };
    auto done = co_await run(std::move(work));
    if (!done) co_return done.error();
    co_return ok;
}

Task<Result<Mapping>> GatewayThread::run(Work work) {
    const Clock::Time end = runtime_.clock.now() + limit;
    const auto call = std::make_shared<Call>();
    call->work = std::move(work);
    for (bool started = false; !call->over;) {
        if (!started && !running_) {
            started = start(call);
            if (!started) co_return Errc::limit_reached;
            continue;
        }
        const Clock::Span left = end - runtime_.clock.now();
        auto woken = co_await with_timeout(runtime_.clock, left, ended_.wait());
        if (!woken && !call->over) co_return woken.error();
    }
    co_return std::move(call->made).get();
}

// False: there are no more threads to be had now.
bool GatewayThread::start(std::shared_ptr<Call> call) {
    const auto body = [home = home_, loop = runtime_.executor, gateway = gateway_, call] {
        auto ask = [&] { return call->work(*gateway); };
        call->made = attempt(ask);
        const std::lock_guard lock(home->mutex);
        if (!home->owner) return;
        asio::post(loop, [home, call] {
            if (!home->owner) return;
            call->over = true;
            home->owner->running_ = false;
            home->owner->ended_.notify_all();
        });
    };
    running_ = runtime_.pool.start(body);
    return running_;
}

}  // namespace kp2p
