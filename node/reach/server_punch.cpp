#include "node/reach/server_punch.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

using proto::punch::ServerAnswers;

ServerPunch::ServerPunch(ServerPunchParts parts)
    : parts_(std::move(parts)),
      machine_(parts_.runtime.clock.now(),
               {.budget = parts_.pool.budget(),
                .secret = parts_.runtime.random.bytes<proto::dht::AddressSecret>(),
                .seed = parts_.runtime.random.number(),
                .said_firewall = parts_.said_firewall,
                .greeted_from = parts_.greeted_from,
                .draws_ports = parts_.draws_ports}),
      ended_(parts_.runtime.executor),
      alarm_(parts_.runtime.clock.alarm(parts_.runtime.executor, [this] {
          machine_.expire(parts_.runtime.clock.now());
          pump();
      })) {}

Task<> ServerPunch::run(std::shared_ptr<ServerPunch> punch) {
    ServerPunch& self = *punch;
    Clock& clock = self.parts_.runtime.clock;
    Puncher::Heard heard;
    heard.sample = [&](const auto& sample) {
        self.machine_.sampled(clock.now(), sample), self.pump();
    };
    heard.samples_over = [&] { self.machine_.samples_over(clock.now()), self.pump(); };
    heard.probe = [&](std::size_t socket, const Endpoint& from) {
        self.machine_.probed(clock.now(), socket, from), self.pump();
    };
    self.puncher_.emplace(self.parts_.dht, self.parts_.pool, std::move(heard));
    auto done = co_await with_tasks([&self](Tasks& all) -> Task<> {
        auto opened = self.puncher_->open(all);
        if (!opened) co_return;
        self.tasks_ = &all;
        self.pump();
        while (!self.over_) {
            auto woken = co_await self.ended_.wait();
            if (!woken) break;
        }
        all.cancel();
    });
    (void)done;
    self.tasks_ = nullptr;
    self.alarm_->clear();
    self.puncher_.reset();
    self.stop();
}

void ServerPunch::received(const IncomingHolepunch& incoming, bool ours) {
    if (!ready() || !incoming.message.peer) return;
    auto payload = proto::dht::open(parts_.secret, incoming.message.payload);
    if (!payload) return;
    proto::punch::Server::Message message;
    message.ticket = tickets_++;
    message.payload = std::move(*payload);
    message.client = *incoming.message.peer;
    message.relay = incoming.from;
    message.ours = ours;
    message.on_ours = incoming.on == socket();
    message.to = incoming.request.to;
    if (unanswered_.size() == max_unanswered) unanswered_.pop_front();
    unanswered_.emplace_back(message.ticket, incoming);
    const bool before = machine_.punching();
    machine_.received(parts_.runtime.clock.now(), std::move(message));
    pump();
    if (!before && machine_.punching()) parts_.changed();
}

void ServerPunch::stop() {
    over_ = true;
    machine_.stop();
    parts_.permit = proto::punch::Budget::Permit();
    ended_.notify_all();
}

void ServerPunch::answer(const ServerAnswers& answer) {
    const auto asked = std::find_if(unanswered_.begin(), unanswered_.end(),
                                    [&](const auto& u) { return u.first == answer.ticket; });
    if (asked == unanswered_.end()) return;
    const auto nonce = parts_.runtime.random.bytes<proto::dht::SecretboxNonce>();
    const bool from_ours = answer.from == ServerAnswers::From::punching_socket;
    parts_.dht.answer(from_ours ? socket() : parts_.dht.default_socket(), asked->second,
                      seal(parts_.secret, nonce, answer.payload));
    unanswered_.erase(asked);
}

void ServerPunch::pump() {
    if (!tasks_ || std::exchange(pumping_, true)) return;
    while (!over_) {
        const auto action = machine_.next_action();
        if (!action) break;
        if (const auto* probe = std::get_if<proto::punch::Probe>(&*action)) {
            puncher_->send(*probe);
        } else if (const auto* knock = std::get_if<proto::punch::Knock>(&*action)) {
            puncher_->knock(knock->to, parts_.knock);
        } else if (const auto* answer = std::get_if<ServerAnswers>(&*action)) {
            this->answer(*answer);
        } else if (std::get_if<proto::punch::Reopen>(&*action)) {
            if (!puncher_->open(*tasks_)) stop();
        } else {
            stop();
            parts_.changed();
        }
    }
    pumping_ = false;
    const auto deadline = machine_.deadline();
    if (deadline && !over_)
        alarm_->set(*deadline);
    else
        alarm_->clear();
}

}  // namespace kp2p
