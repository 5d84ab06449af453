#include "node/client/http/http_message.hpp"

// Beast 1.74 asserts that the last chunk comes with five bytes; the net may bring four of them.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <limits>

#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;

boost::beast::string_view viewed(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string request_text(const HttpRequest& request) {
    http::request<http::empty_body> message;
    message.version(11);
    message.method_string(viewed(request.method));
    message.target(viewed(request.path));
    message.set(http::field::host, viewed(request.host));
    for (const auto& [name, value] : request.headers) message.set(viewed(name), viewed(value));
    message.content_length(request.body.size());
    http::request_serializer<http::empty_body> serializer(message);
    std::string text;
    BeastError error;
    while (!error && !serializer.is_done())
        serializer.next(error, [&](BeastError&, const auto& buffers) {
            for (const auto buffer : boost::beast::buffers_range_ref(buffers))
                text.append(static_cast<const char*>(buffer.data()), buffer.size());
            serializer.consume(boost::beast::buffer_bytes(buffers));
        });
    return text.append(request.body);
}

struct AnswerParser::Beast {
    Beast() {
        parser.header_limit(max_head_bytes);
        // A body may be of any length, and "none" is less than any length in Beast 1.74.
        parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    }
    // Chunks are the only encoding that we undo.
    bool is_readable() const {
        const auto& head = parser.get();
        const auto encoding = head.find(http::field::transfer_encoding);
        return encoding == head.end() || boost::beast::iequals(encoding->value(), "chunked");
    }

    http::response_parser<http::buffer_body> parser;
    std::size_t structure_bytes = 0;  // taken of the head, and between the chunks of the body
};

AnswerParser::AnswerParser() : beast_(std::make_unique<Beast>()) {}
AnswerParser::~AnswerParser() = default;

Result<AnswerParser::Taken> AnswerParser::feed(ByteView bytes, std::span<std::uint8_t> body) {
    auto& room = beast_->parser.get().body();
    room.data = body.data();
    room.size = body.size();
    const bool had_head = has_head();
    BeastError error;
    Taken taken;
    taken.bytes = beast_->parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    taken.body_bytes = body.size() - room.size;
    // Beast limits a line of the head, and neither how many there are nor those between chunks.
    beast_->structure_bytes += taken.bytes - taken.body_bytes;
    if (taken.body_bytes > 0) beast_->structure_bytes = 0;
    const bool wants_more = error == http::error::need_more;
    const std::size_t left = wants_more ? bytes.size() - taken.bytes : 0;
    if (error == http::error::header_limit || beast_->structure_bytes + left > max_head_bytes)
        return proto::Errc::too_long;
    if (error && !wants_more && error != http::error::need_buffer) return proto::Errc::bad_text;
    if (!had_head && has_head() && !beast_->is_readable()) return proto::Errc::bad_text;
    return taken;
}

Result<void> AnswerParser::end() {
    if (!has_head() || !beast_->parser.need_eof()) return Errc::closed;
    BeastError error;
    beast_->parser.put_eof(error);
    return error ? Result<void>(proto::Errc::bad_text) : ok;
}

bool AnswerParser::has_head() const { return beast_->parser.is_header_done(); }
bool AnswerParser::done() const { return beast_->parser.is_done(); }
bool AnswerParser::keep_alive() const { return beast_->parser.keep_alive(); }
int AnswerParser::status() const { return static_cast<int>(beast_->parser.get().result_int()); }

}  // namespace kp2p::client
