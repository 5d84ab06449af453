#include "proto/tunnel/relay_url.hpp"

#include <doctest/doctest.h>

#include "proto/tunnel/web_address.hpp"

using namespace kp2p;
using namespace kp2p::proto::tunnel;

namespace {

const std::string fingerprint(64, 'a');

Result<Proxy> proxy_of(std::string_view text) {
    std::string complaint;
    return Proxy::parse(text, complaint);
}

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

TEST_CASE("what is the same URL is read as the same") {
    const std::string end = "#12345678." + fingerprint;
    const auto url = RelayUrl::parse("https://relay.lab.edu/" + end);
    REQUIRE(url);
    const std::string same[] = {
        "HTTPS://relay.lab.edu/" + end,
        "https://Relay.LAB.edu/" + end,
        "https://relay.lab.edu" + end,
        "https://relay.lab.edu:443" + end,
        "https://relay.lab.edu:/" + end,
        "https://relay.lab.edu./" + end,
        "https://relay.lab.edu/#%31234567%38." + fingerprint,
        "https://relay.lab.edu/#12345678." + std::string(64, 'A'),
    };
    for (const std::string& text : same) {
        CAPTURE(text);
        const auto again = RelayUrl::parse(text);
        REQUIRE(again);
        CHECK(*again == *url);
    }
    CHECK(RelayUrl::parse("Http://A:80/#12345678")->text() == "http://a/#12345678");
    CHECK(RelayUrl::parse("https://[2001:DB8:0::1]/#12345678")->host == "2001:db8::1");
    CHECK(RelayUrl::parse("https://[::ffff:192.0.2.1]/#12345678")->authority() == "192.0.2.1:443");
    CHECK(RelayUrl::parse("https://a?x=1#12345678")->path == "/?x=1");
}

TEST_CASE("what is wrong with a URL is said, and no secret") {
    const struct {
        std::string text, words;
    } rows[] = {
        {"relay.lab.edu/#SECRET-TOKEN", "begin with https://"},
        {"ftp://relay.lab.edu/#SECRET-TOKEN", "https, nothing else"},
        {"https://relay.lab.edu/", "#TOKEN is missing"},
        {"https://me:SECRET@relay.lab.edu/#SECRET-TOKEN", "takes no user"},
        {"https://2001:db8::1/#SECRET-TOKEN", "of IPv6 in brackets"},
        {"https://relay.lab.edu:70000/#SECRET-TOKEN", "1 to 65535"},
        {"https://a b/#SECRET-TOKEN", "a name or an address"},
        {"https://a/ b#SECRET-TOKEN", "its path"},
        {"https://a/#SECRET", "8 to 128"},
        {"https://a/#SECRET-TOKEN%", "no %XX"},
        {"https://a/#SECRET-TOKEN.12", "64 hex digits"},
        {"http://a/#SECRET-TOKEN." + fingerprint, "no fingerprint"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        std::string complaint;
        CHECK_FALSE(RelayUrl::parse(row.text, complaint));
        CAPTURE(complaint);
        CHECK(complaint.find(row.words) != complaint.npos);
        CHECK(complaint.find("SECRET") == complaint.npos);
    }
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
        "https://relay.lab.edu../#12345678",
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
    CHECK(*proxy_of("http://proxy.lab.edu:3128/") == Proxy{{"proxy.lab.edu", 3128}, ""});
    CHECK(*proxy_of("proxy.lab.edu") == Proxy{{"proxy.lab.edu", 80}, ""});
    CHECK(*proxy_of("HTTP://Proxy:3128") == Proxy{{"proxy", 3128}, ""});
    CHECK(*proxy_of(" http://proxy:3128 \n") == Proxy{{"proxy", 3128}, ""});
    CHECK(*proxy_of("http://proxy:3128/some/path?x") == Proxy{{"proxy", 3128}, ""});
    CHECK(*proxy_of("http://me:a/b#c?d@e@proxy:1") == Proxy{{"proxy", 1}, "me:a/b#c?d@e"});
    CHECK(*proxy_of("http://me:p%40ss@10.0.0.1:8888") == Proxy{{"10.0.0.1", 8888}, "me:p@ss"});
    CHECK(*proxy_of("http://me@[::1]:1") == Proxy{{"::1", 1}, "me:"});
    const auto socks = Proxy::Speaks::socks5;
    CHECK(*proxy_of("socks5h://localhost:1081") == Proxy{{"localhost", 1081}, "", socks});
    CHECK(*proxy_of("SOCKS5://me:p%40ss@[::1]/") == Proxy{{"::1", 1080}, "me:p@ss", socks});
    const std::string longest(255, 'x');
    CHECK(proxy_of("socks5h://" + longest + ":" + longest + "@proxy"));
    CHECK_FALSE(proxy_of("socks5h://" + longest + "x@proxy"));
    CHECK_FALSE(proxy_of("socks5h://me:" + longest + "x@proxy"));
    for (const char* text :
         {"", "https://proxy:1", "socks4a://proxy:1", "http://a:b:c", "http://%zz@a", "http://"}) {
        CAPTURE(text);
        CHECK_FALSE(proxy_of(text));
    }
    const struct {
        const char *text, *words;
    } rows[] = {{"SOCKS4://me:SECRET@proxy:1", "SOCKS version 5"},
                {"https://me:SECRET@proxy:1", "TLS is not supported"},
                {"ftp://proxy", "not http://"},
                {"http://me:SECRET%@proxy", "write it %25"},
                {"http://me:SECRET@proxy:x", "HOST[:PORT]"},
                {"http://wpad/Proxy.PAC?x", "script (PAC)"},
                {"http://wpad.lab.edu/wpad.dat", "script (PAC)"},
                {"pac+http://wpad/proxy", "script (PAC)"},
                {"file:///etc/proxy.pac", "script (PAC)"}};
    for (const auto& row : rows) {
        CAPTURE(row.text);
        std::string complaint;
        CHECK_FALSE(Proxy::parse(row.text, complaint));
        CHECK(complaint.find(row.words) != complaint.npos);
        CHECK(complaint.find("SECRET") == complaint.npos);
    }
}

TEST_CASE("no_proxy names hosts and what is below them") {
    const WebAddress relay{"relay.lab.edu", 443};
    for (const char* list :
         {"*", "relay.lab.edu", ".lab.edu", "lab.edu", "*.lab.edu", "a, LAB.edu ,b", "lab.edu:443",
          "edu", "a\tlab.edu b", "lab.edu.", "lab.edu:"}) {
        CAPTURE(list);
        CHECK(is_without_proxy(list, relay));
    }
    for (const char* list : {"", ",", "ab.edu", "lab.edu:80", "x.relay.lab.edu", "."}) {
        CAPTURE(list);
        CHECK_FALSE(is_without_proxy(list, relay));
    }
    const struct {
        const char *list, *host;
        bool without;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "11.1.2.3", false},
        {"10.1.2.0/23", "10.1.3.255", true},
        {"10.1.2.0/23", "10.1.4.0", false},
        {"0.0.0.0/0", "192.0.2.1", true},
        {"10.0.0.0/33", "10.0.0.0", false},
        {"10.0.0.0/", "10.0.0.0", false},
        {"10.0.0.0/8", "relay.lab", false},
        {"fd00::/8", "fd12::1", true},
        {"[fd00::]/8", "fd12::1", true},
        {"fd00::/8", "10.0.0.1", false},
        {"::1", "::1", true},
        {"[::1]", "::1", true},
        {"[::1]:443", "::1", true},
        {"[::1]:80", "::1", false},
        {"10.0.0.1:443", "10.0.0.1", true},
        {"10.0.0.1:80", "10.0.0.1", false},
        {"0.0.1", "10.0.0.1", false},
        {"::ffff:10.0.0.1", "10.0.0.1", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.list);
        CAPTURE(row.host);
        CHECK(is_without_proxy(row.list, {row.host, 443}) == row.without);
    }
}
