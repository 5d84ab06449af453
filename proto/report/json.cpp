#include "proto/report/json.hpp"

#include "proto/report/advice.hpp"

namespace kp2p {

void write_finding(proto::JsonWriter& json, const Finding& finding) {
    json.begin_object().field("stage", name_of(stage_of(finding.code)));
    json.field("code", name_of(finding.code));
    if (finding.node) json.field("node", finding.node->hex());
    if (finding.path) json.field("path", text_of(*finding.path));
    if (finding.after) json.field("ms", finding.after->count());
    json.field("message", sentence_of(finding));
    json.field("advice", advice_of(finding.code)).end_object();
}

void write_findings(proto::JsonWriter& json, const std::vector<Finding>& findings) {
    json.begin_array();
    for (const Finding& finding : findings) write_finding(json, finding);
    json.end_array();
}

void write_check(proto::JsonWriter& json, const Check& check) {
    json.field("section", check.section).field("health", name_of(check.health));
    json.field("message", check.message);
    if (!check.advice.empty()) json.field("advice", check.advice);
}

}  // namespace kp2p
