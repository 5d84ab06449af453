// Daemon: the connection of a command to the node's HTTP API (node/api/API.md), over the Unix
// socket in the configuration directory, or over TCP on loopback. Shape: request() for a short
// question, events() and frames() for long work; all block. A handler that returns an error ends
// the request, which cancels the work in the daemon. Errors: the code that the daemon sent, or
// Errc::no_daemon: nobody listens; unauthorized: what answers is not the daemon of this
// configuration; timed_out: it listens, and does not answer; closed: it ended meanwhile; failed: it
// sent what is no answer; canceled: asked to stop. message() has the words.
//
// What needs no network may be asked of a stand-in where nobody listens; it is Errc::no_daemon then
// only if the stand-in does not have it. A starter comes before that, and before Errc::no_daemon.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "node/client/answer.hpp"
#include "node/client/config.hpp"
#include "node/client/stand_in.hpp"
#include "node/client/starter.hpp"
#include "proto/bytes.hpp"

namespace kp2p::client {

// What is asked of the daemon (node/api/API.md). `body` is a JSON object, or empty. Without the key
// `promised` the answer, or the last line of a streamed one, is none.
struct Request {
    std::string path;
    std::string promised;
    std::string body = {};
    std::string method = "POST";  // or GET, DELETE
    // About nothing but the storage, so that for what is not there a daemon would make no
    // difference.
    bool storage_alone = false;
    // Other plain calls are answered at once, by a daemon that is well.
    bool takes_time = false;
};

class Daemon {
  public:
    // Without a stand-in if that is empty.
    explicit Daemon(const Config& config, std::stop_token stop = {}, StandIn stand_in = {});
    ~Daemon();
    // Called once, with a sentence, when the daemon has been silent for some seconds.
    void on_silence(std::function<void(const std::string&)> say);
    // Called with what it remarks on while it works, which no OnEvent sees then.
    void on_remark(std::function<void(const std::string&)> say) { on_remark_ = std::move(say); }
    // Where nobody listens, this starts a daemon; `started` is called when it has.
    void start_with(Starter starter, std::function<void()> started);

    using OnEvent = std::function<Result<void>(const Answer&)>;
    using OnBytes = std::function<Result<void>(ByteView)>;

    // The answer to a plain call.
    Result<Answer> request(const Request& asked);
    // The line whose event is "result"; every line before it goes to `on_event`.
    Result<Answer> events(const Request& asked, const OnEvent& on_event);
    // The final JSON line; the bytes before it go to `on_bytes`.
    // Lines among them, where they were asked for, go to `on_event`.
    Result<Answer> frames(const Request& asked, const OnBytes& on_bytes,
                          const OnEvent& on_event = {});

    // The code in an answer, or in a part of one, whose words are those of the last error then.
    std::error_code error_of(const Answer& answer);

    // Waits until the daemon of this configuration, which was asked to stop, has ended.
    // Errc::timed_out after ten seconds.
    Result<void> wait_until_gone();
    // Whether the last error is that the daemon ended before its work was done.
    bool has_ended() const { return has_ended_; }
    // Connects to the one that runs now; Errc::no_daemon.
    Result<void> find_another();

    // What the daemon said about the last error; empty if it said nothing.
    const std::string& message() const { return message_; }
    // The findings that came with it, a JSON array; empty if there are none.
    const std::string& findings() const { return findings_; }
    // Of a directory, the file that it is about; empty if it is about what was asked for.
    const std::string& about() const { return about_; }
    // What to do about the first of them; empty if that is not said.
    const std::string& advice() const { return advice_; }

  private:
    struct Connection;
    using OnChunk = std::function<Result<void>(ByteView)>;
    Result<int> ask(const Request& asked);  // the status of the answer
    Result<int> send(const Request& asked);
    Result<void> connect();
    // To the daemon of this configuration, if one runs: Errc::no_daemon.
    Result<void> meet();
    Result<void> start();
    // Whether no daemon holds the lock; waits for that ten seconds, or until there is enough.
    bool until_unlocked(const std::function<bool()>& enough);
    Result<void> connect_stand_in();
    // Over TCP both sides show that they know the token, before anything else is said.
    Result<void> greet();
    Result<void> stream(const Request& asked, const OnChunk& on_chunk);
    Result<std::string> read_rest();  // of an answer that is short
    std::error_code refused(int status, const std::string& body);
    Result<Answer> checked(Answer answer, const Request& asked);
    // The words for what happened to the connection.
    std::error_code unreachable(std::error_code error);
    std::error_code broken(std::error_code error);
    std::error_code no_answer(const std::string& what = {});
    std::error_code not_ours();  // what answers where ours would

    std::unique_ptr<Connection> connection_;
    std::filesystem::path lock_;  // the daemon holds it as long as it runs
    StandIn stand_in_;
    std::optional<Starter> starter_;
    std::function<void()> on_started_;
    std::function<void(const std::string&)> on_remark_;
    bool storage_alone_ = false;  // of what was asked last
    std::string nobody_;          // why the stand-in is asked; empty if it is not
    bool has_ended_ = false;
    std::string message_, findings_, advice_, about_;
};

}  // namespace kp2p::client
