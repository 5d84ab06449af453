// Any text either is refused or parses, and what parses is written and read back the same.
#include <cstdlib>

#include "cmd/invitation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using kp2p::Invitation;
    // What it begins with is hard to guess.
    const std::string text =
        std::string(Invitation::scheme) + std::string(kp2p::as_text({data, size}));
    std::string complaint;
    const auto invitation = Invitation::parse(text, complaint);
    if (static_cast<bool>(invitation) != complaint.empty()) std::abort();
    if (!invitation) return 0;
    const auto again = Invitation::parse(invitation->text(), complaint);
    if (!again || again->text() != invitation->text()) std::abort();
    return 0;
}
