// What is being loaded and given, and ending it.
#include "node/api/api.hpp"
#include "node/share/inventory/transfers.hpp"
#include "node/share/share.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

void write_transfer(proto::JsonWriter& json, const Transfers::Report& report) {
    const TransferFacts& facts = report.facts;
    json.begin_object().field("id", report.id);
    json.field("kind", facts.kind == TransferKind::load ? "load" : "give");
    json.field("sha1", facts.file.hex()).field("name", facts.name).key("nodes").begin_array();
    for (const NodeId& node : facts.nodes) json.value(node.hex());
    json.end_array().field("bytes", facts.bytes).field("size", facts.size_bytes);
    using std::chrono::duration_cast;
    json.field("seconds", duration_cast<std::chrono::seconds>(report.age).count());
    json.field("bytes_per_second", static_cast<std::uint64_t>(report.bytes_per_second));
    json.end_object();
}

}  // namespace

Api::Answer Api::transfers(Call&) {
    proto::JsonWriter json;
    json.begin_object().key("transfers").begin_array();
    for (const Transfers::Report& report : parts_.share.transfers().reports())
        write_transfer(json, report);
    co_return json.end_array().end_object().take();
}

Api::Answer Api::cancel_transfer(Call& call) {
    auto id = call.optional_number("id");
    if (!id) co_return id.error();
    if (*id && parts_.share.transfers().cancel(**id)) co_return std::string("{}");
    call.explain("there is no transfer of this number");
    co_return Errc::not_found;
}

}  // namespace kp2p
