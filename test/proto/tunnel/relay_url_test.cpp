#include "proto/tunnel/relay_url.hpp"

#include <doctest/doctest.h>

#include "proto/tunnel/web_address.hpp"

using namespace kp2p;
using namespace kp2p::proto::tunnel;

namespace {

const std::string fingerprint(64, 'a');

}  // namespace

TEST_CASE("the URL of a relay says where it is, and what opens it") {
    const auto url = RelayUrl::parse("https://relay.lab.edu/#secret_TOKEN-1");
    REQUIRE(url);
    CHECK(url->tls);
    CHECK(url->host == "relay.lab.edu");
    CHECK(url->port == 443);
    CHECK(url->path == "/");
    CHECK(url->token == "secret_TOKEN-1");
    CHECK_FALSE(url->fingerprint);
    CHECK(url->text() == "https://relay.lab.edu/#secret_TOKEN-1");
    CHECK(url->place() == "https://relay.lab.edu/");
    CHECK(url->authority() == "relay.lab.edu:443");
}

TEST_CASE("a URL is written as it is read") {
    const std::string urls[] = {
        "https://relay.lab.edu:8443/some/path?x=1#12345678",
        "https://1.2.3.4/#12345678." + fingerprint,
        "https://[2001:db8::1]:4433/#12345678." + fingerprint,
        "https://[2001:db8::1]/#12345678",
        "http://127.0.0.1:8080/#12345678",
        "http://localhost/#12345678",
    };
    for (const std::string& text : urls) {
        const auto url = RelayUrl::parse(text);
        CAPTURE(text);
        REQUIRE(url);
        CHECK(url->text() == text);
    }
    CHECK(RelayUrl::parse("https://a#12345678")->text() == "https://a/#12345678");
}

TEST_CASE("what is no URL of a relay is refused") {
    const std::string texts[] = {
        "",
        "relay.lab.edu",
        "https://",
        "https://relay.lab.edu/",
        "https://relay.lab.edu/#",
        "https://relay.lab.edu/#short",
        "https://relay.lab.edu/#has space in it",
        "https://relay.lab.edu/#12345678.",
        "https://relay.lab.edu/#12345678.abcd",
        "http://relay.lab.edu/#12345678." + fingerprint,  // no certificate without TLS
        "ftp://relay.lab.edu/#12345678",
        "https://relay.lab.edu:0/#12345678",
        "https://relay.lab.edu:70000/#12345678",
        "https://relay.lab.edu:/#12345678",
        "https:///#12345678",
        "https://user@relay.lab.edu/#12345678",
        "https://[2001:db8::1/#12345678",
        "https://[::1]x/#12345678",
        "https://[1.2.3.4]/#12345678",
        "https://a/\r\nX: y#12345678",
        "https://a/ b#12345678",
        "https://" + std::string(254, 'a') + "/#12345678",
        "https://a/" + std::string(1024, 'a') + "#12345678",
        "https://a/#" + std::string(129, 'a'),
    };
    for (const std::string& text : texts) {
        CAPTURE(text);
        CHECK_FALSE(RelayUrl::parse(text));
    }
}

TEST_CASE("a proxy is read as https_proxy has it") {
    CHECK(*Proxy::parse("http://proxy.lab.edu:3128/") == Proxy{{"proxy.lab.edu", 3128}, ""});
    CHECK(*Proxy::parse("proxy.lab.edu") == Proxy{{"proxy.lab.edu", 8080}, ""});
    CHECK(*Proxy::parse("http://me:p%40ss@10.0.0.1:8888") == Proxy{{"10.0.0.1", 8888}, "me:p@ss"});
    CHECK(*Proxy::parse("http://me@[::1]:1") == Proxy{{"::1", 1}, "me:"});
    for (const char* text : {"", "https://proxy:1", "socks5://proxy:1", "http://a:b:c",
                             "http://%zz@a", "http://a/b"}) {
        CAPTURE(text);
        CHECK_FALSE(Proxy::parse(text));
    }
}

TEST_CASE("no_proxy names hosts and what is below them") {
    const WebAddress relay{"relay.lab.edu", 443};
    for (const char* list : {"*", "relay.lab.edu", ".lab.edu", "lab.edu", "*.lab.edu",
                             "a, LAB.edu ,b", "lab.edu:443", "edu"}) {
        CAPTURE(list);
        CHECK(is_without_proxy(list, relay));
    }
    for (const char* list : {"", ",", "ab.edu", "lab.edu:80", "x.relay.lab.edu", "."}) {
        CAPTURE(list);
        CHECK_FALSE(is_without_proxy(list, relay));
    }
    CHECK(is_without_proxy("127.0.0.1", {"127.0.0.1", 1}));
}
