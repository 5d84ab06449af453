#!/usr/bin/env python3
"""await_lint.py FILE...: flags the coroutine code that g++ 12 miscompiles or that leaves a lambda
dangling. Exit status 1 when it found something.

g++ 12 destroys some temporaries twice when they share a full expression with co_await. Flagged
next to a co_await: a braced initialiser, a conditional, a lambda that owns a capture. Also
flagged: `= {}` as the default of a coroutine's parameter, and a capturing lambda coroutine that
is called on the spot and not awaited there (its captures die before it does). The cure is the
same each time: name the thing on a line of its own first.

It reads tokens, not types, so it also flags a few harmless cases (a conditional of ints)."""
import re
import sys
from collections import namedtuple

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      |(?P<raw>(?:u8|u|U|L)?R"(?P<fence>[^()\\\s]*)\(.*?\)(?P=fence)")
      |(?P<text>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')
      |(?P<number>\.?\d(?:[\w.]|'\w)*)
      |(?P<word>[A-Za-z_]\w*)
      |(?P<mark>->|::|\[\[|\]\]|.)""",
    re.S | re.X)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
BLANK = re.compile(r"[^\n]")

Token = namedtuple("Token", "kind text line")
Finding = namedtuple("Finding", "line message")

OPEN = {"(": ")", "[": "]", "{": "}", "[[": "]]"}
SCOPES = {"namespace", "class", "struct", "union", "enum", "extern", "template", "export"}
HEADS = {"if", "for", "while", "switch"}
BEFORE_BLOCK = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable"}
# After these words a `[` opens a lambda, after any other word it is a subscript.
BEFORE_LAMBDA = {"return", "co_return", "co_await", "co_yield", "case", "else", "do"}


def tokens_of(source):
    source = DIRECTIVE.sub(lambda found: BLANK.sub(" ", found.group()), source)
    tokens, line = [], 1
    for found in TOKEN.finditer(source):
        if found.lastgroup != "space":
            if found.group() == "]]":  # in a[b[i]] it is no attribute
                tokens += [Token("mark", "]", line)] * 2
            elif found.group() == "[[":
                tokens += [Token("mark", "[", line)] * 2
            else:
                tokens.append(Token(found.lastgroup, found.group(), line))
        line += found.group().count("\n")
    return tokens


class Expression:
    """What one full expression holds, bodies of lambdas and blocks left out."""

    def __init__(self):
        self.tokens = []
        self.awaits = False
        self.problems = []  # (line, what) that matter only next to a co_await
        self.dangling = []  # lines of capturing lambda coroutines called on the spot
        self.depth = 0


class Linter:
    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0
        self.findings = []

    def peek(self, ahead=0):
        index = self.at + ahead
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def run(self):
        while self.at < len(self.tokens):
            self.scope()
            self.at += 1  # an unbalanced brace: go on after it
        return self.findings

    def scope(self):
        """Statements up to the brace that closes this scope. True when it awaits or returns as
        a coroutine."""
        coroutine = False
        while self.at < len(self.tokens) and self.peek() != "}":
            coroutine |= self.statement()
        return coroutine

    def block(self):
        self.at += 1  # {
        coroutine = self.scope()
        self.at += 1  # }
        return coroutine

    def statement(self):
        while self.peek() == "else":
            self.at += 1
        if self.peek() in HEADS:
            return self.head()
        expression, coroutine = Expression(), False
        while self.at < len(self.tokens):
            text = self.peek()
            if text == ";" and expression.depth == 0:
                self.at += 1
                break
            if text == "}" and expression.depth == 0:
                break
            if text == "{" and self.opens_block(expression):
                coroutine |= self.block()
                break
            coroutine |= self.step(expression)
        self.judge(expression)
        return coroutine

    def head(self):
        """`if (a; b)`, `for (...)`: each part in the parentheses is a full expression."""
        while self.at < len(self.tokens) and self.peek() != "(":
            self.at += 1
        self.at += 1
        coroutine, expression = False, Expression()
        while self.at < len(self.tokens):
            text = self.peek()
            if text == ")" and expression.depth == 0:
                self.at += 1
                break
            if text == ";" and expression.depth == 0:
                self.judge(expression)
                expression = Expression()
                self.at += 1
                continue
            coroutine |= self.step(expression)
        self.judge(expression)
        return coroutine

    def step(self, expression):
        """Takes one token, or one whole lambda, into the expression."""
        token = self.tokens[self.at]
        if token.text == "[" and self.opens_lambda(expression):
            return self.lambda_expression(expression)
        if token.text == "{":
            expression.problems.append((token.line, "a braced initialiser"))
        if token.text == "?":
            expression.problems.append((token.line, "a conditional"))
        if token.text in OPEN:
            expression.depth += 1
        elif token.text in OPEN.values():
            expression.depth -= 1
        expression.awaits |= token.text == "co_await"
        expression.tokens.append(token)
        self.at += 1
        return token.text in ("co_await", "co_return", "co_yield")

    def opens_lambda(self, expression):
        if not expression.tokens:
            return self.peek(1) != "["  # else an attribute
        before = expression.tokens[-1]
        if before.text == "[" or self.peek(1) == "[":
            return False
        if before.kind == "word":
            return before.text in BEFORE_LAMBDA
        if before.text in ("&", "&&"):  # auto& [a, b]
            return not (len(expression.tokens) > 1 and expression.tokens[-2].text == "auto")
        return before.kind == "mark" and before.text not in (")", "]", ">", "}")

    def lambda_expression(self, expression):
        line = self.tokens[self.at].line
        captures = self.group()
        while self.at < len(self.tokens) and self.peek() not in ("{", ";"):
            if self.peek() == "(":
                self.group()
            else:
                self.at += 1
        coroutine = self.block() if self.peek() == "{" else False
        expression.tokens.append(Token("word", "LAMBDA", line))
        items = split_captures(captures)
        if any(not item.startswith("&") and item != "this" for item in items):
            expression.problems.append((line, "a lambda that owns a capture"))
        if coroutine and items and self.peek() == "(":
            expression.dangling.append(line)
        return False

    def group(self):
        """The tokens between a bracket and its partner, both left out; stands after them."""
        opened, inner = self.peek(), []
        closes, depth = OPEN[opened], 0
        while self.at < len(self.tokens):
            text = self.peek()
            depth += (text == opened) - (text == closes)
            self.at += 1
            if depth == 0:
                break
            inner.append(text)
        return inner[1:]

    def opens_block(self, expression):
        if expression.depth > 0:
            return False
        if not expression.tokens:
            return True
        first, last = expression.tokens[0].text, expression.tokens[-1].text
        texts = [token.text for token in expression.tokens]
        if last in (")", "}", ":", ";") or last in BEFORE_BLOCK:
            return True
        if first in SCOPES and "=" not in texts and "(" not in texts:
            return True
        if "->" in texts and "=" not in texts and ")" in texts:  # a trailing return type
            arrow = len(texts) - 1 - texts[::-1].index("->")
            before = texts[:arrow]
            return "co_await" not in before and before[-1] in {")", "const", "noexcept"}
        return False

    def judge(self, expression):
        if expression.awaits:
            for line, what in expression.problems:
                self.findings.append(Finding(line, what + " next to co_await"))
            return
        for line in expression.dangling:
            self.findings.append(Finding(
                line, "a capturing lambda coroutine that is called here and awaited elsewhere"))
        texts = [token.text for token in expression.tokens]
        if declares_task(texts):
            for index in range(len(texts) - 1):
                if texts[index:index + 2] == ["=", "{"]:
                    self.findings.append(Finding(
                        expression.tokens[index].line, "= {} as a coroutine's default argument"))


def split_captures(texts):
    items, item, depth = [], "", 0
    for text in texts:
        depth += (text in OPEN) - (text in OPEN.values())
        if text == "," and depth == 0:
            items.append(item)
            item = ""
        else:
            item += text
    return [each for each in items + [item] if each]


def declares_task(texts):
    """`Task<...> name(...`, qualifiers before it allowed."""
    for index, text in enumerate(texts):
        if text == "Task":
            return texts[index + 1:index + 2] == ["<"] and "(" in texts[index:]
        if text in ("(", "="):
            return False
    return False


def lint(source):
    return Linter(tokens_of(source)).run()


def main(paths):
    count = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for finding in lint(file.read()):
                print(f"{path}:{finding.line}: {finding.message}; name it on a line of its own")
                count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
