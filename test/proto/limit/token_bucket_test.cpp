#include "proto/limit/token_bucket.hpp"

#include <doctest/doctest.h>

using kp2p::proto::TokenBucket;
using namespace std::chrono_literals;

namespace {

TokenBucket::Time at(std::chrono::milliseconds span) { return TokenBucket::Time(span); }

int spent(TokenBucket& bucket, std::chrono::milliseconds moment) {
    int times = 0;
    while (bucket.spend(at(moment))) ++times;
    return times;
}

}  // namespace

TEST_CASE("a burst is spent at once, and the rest as it comes") {
    TokenBucket bucket(at(0ms), {10, 3});
    CHECK(spent(bucket, 0ms) == 3);
    CHECK(spent(bucket, 99ms) == 0);
    CHECK(spent(bucket, 100ms) == 1);
    CHECK(spent(bucket, 250ms) == 1);
    CHECK(spent(bucket, 300ms) == 1);
    CHECK(spent(bucket, 10s) == 3);
}

TEST_CASE("a bucket may begin half full") {
    TokenBucket bucket(at(0ms), {10, 4}, TokenBucket::Start::half);
    CHECK(spent(bucket, 0ms) == 2);
    CHECK(spent(bucket, 10s) == 4);
}

TEST_CASE("a payment may go into debt, which is paid off before more is spent") {
    TokenBucket bucket(at(0ms), {10, 3});
    bucket.pay(13);
    CHECK(bucket.left(at(0ms)) == -10);
    CHECK(bucket.left(at(1s)) == 0);
    CHECK(spent(bucket, 1099ms) == 0);
    CHECK(spent(bucket, 1100ms) == 1);
}
