#!/usr/bin/env python3
"""Cases of await_lint.py: each line is one statement inside a coroutine."""
import unittest

from await_lint import lint

FLAGGED = [
    "co_await f(Opts{.name = s});",
    "co_await f({p, s});",
    "auto x = co_await g(Opts{});",
    "Opts o{x, co_await g()};",
    "auto v = std::vector<int>{1, co_await g()};",
    "co_await f(std::array<std::string, 2>{a, b});",
    "auto x = c ? co_await a() : co_await b();",
    "co_await (c ? f() : g());",
    "auto r = co_await f(c ? 1 : 2);",
    "co_await offload(pool, [s] { return s.size(); });",
    "co_await offload(pool, [s = std::move(s)]() mutable { return s; });",
    "co_await offload(pool, [=] { return s; });",
    "co_await offload(pool, [&a, b] { return a + b; });",
    "co_await f(*this, [*this] { return 1; });",
    "if (auto r = co_await f({1, 2}); !r) co_return r.error();",
    "if (co_await f(Opts{1})) { g(); }",
    "for (auto& x : co_await f({1})) use(x);",
    "while (co_await f({1})) g();",
    "co_return co_await f(Opts{1});",
    "all.spawn([&]() -> Task<> { co_await f({1}); });",
    "auto body = [&](Tasks& all) -> Task<> { co_return co_await f({1}); };",
    "all.spawn([&]() -> Task<> { co_await f(); }());",
    "all.spawn([x]() -> Task<> { co_return; }());",
    "switch (x) { case 1: co_await f({1}); break; }",
    "co_await f(R\"(a)\", Opts{1});",
]

SAFE = [
    "co_await f(Opts(p, s));",
    "auto [error, size] = co_await asio::async_write(socket, buffer, use_result);",
    "const auto& [error, size] = co_await f();",
    "if (auto r = co_await f(); r) { g({1}); }",
    "if (co_await f()) g({1});",
    "for (const auto& x : co_await f()) { g(Opts{x}); }",
    "co_return Opts{1, 2};",
    "co_return c ? a : b;",
    "Opts o{1, 2}; co_await f(std::move(o));",
    "co_await with_tasks([&](Tasks& all) -> Task<> { all.spawn(f(Opts{1})); co_return; });",
    "co_await offload(pool, [&] { return c ? 1 : 2; });",
    "co_await offload(pool, [this] { return 1; });",
    "co_await offload(pool, [&x = y] { return 1; });",
    "auto fn = [s] { return s; }; co_await offload(pool, std::move(fn));",
    "co_await f(\"{?\"); // {? \n",
    "co_await f(a[b[0]], x[i]);",
    "co_await f('{', '?');",
    "all.spawn([](Node& node) -> Task<> { co_await node.run(); }(node));",
    "co_await [&]() -> Task<> { co_await f(); }();",
    "do { co_await f(); } while (x[{1}]);",
    "switch (x) { case 1: { co_await f(); break; } default: g({1}); }",
    "try { co_await f(); } catch (const E& e) { g({1}); }",
    "struct Row { int a{1}; }; co_await f();",
]

DECLARATIONS = [
    ("Task<> f(Opts o = {});", 1),
    ("Task<Result<int>> Node::f(int a, Opts o = {}) { co_return 1; }", 1),
    ("Task<> f(Opts o = Opts());", 0),
    ("void f(Opts o = {});", 0),
    ("class A : public B { A() : a_{1}, b_{2} {} Task<> f(); int a_ = {}; };", 0),
    ("auto f(int x) -> Task<int> { co_await g({1}); }", 1),
    ("template <class T> struct A { Task<> f() { co_await g(T{}); } };", 1),
    ("Task<> f() const override { co_await g(h{1}); }", 1),
    ("#define X f({\nTask<> f() { co_await g(); }", 0),
]


class AwaitLint(unittest.TestCase):
    def test_each_statement_that_breaks_is_flagged_once(self):
        for statement in FLAGGED:
            with self.subTest(statement):
                self.assertEqual(len(lint("Task<> f() {\n" + statement + "\n}")), 1)

    def test_what_is_safe_passes(self):
        for statement in SAFE:
            with self.subTest(statement):
                self.assertEqual(lint("Task<> f() {\n" + statement + "\n}"), [])

    def test_declarations(self):
        for source, count in DECLARATIONS:
            with self.subTest(source):
                self.assertEqual(len(lint(source)), count)

    def test_a_finding_names_its_line(self):
        self.assertEqual([f.line for f in lint("Task<> f() {\n\n  co_await g(\n    {1});\n}")], [4])


if __name__ == "__main__":
    unittest.main()
