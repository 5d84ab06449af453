// What the web page needs besides: to be let in, and to be told what happens.
#include <utility>

#include "node/api/api.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::milliseconds between_news{500};

// A server-sent event but for its last line end.
std::string news(const char* name, const std::string& json) {
    return std::string("event: ") + name + "\ndata: " + json + '\n';
}

}  // namespace

Api::Answer Api::web(Call&) {
    if (server_.port() == 0) co_return Errc::no_daemon;
    const std::string page = "http://127.0.0.1:" + std::to_string(server_.port()) + "/";
    proto::JsonWriter json;
    json.begin_object().field("url", page + "#token=" + server_.web().invite()).end_object();
    co_return json.take();
}

Api::Answer Api::web_session(Call& call) {
    auto token = call.text("token");
    if (!token) co_return token.error();
    const auto session = server_.web().enter(*token);
    if (!session) {
        call.explain("this address was used before, or is too old.");
        co_return Errc::unauthorized;
    }
    proto::JsonWriter json;
    json.begin_object().field("session", *session).end_object();
    co_return json.take();
}

Api::Answer Api::events(Call& call) {
    std::string told_status, told_transfers;
    for (;;) {
        auto reached = co_await reach_storage(call);
        if (!reached) co_return reached.error();
        auto now = co_await status(call);
        if (now && *now != std::exchange(told_status, *now)) {
            auto sent = co_await call.send(news("status", *now));
            if (!sent) co_return sent.error();
        }
        now = co_await transfers(call);
        if (now && *now != std::exchange(told_transfers, *now)) {
            auto sent = co_await call.send(news("transfers", *now));
            if (!sent) co_return sent.error();
        }
        auto slept = co_await parts_.runtime.clock.sleep_for(between_news);
        if (!slept) co_return slept.error();
    }
}

}  // namespace kp2p
