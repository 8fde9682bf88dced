"""`rbmpi bench` as a user meets it: what it prints and as JSON, on one and several ranks, every mistake, signals."""

import argparse
import importlib.machinery
import importlib.util
import json
import re
import signal
import subprocess
import time
import unittest

from support import SOURCE, assert_one_message, assert_success, command_line, mpi_environment, run

SMALL = {"--visible": "50", "--hidden": "20", "--batch-size": "10", "--seconds": "0.2"}
PHASES = ["input", "sampling", "products", "exchange", "update", "validation", "checkpoint", "output"]


def small(*options):
    """A quick measurement; `options` win."""
    return ["bench", *options, *(word for name in SMALL if name not in options for word in (name, SMALL[name]))]


def figures(*options, ranks=None):
    return json.loads(assert_success(run(small("--json", *options), ranks=ranks)).stdout)


def scaling_model():
    """scripts/scaling-model as a module."""
    loader = importlib.machinery.SourceFileLoader("scaling_model", str(SOURCE / "scripts/scaling-model"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("scaling_model", loader))
    loader.exec_module(module)
    return module


class Figures(unittest.TestCase):
    def test_for_people_on_one_rank(self):
        text = assert_success(run(small())).stdout
        for pattern in (r"^rbmpi \d", r"^  layout      1 node, 1 rank, 1 thread each \(Open MPI \d",
                        r"^  kernels     OpenBLAS \d\S* \(\w+\), \w+; exact arithmetic$",
                        r"^  model       50 x 20, batches of 10 rows, 13 % of the units are on$",
                        r"^  engine      active \(.*\); one rank has the parameters$",
                        r"^  step        \d+\.\d{3} ms, half of all from \d+\.\d{3} to \d+\.\d{3} \(\d+ steps\)$",
                        r"^    products   \d+\.\d{3} ms$", r"^    update     \d+\.\d{3} ms$",
                        r"^  products    \d+\.\d{3} ms, half of all from .*: \d+\.\d GFLOP/s$",
                        r"^  ratio       \d+\.\d{3}: ", r"^  speed       \d+ samples/s, \d+\.\d\d GCUPS$",
                        r"^  exchange    -$", r"^  efficiency  -$", r"^  digest      [0-9a-f]{64} after 64 steps, "):
            self.assertRegex(text, re.compile(pattern, re.MULTILINE))

    def test_for_people_on_several_ranks(self):
        text = assert_success(run(small("--density", "0.5", "--threads", "2", "--ranks-per-node", "2",
                                        "--engine", "blas", "--exchange", "allreduce"), ranks=3)).stdout
        for pattern in (r"^  layout      2 simulated nodes, 3 ranks, 2 threads each ",
                        r"^  model       50 x 20, batches of 10 rows, 50 % of the units are on$",
                        r"^  engine      blas \(.*\); each rank has a copy of the parameters$",
                        r"^    exchange   \d+\.\d{3} ms$", r"^  exchange    0\.004 MB of each rank, \d+\.\d\d GB/s$",
                        r"^  one rank    \d+\.\d{3} ms, half of all from ", r"^    products  \d+\.\d{3} ms, ",
                        r"^  efficiency  \d+\.\d %: 3 ranks are \d+\.\d{3} times as fast as one$"):
            self.assertRegex(text, re.compile(pattern, re.MULTILINE))

    def test_json_agrees_with_itself(self):
        result = figures("--exchange", "allreduce", ranks=3)
        self.assertEqual((result["ranks"], result["threads"]), (3, 1))
        self.assertEqual((result["visible"], result["hidden"], result["batch_size"]), (50, 20, 10))
        for layout in (result, result["one_rank"]):
            step, products = layout["step_seconds"], layout["products_seconds"]
            for times in (step, products):
                self.assertGreater(times["low"], 0)
                self.assertLessEqual(times["low"], times["median"])
                self.assertLessEqual(times["median"], times["high"])
            self.assertGreater(layout["steps"], 30)
            self.assertAlmostEqual(layout["ratio"], step["median"] / products["median"])
            self.assertEqual(list(layout["phase_seconds"]), PHASES)
            self.assertEqual(layout["phase_seconds"]["output"], 0)
        step = result["step_seconds"]["median"]
        self.assertAlmostEqual(result["samples_per_second"], 10 / step, delta=1e-6 / step)
        self.assertAlmostEqual(result["gcups"], 50 * 20 * 10 / step / 1e9)
        self.assertAlmostEqual(result["products_gflops"],
                               10 * 50 * 20 * 10 / result["products_seconds"]["median"] / 1e9)
        self.assertEqual(result["exchange_bytes"], 4 * (50 * 20 + 50 + 20))
        self.assertAlmostEqual(result["exchange_gigabytes_per_second"],
                               result["exchange_bytes"] / result["phase_seconds"]["exchange"] / 1e9)
        self.assertAlmostEqual(result["speedup"], result["one_rank"]["step_seconds"]["median"] / step)
        self.assertAlmostEqual(result["efficiency"], result["speedup"] / 3)

    def test_persistent_chains_for_people(self):
        text = assert_success(run(small("--estimator", "pcd", "--chains", "40", "--sweeps", "2", "--centring", "batch"))).stdout
        for pattern in (r"^  estimator   pcd, 2 sweeps a step of 40 persistent chains, centred$",
                        r"^  ratio       \d+\.\d{3}: a step in units of its products$",
                        r"^  sweep       \d+\.\d{3} ms, half of all from \d+\.\d{3} to \d+\.\d{3} \(\d+ sweeps\)$",
                        r"^    products  \d+\.\d{3} ms, half of all from ",
                        r"^    ratio     \d+\.\d{3}: a sweep in units of its products$"):
            self.assertRegex(text, re.compile(pattern, re.MULTILINE))
        self.assertNotIn("  one rank  ", text)
        text = assert_success(run(small("--estimator", "pcd"), ranks=2)).stdout
        self.assertRegex(text, re.compile(r"^    one rank  \d+\.\d{3} ms, .*; 2 ranks are \d+\.\d{3} times as fast$", re.MULTILINE))
        self.assertIn("\n  estimator   pcd, 1 sweep a step of 10 persistent chains\n", text)
        self.assertNotRegex(assert_success(run(small())).stdout, "  estimator|  sweep")
        self.assertIn("\n  estimator   cd, 3 sweeps a step\n", assert_success(run(small("--sweeps", "3"))).stdout)

    def test_sweeps_and_steps_of_persistent_chains(self):
        result = figures("--estimator", "pcd", "--chains", "40", "--sweeps", "3", ranks=2)
        self.assertEqual([result[key] for key in ("estimator", "chains", "sweeps", "centring")], ["pcd", 40, 3, "off"])
        for layout in (result, result["one_rank"]):
            sweep = layout["sweep"]
            for times in (sweep["seconds"], sweep["products_seconds"]):
                self.assertGreater(times["low"], 0)
                self.assertLessEqual(times["low"], times["median"])
                self.assertLessEqual(times["median"], times["high"])
            self.assertGreater(sweep["sweeps"], 3 * 30)
            self.assertAlmostEqual(sweep["ratio"], sweep["seconds"]["median"] / sweep["products_seconds"]["median"])
            self.assertEqual(layout["phase_seconds"]["validation"], 0)
        self.assertAlmostEqual(result["products_gflops"],
                               2 * 50 * 20 * (2 * 10 + 7 * 40) / result["products_seconds"]["median"] / 1e9)

    def test_a_sweep_is_a_part_of_a_step(self):
        result = figures("--visible", "400", "--hidden", "300", "--estimator", "pcd", "--chains", "200", "--sweeps", "8",
                         "--threads", "1", "--seconds", "1")
        # Eight sweeps of 200 chains, beside 10 rows and two gradients; products of a step: 17 of 200 rows and 2 of 10. Steps
        # and sweeps are measured one after the other, and a busy machine may be half as fast for one of them: a sweep
        # taken for a step, or a step for a sweep, is still found.
        for sweep, step in ((result["sweep"]["seconds"], result["step_seconds"]),
                            (result["sweep"]["products_seconds"], result["products_seconds"])):
            self.assertGreater(8 * sweep["median"], 0.3 * step["median"])
            self.assertLess(8 * sweep["median"], 4 * step["median"])

    def test_chains_that_begin_at_rows_have_no_sweep_of_their_own(self):
        result = figures("--sweeps", "2")
        self.assertEqual([result[key] for key in ("estimator", "chains", "sweeps", "sweep")], ["cd", 10, 2, None])
        self.assertAlmostEqual(result["products_gflops"], 2 * 50 * 20 * 7 * 10 / result["products_seconds"]["median"] / 1e9)

    def test_digests_of_estimators(self):
        pcd = ["--estimator", "pcd", "--chains", "15", "--sweeps", "2", "--centring", "sliding"]
        digests = {figures(*pcd, *options, ranks=ranks)["digest"]
                   for ranks, options in ((None, []), (None, ["--engine", "blas"]), (3, []), (4, ["--ranks-per-node", "2"]),
                                          (2, ["--exchange", "allreduce"]))}
        self.assertEqual(len(digests), 1)
        others = {figures(*options)["digest"] for options in ([], ["--sweeps", "2"], ["--centring", "batch"],
                                                              ["--estimator", "pcd"], pcd[:4], pcd[:6])}
        self.assertEqual(len(others), 6)
        self.assertFalse(others & digests)

    def test_within_a_node_nothing_is_exchanged(self):
        result = figures(ranks=2)
        self.assertEqual(result["exchange_bytes"], 0)
        self.assertIsNone(result["exchange_gigabytes_per_second"])
        # Each of two ranks of a node gives its half.
        self.assertEqual(figures("--ranks-per-node", "2", ranks=4)["exchange_bytes"], 4 * (50 * 20 + 50 + 20) // 2)

    def test_the_exchange_is_compared_with_the_formula_of_the_scaling_model(self):
        result = figures("--ranks-per-node", "2", ranks=4)
        exchange = result["exchange_model"]
        machine = scaling_model().Machine(
            argparse.Namespace(visible=50, hidden=20, chains=0, sweeps=1, ranks_per_node=2,
                               latency_microseconds=1e6 * exchange["latency_seconds"]),
            8e-9 * exchange["bytes_per_second"])
        # The script counts no biases.
        bytes_of_node, weights = 4 * (50 * 20 + 50 + 20), 4 * 50 * 20
        expected = machine.exchange(4) + (bytes_of_node - weights) / exchange["bytes_per_second"]
        self.assertAlmostEqual(exchange["expected_seconds"] / expected, 1, places=6)
        compute = result["step_seconds"]["median"] - result["phase_seconds"]["exchange"]
        self.assertAlmostEqual(exchange["expected_seconds_in_step"],
                               max(expected / 8, expected - compute / 2 * 7 / 8), delta=1e-9)
        self.assertAlmostEqual(exchange["ratio"], exchange["measured_seconds"] / exchange["expected_seconds"])
        for options, ranks in (([], 2), (["--exchange", "allreduce"], 2), ([], None)):
            self.assertIsNone(figures(*options, ranks=ranks)["exchange_model"], options)

    def test_how_gradients_are_summed(self):
        ring = {"OMPI_MCA_coll_libnbc_iallreduce_algorithm": "1"}
        for options, environment, text in (
                (["--ranks-per-node", "1"], {}, "2 nodes: messages in 1 stage of 2, 1 piece"),
                (["--ranks-per-node", "1", "--visible", "784", "--hidden", "300"], {},
                 "2 nodes: messages in 1 stage of 2, 8 pieces"),
                (["--ranks-per-node", "1"], ring,
                 "2 nodes: MPI_Iallreduce, as set by OMPI_MCA_coll_libnbc_iallreduce_algorithm, 1 piece"),
                (["--ranks-per-node", "1", "--batch-size", "5000"], {}, "2 nodes: MPI_Allreduce"),
                (["--exchange", "allreduce"], ring, "2 ranks: MPI_Allreduce")):
            with self.subTest(options=options):
                result = assert_success(run(small("--threads", "1", *options), ranks=2, environment=environment))
                self.assertIn(f"\n  exchange    {text}\n", result.stdout)
        self.assertNotRegex(assert_success(run(small(), ranks=2)).stdout, r"  exchange    \d+ (node|rank)")

    def test_one_rank_has_nothing_to_compare_with(self):
        result = figures()
        for key in ("exchange_gigabytes_per_second", "one_rank", "speedup", "efficiency"):
            self.assertIsNone(result[key], key)

    def test_the_phases_are_the_step(self):
        result = figures("--hidden", "500", "--visible", "400")
        step = result["step_seconds"]["median"]
        # On a busy machine the medians of the phases leave out more than that of the step.
        self.assertLess(sum(result["phase_seconds"].values()), 1.2 * step)
        self.assertGreater(sum(result["phase_seconds"].values()), 0.3 * step)

    def test_the_digest_is_that_of_all_layouts_and_depends_on_the_model(self):
        digests = {figures(*options, ranks=ranks)["digest"]
                   for ranks in (None, 2, 4)
                   for options in ([], ["--threads", "2"], ["--engine", "blas"], ["--exchange", "allreduce"])}
        self.assertEqual(len(digests), 1)
        for options in (["--hidden", "21"], ["--batch-size", "11"], ["--density", "0.2"]):
            self.assertNotIn(figures(*options)["digest"], digests)

    def test_extremes(self):
        for options in (["--density", "0"], ["--density", "1"], ["--batch-size", "1"], ["--visible", "1"],
                        ["--batch-size", "5000"], ["--estimator", "pcd", "--chains", "1"],
                        ["--estimator", "pcd", "--chains", "20000", "--engine", "blas"],
                        ["--estimator", "pcd", "--density", "0", "--visible", "1", "--hidden", "1"]):
            with self.subTest(options=options):
                self.assertGreater(figures(*options, ranks=3)["ratio"], 0)

    def test_sums_of_large_batches_are_twice_as_wide(self):
        self.assertEqual(figures("--batch-size", "5000", "--exchange", "allreduce", ranks=2)["exchange_bytes"],
                         8 * (50 * 20 + 50 + 20))

    def test_the_time_is_about_what_was_asked_for(self):
        for ranks in (None, 2):
            begin = time.monotonic()
            figures("--seconds", "3", ranks=ranks)
            self.assertGreater(time.monotonic() - begin, 3)
            self.assertLess(time.monotonic() - begin, 15)

    def test_a_ratio_that_is_kept_and_one_that_is_not(self):
        for ranks in (None, 3):
            assert_success(run(small("--most", "1e6"), ranks=ranks))
            result = run(small("--most", "0.001"), ranks=ranks)
            assert_one_message(result, 1, "a step takes ", " times as long as its matrix products; with --most 0.001")
            self.assertIn("  digest      ", result.stdout)

    def test_help_names_every_option(self):
        text = assert_success(run(["bench", "--help"], ranks=2)).stdout
        for name in ("visible", "density", "seconds", "most", "hidden", "batch-size", "estimator", "sweeps", "chains", "centring", "threads", "ranks-per-node",
                     "engine", "exchange", "hang-timeout", "json"):
            self.assertEqual(len(re.findall(rf"^  --{name}\b", text, re.MULTILINE)), 1, name)
        self.assertRegex(text, r"--hidden N .*\[300\]")


class Mistakes(unittest.TestCase):
    def test_options(self):
        for options, fragments in (
                (["--hiden", "3"], ["unknown option '--hiden'; did you mean '--hidden'?"]),
                (["--density", "0.1", "--density", "0.2"], ["option '--density' is given twice"]),
                (["--json", "yes"], ["more arguments than 'rbmpi bench' takes"]),
                (["--visible"], ["option '--visible' wants a value"]),
                (["--visible", "--json"], ["option '--visible' wants a value", "'--json' is an option"]),
                (["--visible", "0"], ["option --visible: visible = 0: must be a whole number from 1 to 4194304"]),
                (["--visible", "1.5"], ["visible = 1.5", "a whole number"]),
                (["--visible", "4194305"], ["visible = 4194305", "from 1 to 4194304"]),
                (["--hidden", "0"], ["option --hidden: hidden = 0: must be a whole number from 1 to 4194304"]),
                (["--batch-size", "0"], ["batch-size = 0", "from 1 to 2147483648"]),
                (["--density", "-0.1"], ["density = -0.1", "from 0 to 1"]),
                (["--density", "1.1"], ["density = 1.1", "from 0 to 1"]),
                (["--density", "nan"], ["option --density: density = nan: must be a number"]),
                (["--seconds", "0"], ["option --seconds: seconds = 0: must be more than 0"]),
                (["--seconds", "soon"], ["seconds = soon: must be a number"]),
                (["--most", "-1"], ["most = -1: must be more than 0"]),
                (["--estimator", "mcmc"], ["estimator = mcmc: known are cd, pcd"]),
                (["--chains", "5"], ["chains = 5: is of estimator = pcd"]),
                (["--estimator", "pcd", "--chains", "0"], ["option --chains: chains = 0: must be a whole number from 1"]),
                (["--sweeps", "0"], ["option --sweeps: sweeps = 0: must be a whole number from 1 to 65536"]),
                (["--centring", "mean"], ["option --centring: centring = mean: must be one of off, batch, sliding"]),
                (["--engine", "diesel"], ["option --engine: engine = diesel: must be one of auto, blas, active"]),
                (["--threads", "0"], ["option --threads: threads = 0: must be a whole number from 1"]),
                (["--threads", "100000"], ["threads = 100000", "give at most"])):
            for ranks in (None, 3):
                with self.subTest(options=options, ranks=ranks):
                    assert_one_message(run(["bench", *options], ranks=ranks), 2, *fragments, seconds=20)

    def test_shapes_that_no_memory_holds(self):
        for options in (["--visible", "4194304", "--hidden", "4194304"], ["--batch-size", "2147483648"],
                        ["--estimator", "pcd", "--chains", "4294967295"],
                        ["--visible", "4194304", "--batch-size", "2147483648"]):
            for ranks in (None, 3):
                with self.subTest(options=options, ranks=ranks):
                    assert_one_message(run(["bench", *options], ranks=ranks), 1, "not enough memory: ", "available",
                                       seconds=20)


class Signals(unittest.TestCase):
    def test_ctrl_c_ends_it(self):
        for ranks in (None, 2):
            process = subprocess.Popen(command_line(small("--seconds", "600"), ranks), stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=mpi_environment(),
                                       start_new_session=True)
            self.assertIn("rbmpi", process.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, messages = process.communicate(timeout=30)
            self.assertNotEqual(process.returncode, 0)
            if ranks is None:
                self.assertEqual((process.returncode, messages), (75, "rbmpi: stopped by a signal while measuring\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
