"""What the comparisons rest on: alternation, warm-ups left out, quartiles, time and memory of a process."""

import unittest

from bench import measure


class MeasureTest(unittest.TestCase):
    def test_sides_alternate_and_warmups_do_not_count(self):
        order = []

        def side(name):
            def run():
                order.append(name)
                return len(order)

            return run

        values = measure.alternate([side("a"), side("b")], rounds=3, warmups=2)
        self.assertEqual(["a", "b"] * 5, order)
        self.assertEqual([[5, 7, 9], [6, 8, 10]], values)

    def test_median_and_quartiles(self):
        series = measure.Series()
        for value in (5, 1, 4, 2, 3):
            series.add(value)
        self.assertEqual((3, (2, 4)), (series.median, series.quartiles))

    def test_a_process_is_timed_to_its_last_byte(self):
        run = measure.run_process(["/bin/sh", "-c", "echo one; sleep 0.2; echo two"])
        self.assertEqual(b"one\ntwo\n", run.output)
        self.assertGreaterEqual(run.seconds, 0.2)

    def test_memory_is_that_of_the_process(self):
        words = ["/usr/bin/python3", "-c", "print(len(bytearray(200_000_000)))"]
        run = measure.run_process(words)
        self.assertGreater(run.peak_bytes, 200_000_000)
        self.assertLess(run.peak_bytes, 300_000_000)

    def test_the_environment_is_passed_on(self):
        run = measure.run_process(["/bin/sh", "-c", "echo $OG_VALUE"], {"OG_VALUE": "7"})
        self.assertEqual(b"7\n", run.output)

    def test_a_failed_process_is_an_error(self):
        with self.assertRaises(RuntimeError):
            measure.run_process(["/bin/sh", "-c", "exit 3"])


if __name__ == "__main__":
    unittest.main()
