#include <doctest/doctest.h>

#include "node/process/bootstrap.hpp"

using namespace kp2p;

namespace {

std::vector<BootstrapNode> nodes_of(std::vector<std::string> words) {
    Settings settings;
    settings.bootstrap = std::move(words);
    return bootstrap_nodes(settings);
}

}  // namespace

TEST_CASE("a word for where the network is entered is no host's name") {
    CHECK(nodes_of({"none"}).empty());
    CHECK(nodes_of({"self"}).empty());
    CHECK(nodes_of({"self:1000"}).size() == 1);
    CHECK(nodes_of({"public"}).size() == nodes_of({}).size());
    CHECK(nodes_of({"a.lab:1000", "b.lab:2000"}).size() == 2);
}
