#include "node/api/http_message.hpp"

// Beast 1.74 asserts that the last chunk comes with five bytes; the net may bring four of them.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <charconv>
#include <limits>

#include "proto/outcome.hpp"
#include "proto/text.hpp"

namespace kp2p {
namespace {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastText = boost::beast::string_view;

std::string text_of(BeastText text) { return {text.data(), text.size()}; }

}  // namespace

class RequestParser::Beast final : public http::basic_parser<true> {
  public:
    Beast() {
        header_limit(max_head_bytes);
        // The guard has its own limit, and "none" is less than any length in Beast 1.74.
        body_limit(std::numeric_limits<std::uint64_t>::max());
    }

    RequestHead head;
    std::string body;
    std::size_t structure_bytes = 0;  // taken of the head, and between the chunks of the body
    bool refused = false;             // too many fields

  private:
    void on_request_impl(http::verb, BeastText method, BeastText target, int version,
                         BeastError& error) override {
        if (version != 11) error = http::error::bad_version;
        head.method = text_of(method);
        head.takes_body = head.method != "GET" && head.method != "HEAD";
        const std::string all = text_of(target);
        const std::size_t query = all.find('?');
        head.path = all.substr(0, query);
        if (query != all.npos) head.query = all.substr(query + 1);
    }
    void on_response_impl(int, BeastText, int, BeastError&) override {}
    void on_field_impl(http::field name, BeastText, BeastText value, BeastError& error) override {
        if (++fields_ > max_fields) {
            refused = true;
            error = http::error::header_limit;
            return;
        }
        if (is_header_done()) return;  // a trailer: nothing that counts may come so late
        switch (name) {
            case http::field::host:
                return head.host.push_back(text_of(value));
            case http::field::origin:
                return head.origin.push_back(text_of(value));
            case http::field::authorization:
                return head.authorization.push_back(text_of(value));
            case http::field::content_type:
                return head.content_type.push_back(text_of(value));
            case http::field::content_length:
                return head.content_length.push_back(text_of(value));
            case http::field::expect:
                head.awaits_continue |= boost::beast::iequals(value, "100-continue");
                return;
            case http::field::content_encoding:
                head.encoded = true;
                return;
            case http::field::transfer_encoding:
                head.encoded |= head.chunked || !boost::beast::iequals(value, "chunked");
                head.chunked = true;
                return;
            default:
                return;
        }
    }
    void on_header_impl(BeastError&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
    std::size_t on_body_impl(BeastText bytes, BeastError&) override { return keep(bytes); }
    void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, BeastText bytes, BeastError&) override {
        return keep(bytes);
    }
    void on_finish_impl(BeastError&) override {}

    std::size_t keep(BeastText bytes) {
        body.append(bytes.data(), bytes.size());
        return bytes.size();
    }

    std::size_t fields_ = 0;
};

RequestParser::RequestParser() : beast_(std::make_unique<Beast>()) {}
RequestParser::~RequestParser() = default;

Result<std::size_t> RequestParser::feed(ByteView bytes) {
    std::size_t taken = 0;
    const bool had_head = has_head();
    while (taken < bytes.size() && !done() && has_head() == had_head) {
        const std::size_t body_bytes = beast_->body.size();
        BeastError error;
        const std::size_t step = beast_->put(
            boost::asio::const_buffer(bytes.data() + taken, bytes.size() - taken), error);
        taken += step;
        // Beast limits a line, and not how many of them there are.
        beast_->structure_bytes += step - (beast_->body.size() - body_bytes);
        if (beast_->body.size() > body_bytes) beast_->structure_bytes = 0;
        if (error == http::error::header_limit || beast_->structure_bytes > max_head_bytes)
            return Errc::limit_reached;
        if (error == http::error::need_more) break;
        if (error) return Errc::usage;
    }
    return taken;
}

bool RequestParser::has_head() const { return beast_->is_header_done(); }
bool RequestParser::done() const { return beast_->is_done(); }
bool RequestParser::keep_alive() const { return beast_->keep_alive(); }
const RequestHead& RequestParser::head() const { return beast_->head; }
std::string RequestParser::take_body() { return std::exchange(beast_->body, std::string()); }

std::string answer_head(const AnswerHead& head) {
    http::response<http::empty_body> message(static_cast<http::status>(head.status), 11);
    message.set(http::field::content_type,
                BeastText(head.content_type.data(), head.content_type.size()));
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    if (head.is_page) {
        message.set("Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'");
        message.set("Cross-Origin-Opener-Policy", "same-origin");
        message.set("Cross-Origin-Resource-Policy", "same-origin");
        message.set("Referrer-Policy", "no-referrer");
    }
    message.keep_alive(head.keep_alive);
    if (head.length_bytes)
        message.content_length(*head.length_bytes);
    else
        message.chunked(true);
    http::response_serializer<http::empty_body> serializer(message);
    serializer.split(true);
    std::string text;
    BeastError error;
    while (!error && !serializer.is_header_done())
        serializer.next(error, [&](BeastError&, const auto& buffers) {
            for (const auto buffer : boost::beast::buffers_range_ref(buffers))
                text.append(static_cast<const char*>(buffer.data()), buffer.size());
            serializer.consume(boost::beast::buffer_bytes(buffers));
        });
    return text;
}

std::string chunk_head(std::size_t size_bytes) {
    char digits[2 * sizeof size_bytes];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, size_bytes, 16);
    return std::string(digits, end) + "\r\n";
}

Result<std::optional<std::string>> query_parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view one = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), one.size() + 1));
        const std::size_t equals = std::min(one.find('='), one.size());
        if (one.substr(0, equals) != name) continue;
        auto value = proto::percent_decoded(one.substr(std::min(one.size(), equals + 1)));
        if (!value) return Errc::usage;
        return std::optional(std::move(*value));
    }
    return std::optional<std::string>();
}

}  // namespace kp2p
