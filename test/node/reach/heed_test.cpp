#include "node/reach/heed.hpp"

#include <doctest/doctest.h>

#include "proto/outcome.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const Endpoint there{{192, 0, 2, 7}, 4000};

// Somebody tells of one of so many packets that they are rejected.
class Rejected final : public Datagrams {
  public:
    Rejected(Rejection rejection, unsigned every)
        : rejection_(std::move(rejection)), every_(every) {}
    Endpoint local() const override { return {}; }
    void send(const Endpoint&, ByteView) override {}
    void send_with_ttl(const Endpoint&, ByteView, int) override {}
    void send_segments(const Endpoint&, std::span<const ByteView>, std::size_t) override {}
    std::span<const Datagram> take() override { return {}; }
    Task<Result<void>> arrived() override { co_return Errc::closed; }
    std::shared_ptr<Inquiry> inquire(const Endpoint& to) override {
        CHECK(to == there);
        return std::make_shared<Asking>(*this);
    }
    unsigned asked = 0;

  private:
    struct Asking final : Inquiry {
        explicit Asking(Rejected& socket) : socket(socket) {}
        void ask() override { ++socket.asked; }
        std::optional<Rejection> answer() override {
            if (socket.asked < socket.every_) return std::nullopt;
            return socket.rejection_;
        }
        Rejected& socket;
    };
    Rejection rejection_;
    unsigned every_;
};

Finding silence() { return {.code = Finding::Code::path_silent, .what = there.text()}; }

}  // namespace

TEST_CASE("silence is told as the rejection that it is") {
    struct Row {
        Rejection rejection;
        unsigned every;  // packets it is told of; more than are sent: never
        std::chrono::milliseconds waits;
        Finding::Code code;
        std::string what;
    };
    using Code = Finding::Code;
    const std::string at = there.text();
    const Rejection router{"administratively prohibited", Host(192, 0, 2, 1)};
    const Rejection nobody{"Connection refused", std::nullopt};
    const Rejection own{"Operation not permitted", std::nullopt, true};
    const Row rows[] = {
        {router, 1, 2s, Code::path_rejected, at + ", by 192.0.2.1: administratively prohibited"},
        {router, 5, 2s, Code::path_rejected, at + ", by 192.0.2.1: administratively prohibited"},
        {nobody, 1, 2s, Code::path_rejected, at + ": Connection refused"},
        {own, 1, 2s, Code::path_not_let_out, at + ": Operation not permitted"},
        {router, 1000, 2s, Code::path_silent, at},
        {router, 1, 200ms, Code::path_silent, at},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CAPTURE(row.every);
        Sim sim(3);
        Rejected socket(row.rejection, row.every);
        auto story = [&]() -> Task<> {
            std::optional<Rejection> heard;
            const auto began = sim.clock().now();
            auto work = sim.clock().sleep_for(row.waits);
            auto done = co_await heeding(sim.clock(), socket, there, heard, std::move(work));
            CHECK(done);
            CHECK(sim.clock().now() - began == row.waits);  // the work ends as it would
            Finding finding = silence();
            tell(heard, there, finding);
            CHECK(finding.code == row.code);
            CHECK(finding.what == row.what);
        };
        sim.run(story());
        CHECK(socket.asked <= 10);
        CHECK((socket.asked > 0) == (row.waits > 300ms));
    }
}
