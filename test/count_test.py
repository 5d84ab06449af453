#!/usr/bin/env python3
"""Cases of count.py: what one test of Meson counts as."""
import unittest

from count import cases

DOCTEST = "[doctest] test cases: 12 | 10 passed | 2 failed | 5 skipped\n[doctest] assertions: 9 | 9"
UNITTEST = """test_a (share.Two.test_a) ... ok
test_b (share.Two.test_b) ... skipped 'a small tmpfs needs root'
test_c (share.Two.test_c)
A sentence about it. ... skipped "no node"

----------------------------------------------------------------------
Ran 5 tests in 0.1s

"""

ROWS = [
    ("OK", "plain words", (1, 0, 0, [])),
    ("FAIL", "plain words", (0, 1, 0, [])),
    ("TIMEOUT", "", (0, 1, 0, [])),
    ("SKIP", "SKIPPED: no node", (0, 0, 1, ["(whole): SKIPPED: no node"])),
    ("OK", DOCTEST.replace("10 passed | 2", "12 passed | 0"), (12, 0, 0, [])),
    ("FAIL", DOCTEST, (10, 2, 0, [])),
    ("FAIL", "ERROR: AddressSanitizer\n" + DOCTEST.replace("10 passed | 2", "12 passed | 0"),
     (12, 1, 0, [])),
    ("OK", UNITTEST + "OK (skipped=2)",
     (3, 0, 2, ["test_b (share.Two.test_b): a small tmpfs needs root",
                "test_c (share.Two.test_c): no node"])),
    ("FAIL", UNITTEST + "FAILED (failures=1, errors=1, skipped=2)",
     (1, 2, 2, ["test_b (share.Two.test_b): a small tmpfs needs root",
                "test_c (share.Two.test_c): no node"])),
]


class Count(unittest.TestCase):
    def test_each_kind_of_test_counts_by_its_cases(self):
        for result, output, want in ROWS:
            with self.subTest((result, output)):
                self.assertEqual(cases({"result": result}, output), want)


if __name__ == "__main__":
    unittest.main()
