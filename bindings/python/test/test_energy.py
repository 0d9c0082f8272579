"""Windows over pieces of work."""

import unittest

import symbiont


class AWindow(unittest.TestCase):
    def test_measures_work(self):
        with symbiont.window("estimator") as used:
            sum(range(1_000_000))
        self.assertGreater(used.joules, 0)
        self.assertGreater(used.seconds, 0)
        self.assertAlmostEqual(used.uncertainty_joules, 0.4 * used.joules, delta=1e-5)
        self.assertEqual((used.provenance, used.scope), ("modelled", "process"))
        self.assertIn("modelled ±40 %, this process", str(used))

    def test_is_fixed_when_it_ends(self):
        with symbiont.window() as used:
            during = used.joules
        after = used.joules
        sum(range(100_000))
        self.assertEqual(used.joules, after)
        self.assertGreaterEqual(after, during)

    def test_may_nest(self):
        with symbiont.window("estimator") as outer:
            with symbiont.window("estimator") as inner:
                sum(range(100_000))
            sum(range(100_000))
        self.assertGreater(outer.joules, inner.joules)

    def test_ends_when_the_work_fails(self):
        used = symbiont.window("estimator")
        with self.assertRaises(ZeroDivisionError), used:
            1 / 0
        self.assertGreaterEqual(used.joules, 0)

    def test_says_that_it_was_never_opened(self):
        with self.assertRaisesRegex(RuntimeError, "with symbiont.window"):
            symbiont.window().joules

    def test_names_the_meter_that_does_not_exist(self):
        with self.assertRaisesRegex(symbiont.Error, 'did you mean "rapl"') as raised:
            symbiont.window("rapel")
        self.assertEqual(raised.exception.code, "INVALID_ARGUMENT")


if __name__ == "__main__":
    unittest.main()
