// Call: one request to the API under way. Its handler, a coroutine, reads the body, sends pieces,
// and returns the JSON object that ends the answer or an error. When the client of a streamed call
// closes the connection, or the daemon stops, the handler is cancelled.
#pragma once

#include <simdjson.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/api/request.hpp"
#include "node/async/clock.hpp"
#include "proto/bytes.hpp"
#include "proto/file/uri.hpp"
#include "proto/report/diagnosis.hpp"

namespace kp2p {

// How an answer looks on the wire.
//   metrics as json, but in the text format of Prometheus
//   json    one JSON object; an error is {"code","message",...} with an HTTP status to match
//   events  application/x-ndjson: a line per piece, then {"event":"result",...} or an error event
//   frames  (u32 little-endian length, bytes)*, u32 0, then that last line; with its highest bit
//           set, the length is that of a line, if the client asked for lines
//   server_sent  text/event-stream, which ends with an event named "end" that has that last line
enum class Shape { json, metrics, events, frames, server_sent };

// One that comes whole.
inline bool is_plain(Shape shape) { return shape == Shape::json || shape == Shape::metrics; }

struct NumberPair {
    std::uint64_t first = 0, second = 0;
};

class Call {
  public:
    static constexpr std::size_t max_frame_bytes = 1 << 20;

    // What the body holds. Errc::usage for a missing key or a wrong type, with an explanation.
    Result<std::string> text(const char* key);
    Result<proto::Uri> uri();                                // of the key "uri"
    Result<std::vector<proto::Uri>> uris(std::size_t most);  // of "uris", none when missing
    Result<std::optional<std::string>> optional_text(const char* key);
    Result<std::optional<std::uint64_t>> optional_number(const char* key);
    Result<bool> truth(const char* key);                      // false when missing
    Result<std::vector<std::string>> texts(const char* key);  // none when missing
    // [[first,second],...]
    Result<std::optional<std::vector<NumberPair>>> optional_pairs(const char* key,
                                                                  std::size_t max_pairs);

    // Of a call whose body is bytes: what its query says, and the bytes, none at their end.
    Result<std::optional<std::string>> parameter(const char* name);
    Task<Result<std::string>> next_bytes();
    std::optional<std::uint64_t> length_bytes() const;  // of all of them, if the client said it

    // A line of an events answer, without its end. send() waits for a slow reader; try_send()
    // drops the line when it has not read many before.
    Task<Result<void>> send(std::string line);
    void try_send(std::string line);
    Task<Result<void>> send_bytes(ByteView bytes);  // of a frames answer, any length
    // A line among the frames of such an answer, for a client that has asked for it.
    void try_send_between(std::string line);
    // Something that the user has to know although the call goes on, of either kind of answer.
    bool takes_remarks();
    void try_remark(const std::string& words);
    // The words that go with the error that the handler returns.
    void explain(std::string words) { words_ = std::move(words); }
    void explain(const Diagnosis& why);

    // The rest is for the connection: begin(), the handler, then what end() says is sent last.
    // `on_bytes` is called before each wait for the body's bytes.
    Call(Wire& wire, Request& request, Shape shape, std::function<void()> on_bytes)
        : wire_(wire), request_(request), shape_(shape), on_bytes_(std::move(on_bytes)) {}
    Result<void> parse(const std::string& body);
    void begin(bool keep_alive);
    std::string end(const Result<std::string>& outcome, bool keep_alive);

  private:
    Wire& wire_;
    Request& request_;
    Shape shape_;
    std::function<void()> on_bytes_;
    simdjson::dom::parser parser_;
    simdjson::dom::element body_;
    std::string words_, about_, findings_;  // the last a JSON array, or nothing
};

// The HTTP status that goes with an error.
int http_status(std::error_code error);
// {"code","message"}, with "event":"error" first in a stream, and with "about" and "findings",
// which is JSON, if there are any.
struct ErrorWords {
    std::string_view message, about = {}, findings = {};
};
std::string error_json(std::error_code error, const ErrorWords& words, Shape shape);
// The same in a stream, with all the words of a diagnosis.
std::string error_line(std::error_code error, const Diagnosis& why);
// {"event":"remark","message"}
std::string remark_line(std::string_view words);
// An answer of one JSON object, or other text, and a line end, as it is sent.
struct JsonAnswer {
    int status = 200;
    std::string json;
    bool keep_alive = true;
    std::string_view content_type = "application/json";
};
std::string answer_text(const JsonAnswer& answer);

}  // namespace kp2p
