// Call: one request to the API under way. Its handler, a coroutine on the loop's thread, reads the
// body, sends pieces, and returns the JSON object that ends the answer or an error. When the client
// closes the connection, or the daemon stops, the handler is cancelled.
#pragma once

#include <simdjson.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "node/api/answer_queue.hpp"
#include "proto/bytes.hpp"

namespace kp2p {

class Tasks;

// How an answer looks on the wire.
//   json    one JSON object; an error is {"code","message"} with an HTTP status to match
//   events  application/x-ndjson: a line per piece, then {"event":"result",...} or an error event
//   frames  (u32 little-endian length, bytes)*, u32 0, then that last line
enum class Shape { json, events, frames };

class Call {
  public:
    static constexpr std::size_t max_frame_bytes = 1 << 20;

    Call(Executor loop, Shape shape);

    // What the body holds. Errc::usage for a missing key or a wrong type, with an explanation.
    Result<std::string> text(const char* key);
    Result<std::optional<std::string>> optional_text(const char* key);
    Result<std::optional<std::uint64_t>> optional_number(const char* key);
    Result<bool> truth(const char* key);  // false when missing

    // A line of an events answer, without its end. send() waits for a slow reader; try_send()
    // drops the line then.
    Task<Result<void>> send(std::string line);
    void try_send(std::string line);
    Task<Result<void>> send_bytes(ByteView bytes);  // of a frames answer, any length
    // The words that go with the error that the handler returns.
    void explain(std::string words) { words_ = std::move(words); }

    // The rest is for the server. On the HTTP thread, before the call starts:
    Result<void> parse(const std::string& body);
    // On the loop: runs `handler` and puts its end into the answer queue.
    using Handler = std::function<Task<Result<std::string>>(Call&)>;
    Task<> serve(const Handler& handler);
    void cancel();
    void finish(const Result<std::string>& outcome);

    Shape shape() const { return shape_; }
    const std::shared_ptr<AnswerQueue>& answer() const { return answer_; }

  private:
    struct Serving;

    Shape shape_;
    std::shared_ptr<AnswerQueue> answer_;
    simdjson::dom::parser parser_;
    simdjson::dom::element body_;
    std::string words_;
    Tasks* tasks_ = nullptr;  // of serve(), while it runs
    bool cancelled_ = false;
};

// The HTTP status that goes with an error.
int http_status(std::error_code error);
// {"code","message"}, with "event":"error" first in a stream.
std::string error_json(std::error_code error, std::string_view words, Shape shape);

}  // namespace kp2p
