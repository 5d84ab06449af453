#include "proto/errc.hpp"

#include <string>

namespace kp2p::proto {
namespace {

class Category final : public std::error_category {
    const char* name() const noexcept override { return "proto"; }
    std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::truncated:
                return "message ends early";
            case Errc::bad_value:
                return "a field holds a value that is not allowed";
            case Errc::too_long:
                return "a length exceeds its limit";
            case Errc::unknown_type:
                return "unknown message type";
            case Errc::bad_text:
                return "malformed text";
            case Errc::bad_signature:
                return "signature does not verify";
            case Errc::bad_decryption:
                return "message does not decrypt";
            case Errc::bad_point:
                return "public key is not a valid curve point";
            case Errc::bad_state:
                return "message is not allowed now";
            case Errc::wrong_hash:
                return "bytes do not match their hash";
        }
        return "unknown error";
    }
};

}  // namespace

std::error_code make_error_code(Errc error) {
    static const Category category;
    return {static_cast<int>(error), category};
}

}  // namespace kp2p::proto
