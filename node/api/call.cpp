#include "node/api/call.hpp"

#include "node/async/tasks.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

std::string frame(ByteView bytes) {
    std::string framed;
    framed.reserve(4 + bytes.size());
    for (int shift = 0; shift < 32; shift += 8)
        framed.push_back(static_cast<char>(bytes.size() >> shift & 0xff));
    framed.append(as_text(bytes));
    return framed;
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

std::string error_json(std::error_code error, std::string_view words, Shape shape) {
    proto::JsonWriter json;
    json.begin_object();
    if (shape != Shape::json) json.field("event", "error");
    json.field("code", code_name(error));
    if (words.empty())
        json.field("message", error.message());
    else
        json.field("message", words);
    return json.end_object().take();
}

Call::Call(Executor loop, Shape shape)
    : shape_(shape), answer_(std::make_shared<AnswerQueue>(loop)) {}

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

Result<bool> Call::truth(const char* key) {
    const auto value = body_[key];
    if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null()) return false;
    bool truth = false;
    if (value.get(truth) == simdjson::SUCCESS) return truth;
    explain(std::string("\"") + key + "\" must be true or false");
    return Errc::usage;
}

Task<Result<void>> Call::send(std::string line) {
    line.push_back('\n');
    co_return co_await answer_->put(std::move(line));
}

void Call::try_send(std::string line) {
    line.push_back('\n');
    answer_->try_put(std::move(line));
}

Task<Result<void>> Call::send_bytes(ByteView bytes) {
    while (!bytes.empty()) {
        const ByteView part = bytes.first(std::min(bytes.size(), max_frame_bytes));
        bytes = bytes.subspan(part.size());
        auto put = co_await answer_->put(frame(part));
        if (!put) co_return put.error();
    }
    co_return ok;
}

struct Call::Serving {  // what of the serving coroutine others may reach while it runs
    Serving(Call& served, Executor loop) : call(served), room(loop) { call.answer_->attach(&room); }
    ~Serving() {
        call.tasks_ = nullptr;
        call.answer_->attach(nullptr);
    }
    Call& call;
    Event room;
};

Task<> Call::serve(const Handler& handler) {
    Result<std::string> outcome = Errc::canceled;
    if (!cancelled_) {
        const Serving serving(*this, co_await asio::this_coro::executor);
        auto body = [&](Tasks& tasks) -> Task<> {
            tasks_ = &tasks;
            outcome = co_await handler(*this);
        };
        auto ended = co_await with_tasks(body);
        if (!ended && !outcome) outcome = Errc::canceled;
    }
    finish(outcome);
}

void Call::cancel() {
    cancelled_ = true;
    if (tasks_) tasks_->cancel();
}

void Call::finish(const Result<std::string>& outcome) {
    AnswerQueue::End end;
    if (outcome) {
        end.status = 200;
        end.text = *outcome;
    } else {
        const std::error_code error = for_client(outcome.error());
        end.status = http_status(error);
        // A client that cancels has gone, so whoever reads this learns of the other reason.
        if (error == Errc::canceled) explain("the daemon is stopping");
        end.text = error_json(error, words_, shape_);
    }
    if (shape_ == Shape::frames) end.text.insert(0, frame({}));
    end.text.push_back('\n');
    answer_->finish(std::move(end));
}

}  // namespace kp2p
