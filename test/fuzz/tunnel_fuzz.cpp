// Any stream is frames and then perhaps an error, none longer than it may be; any text either is
// refused or is the URL of a relay, which is written and read back the same.
#include <cstdlib>
#include <cstring>

#include "proto/tunnel/frame.hpp"
#include "proto/tunnel/relay_url.hpp"
#include "proto/tunnel/socks5.hpp"
#include "proto/tunnel/web_address.hpp"

using namespace kp2p::proto::tunnel;

namespace {

void read_frames(kp2p::ByteView bytes) {
    FrameReader reader;
    while (!bytes.empty()) {
        const auto room = reader.room();
        if (room.empty()) std::abort();
        const std::size_t size = std::min({room.size(), bytes.size(), std::size_t{777}});
        std::memcpy(room.data(), bytes.data(), size);
        reader.filled(size);
        bytes = bytes.subspan(size);
        for (;;) {
            auto frame = reader.next();
            if (!frame) return;
            if (!*frame) break;
            kp2p::ByteVector again;
            append(again, **frame);
            if (again.size() > 2 + max_frame_bytes) std::abort();
        }
    }
}

void pass_socks(kp2p::ByteView bytes) {
    Socks5 socks({"relay.lab.edu", 443}, bytes.size() % 2 ? "me:SECRET" : "");
    while (socks.wanted_bytes() > 0 && socks.wanted_bytes() <= bytes.size()) {
        if (socks.wanted_bytes() > Socks5::max_wanted_bytes) std::abort();
        const auto step = bytes.first(socks.wanted_bytes());
        bytes = bytes.subspan(step.size());
        (void)socks.take_output();
        if (!socks.receive(step)) return;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_frames({data, size});
    pass_socks({data, size});
    const auto text = kp2p::as_text({data, size});
    if (const auto url = RelayUrl::parse(text)) {
        const auto again = RelayUrl::parse(url->text());
        if (!again || !(*again == *url)) std::abort();
    }
    std::string complaint;
    (void)Proxy::parse(text, complaint);
    (void)is_without_proxy(text, {"relay.lab.edu", 443});
    return 0;
}
