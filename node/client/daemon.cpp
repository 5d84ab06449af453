#include "node/client/daemon.hpp"

#include <sodium/randombytes.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "node/client/frame_reader.hpp"
#include "node/client/http/http.hpp"
#include "node/settings/config_trouble.hpp"
#include "proto/crypto/api_proof.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

// Work may wait for a peer, or for a reader of our output, as long as the user lets it.
constexpr std::chrono::seconds work_limit = std::chrono::hours(24 * 365);
// To take us in, and to begin an answer; shorter where one that is well has it at hand.
constexpr std::chrono::seconds answer_limit{60}, short_limit{15};
// How long nothing may come until that is said, where it is odd and where it is not.
// (Of a storage that does not answer a daemon says so after five seconds, ForeignCalls::limit.)
constexpr std::chrono::seconds odd_silence{6}, usual_silence{10};
constexpr std::size_t read_bytes = 256 << 10;

using Moment = std::chrono::steady_clock::time_point;

constexpr int http_ok = 200, http_unauthorized = 401;

std::string long_line() { return "a line of more than " + kib(max_line_bytes); }

// As a sandbox says, or a computer that cannot even reach itself.
bool is_without_network(std::error_code error) {
    constexpr std::array numbers{EAFNOSUPPORT, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, EPERM, EACCES};
    return error.category() == std::generic_category() &&
           std::ranges::find(numbers, error.value()) != numbers.end();
}

}  // namespace

struct Daemon::Connection {
    Connection(const Config& told, std::stop_token stopped)
        : config(told), dir(config.dir()), stop(std::move(stopped)) {
        find_daemon();
    }

    // What it says about itself is new with each start.
    void find_daemon() {
        socket_path = config.api_socket();
        port = config.daemon_port();
        token = config.api_token();
    }

    std::string where() const {
        return socket_path ? socket_path->string() : "127.0.0.1:" + std::to_string(port);
    }
    Patience patience(std::chrono::seconds limit) const { return {limit, stop}; }
    // For the beginning of an answer.
    Patience for_answer() const {
        return {limit, stop, takes_time ? usual_silence : odd_silence, on_silence, greeted_by};
    }
    Result<Socket> connect() const {
        if (socket_path) return Socket::connect(*socket_path, for_answer());
        return Socket::connect(port, for_answer());
    }

    Config config;
    std::filesystem::path dir;
    std::optional<std::filesystem::path> socket_path;  // or else the port
    std::uint16_t port = 0;
    std::string token;
    std::string authorization = {};  // of the connection, over TCP
    std::stop_token stop;
    std::chrono::seconds limit = answer_limit;
    bool takes_time = false;
    std::function<void()> on_silence = nullptr;
    bool said_silent = false;
    // When the other side has shown who it is, if that is being waited for.
    Moment greeted_by = Moment::max();
    std::optional<HttpExchange> exchange;
};

Daemon::Daemon(const Config& config, std::stop_token stop, StandIn stand_in)
    : connection_(std::make_unique<Connection>(config, std::move(stop))),
      lock_(config.dir() / "lock"),
      stand_in_(std::move(stand_in)) {}
Daemon::~Daemon() = default;

void Daemon::on_silence(std::function<void(const std::string&)> say) {
    connection_->on_silence = [&connection = *connection_, say = std::move(say), this] {
        if (!nobody_.empty() || std::exchange(connection.said_silent, true)) return;
        say("the daemon at " + connection.where() + " does not answer; waiting for it, " +
            std::to_string(connection.limit.count()) + " s at most");
    };
}

void Daemon::start_with(Starter starter, std::function<void()> started) {
    starter_ = std::move(starter);
    on_started_ = std::move(started);
}

std::error_code Daemon::unreachable(std::error_code error) {
    if (error == Errc::timed_out || error == Errc::canceled) return broken(error);
    if (error == Errc::no_daemon) {
        message_ = "nothing answers at " + connection_->where() + "; kp2p-start-daemon starts one";
        const std::string host = other_host_of_daemon(connection_->dir);
        if (!host.empty() && may_still_run(connection_->dir))
            message_ += "; the daemon of " + connection_->dir.string() + " was started on " + host +
                        own_config_dir_each;
        return Errc::no_daemon;
    }
    message_ = connection_->where() + ": " + error.message();
    const bool without = !connection_->socket_path && is_without_network(error);
    return without ? Errc::no_daemon : Errc::failed;
}

std::error_code Daemon::broken(std::error_code error) {
    connection_->exchange.reset();
    has_ended_ = error == Errc::closed;
    if (has_ended_) message_ = "the daemon ended before its work was done";
    if (error == Errc::timed_out)
        message_ = "the daemon at " + connection_->where() + " does not answer (waited " +
                   std::to_string(connection_->limit.count()) + " s)";
    if (error == proto::Errc::bad_text) return no_answer();
    if (error == proto::Errc::too_long)
        return no_answer("headers of more than " + kib(AnswerParser::max_head_bytes));
    return error;
}

std::error_code Daemon::no_answer(const std::string& what) {
    const std::string detail = what.empty() ? what : ": it sent " + what;
    connection_->exchange.reset();
    if (!connection_->socket_path) {
        message_ = "what answers at " + connection_->where() + " is not the daemon of " +
                   connection_->dir.string() + detail;
        return Errc::unauthorized;
    }
    message_ = "the daemon sent what is no answer" + detail;
    return Errc::failed;
}

std::error_code Daemon::not_ours() {
    const std::string dir = connection_->dir.string();
    if (::access(dir.c_str(), X_OK) != 0 && errno == EACCES) {
        message_ = dir + ": " + make_error_code(std::errc::permission_denied).message();
        return Errc::unauthorized;
    }
    message_ += "; kp2p-start-daemon starts one";
    return Errc::no_daemon;
}

Result<void> Daemon::connect() {
    nobody_.clear();
    auto met = meet();
    if (!met && met.error() == Errc::no_daemon && starter_) return start();
    if (!met && met.error() == Errc::no_daemon && stand_in_) return connect_stand_in();
    return met;
}

Result<void> Daemon::meet() {
    Connection& connection = *connection_;
    connection.exchange.reset();
    auto socket = connection.connect();
    if (!socket) return unreachable(socket.error());
    if (connection.socket_path && !socket->is_peer_trusted(*connection.socket_path)) {
        message_ = "what answers at " + connection.where() + " belongs to another user";
        return Errc::unauthorized;
    }
    connection.exchange.emplace(*std::move(socket));
    if (connection.socket_path) return ok;
    connection.greeted_by = std::chrono::steady_clock::now() + connection.limit;
    auto greeted = greet();
    connection.greeted_by = Moment::max();
    if (greeted) return ok;
    if (greeted.error() == Errc::closed)
        message_ = "what answers at " + connection.where() +
                   " closed the connection before it had shown that it is the daemon of " +
                   connection.dir.string();
    const bool another = greeted.error() == Errc::unauthorized || greeted.error() == Errc::closed;
    if (!another || !connection.config.is_port_guessed()) return greeted;
    return not_ours();
}

Result<void> Daemon::find_another() {
    connection_->find_daemon();
    return meet();
}

// Of two that start one at a time one is refused, and waits for the other's daemon.
Result<void> Daemon::start() {
    std::string why;
    auto started = starter_->start(connection_->stop, why);
    if (!started && started.error() == Errc::canceled) return started;
    const auto ours_answers = [this] { return bool(find_another()); };
    if (started) {
        on_started_();
        return find_another();
    }
    if (until_unlocked(ours_answers) || !ours_answers()) {
        message_ = why;
        return Errc::no_daemon;
    }
    return ok;
}

Result<void> Daemon::connect_stand_in() {
    auto ends = Socket::pair();
    if (!ends) return unreachable(ends.error());
    nobody_ = message_;
    if (auto served = stand_in_(ends->second); !served) return served;
    connection_->exchange.emplace(std::move(ends->first));
    return ok;
}

Result<void> Daemon::greet() {
    Connection& connection = *connection_;
    connection.authorization.clear();
    proto::ApiHello hello{connection.port, {}, {}};
    randombytes_buf(hello.client.mutable_view().data(), proto::ApiNonce::size_bytes);
    proto::JsonWriter body;
    body.begin_object().field("nonce", hello.client.hex()).end_object();
    auto status = send({"/v1/hello", "proof", body.take()});
    if (!status) return status.error();
    auto text = read_rest();
    if (!text) return text.error();
    const Answer answer(*text);
    const auto token = proto::ApiToken::from_hex(connection.token);
    const auto nonce = proto::ApiNonce::from_hex(answer.string("nonce"));
    const auto proof = proto::ApiProof::from_hex(answer.string("proof"));
    if (*status != http_ok || !token || !nonce || !proof) return no_answer();
    hello.server = *nonce;
    if (!proto::same_proof(*proof, proto::server_proof(*token, hello))) return no_answer();
    connection.authorization = "KP2P " + proto::client_proof(*token, hello).hex();
    return ok;
}

Result<int> Daemon::ask(const Request& asked) {
    message_.clear();
    findings_.clear();
    advice_.clear();
    about_.clear();
    has_ended_ = false;
    storage_alone_ = asked.storage_alone;
    if (!connection_->exchange || !connection_->exchange->reusable())
        if (auto connected = connect(); !connected) return connected.error();
    return send(asked);
}

Result<int> Daemon::send(const Request& asked) {
    Connection& connection = *connection_;
    const std::string host = "127.0.0.1:" + std::to_string(connection.port);
    HttpRequest request{asked.method, asked.path, host, {}, asked.body};
    if (!asked.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    if (!connection.authorization.empty())
        request.headers.emplace_back("Authorization", connection.authorization);
    auto status = connection.exchange->ask(request, connection.for_answer());
    if (!status) return broken(status.error());
    return status;
}

Result<void> Daemon::stream(const Request& asked, const OnChunk& on_chunk) {
    connection_->limit = answer_limit;
    connection_->takes_time = false;
    auto status = ask(asked);
    if (!status) return status.error();
    if (*status != http_ok) {
        auto body = read_rest();
        return body ? refused(*status, *body) : body.error();
    }
    BulkBytes buffer(read_bytes);
    for (;;) {
        auto size = connection_->exchange->read_body(buffer, connection_->patience(work_limit));
        if (!size) return broken(size.error());
        if (*size == 0) return ok;
        if (auto seen = on_chunk(ByteView(buffer).first(*size)); !seen) {
            connection_->exchange.reset();
            return seen.error();
        }
    }
}

Result<std::string> Daemon::read_rest() {
    std::string text;
    BulkBytes buffer(read_bytes);
    for (;;) {
        auto size = connection_->exchange->read_body(buffer, connection_->for_answer());
        if (!size) return broken(size.error());
        if (*size == 0) return text;
        if (text.size() + *size > max_line_bytes) return no_answer(long_line());
        text.append(as_text(ByteView(buffer).first(*size)));
    }
}

std::error_code Daemon::refused(int status, const std::string& body) {
    const Answer answer(body);
    if (status == http_unauthorized || !answer.has("code")) return no_answer();
    return error_of(answer);
}

Result<Answer> Daemon::checked(Answer answer, const Request& asked) {
    if (!answer.is_object() || (!asked.promised.empty() && !answer.has(asked.promised)))
        return no_answer();
    return answer;
}

Result<Answer> Daemon::request(const Request& asked) {
    const bool at_once = !asked.storage_alone && !asked.takes_time;
    connection_->limit = at_once ? short_limit : answer_limit;
    connection_->takes_time = !at_once;
    auto status = ask(asked);
    if (!status) return status.error();
    auto body = read_rest();
    if (!body) return body.error();
    if (*status != http_ok) return refused(*status, *body);
    return checked(Answer(*body), asked);
}

std::error_code Daemon::error_of(const Answer& answer) {
    const std::error_code error = code_from_name(answer.string("code"));
    about_ = answer.string("about");
    if (!nobody_.empty() && error == Errc::not_found && !storage_alone_) {
        message_ = "it is not in the storage";
        for (const Answer& finding : answer.list("findings"))
            if (finding.string("stage") == "storage") message_ = finding.string("message");
        message_ += ", and " + nobody_;
        return Errc::no_daemon;
    }
    has_ended_ = error == Errc::canceled;
    message_ = answer.string("message");
    findings_ = answer.json("findings");
    const std::vector<Answer> findings = answer.list("findings");
    if (!findings.empty()) advice_ = findings.front().string("advice");
    return error;
}

Result<Answer> Daemon::events(const Request& asked, const OnEvent& on_event) {
    std::string pending;
    Answer last("");
    const auto on_line = [&](std::string_view line) -> Result<void> {
        Answer answer(line);
        const std::string event = answer.string("event");
        if (event.empty()) return no_answer();
        if (event == "error") return error_of(answer);
        if (event == "remark" && on_remark_) return on_remark_(answer.string("message")), ok;
        if (event != "result") return on_event(answer);
        last = std::move(answer);
        return ok;
    };
    const auto on_chunk = [&](ByteView chunk) -> Result<void> {
        pending.append(as_text(chunk));
        std::size_t from = 0;
        for (std::size_t end; (end = pending.find('\n', from)) != std::string::npos;
             from = end + 1) {
            auto seen = on_line(std::string_view(pending).substr(from, end - from));
            if (!seen) return seen.error();
        }
        pending.erase(0, from);
        if (pending.size() > max_line_bytes) return no_answer(long_line());
        return ok;
    };
    auto streamed = stream(asked, on_chunk);
    if (!streamed) return streamed.error();
    if (last.text().empty()) return broken(Errc::closed);
    return checked(std::move(last), asked);
}

Result<Answer> Daemon::frames(const Request& asked, const OnBytes& on_bytes,
                              const OnEvent& on_event) {
    const OnEvent told = [&](const Answer& event) -> Result<void> {
        if (event.string("event") != "remark") return on_event ? on_event(event) : ok;
        if (on_remark_) on_remark_(event.string("message"));
        return ok;
    };
    FrameReader reader(on_bytes, told);
    const auto on_chunk = [&](ByteView bytes) -> Result<void> {
        auto taken = reader.take(as_text(bytes));
        if (!taken && !reader.trouble().empty()) return no_answer(reader.trouble());
        return taken;
    };
    auto streamed = stream(asked, on_chunk);
    if (!streamed) return streamed.error();
    if (!reader.has_last_line()) return broken(Errc::closed);
    Answer answer(reader.last_line());
    if (answer.string("event") == "error") return error_of(answer);
    if (answer.string("event") != "result") return no_answer();
    return checked(std::move(answer), asked);
}

}  // namespace kp2p::client
