#include "node/tunnel/opened_tunnel.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <asio/ssl/error.hpp>
#include <utility>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/address.hpp"
#include "proto/outcome.hpp"
#include "proto/tunnel/socks5.hpp"

namespace kp2p {
namespace {

using namespace proto::tunnel;

constexpr std::chrono::seconds open_limit{15}, connect_limit{5};
constexpr std::chrono::milliseconds address_start{250};
constexpr std::size_t max_relay_addresses = 16;
constexpr int upgrade_required = 426;  // RFC 9110, section 15.5.22

std::string base64(std::string_view text) {
    std::string all((text.size() + 2) / 3 * 4 + 1, '\0');
    const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(all.data()),
                                      as_bytes(text).data(), static_cast<int>(text.size()));
    all.resize(static_cast<std::size_t>(size));
    return all;
}

std::string connect_request(const Proxy& proxy, const std::string& authority) {
    std::string text = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (!proxy.credentials.empty())
        text += "Proxy-Authorization: Basic " + base64(proxy.credentials) + "\r\n";
    return text + "\r\n";
}

std::string upgrade_request(const RelayUrl& url, const std::optional<Allocated>& again) {
    std::string text = "GET " + url.path + " HTTP/1.1\r\nHost: " + url.authority() +
                       "\r\nConnection: Upgrade\r\nUpgrade: " + protocol_name +
                       "\r\nAuthorization: Bearer " + url.token + "\r\n";
    if (again)
        text += "Kp2p-Port: " + std::to_string(again->address.port) +
                "\r\nKp2p-Key: " + again->key.hex() + "\r\n";
    return text + "\r\n";
}

bool is_end(std::error_code error) {
    return error == Errc::closed || error == asio::error::eof ||
           error == asio::error::connection_reset || error == asio::ssl::error::stream_truncated;
}

// It began to speak, but not TLS.
bool is_no_tls(std::error_code error) {
    return error.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER;
}

class TunnelOpening {
  public:
    TunnelOpening(Clock& clock, const RelayRoute& route, TunnelTrouble& why)
        : clock_(clock), route_(route), why_(why) {}

    Task<Result<OpenedTunnel>> run(std::optional<Allocated> again) {
        auto connected = co_await connect();
        if (!connected) co_return connected.error();
        auto asked = co_await upgrade(again);
        if (!asked) co_return asked.error();
        co_return co_await allocation();
    }

  private:
    std::error_code failed(const std::string& what, std::error_code error) {
        std::string words = error.message();
        if (error == asio::error::operation_aborted) words = "it does not answer";
        if (is_end(error)) words = "it ends the connection";
        why_.words = what + ": " + words;
        return error;
    }

    Task<Result<void>> connect() {
        const RelayUrl& url = route_.url;
        const WebAddress relay{url.host, url.port};
        const WebAddress& first = route_.proxy ? route_.proxy->address : relay;
        place_ = "no TCP to " + std::string(route_.proxy ? "the proxy " : "") + first.text();
        auto reached = co_await reach(first);
        if (!reached) co_return reached.error();
        if (route_.proxy) {
            auto through = co_await pass_proxy(*route_.proxy);
            if (!through) co_return through.error();
        }
        if (!url.tls) co_return ok;
        TlsServerName name{url.host, url.fingerprint};
        auto started = co_await stream_->start_tls(std::move(name), clock_.wall_now());
        if (started) co_return ok;
        std::string what = "no TLS with " + relay.text();
        if (route_.proxy) what += " through the proxy " + first.text();
        const TunnelTrouble& refusal = stream_->refusal();
        if (!page_.empty()) co_return impostor(page_);
        if (is_no_tls(started.error()))
            co_return impostor(what + ": what answers there speaks no TLS");
        if (refusal.words.empty()) co_return failed(what, started.error());
        why_ = {what + ": " + refusal.words, refusal.impostor};
        co_return started.error();
    }

    std::error_code impostor(const std::string& words) {
        why_ = {words, true};
        return make_error_code(Errc::refused);
    }

    Task<Result<void>> reach(WebAddress to) {
        std::vector<Endpoint> addresses;
        if (const auto host = Host::parse(to.host)) {
            addresses.push_back({*host, to.port});
        } else {
            why_.words = place_ + ": " + name_words(to.host, Errc::timed_out);  // while it is asked
            NameQuestion question{to.host};
            auto found = co_await hosts_of(clock_, std::move(question));
            if (!found) {
                why_.words = place_ + ": " + name_words(to.host, found.error());
                co_return found.error();
            }
            for (const Host& each : *found) addresses.push_back({each, to.port});
        }
        if (addresses.size() > max_relay_addresses) addresses.resize(max_relay_addresses);
        std::error_code last = make_error_code(Errc::cannot_connect);
        Clock::Span pause{};
        auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
            for (const Endpoint& address : addresses) {
                all.spawn(
                    reach_one(address, std::exchange(pause, pause + address_start), last, all));
            }
            co_return;
        });
        if (stream_) co_return ok;
        if (!done) last = failed(place_, done.error());
        co_return last;
    }

    // Of a name's addresses some may lead nowhere, as IPv6 does in many a network: each has only so
    // much of a start on the next (RFC 8305).
    Task<> reach_one(Endpoint address, Clock::Span pause, std::error_code& last, Tasks& all) {
        auto slept = co_await clock_.sleep_for(pause);
        if (!slept || stream_) co_return;
        auto stream = co_await with_timeout(clock_, connect_limit, WebStream::connect(address));
        if (stream_) co_return;
        if (stream) {
            stream_ = *std::move(stream);
            all.cancel();
        } else if (stream.error() != asio::error::operation_aborted) {
            last = failed(place_, stream.error());
        }
    }

    Task<Result<void>> pass_proxy(Proxy proxy) {
        if (proxy.speaks == Proxy::Speaks::socks5) co_return co_await pass_socks(std::move(proxy));
        const std::string place = "the proxy " + proxy.address.text();
        const std::string request = connect_request(proxy, route_.url.authority());
        auto sent = co_await stream_->write(as_bytes(request));
        if (!sent) co_return failed(place, sent.error());
        auto head = co_await stream_->read_head(HttpSide::answer);
        if (!head && head.error() == proto::Errc::bad_text) {
            why_.words = place +
                         " does not answer in HTTP: look whether that is its port, and that " +
                         "of http://, without TLS";
            co_return head.error();
        }
        if (!head) co_return failed(place, head.error());
        const std::string page = page_words(*head);
        if (!page.empty()) page_ = place + " " + page;
        // What is said to be a page may be a tunnel yet; in one nobody speaks before we do.
        if (head->status / 100 == 2 && (page.empty() || !stream_->has_more())) co_return ok;
        if (!page.empty()) co_return impostor(page_);
        why_.words = place + " " + refusal_words(*head, route_.url.port);
        co_return Errc::refused;
    }

    Task<Result<void>> pass_socks(Proxy proxy) {
        const std::string place = "the proxy " + proxy.address.text();
        Socks5 socks({route_.url.host, route_.url.port}, proxy.credentials);
        ByteVector answer(Socks5::max_wanted_bytes);
        while (socks.wanted_bytes() > 0) {
            const ByteVector said = socks.take_output();
            auto sent = co_await stream_->write(said);
            if (!sent) co_return failed(place, sent.error());
            std::span<std::uint8_t> missing(answer.data(), socks.wanted_bytes());
            while (!missing.empty()) {
                auto size = co_await stream_->read_some(missing);
                if (!size) co_return failed(place, size.error());
                missing = missing.subspan(*size);
            }
            auto taken = socks.receive(ByteView(answer).first(socks.wanted_bytes()));
            if (!taken) why_.words = place + " " + socks.why();
            if (!taken) co_return taken.error();
        }
        co_return ok;
    }

    Task<Result<void>> upgrade(const std::optional<Allocated>& again) {
        const std::string request = upgrade_request(route_.url, again);
        auto sent = co_await stream_->write(as_bytes(request));
        if (!sent) co_return failed("the relay", sent.error());
        auto head = co_await stream_->read_head(HttpSide::answer);
        if (!head && !page_.empty()) co_return impostor(page_);
        if (!head && head.error() == proto::Errc::bad_text) {
            why_.words = "what is there does not answer in HTTP";
            co_return head.error();
        }
        if (!head) co_return failed("the relay", head.error());
        if (head->status == 101 && head->field("Upgrade") == protocol_name) co_return ok;
        if (const std::string page = page_words(*head); !page.empty())
            co_return impostor("what is there " + page);
        why_.words = "the relay answers with status " + std::to_string(head->status);
        if (head->status == 401) why_.words = "the relay does not know the token";
        if (head->status == upgrade_required)
            why_.words =
                "what asks for a port is taken out of the request (Upgrade) by a web server "
                "in front of the relay, or by a proxy that looks into TLS" +
                stream_->certificate_shown();
        if (head->status == 503) why_.words = "the relay serves as many as it can";
        co_return Errc::refused;
    }

    Task<Result<OpenedTunnel>> allocation() {
        auto frames = std::make_unique<FrameReader>();
        for (;;) {
            auto frame = frames->next();
            if (!frame) co_return failed("the relay", frame.error());
            if (*frame) {
                const auto* allocated = std::get_if<Allocated>(&**frame);
                if (!allocated) co_return failed("the relay", proto::Errc::bad_state);
                OpenedTunnel opened{std::move(stream_), nullptr, *allocated};
                opened.frames = std::move(frames);
                co_return opened;
            }
            auto more = co_await stream_->read_some(frames->room());
            if (!more) co_return failed("the relay", more.error());
            frames->filled(*more);
        }
    }

    Clock& clock_;
    const RelayRoute& route_;
    TunnelTrouble& why_;
    std::string place_;  // that there is no TCP to
    std::string page_;   // what the proxy's answer looks like, if that
    std::unique_ptr<WebStream> stream_;
};

}  // namespace

Task<Result<OpenedTunnel>> open_tunnel(Clock& clock, RelayRoute route,
                                       std::optional<proto::tunnel::Allocated> again,
                                       TunnelTrouble& why) {
    TunnelOpening opening(clock, route, why);
    why = {"no answer from " + route.url.place()};
    auto opened = co_await with_timeout(clock, open_limit, opening.run(again));
    co_return opened;
}

}  // namespace kp2p
