#include "proto/report/metrics_text.hpp"

#include <doctest/doctest.h>

using kp2p::proto::MetricsText;
using Kind = MetricsText::Kind;

TEST_CASE("families have their help and type before their samples") {
    MetricsText text;
    text.family("kp2p_transfer_bytes_total", Kind::counter, "Bytes of files.");
    text.sample(3, {{"direction", "given"}, {"path", "lan"}});
    text.sample(18'446'744'073'709'551'615u);
    text.single("kp2p_peers", Kind::gauge, "Nodes.", 2);
    CHECK(text.take() ==
          "# HELP kp2p_transfer_bytes_total Bytes of files.\n"
          "# TYPE kp2p_transfer_bytes_total counter\n"
          "kp2p_transfer_bytes_total{direction=\"given\",path=\"lan\"} 3\n"
          "kp2p_transfer_bytes_total 18446744073709551615\n"
          "# HELP kp2p_peers Nodes.\n"
          "# TYPE kp2p_peers gauge\n"
          "kp2p_peers 2\n");
}

TEST_CASE("text cannot leave its place") {
    MetricsText text;
    text.family("a", Kind::gauge, "one\ntwo \\ \"three\"");
    text.sample(1, {{"label", "x\"} 5\n\\"}});
    CHECK(text.take() ==
          "# HELP a one\\ntwo \\\\ \"three\"\n"
          "# TYPE a gauge\n"
          "a{label=\"x\\\"} 5\\n\\\\\"} 1\n");
}
