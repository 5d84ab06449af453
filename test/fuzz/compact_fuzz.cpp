// Any bytes through every reader of the compact encoding, chosen by the bytes themselves.
#include "proto/compact.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Reader reader(ByteView(data, size));
    while (!reader.failed() && reader.left() > 0) {
        switch (reader.u8() % 9) {
            case 0:
                reader.u16();
                break;
            case 1:
                reader.u32();
                break;
            case 2:
                reader.u64();
                break;
            case 3:
                reader.uint();
                break;
            case 4:
                reader.buffer();
                break;
            case 5:
                reader.string();
                break;
            case 6:
                (void)reader.addr4().text();
                break;
            case 7:
                (void)reader.fixed<NodeId>().hex();
                break;
            default:
                (void)reader.count(2);
                break;
        }
    }
    if (!reader.finish() && !reader.failed()) __builtin_trap();
    (void)Endpoint::parse(as_text({data, size}));
    (void)from_hex(as_text({data, size}));
    return 0;
}
