// Daemon: the connection of a command to the node's HTTP API on loopback (node/api/API.md).
// Shape: request() for a short question, events() and frames() for long work; all block. A handler
// that returns an error ends the request, which cancels the work in the daemon.
// Errors: Errc::no_daemon when nothing answers, else the code that the daemon sent; message() has
// its words. Answers are views into this object, valid until the next call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "node/client/config.hpp"
#include "proto/bytes.hpp"

namespace kp2p::client {

// One JSON object from the daemon. A missing or mistyped key reads as empty, 0 or false.
class Answer {
  public:
    explicit Answer(std::string_view text);
    ~Answer();
    Answer(Answer&&) noexcept;
    Answer& operator=(Answer&&) noexcept;

    const std::string& text() const { return text_; }  // the JSON itself, one line
    std::string string(std::string_view key) const;
    std::uint64_t number(std::string_view key) const;
    bool truth(std::string_view key) const;
    std::vector<std::string> strings(std::string_view key) const;

  private:
    struct Document;
    std::string text_;
    std::unique_ptr<Document> document_;
};

// What is asked of the daemon (node/api/API.md). `body` is a JSON object, or empty.
struct Request {
    std::string path;
    std::string body = {};
    std::string method = "POST";  // or GET, DELETE
};

class Daemon {
  public:
    explicit Daemon(const Config& config);
    ~Daemon();

    using OnEvent = std::function<Result<void>(const Answer&)>;
    using OnBytes = std::function<Result<void>(ByteView)>;

    // The answer to a plain call.
    Result<Answer> request(const Request& asked);
    // The line whose event is "result"; every line before it goes to `on_event`.
    Result<Answer> events(const Request& asked, const OnEvent& on_event);
    // The final JSON line; the bytes before it go to `on_bytes`.
    Result<Answer> frames(const Request& asked, const OnBytes& on_bytes);

    // Waits until the daemon of this configuration, which was asked to stop, has ended.
    // Errc::timed_out after ten seconds.
    Result<void> wait_until_gone();

    // What the daemon said about the last error; empty if it said nothing.
    const std::string& message() const { return message_; }

  private:
    struct Connection;
    using OnChunk = std::function<Result<void>(std::string_view)>;
    Result<void> stream(const Request& asked, const OnChunk& on_chunk);
    std::error_code error_of(const Answer& answer);
    std::error_code no_daemon();  // nothing answered at all
    std::error_code cut_off();    // it did, and then vanished

    std::unique_ptr<Connection> connection_;
    std::filesystem::path lock_;  // the daemon holds it as long as it runs
    std::string message_;
};

}  // namespace kp2p::client
