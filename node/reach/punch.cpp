// Through the NATs of both sides, with the help of the node that relayed the handshake.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/reach/heed.hpp"
#include "node/reach/puncher.hpp"
#include "proto/dht/wire/secure_payload.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::AddressSecret;
using proto::dht::Firewall;
using proto::dht::HolepunchSecret;
using proto::dht::NoisePayload;
using proto::dht::SecretboxNonce;
using proto::punch::Client;
using proto::punch::ClientAsks;

constexpr std::chrono::seconds max_asking{1};

// Ours, moved by the machine; lives in the approach, as its failure is explained afterwards.
class ClientPunch {
  public:
    ClientPunch(const Greeted& greeted, const Punching& punching)
        : dht_(greeted.dht),
          clock_(greeted.clock),
          random_(punching.runtime.random),
          pool_(punching.pool),
          open_(punching.open),
          knock_(punching.knock),
          remote_(greeted.remote),
          target_(proto::dht::target_of(greeted.remote)),
          number_(greeted.answer.payload.holepunch->id),
          secret_(proto::holepunch_secret(punching.keys.hash).view()),
          setup_(setup_of(greeted, punching)),
          course_(punching.course),
          changed_(punching.runtime.executor),
          alarm_(clock_.alarm(punching.runtime.executor, [this] {
              if (machine_) machine_->expire(clock_.now());
              pump();
          })) {}

    Task<Result<UdxPath>> run();
    Task<> ask_why();
    void explain(Finding& finding) const;

  private:
    static Client::Setup setup_of(const Greeted& greeted, const Punching& punching);
    void pump();
    Task<> ask(ClientAsks question);
    Result<void> open_socket();

    Dht& dht_;
    Clock& clock_;
    Random& random_;
    SocketPool& pool_;
    SocketPool::Open open_;
    std::function<ByteVector()> knock_;
    NodeId remote_;
    proto::dht::DhtId target_;
    std::uint64_t number_;
    HolepunchSecret secret_;
    Client::Setup setup_;
    Client::Course* course_;
    std::optional<Puncher> puncher_;
    std::optional<Client> machine_;
    Tasks* tasks_ = nullptr;
    std::optional<Result<UdxPath>> outcome_;
    std::optional<proto::punch::Failure> failure_;
    std::optional<Rejection> rejection_;
    Event changed_;
    std::unique_ptr<Alarm> alarm_;
    bool pumping_ = false;
};

Client::Setup ClientPunch::setup_of(const Greeted& greeted, const Punching& punching) {
    const Endpoint& relay = greeted.answer.relay;
    const HandshakeReply& reply = greeted.answer.reply;
    const NoisePayload& payload = greeted.answer.payload;
    const auto& relays = payload.holepunch->relays;
    const auto same =
        std::find_if(relays.begin(), relays.end(),
                     [&](const NoisePayload::Relay& said) { return said.relay == relay; });
    return {.budget = punching.pool.budget(),
            .secret = punching.runtime.random.bytes<AddressSecret>(),
            .seed = punching.runtime.random.number(),
            .server = reply.server,
            .relay = relay,
            .said_relay = same == relays.end() ? relays.front() : *same,
            .said_firewall = payload.firewall,
            .said_addresses = payload.addresses4,
            .course = *punching.course,
            .draws_ports = draws_ports(greeted.dht)};
}

Task<Result<UdxPath>> ClientPunch::run() {
    auto permit = pool_.budget().punch(remote_, proto::Role::initiator);
    if (!permit) {
        failure_ = proto::punch::Failure::busy;
        co_return Errc::limit_reached;
    }
    Puncher::Heard heard;
    heard.sample = [this](const auto& sample) { machine_->sampled(clock_.now(), sample), pump(); };
    heard.samples_over = [this] { machine_->samples_over(clock_.now()), pump(); };
    heard.probe = [this](std::size_t socket, const Endpoint& from) {
        machine_->probed(clock_.now(), socket, from), pump();
    };
    puncher_.emplace(dht_, pool_, std::move(heard), open_);
    auto done = co_await with_tasks([this](Tasks& all) -> Task<> {
        tasks_ = &all;
        machine_.emplace(clock_.now(), setup_);
        auto opened = puncher_->open(all);
        if (!opened) outcome_.emplace(opened.error());
        pump();
        while (!outcome_) {
            auto woken = co_await changed_.wait();
            if (!woken) break;
        }
        all.cancel();
    });
    tasks_ = nullptr;
    alarm_->clear();
    puncher_.reset();
    if (done && failure_) co_await ask_why();
    if (outcome_) co_return *outcome_;
    if (!done) co_return done.error();
    co_return Errc::cannot_connect;
}

// Only now, as each packet from another port of ours may shift those that our NAT gives next.
Task<> ClientPunch::ask_why() {
    Datagrams& socket = dht_.port(dht_.default_socket())->socket();
    auto told = heed(clock_, socket, setup_.server, rejection_);
    (void)co_await with_timeout(clock_, max_asking, std::move(told));
    // That no port of its is open yet is what every NAT may say.
    if (rejection_ && rejection_->by == setup_.server.host) rejection_.reset();
}

void ClientPunch::pump() {
    if (std::exchange(pumping_, true)) return;  // a call from within: the outer one goes on
    while (!outcome_) {
        auto action = machine_->next_action();
        if (!action) break;
        if (const auto* probe = std::get_if<proto::punch::Probe>(&*action)) {
            puncher_->send(*probe);
        } else if (const auto* knock = std::get_if<proto::punch::Knock>(&*action)) {
            puncher_->knock(knock->to, knock_ ? knock_() : ByteVector());
        } else if (const auto* admitted = std::get_if<proto::punch::Admit>(&*action)) {
            puncher_->admit(admitted->from);
        } else if (auto* question = std::get_if<ClientAsks>(&*action)) {
            tasks_->spawn(ask(std::move(*question)));
        } else if (std::get_if<proto::punch::Reopen>(&*action)) {
            auto opened = puncher_->open(*tasks_);
            if (!opened) outcome_.emplace(opened.error());
        } else if (const auto* found = std::get_if<proto::punch::Found>(&*action)) {
            *course_ = machine_->course();
            outcome_.emplace(puncher_->path(found->socket, found->remote));
        } else {
            failure_ = std::get<proto::punch::Failed>(*action).why;
            outcome_.emplace(Errc::cannot_connect);
        }
    }
    pumping_ = false;
    if (outcome_) changed_.notify_all();
    const auto deadline = machine_->deadline();
    if (deadline && !outcome_)
        alarm_->set(*deadline);
    else
        alarm_->clear();
}

Task<> ClientPunch::ask(ClientAsks question) {
    proto::dht::PeerHolepunch message;
    message.id = number_;
    message.payload = seal(secret_, random_.bytes<SecretboxNonce>(), question.payload);
    message.peer = question.peer;
    auto reply =
        co_await dht_.peer_holepunch(puncher_->id(), question.relay, target_, std::move(message));
    if (!reply && reply.error() == asio::error::operation_aborted) co_return;
    Result<proto::dht::HolepunchPayload> payload = Errc::timed_out;
    if (reply) payload = proto::dht::open(secret_, reply->payload);
    if (payload) {
        machine_->replied(clock_.now(), {std::move(*payload), reply->server, reply->client});
    } else {
        machine_->unanswered(clock_.now());
    }
    pump();
}

void ClientPunch::explain(Finding& finding) const {
    if (failure_) finding.what = name_of(*failure_);
    if (!machine_) return;
    finding.what += "; our NAT: " + std::string(name_of(machine_->ours())) +
                    ", theirs: " + std::string(name_of(machine_->theirs()));
    if (machine_->way()) finding.what += "; tried: " + std::string(name_of(*machine_->way()));
    if (!rejection_) return;
    const std::string tried = std::exchange(finding.what, {});
    tell(rejection_, setup_.server, finding);
    finding.what += "; no hole: " + tried;
}

}  // namespace

std::optional<Approach> punch_approach(const Greeted& greeted, const Punching& punching) {
    const auto& payload = greeted.answer.payload;
    const bool offered = payload.holepunch && !payload.holepunch->relays.empty();
    const bool needed = greeted.answer.reply.relayed && payload.firewall != Firewall::open;
    if (!offered || !needed || greeted.we_are_open) return std::nullopt;
    const auto punch = std::make_shared<ClientPunch>(greeted, punching);
    return Approach{[punch] { return punch->run(); },
                    {.code = Finding::Code::no_hole,
                     .node = greeted.remote,
                     .path = TriedPath{TriedPath::Way::punch, greeted.answer.reply.server}},
                    [punch](Finding& finding) { punch->explain(finding); }};
}

}  // namespace kp2p
