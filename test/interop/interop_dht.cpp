// interop-dht BOOTSTRAP HOST [persistent]: a DHT node of ours that a script drives. Reads one
// command a line and writes one JSON object a line; ends with its stdin. Bytes are hex, addresses
// text.
//   announce TOPIC SEED RELAY          lookup TOPIC            unannounce TOPIC SEED
//   immutable_put VALUE                immutable_get TARGET
//   mutable_put SEED SEQ VALUE         mutable_get KEY
//   listen SEED                        (answers each handshake with its noise and "!")
//   find_peer KEY                      handshake KEY RELAY NOISE
//   status
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <cstdio>
#include <istream>
#include <sstream>

#include "node/async/tasks.hpp"
#include "node/dht/dht.hpp"
#include "node/discover/announcer.hpp"
#include "node/net/udp_socket.hpp"
#include "node/udx/udx_context.hpp"
#include "proto/dht/wire/signatures.hpp"
#include "test/runtime.hpp"

using namespace kp2p;

namespace {

std::string quoted(const std::string& text) { return '"' + text + '"'; }

std::string list(const std::vector<std::string>& items) {
    std::string text = "[";
    for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + item;
    return text + "]";
}

class Driver {
  public:
    Driver(Dht& dht, Tasks& all) : dht_(dht), all_(all) {}

    Task<std::string> carry_out(std::string line) {
        std::istringstream words(line);
        std::string command, a, b, c;
        words >> command >> a >> b >> c;
        if (command == "announce") co_return co_await announce(a, b, c);
        if (command == "lookup") co_return co_await lookup(a);
        if (command == "unannounce") {
            std::vector<Endpoint> seeds;
            auto end = co_await dht_.unannounce(hex<Topic>(a), keys(b), seeds);
            co_return ended(end);
        }
        if (command == "immutable_put") {
            auto value = *from_hex(a);
            auto target = co_await dht_.immutable_put(std::move(value));
            co_return target ? field("target", quoted(target->hex())) : failed(target.error());
        }
        if (command == "immutable_get") {
            auto value = co_await dht_.immutable_get(hex<proto::dht::DhtId>(a));
            co_return value ? field("value", quoted(to_hex(*value))) : failed(value.error());
        }
        if (command == "mutable_put") {
            auto value = *from_hex(c);
            auto put = proto::dht::sign_mutable(keys(a), std::stoull(b), std::move(value));
            auto done = co_await dht_.mutable_put(std::move(put));
            co_return ended(done);
        }
        if (command == "mutable_get") {
            auto record = co_await dht_.mutable_get(hex<NodeId>(a), 0);
            co_return record ? "{\"seq\":" + std::to_string(record->seq) +
                                   ",\"value\":" + quoted(to_hex(record->value)) + "}"
                             : failed(record.error());
        }
        if (command == "listen") co_return co_await listen(a);
        if (command == "find_peer") co_return co_await find_peer(a);
        if (command == "handshake") co_return co_await handshake(a, b, c);
        if (command == "status") co_return status();
        co_return failed(Errc::usage);
    }

  private:
    template <class Id>
    static Id hex(const std::string& text) {
        return *Id::from_hex(text);
    }
    static proto::KeyPair keys(const std::string& seed) {
        return proto::KeyPair::from_seed(hex<proto::Seed>(seed));
    }
    static std::string field(const char* name, const std::string& value) {
        return std::string("{\"") + name + "\":" + value + "}";
    }
    static std::string failed(std::error_code error) {
        return field("error", quoted(error.message()));
    }
    template <class T>
    static std::string ended(const Result<T>& result) {
        return result ? "{}" : failed(result.error());
    }

    Task<std::string> announce(std::string topic, std::string seed, std::string relay) {
        const std::vector<Endpoint> relays{*Endpoint::parse(relay)};
        const auto known = [&]() -> Task<Result<std::vector<Endpoint>>> { co_return relays; };
        Dht::Announcing announcing{keys(seed), known, {}};
        auto end = co_await dht_.announce(hex<Topic>(topic), std::move(announcing), nullptr);
        co_return ended(end);
    }

    Task<std::string> lookup(std::string topic) {
        std::vector<std::string> found;
        auto take = [&](const proto::dht::PeerRecord& peer) {
            const std::string relay = peer.relays.empty() ? "" : peer.relays[0].text();
            found.push_back("{\"key\":" + quoted(peer.key.hex()) + ",\"relay\":" + quoted(relay) +
                            "}");
        };
        std::vector<Endpoint> seeds;
        auto end = co_await dht_.lookup(hex<Topic>(topic), seeds, take);
        co_return end ? field("found", list(found)) : failed(end.error());
    }

    Task<std::string> listen(std::string seed) {
        const auto pair = keys(seed);
        Listener listener;
        listener.handshake = [this](const IncomingHandshake& in) {
            ByteVector noise = in.message.noise;
            noise.push_back('!');
            dht_.answer(in.on, in, std::move(noise));
        };
        dht_.listen(pair.public_key(), listener);
        announcer_ = std::make_unique<Announcer>(dht_, pair);
        all_.spawn(announcer_->run());
        auto announced = co_await announcer_->announced();
        std::vector<std::string> relays;
        for (const auto& relay : announcer_->relays()) relays.push_back(quoted(relay.relay.text()));
        co_return announced ? field("relays", list(relays)) : failed(announced.error());
    }

    Task<std::string> find_peer(std::string key) {
        std::vector<std::string> relays;
        auto take = [&](const FoundRelay& found) { relays.push_back(quoted(found.relay.text())); };
        Dht::FindingPeer finding;
        auto end = co_await dht_.find_peer(hex<NodeId>(key), finding, take);
        co_return end ? field("relays", list(relays)) : failed(end.error());
    }

    Task<std::string> handshake(std::string key, std::string relay, std::string noise) {
        const auto target = proto::dht::target_of(hex<NodeId>(key));
        auto bytes = *from_hex(noise);
        const auto node = *Endpoint::parse(relay);
        auto reply = co_await dht_.peer_handshake(node, target, std::move(bytes));
        if (!reply) co_return failed(reply.error());
        co_return "{\"noise\":" + quoted(to_hex(reply->noise)) +
            ",\"server\":" + quoted(reply->server.text()) +
            ",\"relayed\":" + (reply->relayed ? "true" : "false") + "}";
    }

    std::string status() {
        return std::string("{\"firewalled\":") + (dht_.firewalled() ? "true" : "false") +
               ",\"persistent\":" + (dht_.persistent() ? "true" : "false") +
               ",\"nodes\":" + std::to_string(dht_.table_size()) + "}";
    }

    Dht& dht_;
    Tasks& all_;
    std::unique_ptr<Announcer> announcer_;
};

Task<> serve(Dht& dht) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(dht.run());
        auto entered = co_await dht.bootstrap();
        if (!entered) co_return all.cancel();
        std::puts("{\"ready\":true}");
        Driver driver(dht, all);
        asio::posix::stream_descriptor input(co_await asio::this_coro::executor, ::dup(0));
        asio::streambuf buffer;
        for (;;) {
            auto [error, size] = co_await asio::async_read_until(input, buffer, '\n', use_result);
            if (error) break;
            std::istream stream(&buffer);
            std::string line;
            std::getline(stream, line);
            auto answer = co_await driver.carry_out(line);
            std::puts(answer.c_str());
            std::fflush(stdout);
        }
        all.cancel();
        co_await asio::post(asio::use_awaitable);
    };
    (void)co_await with_tasks(body);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    asio::io_context loop{1};
    test::RealRuntime real(loop.get_executor());
    const Endpoint any = *Endpoint::parse(std::string(argv[2]) + ":0");
    UdxContext udx(loop.get_executor(), real.clock, 1);
    auto server_socket = UdpSocket::open(loop.get_executor(), any);
    auto client_socket = UdpSocket::open(loop.get_executor(), any);
    if (!server_socket || !client_socket) return 1;
    UdpPort server(std::move(*server_socket), udx), client(std::move(*client_socket), udx);
    DhtSetup setup;
    setup.bootstrap.push_back(*parse_bootstrap(argv[1]));
    if (argc > 3) {
        setup.persistence = Persistence::persistent;
        setup.reach = proto::dht::Reach::open;
    }
    Dht dht(real.runtime, server, client, setup);
    std::exception_ptr thrown;
    asio::co_spawn(loop, serve(dht), [&](std::exception_ptr e) { thrown = e; });
    loop.run();
    return thrown ? 1 : 0;
}
