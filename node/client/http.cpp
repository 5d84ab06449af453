#include "node/client/http.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

constexpr std::size_t max_head_bytes = 16 << 10;
constexpr std::size_t receive_bytes = 64 << 10;

bool is_same_word(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// All of `text` is digits of this base.
std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

std::string written(const HttpRequest& request) {
    std::string text(request.method);
    text.append(" ").append(request.path).append(" HTTP/1.1\r\nHost: ").append(request.host);
    for (const auto& [name, value] : request.headers)
        text.append("\r\n").append(name).append(": ").append(value);
    text += "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
    return text.append(request.body);
}

}  // namespace

Result<int> HttpExchange::ask(const HttpRequest& request, const Patience& patience) {
    ended_ = false;
    const std::string text = written(request);
    auto sent = socket_.write(as_bytes(text), patience);
    // A server that refuses may close before it has taken all, and has said why.
    if (!sent && sent.error() != Errc::closed) return sent.error();
    return read_head(patience);
}

Result<int> HttpExchange::read_head(const Patience& patience) {
    std::size_t head_bytes = 0;
    auto status_line = read_line(patience);
    if (!status_line) return status_line.error();
    constexpr std::string_view version = "HTTP/1.";
    if (!status_line->starts_with(version) || status_line->size() < 12)
        return proto::Errc::bad_text;
    const auto status = parse_number(status_line->substr(9, 3), 10);
    if (!status || *status < 100) return proto::Errc::bad_text;
    keeps_alive_ = (*status_line)[version.size()] != '0';
    framing_ = Framing::until_closed;
    left_ = std::numeric_limits<std::uint64_t>::max();
    in_chunks_ = false;
    for (;;) {
        auto line = read_line(patience);
        if (!line) return line.error();
        if (line->empty()) break;
        head_bytes += line->size();
        if (head_bytes > max_head_bytes) return proto::Errc::bad_text;
        if (auto taken = take_header(*line); !taken) return taken.error();
    }
    if (framing_ == Framing::until_closed) keeps_alive_ = false;
    if (framing_ == Framing::chunked) left_ = 0;
    ended_ = framing_ == Framing::length && left_ == 0;
    return static_cast<int>(*status);
}

Result<void> HttpExchange::take_header(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return proto::Errc::bad_text;
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (is_same_word(name, "Transfer-Encoding")) {
        if (!is_same_word(value, "chunked")) return proto::Errc::bad_text;
        framing_ = Framing::chunked;
    } else if (is_same_word(name, "Content-Length") && framing_ != Framing::chunked) {
        const auto length = parse_number(value, 10);
        if (!length) return proto::Errc::bad_text;
        framing_ = Framing::length;
        left_ = *length;
    } else if (is_same_word(name, "Connection") && is_same_word(value, "close")) {
        keeps_alive_ = false;
    }
    return ok;
}

Result<std::size_t> HttpExchange::read_body(std::span<std::uint8_t> into,
                                            const Patience& patience) {
    if (framing_ == Framing::chunked && left_ == 0 && !ended_)
        if (auto begun = begin_chunk(patience); !begun) return begun.error();
    if (ended_) return std::size_t{0};
    const std::size_t wanted = std::min<std::uint64_t>(into.size(), left_);
    auto size = read_some(into.first(wanted), patience);
    if (!size) return size;
    if (*size == 0) {
        if (framing_ != Framing::until_closed) return Errc::closed;
        ended_ = true;
        return size;
    }
    if (framing_ == Framing::until_closed) return size;
    left_ -= *size;
    if (framing_ == Framing::length) ended_ = left_ == 0;
    return size;
}

// chunk := size ";" anything CRLF bytes CRLF; one of size 0 is followed by headers and an empty
// line.
Result<void> HttpExchange::begin_chunk(const Patience& patience) {
    if (in_chunks_) {
        auto end = read_line(patience);
        if (!end) return end.error();
        if (!end->empty()) return proto::Errc::bad_text;
    }
    auto line = read_line(patience);
    if (!line) return line.error();
    const auto size = parse_number(trimmed(line->substr(0, line->find(';'))), 16);
    if (!size) return proto::Errc::bad_text;
    in_chunks_ = true;
    left_ = *size;
    return left_ ? Result<void>(ok) : end_chunks(patience);
}

Result<void> HttpExchange::end_chunks(const Patience& patience) {
    for (std::size_t bytes = 0; bytes <= max_head_bytes;) {
        auto line = read_line(patience);
        if (!line) return line.error();
        if (line->empty()) {
            ended_ = true;
            return ok;
        }
        bytes += line->size();
    }
    return proto::Errc::bad_text;
}

Result<std::string_view> HttpExchange::read_line(const Patience& patience) {
    for (std::size_t from = used_;;) {
        const auto end = std::find(buffer_.begin() + static_cast<std::ptrdiff_t>(from),
                                   buffer_.end(), std::uint8_t{'\n'});
        if (end != buffer_.end()) {
            const auto length = static_cast<std::size_t>(end - buffer_.begin()) - used_;
            std::string_view line = as_text(ByteView(buffer_).subspan(used_, length));
            used_ += length + 1;
            if (line.ends_with('\r')) line.remove_suffix(1);
            return line;
        }
        if (buffer_.size() - used_ > max_head_bytes) return proto::Errc::bad_text;
        const std::size_t searched = buffer_.size() - used_;
        if (auto more = read_more(patience); !more) return more.error();
        from = used_ + searched;
    }
}

Result<void> HttpExchange::read_more(const Patience& patience) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
    const std::size_t had = buffer_.size();
    buffer_.resize(had + receive_bytes);
    auto size = socket_.read(std::span(buffer_).subspan(had), patience);
    buffer_.resize(had + (size ? *size : 0));
    if (!size) return size.error();
    if (*size == 0) return Errc::closed;
    return ok;
}

Result<std::size_t> HttpExchange::read_some(std::span<std::uint8_t> into,
                                            const Patience& patience) {
    const std::size_t held = std::min(into.size(), buffer_.size() - used_);
    if (held == 0) return socket_.read(into, patience);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(used_), held, into.begin());
    used_ += held;
    return held;
}

}  // namespace kp2p::client
