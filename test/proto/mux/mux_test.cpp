#include "proto/mux/mux.hpp"

#include <doctest/doctest.h>

#include "test/vectors.hpp"

namespace kp2p::proto {
namespace {

using test::text;
using Json = simdjson::simdjson_result<simdjson::dom::element>;
using Frames = std::vector<std::string>;  // hex

Json vector_of(std::string_view name) {
    for (auto row : test::vectors("protomux")["vectors"])
        if (text(row["name"]) == name) return Json(row["expected"]);
    return simdjson::NO_SUCH_FIELD;
}

Frames frames_of(Json expected, std::string_view from) {
    Frames frames;
    for (auto row : expected["frames"])
        if (text(row["from"]) == from) frames.push_back(text(row["frame"]));
    return frames;
}

Frames sent(Mux& mux) {
    Frames frames;
    while (auto frame = mux.next_frame()) frames.push_back(to_hex(*frame));
    return frames;
}

ByteVector bytes(std::string_view text) { return {text.begin(), text.end()}; }
ByteVector hex(std::string_view text) { return *from_hex(text); }
MuxName name(std::string_view protocol, std::string_view id = "") {
    return {std::string(protocol), bytes(id)};
}

// What one frame causes, as text; an error ends it.
std::vector<std::string> events_of(Mux& mux, ByteView frame) {
    std::vector<std::string> events;
    mux.receive(frame);
    for (;;) {
        auto event = mux.next_event();
        if (!event) {
            events.push_back("error");
            return events;
        }
        if (!*event) return events;
        if (const auto* open = std::get_if<RemoteOpen>(&**event))
            events.push_back("remote " + open->name.protocol + " " +
                             std::string(as_text(open->name.id)) + " " + to_hex(open->handshake));
        if (const auto* opened = std::get_if<ChannelOpened>(&**event))
            events.push_back("opened " + std::to_string(std::uint64_t(opened->channel)) + " " +
                             to_hex(opened->handshake));
        if (const auto* message = std::get_if<ChannelMessage>(&**event))
            events.push_back(std::to_string(std::uint64_t(message->channel)) + " " +
                             std::to_string(message->type) + " " + to_hex(message->payload));
        if (const auto* closed = std::get_if<ChannelClosed>(&**event))
            events.push_back(
                std::string(closed->why == ChannelClosed::Why::rejected ? "rejected " : "closed ") +
                std::to_string(std::uint64_t(closed->channel)));
    }
}
std::vector<std::string> events_of(Mux& mux, std::string_view frame) {
    return events_of(mux, hex(frame));
}
using Events = std::vector<std::string>;

// All frames that `from` wants to send, to `to`; the RemoteOpens that remain are not answered.
Events pass(Mux& from, Mux& to) {
    Events all;
    while (auto frame = from.next_frame())
        for (auto& event : events_of(to, *frame)) all.push_back(event);
    return all;
}

TEST_CASE("open, messages and close are those of the reference") {
    const Json expected = vector_of("open-message-close");
    Mux a, b;
    Frames from_a, from_b;
    const auto take = [](Mux& mux, Frames& into) {
        for (auto& frame : sent(mux)) into.push_back(frame);
    };
    const ChannelId at_a = a.open(name("test"), {});
    take(a, from_a);
    a.send(at_a, 0, hex("1e68692066726f6d2041206265666f7265206f70656e2066696e6973686564"));
    take(a, from_a);
    const ChannelId at_b = b.open(name("test"), {});
    take(b, from_b);
    const Frames a_frames = frames_of(expected, "A"), b_frames = frames_of(expected, "B");
    CHECK(from_a == Frames(a_frames.begin(), a_frames.begin() + 2));
    CHECK(from_b[0] == b_frames[0]);
    CHECK(events_of(b, a_frames[0]) == Events{"opened 1 "});
    CHECK(events_of(a, b_frames[0]) == Events{"opened 1 "});
    // Each further frame is a message or a close, and is written as it is read.
    for (auto row : expected["frames"]) {
        const bool of_a = text(row["from"]) == "A";
        Frames& written = of_a ? from_a : from_b;
        if (text(row["decoded"]["control"]) == "open") continue;
        Mux& writer = of_a ? a : b;
        Mux& reader = of_a ? b : a;
        const auto events = events_of(reader, text(row["frame"]));
        if (text(row["decoded"]["control"]) == "close") {
            CHECK(events == Events{"closed 1"});
            writer.close(of_a ? at_a : at_b);
        } else {
            const std::uint64_t type = row["decoded"]["type"];
            const std::string payload = text(row["decoded"]["payload"]);
            CHECK(events == Events{"1 " + std::to_string(type) + " " + payload});
            if (written.size() > 1 && written[1] == text(row["frame"])) continue;  // above
            writer.send(of_a ? at_a : at_b, type, hex(payload));
            const ByteVector head = writer.message_head(of_a ? at_a : at_b, type);
            CHECK(to_hex(head) + payload == text(row["frame"]));
        }
        take(writer, written);
    }
    CHECK(from_a == a_frames);
    CHECK(from_b == b_frames);
}

TEST_CASE("an id and a handshake travel with the open") {
    const Json expected = vector_of("open-with-id-and-handshake");
    Mux a, b;
    const MuxName both{"proto/with-id", ByteVector(32, 0xab)};
    a.open(both, hex("0c7b2273696465223a2241227d"));
    b.open(both, hex("0c7b2273696465223a2242227d"));
    CHECK(sent(a) == frames_of(expected, "A"));
    CHECK(sent(b) == frames_of(expected, "B"));
    CHECK(events_of(a, frames_of(expected, "B")[0]) ==
          Events{"opened 1 0c7b2273696465223a2242227d"});
}

TEST_CASE("an open that nobody wants is rejected and its number used again") {
    const Json expected = vector_of("reject-unpaired");
    Mux a, b;
    Frames from_a, from_b;
    for (const char* protocol : {"nobody", "nobody2"}) {
        CHECK(a.open(name(protocol), {}) == ChannelId{1});
        const auto frame = sent(a).at(0);
        from_a.push_back(frame);
        CHECK(events_of(b, frame) == Events{std::string("remote ") + protocol + "  "});
        b.reject(RemoteChannelId{1});
        b.reject(RemoteChannelId{1});  // has no effect
        from_b.push_back(sent(b).at(0));
        CHECK(events_of(a, from_b.back()) == Events{"rejected 1"});
    }
    CHECK(from_a == frames_of(expected, "A"));
    CHECK(from_b == frames_of(expected, "B"));
}

TEST_CASE("a name that only the other's aliases know is rejected like any other") {
    const Json expected = vector_of("aliases");
    const Frames from_a = frames_of(expected, "A"), from_b = frames_of(expected, "B");
    Mux a, b;
    a.open(name("new-name"), {});  // aliases do not travel, so the reference sends the same
    CHECK(sent(a) == from_a);
    b.open(name("old-name"), {});
    CHECK(sent(b) == Frames{from_b[0]});
    CHECK(events_of(b, from_a[0]) == Events{"remote new-name  "});
    b.reject(RemoteChannelId{1});
    CHECK(sent(b) == Frames{from_b[1]});
    // Having no aliases ourselves, we take neither for the other and the stream lives on.
    CHECK(events_of(a, from_b[0]) == Events{"remote old-name  "});
    CHECK(events_of(a, from_b[1]) == Events{"rejected 1"});
}

TEST_CASE("messages that come before the channel is opened here wait for it") {
    const Json expected = vector_of("pair-notify");
    Mux b;
    const Frames a = frames_of(expected, "A");
    CHECK(events_of(b, a[0]) == Events{"remote lazy room "});
    CHECK(events_of(b, a[1]) == Events{});
    b.open(name("lazy", "room"), {});
    CHECK(sent(b) == frames_of(expected, "B"));
    CHECK(events_of(b, "") == Events{"opened 1 ", "1 0 6561726c79"});
}

TEST_CASE("batches are those of the reference") {
    const Json expected = vector_of("batches");
    int seen = 0;
    for (auto row : expected["frames"]) {
        if (text(row["decoded"]["control"]) != "batch") continue;
        CAPTURE(text(row["frame"]));
        seen++;
        MuxBatch batch;
        for (auto item : row["decoded"]["items"]) {
            Writer writer;
            std::uint64_t channel = 0;
            if (text(item["control"]) == "open") {
                writer.uint(1).uint(std::uint64_t(item["channel"]));
                writer.string(text(item["protocol"])).buffer({});
            } else if (text(item["control"]) == "close") {
                writer.uint(3).uint(std::uint64_t(item["channel"]));
            } else {
                channel = item["channel"];
                writer.uint(std::uint64_t(item["type"])).raw(hex(text(item["payload"])));
            }
            batch.add(channel, ByteView(writer.bytes()).first(1),
                      ByteView(writer.bytes()).subspan(1));
        }
        CHECK(to_hex(batch.take_batch()) == text(row["frame"]));
        CHECK(batch.empty());
    }
    CHECK(seen == 5);

    Mux a, b;
    a.open(name("a"), {});
    a.open(name("b"), {});
    b.open(name("a"), {});
    b.open(name("b"), {});
    sent(b);
    CHECK(sent(a) == Frames{"000000050101016100050102016200"});
    CHECK(events_of(b, "000000050101016100050102016200") == Events{"opened 1 ", "opened 2 "});
    CHECK(events_of(b, "0000010500036f6e650201020700057468726565") ==
          Events{"1 0 036f6e65", "1 1 02", "1 0 057468726565"});
    CHECK(events_of(b, "0000010300017800020400010203010000010601fe70110100") ==
          Events{"1 0 0178", "2 0 010203", "2 0 ", "1 1 fe70110100"});
    CHECK(events_of(b, "00000105000362796500000203010002020009") ==
          Events{"1 0 03627965", "closed 1", "2 0 09"});
    CHECK(events_of(b, "00000205006f6e6c79") == Events{"2 0 6f6e6c79"});
}

TEST_CASE("messages that are sent together leave as one batch, and a long row as several") {
    Mux a, b;
    const ChannelId at_a = a.open(name("x"), {});
    b.open(name("x"), {});
    pass(a, b);
    pass(b, a);
    const ByteVector payload(1000, 7);
    for (int i = 0; i < 200; i++) a.send(at_a, 3, payload);
    CHECK(a.unsent_bytes() > 200 * 1000);
    std::size_t frames = 0, messages = 0;
    while (auto frame = a.next_frame()) {
        frames++;
        CHECK(frame->size() < Mux::batch_bytes + 2000);
        messages += events_of(b, *frame).size();
    }
    CHECK(frames == 4);
    CHECK(messages == 200);
    CHECK(a.unsent_bytes() == 0);
}

TEST_CASE("a message that fills a frame which may be kept is not copied, one of a batch is") {
    Mux b;
    b.open(name("x"), {});
    CHECK(events_of(b, hex("000101017800")) == Events{"opened 1 "});
    const auto receive = [&](const char* frame) {
        const auto kept = std::make_shared<const ByteVector>(hex(frame));
        b.receive(*kept, kept);
        const auto event = b.next_event();
        REQUIRE(event);
        REQUIRE(*event);
        const auto& message = std::get<ChannelMessage>(**event);
        const ByteView payload = message.payload;
        const bool is_there =
            payload.data() >= kept->data() && payload.data() < kept->data() + kept->size();
        while (*b.next_event()) {
        }
        CHECK(kept.use_count() == (is_there ? 2 : 1));
        return is_there ? "kept " + to_hex(payload) : "copied " + to_hex(payload);
    };
    CHECK(receive("0103aabb") == "kept aabb");
    CHECK(receive("0000010300aabb") == "copied aabb");
}

TEST_CASE("a batch that is cut short is read as far as it goes") {
    Mux b;
    b.open(name("x"), {});
    CHECK(events_of(b, "000101017800") == Events{"opened 1 "});
    CHECK(events_of(b, "0000010300aabb0400cc") == Events{"1 0 aabb", "1 0 cc"});
    CHECK(events_of(b, "00000000") == Events{"error"});
    Mux c;
    CHECK(events_of(c, "000000020001") == Events{"error"});  // a batch in a batch
}

TEST_CASE("a number is used again once both opens were seen") {
    const Json expected = vector_of("close-then-id-reuse");
    Mux a;
    Frames from_a;
    const ChannelId u = a.open(name("u"), {});
    from_a.push_back(sent(a).at(0));
    CHECK(events_of(a, frames_of(expected, "B")[0]) == Events{"opened 1 "});
    a.close(u);
    from_a.push_back(sent(a).at(0));
    CHECK(a.open(name("u2"), {}) == u);
    from_a.push_back(sent(a).at(0));
    CHECK(from_a == frames_of(expected, "A"));
    CHECK(events_of(a, frames_of(expected, "B")[1]) == Events{"rejected 1"});
}

TEST_CASE("a channel that is closed before the answer keeps its number until the answer") {
    const Json expected = vector_of("close-before-remote-open");
    for (const char* answer : {"000201", "000101017a00"}) {
        Mux a;
        Frames from_a;
        a.close(a.open(name("z"), {}));
        for (auto& frame : Frames{"000101017a00", "000301"}) from_a.push_back(frame);
        CHECK(sent(a) == Frames{"00000005010101"
                                "7a00"
                                "020301"});
        CHECK(a.open(name("z2"), {}) == ChannelId{2});
        from_a.push_back(sent(a).at(0));
        CHECK(from_a == frames_of(expected, "A"));
        CHECK(events_of(a, answer) == Events{});
        CHECK(a.open(name("z3"), {}) == ChannelId{1});
    }
}

TEST_CASE("an open that is closed while it waits is rejected") {
    Mux b;
    CHECK(events_of(b, "000101017a00") == Events{"remote z  "});
    CHECK(events_of(b, "01006d") == Events{});
    CHECK(events_of(b, "000301") == Events{});
    CHECK(sent(b) == Frames{"000201"});
    b.open(name("z"), {});
    CHECK(events_of(b, "") == Events{});
}

TEST_CASE("numbers above 252 are written as the reference writes them") {
    const Json expected = vector_of("large-channel-ids");
    Mux a;
    Frames frames;
    for (int i = 0; i <= 0xfd; i++) {
        MuxName channel{"p", ByteVector(1, static_cast<std::uint8_t>(i))};
        const ChannelId id = a.open(channel, {});
        auto open = sent(a);
        if (i < 0xfb) continue;
        a.send(id, 0, bytes("m"));
        frames.push_back(open.at(0));
        frames.push_back(sent(a).at(0));
    }
    CHECK(frames == frames_of(expected, "A"));
}

TEST_CASE("odd frames have the reference's effect") {
    int seen = 0;
    auto reactions = vector_of("receiver-reactions").get_object();
    for (const auto field : reactions) {
        const std::string reaction(field.key);
        const auto expected = field.value;
        CAPTURE(reaction);
        seen++;
        Mux a;
        Frames replies;
        bool error = false;
        for (auto frame : expected["injected"]) {
            for (const auto& event : events_of(a, text(Json(std::move(frame))))) {
                error = error || event == "error";
                if (event.starts_with("remote")) a.reject(RemoteChannelId{1});
            }
            for (auto& reply : sent(a)) replies.push_back(reply);
        }
        Frames wanted;
        for (auto reply : expected["replies"]) wanted.push_back(text(Json(std::move(reply))));
        CHECK(replies == wanted);
        CHECK(error == (expected["events"].get_array().size() > 0));
    }
    CHECK(seen == 12);
}

TEST_CASE("too many bytes for unanswered opens stall the mux until the answer") {
    const Json expected = vector_of("buffered-limit");
    Mux b;
    CHECK(events_of(b, "000101017800") == Events{"remote x  "});
    ByteVector frame(1 + 1 + 1000);
    frame[0] = 1;
    std::uint64_t messages = 0;
    for (; !b.stalled(); messages++) events_of(b, frame);
    CHECK(messages == std::uint64_t(expected["paused_after_messages"]));
    CHECK(events_of(b, frame) == Events{});
    CHECK_FALSE(b.consumed());
    b.reject(RemoteChannelId{1});
    CHECK_FALSE(b.stalled());
    auto event = b.next_event();
    REQUIRE(event);
    CHECK_FALSE(*event);
    CHECK(b.consumed());
}

TEST_CASE("waiting opens are limited in number and size") {
    Mux b;
    std::size_t told = 0;
    for (std::size_t i = 1; i <= Mux::max_waiting_opens + 5; i++) {
        Writer open;
        open.uint(0).uint(1).uint(i).string("x").buffer({});
        told += events_of(b, open.bytes()).size();
    }
    CHECK(told == Mux::max_waiting_opens);
    CHECK_FALSE(sent(b).empty());
    Mux c;
    Writer open;
    open.uint(0).uint(1).uint(1).string("x").buffer({}).raw(ByteVector(Mux::max_open_bytes));
    CHECK(events_of(c, open.bytes()) == Events{});
    CHECK(sent(c) == Frames{"000201"});
}

TEST_CASE("opens without end are an error, unread rejects too") {
    Mux live;
    Events last;
    for (std::size_t i = 1; i <= Mux::max_remote_channels + 1; i++) {
        live.open(name("x"), {});
        Writer open;
        open.uint(0).uint(1).uint(i).string("x").buffer({});
        last = events_of(live, open.bytes());
    }
    CHECK(last == Events{"error"});
    CHECK(live.why() == "it opens more than 1024 channels");
    Mux rejecting;
    for (std::size_t i = 0; i <= Mux::max_unsent_rejects; i++) {
        last = events_of(rejecting, "000101017800");
        rejecting.reject(RemoteChannelId{1});
    }
    CHECK(events_of(rejecting, "000101017800") == Events{"error"});
    CHECK(rejecting.why() ==
          "it opens more than 4096 channels without reading that they are rejected");
    Mux odd;
    CHECK(events_of(odd, "00010001") == Events{"error"});
    CHECK(odd.why().empty());
}

TEST_CASE("two opens of one name pair in order") {
    Mux a, b;
    const ChannelId first = a.open(name("x"), hex("01"));
    a.open(name("x"), hex("02"));
    CHECK(pass(a, b) == Events{"remote x  01", "remote x  02"});
    CHECK(b.open(name("x"), hex("03")) == first);
    CHECK(events_of(b, "") == Events{"opened 1 01"});
    CHECK(pass(b, a) == Events{"opened 1 03"});
    b.open(name("x"), hex("04"));
    CHECK(events_of(b, "") == Events{"opened 2 02"});
    CHECK(pass(b, a) == Events{"opened 2 04"});
}

TEST_CASE("no truncation of a recorded frame does harm") {
    for (auto row : test::vectors("protomux")["vectors"]) {
        if (row["expected"]["frames"].error()) continue;
        for (auto frame : row["expected"]["frames"]) {
            const ByteVector whole = hex(text(frame["frame"]));
            for (std::size_t size = 0; size < whole.size(); size++) {
                Mux mux;
                mux.open(name("test"), {});
                events_of(mux, ByteView(whole).first(size));
            }
        }
    }
}

}  // namespace
}  // namespace kp2p::proto
