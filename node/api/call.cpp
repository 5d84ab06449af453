#include "node/api/call.hpp"

#include "proto/json.hpp"
#include "proto/number.hpp"
#include "proto/outcome.hpp"
#include "proto/report/json.hpp"
#include "proto/report/metrics_text.hpp"

namespace kp2p {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t line_frame = std::size_t{1} << 31;  // in a frame's length: it is a line

std::string frame_head(std::size_t size_bytes) {
    std::string head;
    for (int shift = 0; shift < 32; shift += 8)
        head.push_back(static_cast<char>(size_bytes >> shift & 0xff));
    return head;
}

std::string chunk(std::string_view bytes) {
    return chunk_head(bytes.size()).append(bytes).append(line_end);
}

// A cancelled operation and a closed node are one thing to a client.
std::error_code for_client(std::error_code error) {
    if (error == asio::error::operation_aborted) return Errc::canceled;
    return error;
}

}  // namespace

int http_status(std::error_code error) {
    const Errc code = code_from_name(code_name(error));
    switch (code) {
        case Errc::usage:
            return 400;
        case Errc::unauthorized:
            return 401;
        case Errc::not_found:
            return 404;
        case Errc::limit_reached:
            return 429;
        case Errc::canceled:
        case Errc::closed:
            return 503;
        default:
            return 500;
    }
}

std::string error_json(std::error_code error, const ErrorWords& words, Shape shape) {
    proto::JsonWriter json;
    json.begin_object();
    if (shape != Shape::json) json.field("event", "error");
    json.field("code", code_name(error));
    if (words.message.empty())
        json.field("message", error.message());
    else
        json.field("message", words.message);
    if (!words.about.empty()) json.field("about", words.about);
    if (!words.findings.empty()) json.key("findings").raw(words.findings);
    return json.end_object().take();
}

std::string error_line(std::error_code error, const Diagnosis& why) {
    proto::JsonWriter findings;
    if (!why.empty()) write_findings(findings, why.all());
    return error_json(for_client(error), {why.text(), why.about(), findings.take()}, Shape::events);
}

std::string remark_line(std::string_view words) {
    proto::JsonWriter json;
    return json.begin_object().field("event", "remark").field("message", words).end_object().take();
}

Result<void> Call::parse(const std::string& body) {
    if (parser_.parse(body.empty() ? std::string("{}") : body).get(body_) != simdjson::SUCCESS ||
        !body_.is_object())
        return Errc::usage;
    return ok;
}

Result<std::string> Call::text(const char* key) {
    auto found = optional_text(key);
    if (!found) return found.error();
    if (*found) return **found;
    explain(std::string("\"") + key + "\" is missing");
    return Errc::usage;
}

Result<proto::Uri> Call::uri() {
    auto said = text("uri");
    if (!said) return said.error();
    std::string complaint;
    auto parsed = proto::Uri::parse(*said, complaint);
    if (!parsed) explain(complaint);
    return parsed;
}

Result<std::vector<proto::Uri>> Call::uris(std::size_t most) {
    auto said = texts("uris");
    if (!said) return said.error();
    if (said->size() > most) {
        explain("\"uris\" takes at most " + std::to_string(most));
        return Errc::usage;
    }
    std::vector<proto::Uri> all;
    for (const std::string& text : *said) {
        std::string complaint;
        auto uri = proto::Uri::parse(text, complaint);
        if (!uri) explain(text + ": " + complaint);
        if (!uri) return uri.error();
        all.push_back(*std::move(uri));
    }
    return all;
}

Result<std::optional<std::string>> Call::optional_text(const char* key) {
    const auto value = body_[key];
    if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null())
        return std::optional<std::string>();
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return std::optional<std::string>(text);
    explain(std::string("\"") + key + "\" must be a string");
    return Errc::usage;
}

Result<std::optional<std::uint64_t>> Call::optional_number(const char* key) {
    const auto value = body_[key];
    if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null())
        return std::optional<std::uint64_t>();
    std::uint64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS) return std::optional<std::uint64_t>(number);
    explain(std::string("\"") + key + "\" must be a whole number, not negative");
    return Errc::usage;
}

Result<std::optional<std::vector<NumberPair>>> Call::optional_pairs(const char* key,
                                                                    std::size_t max_pairs) {
    const auto value = body_[key];
    if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null())
        return std::optional<std::vector<NumberPair>>();
    std::vector<NumberPair> pairs;
    simdjson::dom::array rows;
    bool good = value.get(rows) == simdjson::SUCCESS && rows.size() <= max_pairs;
    if (good) {
        for (const auto row : rows) {
            simdjson::dom::array pair;
            NumberPair numbers;
            good = row.get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
                   pair.at(0).get(numbers.first) == simdjson::SUCCESS &&
                   pair.at(1).get(numbers.second) == simdjson::SUCCESS;
            if (!good) break;
            pairs.push_back(numbers);
        }
    }
    if (good) return std::optional(std::move(pairs));
    explain(std::string("\"") + key + "\" must be at most " + std::to_string(max_pairs) +
            " pairs of whole numbers");
    return Errc::usage;
}

Result<bool> Call::truth(const char* key) {
    const auto value = body_[key];
    if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null()) return false;
    bool truth = false;
    if (value.get(truth) == simdjson::SUCCESS) return truth;
    explain(std::string("\"") + key + "\" must be true or false");
    return Errc::usage;
}

Result<std::vector<std::string>> Call::texts(const char* key) {
    std::vector<std::string> texts;
    const auto value = body_[key];
    if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null()) return texts;
    simdjson::dom::array items;
    bool right = value.get(items) == simdjson::SUCCESS;
    if (right)
        for (const simdjson::dom::element item : items) {
            std::string_view text;
            right = right && item.get(text) == simdjson::SUCCESS;
            texts.emplace_back(text);
        }
    if (right) return texts;
    explain(std::string("\"") + key + "\" must be an array of strings");
    return Errc::usage;
}

Result<std::optional<std::string>> Call::parameter(const char* name) {
    auto found = query_parameter(request_.head().query, name);
    if (!found) explain(std::string("\"") + name + "\" is not percent-encoded");
    return found;
}

std::optional<std::uint64_t> Call::length_bytes() const {
    const auto& lengths = request_.head().content_length;
    if (lengths.empty()) return std::nullopt;
    return parse_number<std::uint64_t>(lengths[0]).value_or(0);  // the parser has seen one
}

Task<Result<std::string>> Call::next_bytes() {
    on_bytes_();
    return request_.next_bytes();
}

Task<Result<void>> Call::send(std::string line) {
    line.push_back('\n');
    return wire_.write(chunk(line));
}

void Call::try_send(std::string line) {
    line.push_back('\n');
    wire_.offer(chunk(line));
}

void Call::try_send_between(std::string line) {
    line.push_back('\n');
    wire_.offer(chunk(frame_head(line.size() | line_frame) + line));
}

bool Call::takes_remarks() {
    if (shape_ != Shape::frames) return shape_ == Shape::events;
    const auto asked = truth("progress");
    return asked && *asked;
}

void Call::try_remark(const std::string& words) {
    if (shape_ == Shape::frames) return try_send_between(remark_line(words));
    try_send(remark_line(words));
}

Task<Result<void>> Call::send_bytes(ByteView bytes) {
    while (!bytes.empty()) {
        const ByteView part = bytes.first(std::min(bytes.size(), max_frame_bytes));
        bytes = bytes.subspan(part.size());
        const std::string head = chunk_head(4 + part.size()) + frame_head(part.size());
        Wire::Pieces pieces;
        pieces[0] = as_bytes(head);
        pieces[1] = part;
        pieces[2] = as_bytes(line_end);
        auto sent = co_await wire_.write(pieces);
        if (!sent) co_return sent.error();
    }
    co_return ok;
}

void Call::explain(const Diagnosis& why) {
    words_ = why.text();
    about_ = why.about();
    if (why.empty()) return;
    proto::JsonWriter json;
    write_findings(json, why.all());
    findings_ = json.take();
}

void Call::begin(bool keep_alive) {
    if (is_plain(shape_)) return;
    AnswerHead head{.content_type = {}, .length_bytes = {}, .keep_alive = keep_alive};
    head.content_type = shape_ == Shape::events        ? "application/x-ndjson"
                        : shape_ == Shape::server_sent ? "text/event-stream"
                                                       : "application/octet-stream";
    wire_.offer(answer_head(head));
}

std::string Call::end(const Result<std::string>& outcome, bool keep_alive) {
    JsonAnswer answer{.json = {}, .keep_alive = keep_alive};
    if (outcome) {
        answer.json = *outcome;
    } else {
        const std::error_code error = for_client(outcome.error());
        answer.status = http_status(error);
        // A client that cancels has gone, so whoever reads this learns of the other reason.
        if (error == Errc::canceled) explain("the daemon is stopping");
        answer.json = error_json(error, {words_, about_, findings_}, shape_);
    }
    if (shape_ == Shape::metrics && outcome) answer.content_type = proto::MetricsText::content_type;
    if (is_plain(shape_)) return answer_text(answer);
    if (shape_ == Shape::server_sent) answer.json = "event: end\ndata: " + answer.json + '\n';
    const std::string end_of_frames = shape_ == Shape::frames ? frame_head(0) : std::string();
    return chunk(end_of_frames + answer.json + '\n') + chunk_head(0) + std::string(line_end);
}

std::string answer_text(const JsonAnswer& answer) {
    return answer_head({.status = answer.status,
                        .content_type = answer.content_type,
                        .length_bytes = answer.json.size() + 1,
                        .keep_alive = answer.keep_alive}) +
           answer.json + '\n';
}

}  // namespace kp2p
