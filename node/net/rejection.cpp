#include "node/net/rejection.hpp"

#include <asio/ip/udp.hpp>

#include "node/net/udp_batch.hpp"

namespace kp2p {
namespace {

bool is_forbidden(std::error_code error) {
    return error == asio::error::no_permission || error == asio::error::access_denied;
}

bool leads_nowhere(std::error_code error) {
    return error == asio::error::network_unreachable || error == asio::error::host_unreachable ||
           error == asio::error::network_down;
}

class SocketInquiry final : public Inquiry {
  public:
    SocketInquiry(Executor executor, const Host& local, const Endpoint& to)
        : socket_(executor), to_(to.host) {
        std::error_code ignored, error;
        const auto protocol = to.host.is_v4() ? asio::ip::udp::v4() : asio::ip::udp::v6();
        socket_.open(protocol, ignored);
        socket_.non_blocking(true, ignored);
        hear_rejections(socket_.native_handle());
        // It leaves as our other packets do: elsewhere may be other firewalls.
        if (!local.is_unspecified()) socket_.bind(to_asio({local, 0}, protocol), ignored);
        socket_.connect(to_asio(to, protocol), error);
        note(error);
    }

    void ask() override {
        listen();  // what has come would be the error of this
        std::error_code error;
        const std::uint8_t byte = 0;
        socket_.send(asio::buffer(&byte, 1), 0, error);
        const bool told = listen();
        if (!told || is_forbidden(error)) note(error);
    }

    std::optional<Rejection> answer() override {
        listen();
        return answer_;
    }

  private:
    void note(std::error_code error) {
        if (is_forbidden(error) || leads_nowhere(error))
            answer_ = Rejection{.words = error.message(), .here = true};
    }

    // Whether it is this computer itself that rejects.
    bool is_own(const Rejection& rejection) const {
        std::error_code error;
        const auto own = socket_.local_endpoint(error);
        return !error && rejection.by == from_asio(own).host && rejection.by != to_;
    }

    bool listen() {
        bool told = false;
        while (auto rejection = next_rejection(socket_.native_handle())) {
            told = true;
            rejection->here = is_own(*rejection);
            // In the LAN nobody answers for that address: that is silence.
            if (!rejection->here || !rejection->no_host) answer_ = std::move(rejection);
        }
        return told;
    }

    asio::ip::udp::socket socket_;
    Host to_;
    std::optional<Rejection> answer_;
};

}  // namespace

std::string rejection_text(const Endpoint& to, const Rejection& rejection) {
    const std::string by = rejection.by ? ", by " + rejection.by->text() : std::string();
    return to.text() + by + ": " + rejection.words;
}

std::unique_ptr<Inquiry> open_inquiry(Executor executor, const Host& local, const Endpoint& to) {
    return std::make_unique<SocketInquiry>(std::move(executor), local, to);
}

}  // namespace kp2p
