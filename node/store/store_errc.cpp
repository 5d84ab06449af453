#include "node/store/store_errc.hpp"

#include <string>

namespace kp2p {
namespace {

class Category final : public std::error_category {
    const char* name() const noexcept override { return "store"; }
    std::string message(int value) const override {
        switch (static_cast<StoreErrc>(value)) {
            case StoreErrc::changed:
                return "it changed while it was read";
            case StoreErrc::collision:
                return "other content with the same SHA-1 is stored already, and stays";
            case StoreErrc::made_up:
                return "its size is not that of what it gives, as of files that the kernel makes "
                       "up";
            case StoreErrc::no_text:
                return "its path is not UTF-8, and a link could not hold it; kp2p-store copies it";
            case StoreErrc::secrets:
                return "it is the configuration directory of a node, with its keys and channels";
            case StoreErrc::itself:
                return "it is the storage itself";
        }
        return "unknown error";
    }
};

}  // namespace

std::error_code make_error_code(StoreErrc error) {
    static const Category category;
    return {static_cast<int>(error), category};
}

}  // namespace kp2p
