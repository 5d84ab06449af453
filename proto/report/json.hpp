// Findings and checks as JSON objects, as node/api/API.md describes them.
#pragma once

#include "proto/json.hpp"
#include "proto/report/check.hpp"
#include "proto/report/finding.hpp"

namespace kp2p {

void write_finding(proto::JsonWriter& json, const Finding& finding);
void write_findings(proto::JsonWriter& json, const std::vector<Finding>& findings);  // an array
// Its keys alone, for an object that has begun.
void write_check(proto::JsonWriter& json, const Check& check);

}  // namespace kp2p
