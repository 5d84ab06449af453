#include "node/client/daemon.hpp"

#include <fcntl.h>
#include <httplib.h>
#include <simdjson.h>
#include <sys/file.h>
#include <unistd.h>

#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

// A line that an NDJSON stream may hold; the daemon sends far shorter ones.
constexpr std::size_t max_line_bytes = 16 << 20;
// The daemon's frames are at most 1 MiB.
constexpr std::size_t max_frame_bytes = 4 << 20;
// Work may wait for a peer, or for a reader of our output, as long as the user lets it.
constexpr std::chrono::hours stream_timeout{24 * 365};
constexpr std::chrono::seconds request_timeout{60};

constexpr std::chrono::seconds stop_timeout{10};

constexpr int http_ok = 200;

}  // namespace

struct Answer::Document {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
};

Answer::Answer(std::string_view text) : text_(text), document_(std::make_unique<Document>()) {
    if (document_->parser.parse(text_).get(document_->root) != simdjson::SUCCESS)
        document_->root = document_->parser.parse(std::string_view("{}")).value_unsafe();
}
Answer::~Answer() = default;
Answer::Answer(Answer&&) noexcept = default;
Answer& Answer::operator=(Answer&&) noexcept = default;

std::string Answer::string(std::string_view key) const {
    std::string_view value;
    if (document_->root[key].get(value) != simdjson::SUCCESS) return {};
    return std::string(value);
}

std::uint64_t Answer::number(std::string_view key) const {
    std::uint64_t value = 0;
    return document_->root[key].get(value) == simdjson::SUCCESS ? value : 0;
}

bool Answer::truth(std::string_view key) const {
    bool value = false;
    return document_->root[key].get(value) == simdjson::SUCCESS && value;
}

std::vector<std::string> Answer::strings(std::string_view key) const {
    std::vector<std::string> values;
    simdjson::dom::array items;
    if (document_->root[key].get(items) != simdjson::SUCCESS) return values;
    std::string_view text;
    for (const auto item : items)
        if (item.get(text) == simdjson::SUCCESS) values.emplace_back(text);
    return values;
}

struct Daemon::Connection {
    explicit Connection(std::uint16_t to) : port(to), client("127.0.0.1", to) {
        client.set_connection_timeout(std::chrono::seconds(5));
        client.set_tcp_nodelay(true);
    }
    httplib::Request make(const Request& asked) {
        httplib::Request request;
        request.method = asked.method;
        request.path = asked.path;
        request.body = asked.body;
        if (!asked.body.empty()) request.set_header("Content-Type", "application/json");
        request.set_header("Authorization", "Bearer " + token);
        return request;
    }
    std::uint16_t port;
    httplib::Client client;
    std::string token;
};

Daemon::Daemon(const Config& config)
    : connection_(std::make_unique<Connection>(config.daemon_port())),
      lock_(config.dir() / "lock") {
    connection_->token = config.api_token();
}
Daemon::~Daemon() = default;

std::error_code Daemon::error_of(const Answer& answer) {
    message_ = answer.string("message");
    return code_from_name(answer.string("code"));
}

std::error_code Daemon::no_daemon() {
    message_ = "nothing answers at 127.0.0.1:" + std::to_string(connection_->port) +
               "; kp2p-start-daemon starts one";
    return Errc::no_daemon;
}

std::error_code Daemon::cut_off() {
    message_ = "it ended before its work was done";
    return Errc::no_daemon;
}

Result<Answer> Daemon::request(const Request& asked) {
    message_.clear();
    connection_->client.set_read_timeout(request_timeout);
    httplib::Response response;
    httplib::Error error{};
    auto request = connection_->make(asked);
    if (!connection_->client.send(request, response, error)) return no_daemon();
    Answer answer(response.body);
    if (response.status != http_ok) return error_of(answer);
    return answer;
}

Result<void> Daemon::stream(const Request& asked, const OnChunk& on_chunk) {
    message_.clear();
    connection_->client.set_read_timeout(stream_timeout);
    int status = 0;
    std::string refusal;
    Result<void> outcome = ok;
    auto request = connection_->make(asked);
    request.response_handler = [&](const httplib::Response& response) {
        status = response.status;
        return true;
    };
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t,
                                   std::uint64_t) {
        if (status == http_ok)
            outcome = on_chunk({data, size});
        else if (refusal.size() + size <= max_line_bytes)
            refusal.append(data, size);
        return static_cast<bool>(outcome);
    };
    httplib::Response response;
    httplib::Error error{};
    const bool sent = connection_->client.send(request, response, error);
    if (!outcome) return outcome.error();
    if (!sent) return status ? cut_off() : no_daemon();
    if (status != http_ok) return error_of(Answer(refusal));
    return ok;
}

Result<Answer> Daemon::events(const Request& asked, const OnEvent& on_event) {
    std::string pending;
    Answer last("");
    const auto on_line = [&](std::string_view line) -> Result<void> {
        Answer answer(line);
        const std::string event = answer.string("event");
        if (event == "error") return error_of(answer);
        if (event != "result") return on_event(answer);
        last = std::move(answer);
        return ok;
    };
    const auto on_chunk = [&](std::string_view chunk) -> Result<void> {
        pending.append(chunk);
        std::size_t from = 0;
        for (std::size_t end; (end = pending.find('\n', from)) != std::string::npos;
             from = end + 1) {
            auto seen = on_line(std::string_view(pending).substr(from, end - from));
            if (!seen) return seen.error();
        }
        pending.erase(0, from);
        if (pending.size() > max_line_bytes) return Errc::limit_reached;
        return ok;
    };
    auto streamed = stream(asked, on_chunk);
    if (!streamed) return streamed.error();
    if (last.text().empty()) return cut_off();
    return last;
}

Result<Answer> Daemon::frames(const Request& asked, const OnBytes& on_bytes) {
    std::string pending;  // an incomplete length, or the final line
    std::uint32_t left = 0;
    bool ended = false;
    const auto on_chunk = [&](std::string_view chunk) -> Result<void> {
        while (!chunk.empty()) {
            if (left) {
                const auto bytes = chunk.substr(0, left);
                auto taken = on_bytes(as_bytes(bytes));
                if (!taken) return taken.error();
                left -= static_cast<std::uint32_t>(bytes.size());
                chunk.remove_prefix(bytes.size());
                continue;
            }
            if (!ended) {
                pending.push_back(chunk.front());
                chunk.remove_prefix(1);
                if (pending.size() < 4) continue;
                for (int i = 3; i >= 0; --i)
                    left = left << 8 | static_cast<std::uint8_t>(pending[static_cast<size_t>(i)]);
                if (left > max_frame_bytes) return Errc::limit_reached;
                ended = left == 0;
                pending.clear();
                continue;
            }
            pending.append(chunk);
            if (pending.size() > max_line_bytes) return Errc::limit_reached;
            chunk = {};
        }
        return ok;
    };
    auto streamed = stream(asked, on_chunk);
    if (!streamed) return streamed.error();
    Answer answer(pending);
    if (answer.string("event") == "result") return answer;
    if (answer.string("event") == "error") return error_of(answer);
    return cut_off();
}

Result<void> Daemon::wait_until_gone() {
    const int lock = ::open(lock_.c_str(), O_RDWR | O_CLOEXEC);
    if (lock < 0) return ok;
    const auto deadline = std::chrono::steady_clock::now() + stop_timeout;
    Result<void> gone = Errc::timed_out;
    while (!gone && std::chrono::steady_clock::now() < deadline) {
        if (::flock(lock, LOCK_EX | LOCK_NB) == 0)
            gone = ok;
        else
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::close(lock);
    return gone;
}

}  // namespace kp2p::client
