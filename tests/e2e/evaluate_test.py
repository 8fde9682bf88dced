"""`rbmpi evaluate` as a user meets it: its figures against NumPy and scikit-learn, on 1 to 4 ranks, and every mistake."""

import csv
import json
import math
import os
import shutil
import signal
import subprocess
import unittest

import h5py
import numpy
from sklearn.neural_network import BernoulliRBM

import jobs
from support import SOURCE, FolderTest, assert_one_message, assert_success, command_line, mpi_environment, run

DIGITS = SOURCE / "data/digits.h5"


def softplus(x):
    return numpy.logaddexp(0, x)


def philox(counter, key):
    """Philox 4x32-10 (Salmon and others 2011)."""
    a, b, c, d = counter
    low, high = key
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (right >> 32) ^ b ^ low, right & 0xFFFFFFFF, (left >> 32) ^ d ^ high, left & 0xFFFFFFFF
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def flipped_unit(units, seed, row):
    bits = philox((0, row & 0xFFFFFFFF, row >> 32, 8 << 1), (seed & 0xFFFFFFFF, seed >> 32))
    return ((bits[0] << 32 | bits[1]) * units) >> 64


class Evaluate(FolderTest):
    def train(self, *arguments, name="run", **more):
        return assert_success(run(["train", "--data", DIGITS, "--output", self.folder / name, "--epochs", "3", *arguments],
                                  **more))

    def evaluate(self, model, *arguments, data=DIGITS, **more):
        return run(["evaluate", model, data, *arguments], **more)

    def figures(self, model, *arguments, **more):
        return json.loads(assert_success(self.evaluate(model, "--json", *arguments, **more)).stdout)

    def parameters(self, model):
        with h5py.File(model) as file:
            return [file["layer_0"][name][()].astype(float) for name in ("weights", "visible_bias", "hidden_bias")]

    def samples(self):
        with h5py.File(DIGITS) as file:
            return file["samples"][()] / 16

    def write_data(self, name, values):
        with h5py.File(self.folder / name, "w") as file:
            file["samples"] = values
            file["samples"].attrs["scale"] = 1.0
        return self.folder / name

    def write_model(self, name, weights, visible_bias, hidden_bias):
        with h5py.File(self.folder / name, "w") as file:
            file.attrs["format"] = numpy.bytes_("rbmpi-model")
            for array, values in [("weights", weights), ("visible_bias", visible_bias), ("hidden_bias", hidden_bias)]:
                file[f"layer_0/{array}"] = numpy.asarray(values, dtype="float32")
        return self.folder / name

    # Figures.
    def test_figures_are_those_of_numpy(self):
        self.train("--hidden", "12")
        model = self.folder / "run/model.h5"
        W, b, c = self.parameters(model)
        for binarise, v in [("none", self.samples()), ("threshold", (self.samples() >= 0.5).astype(float))]:
            figures = self.figures(model, "--binarise", binarise)
            self.assertEqual(figures["rows"], 1797)
            self.assertEqual(figures["grey_rows"], 1797 if binarise == "none" else 0)
            energy = -v @ b - softplus(c + v @ W).sum(1)
            p = 1 / (1 + numpy.exp(-c - v @ W))
            field = b + p @ W.T
            full = numpy.zeros(len(v))
            for i in range(64):
                flipped = v.copy()
                flipped[:, i] = 1 - v[:, i]
                full -= softplus(energy + flipped @ b + softplus(c + flipped @ W).sum(1))
            states = (numpy.arange(2 ** 12)[:, None] >> numpy.arange(12) & 1).astype(float)
            log_weights = states @ c + softplus(b + states @ W.T).sum(1)
            log_z = numpy.logaddexp.reduce(log_weights)
            for key, rows in [("free_energy", energy), ("pseudo_likelihood", full),
                              ("mean_field_mse", ((v - 1 / (1 + numpy.exp(-field))) ** 2).mean(1)),
                              ("cross_entropy", (softplus(field) - v * field).sum(1))]:
                self.assertAlmostEqual(figures[key]["mean"], rows.mean(), 9, key)
                self.assertAlmostEqual(figures[key]["standard_error"], rows.std(ddof=1) / 1797 ** 0.5, 9, key)
            self.assertEqual(figures["log_z"]["method"], "exact")
            self.assertAlmostEqual(figures["log_z"]["value"], log_z, 9)
            self.assertAlmostEqual(figures["log_likelihood"]["mean"], -energy.mean() - log_z, 9)
            self.assertEqual(figures["log_likelihood"]["partition_error"], 0)
            self.assertEqual(figures["log_likelihood"]["data_error"], figures["free_energy"]["standard_error"])

    # Tables.
    def table(self, path):
        with open(path) as file:
            rows = list(csv.DictReader(file))
        return list(rows[0]), {name: [row[name] for row in rows] for name in rows[0]}

    def test_a_table_has_the_figures_of_each_row(self):
        self.train("--hidden", "12")
        path = self.folder / "rows.csv"
        figures = self.figures(self.folder / "run", "--binarise", "threshold", "--rows", path)
        names, columns = self.table(path)
        self.assertEqual(names, ["row", "label", "free_energy", "pseudo_log_likelihood", "log_likelihood", "log_z_exact"])
        self.assertEqual(columns["row"], [str(row) for row in range(1797)])
        with h5py.File(DIGITS) as file:
            self.assertEqual([int(label) for label in columns["label"]], list(file["labels"]))
        W, b, c = self.parameters(self.folder / "run/model.h5")
        v = (self.samples() >= 0.5).astype(float)
        energy = numpy.array([float(text) for text in columns["free_energy"]])
        numpy.testing.assert_allclose(energy, -v @ b - softplus(c + v @ W).sum(1), atol=1e-9)
        self.assertEqual(set(columns["log_z_exact"]), {repr(figures["log_z"]["value"])})
        for text, of_row in zip(columns["log_likelihood"], energy):
            self.assertEqual(float(text), -of_row - figures["log_z"]["value"])
        self.assertTrue(all(repr(float(text)) == text for text in columns["free_energy"]))  # all digits
        for name, key in [("free_energy", "free_energy"), ("pseudo_log_likelihood", "pseudo_likelihood"),
                          ("log_likelihood", "log_likelihood")]:
            values = [float(text) for text in columns[name]]
            self.assertAlmostEqual(math.fsum(values) / 1797, figures[key]["mean"], 12)
            error = figures[key].get("standard_error", figures[key].get("data_error"))
            self.assertAlmostEqual(numpy.std(values, ddof=1) / 1797 ** 0.5, error, 12)

    def test_tables_are_the_same_on_any_number_of_ranks(self):
        self.train("--hidden", "30")
        tables = set()
        for ranks, threads in ((None, 1), (1, 2), (2, 1), (3, 1), (4, 2)):
            path = self.folder / f"{ranks}.csv"
            result = assert_success(self.evaluate(self.folder / "run", "--temperatures", "50", "--chains", "13", "--rows",
                                                  "200", "--rows", path, "--threads", threads, ranks=ranks))
            self.assertIn("csv: figures of 200 rows, with labels\n", result.stdout)
            tables.add(path.read_bytes())
        self.assertEqual(len(tables), 1)
        names, columns = self.table(path)
        self.assertEqual(names[-2:], ["log_z_ais", "log_z_ais_error"])
        self.assertEqual(len(columns["row"]), 200)
        # The same in a dataset; values are drawn, so that another seed is another table.
        for seed in (1, 2):
            path = self.folder / "rows.h5"
            figures = self.figures(self.folder / "run", "--temperatures", "50", "--chains", "13", "--rows", path, "--seed",
                                   seed, "--rows", "200", ranks=2)["log_z"]
            with h5py.File(path) as file:
                samples = file["samples"]
                self.assertEqual(samples.dtype, numpy.float64)
                self.assertEqual(list(file["column_names"]), [b"free_energy", b"pseudo_log_likelihood", b"log_likelihood"])
                self.assertEqual(samples.attrs["log_z_ais"], figures["value"])
                self.assertEqual(samples.attrs["log_z_ais_error"], figures["forward"]["standard_error"])
                self.assertEqual(list(file["labels"]), [int(label) for label in columns["label"]])
                self.assertIn(f"binarise sample, seed {seed}; log Z = {figures['value']!r}, standard error",
                              file.attrs["source"].decode())
                same = [list(column) == [float(text) for text in columns[name]] for column, name in
                        zip(samples[()].T, names[2:5])]
            self.assertEqual(same, [seed == 1] * 3)
        self.assertIn("any numbers: to look at", assert_success(run(["info", path])).stdout)

    def test_tables_of_what_is_known(self):
        model = self.write_model("m.h5", numpy.ones((64, 3)), numpy.zeros(64), numpy.zeros(3))
        data = self.write_data("data.h5", numpy.zeros((3, 64), "uint8"))
        path = self.folder / "rows.csv"
        path.write_text("old")
        assert_success(self.evaluate(model, "--log-z", "off", f"--rows={path}", data=data))
        self.assertEqual(self.table(path)[0], ["row", "free_energy", "pseudo_log_likelihood"])
        path = self.folder / "rows.hdf5"
        assert_success(self.evaluate(model, "--log-z", "off", "--rows", path, data=data))
        with h5py.File(path) as file:
            self.assertEqual(list(file), ["column_names", "samples"])
            self.assertEqual(sorted(file["samples"].attrs), ["scale", "unbounded"])
            self.assertEqual(file["samples"].shape, (3, 2))
        # Of a layer of a stack, on the features that it sees.
        stack = self.folder / "stack"
        assert_success(run(["train", "--data", DIGITS, "--output", stack, "--layers", "20,10", "--epochs", "1"]))
        figures = self.figures(stack, "--layer", "2", "--rows", self.folder / "layer.csv", ranks=2)
        columns = self.table(self.folder / "layer.csv")[1]
        self.assertAlmostEqual(math.fsum(map(float, columns["log_likelihood"])) / 1797, figures["log_likelihood"]["mean"],
                               12)

    def test_tables_that_cannot_be(self):
        model = self.write_model("m.h5", numpy.zeros((64, 3)), numpy.zeros(64), numpy.zeros(3))
        self.train("--hidden", "9", "--rows", "10")
        stack = self.folder / "net"
        assert_success(run(["finetune", self.folder / "run", "--data", DIGITS, "--output", stack, "--epochs", "1",
                            "--rows", "50"]))
        before = self.files()
        table = self.folder / "rows.csv"
        for code, arguments, words in [
                (2, ["--rows", "rows.txt"], ["rows = rows.txt", ".csv, .h5 or .hdf5"]),
                (2, ["--rows", "ten"], ["rows = ten", "whole number"]),
                (2, ["--rows", "0"], ["rows = 0", "from 1"]),
                (2, ["--rows", table, "--rows", "other.h5"], ["rows = other.h5", "a table already"]),
                (2, ["--rows", "5", "--rows", "6"], ["rows = 6", "a number of rows already"]),
                (2, ["--rows", model], ["m.h5", "read from"]),
                (2, ["--rows", self.folder / "run/model.h5"], ["model.h5", "belongs to a run"]),
                (3, ["--rows", self.folder / "no/rows.csv"], ["no such folder"])]:
            for ranks in (None, 2):
                result = self.evaluate(model, *arguments, ranks=ranks)
                assert_one_message(result, code, *words)
                self.assertEqual(result.stdout, "")  # before anything was scored
        assert_one_message(self.evaluate(stack, "--rows", table), 2, f"--rows {table}", "is a net")
        self.assertEqual(self.files(), before)
        result = assert_success(self.evaluate(stack, "--rows", "20"))
        self.assertIn("20 rows", result.stdout)

    def test_processes_that_are_each_alone_make_no_table(self):
        model = self.write_model("m.h5", numpy.zeros((64, 3)), numpy.zeros(64), numpy.zeros(3))
        for table, code in (("10", 0), (self.folder / "rows.csv", 2)):
            command = command_line(["evaluate", model, DIGITS, "--log-z", "off", "--rows", table])
            result = subprocess.run(command, text=True, capture_output=True,
                                    env=mpi_environment() | {"PMI_SIZE": "2", "PMI_RANK": "0"})
            self.assertEqual(result.returncode, code, result)
            self.assertIn("2 processes were started together", result.stderr)
        self.assertEqual(self.files(), ["m.h5"])

    def test_pseudo_likelihood_is_that_of_scikit_learn(self):
        self.train("--hidden", "100")
        W, b, c = self.parameters(self.folder / "run/model.h5")

        class OurUnits(numpy.random.RandomState):
            """scikit-learn flips the units that it draws with `randint`."""

            def randint(self, low, high=None, size=None, dtype=int):
                assert (low, high, size) == (0, 64, 1797)
                return numpy.array([flipped_unit(64, 7, row) for row in range(1797)])

        theirs = BernoulliRBM(n_components=100, random_state=OurUnits())
        theirs.components_, theirs.intercept_hidden_, theirs.intercept_visible_ = W.T, c, b
        scores = theirs.score_samples(self.samples())
        ours = self.figures(self.folder / "run", "--binarise", "none", "--seed", "7", "--log-z", "off")
        self.assertAlmostEqual(ours["stochastic_pseudo_likelihood"]["mean"], scores.mean(), 5)
        self.assertAlmostEqual(ours["stochastic_pseudo_likelihood"]["standard_error"],
                               scores.std(ddof=1) / 1797 ** 0.5, 5)
        self.assertNotIn("log_z", ours)

    def test_drawn_data_have_the_values_as_probabilities(self):
        self.train("--hidden", "12")
        drawn = [self.figures(self.folder / "run", "--seed", seed)["cross_entropy"]["mean"] for seed in (1, 1, 2)]
        self.assertEqual(drawn[0], drawn[1])
        self.assertNotEqual(drawn[0], drawn[2])

    def test_any_number_of_ranks(self):
        self.train("--hidden", "40")
        model = self.folder / "run"
        texts = set()
        for ranks in (None, 2, 3, 4):
            figures = self.figures(model, "--temperatures", "200", "--chains", "13", "--reverse", "data", "--gibbs-steps",
                                   "10", ranks=ranks)
            figures["log_z"].pop("seconds")
            texts.add(json.dumps(figures))
        self.assertEqual(len(texts), 1)
        self.assertEqual(figures["log_z"]["method"], "ais")
        self.assertEqual(figures["log_z"]["temperatures"], 200)
        self.assertEqual(figures["log_z"]["forward"]["chains"], 13)
        self.assertEqual(figures["log_z"]["reverse"]["chains"], 13)

    def test_annealed_importance_sampling_is_near_the_truth(self):
        self.train("--hidden", "12")
        data = self.write_data("few.h5", (self.samples()[:50] >= 0.5).astype("uint8"))
        truth = self.figures(self.folder / "run")["log_z"]["value"]
        for reverse, chains in [("data", 100), (data, 50)]:
            figures = self.figures(self.folder / "run", "--temperatures", "0.5:300,1:700", "--reverse", reverse)
            forward, backward = figures["log_z"]["forward"], figures["log_z"]["reverse"]
            self.assertEqual(figures["log_z"]["temperatures"], 1000)
            self.assertEqual(figures["log_z"]["value"], forward["log_z"])
            self.assertEqual(backward["chains"], chains)
            self.assertLess(forward["low"], forward["log_z"])
            self.assertLess(forward["log_z"], forward["high"])
            self.assertLess(abs(forward["log_z"] - truth), 4 * forward["standard_error"])
            self.assertLess(abs(backward["log_z"] - truth), 1)
            self.assertEqual(figures["log_likelihood"]["partition_error"], forward["standard_error"])
            self.assertAlmostEqual(figures["log_likelihood"]["mean"], -figures["free_energy"]["mean"] - forward["log_z"])

    def test_what_it_shows(self):
        self.train("--hidden", "12")
        result = assert_success(self.evaluate(self.folder / "run", ranks=2))
        for pattern in (r"(?m)^  model       .*run/checkpoint-54\.h5: 64 x 12, a checkpoint after 54 steps$",
                        r"(?m)^  data        .*digits\.h5: 1797 rows x 64, zeros and ones drawn with the values",
                        r"(?m)^  mean-field error +0\.\d+  \+- \S+ +mean square a unit, nothing sampled: not what training shows$",
                        r"(?m)^  pseudo-likelihood +-\d+\.\d+  \+- \S+ +nats a row, over all units$",
                        r"(?m)^  log Z over all 2\^12 states takes less than a second\n  log Z +\d+\.\d+ +nats, exact$",
                        r"(?m)^  log-likelihood +-\d+\.\d+  \+- \S+ +nats a row$"):
            self.assertRegex(result.stdout, pattern)
        self.assertNotIn("note", result.stdout)
        result = assert_success(self.evaluate(self.folder / "run", "--log-z", "ais", "--temperatures", "50",
                                              "--binarise", "none", "--rows", "10"))
        for pattern in (r"(?m)^  note        10 of 10 rows have values other than 0 and 1",
                        r"(?m)^  log Z by AIS +\d+\.\d+  \+- \S+ +nats, .*; \d+\.\d of 100 chains are effective$",
                        r"(?m)^  log-likelihood +-\d+\.\d+  \+- \S+ +nats a row, for the rows; \+- \S+ for log Z$"):
            self.assertRegex(result.stdout, pattern)

    def test_an_estimate_that_few_chains_carry_is_doubted(self):
        weights = numpy.random.RandomState(1).normal(size=(64, 30)) * 4
        model = self.write_model("hard.h5", weights, numpy.zeros(64), numpy.zeros(30))
        result = assert_success(self.evaluate(model, "--log-z", "ais", "--temperatures", "3", "--rows", "10"))
        self.assertRegex(result.stdout, r"(?m)^  note        few chains carry the estimate")
        warnings = self.figures(model, "--log-z", "ais", "--temperatures", "3", "--rows", "10")["warnings"]
        self.assertEqual(len(warnings), 1)
        self.assertRegex(warnings[0], "^few chains carry the estimate")
        self.assertEqual(self.figures(model, "--log-z", "off", "--rows", "10")["warnings"], [])
        grey = self.figures(model, "--log-z", "off", "--rows", "10", "--binarise", "none")["warnings"]
        self.assertRegex(grey[0], "^10 of 10 rows have values other than 0 and 1")

    def test_a_single_row_has_no_standard_error(self):
        model = self.write_model("m.h5", numpy.ones((64, 3)), numpy.zeros(64), numpy.zeros(3))
        figures = self.figures(model, "--rows", "1")
        for name in ("mean_field_mse", "cross_entropy", "free_energy", "pseudo_likelihood"):
            self.assertIsNone(figures[name]["standard_error"])
        self.assertIsNone(figures["log_likelihood"]["data_error"])
        result = assert_success(self.evaluate(model, "--rows", "1"))
        self.assertRegex(result.stdout, r"(?m)^  free energy +-\S+  -  +nats a row$")
        self.assertNotIn("nan", result.stdout)

    def test_stopped_by_a_signal(self):
        self.train("--hidden", "40")
        before = self.files(), sorted((self.folder / "run").iterdir())
        job = jobs.Job(["evaluate", self.folder / "run", DIGITS, "--chains", "10000", "--temperatures", "50000", "--progress",
                         "bar"], 2)
        self.addCleanup(job.__exit__)
        job.wait_for(lambda: "log Z by AIS" in job.output()[0], "annealing")
        for process in job.ranks().values():  # as mpirun and Slurm do
            jobs.kill(process, signal.SIGTERM)
        result = job.end(10)
        assert_one_message(result, 75, "stopped by a signal while annealing chains")
        self.assertLess(result.waited, 5)
        self.assertNotIn("log-likelihood", result.stdout)
        self.assertEqual((self.files(), sorted((self.folder / "run").iterdir())), before)

    def test_a_bar_where_there_is_a_terminal(self):
        self.train("--hidden", "30")
        line = " ".join(f"'{word}'" for word in command_line(["evaluate", self.folder / "run", DIGITS, "--temperatures",
                                                              "4000"]))
        output = subprocess.run(["script", "--quiet", "--return", "--command", line, "/dev/null"], text=True, check=True,
                                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=mpi_environment()).stdout
        self.assertRegex(output, r"log Z by AIS \[#*\.*\] +\d+ %  .* left")

    # Models.
    def test_a_run_is_its_newest_whole_checkpoint(self):
        self.train("--hidden", "9", "--checkpoint-epochs", "1")
        newest = self.figures(self.folder / "run")
        self.assertEqual(newest["steps"], 54)
        self.assertEqual(newest["model"], str(self.folder / "run/checkpoint-54.h5"))
        same = self.figures(self.folder / "run/model.h5")
        self.assertIsNone(same["steps"])
        self.assertEqual(same["model_digest"], newest["model_digest"])
        before = self.figures(self.folder / "run/checkpoint-36.h5")
        self.assertEqual(before["steps"], 36)
        self.assertNotEqual(before["model_digest"], newest["model_digest"])
        checkpoint = self.folder / "run/checkpoint-54.h5"
        damaged = bytearray(checkpoint.read_bytes())
        damaged[-100] ^= 1
        checkpoint.write_bytes(damaged)
        self.assertEqual(self.figures(self.folder / "run")["steps"], 36)
        assert_one_message(self.evaluate(checkpoint), 3, "checkpoint-54.h5")
        for file in (self.folder / "run").glob("checkpoint-*.h5"):
            file.unlink()
        self.assertEqual(self.figures(self.folder / "run")["model_digest"], newest["model_digest"])

    # Mistakes.
    def test_data_that_do_not_fit(self):
        self.train("--hidden", "9", "--rows", "100")
        other = self.write_data("other.h5", numpy.zeros((7, 30), "uint8"))
        for ranks in (None, 2):
            assert_one_message(self.evaluate(self.folder / "run", data=other, ranks=ranks), 3, "run", "64 visible x 9 hidden",
                               "other.h5", "7 rows x 30 columns")
        for reverse, words in [(other, ["other.h5", "30 columns", "64 visible"]),
                               (self.folder / "none.h5", ["none.h5"])]:
            result = self.evaluate(self.folder / "run", "--log-z", "ais", "--reverse", reverse)
            assert_one_message(result, 3, *words)
            self.assertEqual(result.stdout, "")  # before anything was scored

    def test_too_little_memory(self):
        units = 1 << 22
        model = self.write_model("wide.h5", numpy.zeros((units, 1)), numpy.zeros(units), numpy.zeros(1))
        data = self.write_data("wide_data.h5", numpy.zeros((1, units), "uint8"))
        threads = 4 * len(os.sched_getaffinity(0))  # 16 GB for each core
        result = self.evaluate(model, "--log-z", "ais", "--chains", "100000", "--threads", threads, data=data)
        assert_one_message(result, 1, "not enough memory for", "4194304 visible x 1 hidden", "--threads", seconds=30)
        self.assertEqual(result.stdout, "")  # before anything was begun

    def test_no_model(self):
        (self.folder / "text").write_text("no model\n")
        (self.folder / "empty").mkdir()
        (self.folder / "young").mkdir()
        self.train("--hidden", "9", "--rows", "10")
        shutil.copy(self.folder / "run/config.ini", self.folder / "young/config.ini")
        (self.folder / "young/metrics.jsonl").write_text("")
        for name, words in [("text", ["text"]), ("missing.h5", ["missing.h5"]), (DIGITS, ["digits.h5", "is no model"]),
                            ("empty", ["empty", "neither a checkpoint nor a model.h5"]),
                            ("young", ["young", "no checkpoint yet", "checkpoint-seconds"])]:
            for ranks in (None, 2):
                assert_one_message(self.evaluate(self.folder / name, ranks=ranks), 3, *words)

    def test_no_data(self):
        self.train("--hidden", "9", "--rows", "10")
        none = self.write_data("none.h5", numpy.zeros((0, 64), "uint8"))
        assert_one_message(self.evaluate(self.folder / "run", data=none), 3, "none.h5")
        assert_one_message(self.evaluate(self.folder / "run", data=self.folder / "run/model.h5"), 3, "model.h5")
        assert_one_message(self.evaluate(self.folder / "run", "--rows", "2000"), 2, "rows = 2000", "1797")

    def test_parameters_that_are_not_finite(self):
        weights = numpy.zeros((64, 5))
        weights[3, 2] = numpy.nan
        model = self.write_model("nan.h5", weights, numpy.zeros(64), numpy.zeros(5))
        assert_one_message(self.evaluate(model), 3, "nan.h5", "weights", "not finite")

    def test_exact_log_z_of_a_large_model(self):
        model = self.write_model("large.h5", numpy.zeros((64, 30)), numpy.zeros(64), numpy.zeros(30))
        assert_one_message(self.evaluate(model, "--log-z", "exact"), 2, "--log-z exact", "large.h5",
                           "64 visible x 30 hidden", "25", "--log-z ais")

    def test_options_that_make_no_sense(self):
        assert_one_message(run(["evaluate"]), 2, "no model given")
        assert_one_message(run(["evaluate", "model.h5"]), 2, "no dataset given")
        for arguments, words in [(["--log-z", "guess"], ["log-z = guess", "auto, exact, ais, off"]),
                                 (["--binarise", "no"], ["binarise = no", "none, threshold, sample"]),
                                 (["--chains", "1"], ["chains = 1"]),
                                 (["--temperatures", "0.5:99999999,1:99999999"], ["temperatures", "in all"]), (["--seed", "-1"], ["seed = -1"]),
                                 (["--temperatures", "0.5:10"], ["temperatures = 0.5:10"]),
                                 (["--log-z", "exact", "--chains", "10"], ["--log-z exact", "--chains"]),
                                 (["--log-z", "off", "--reverse", "data"], ["--log-z off", "--reverse"]),
                                 (["--gibbs-steps", "10"], ["--gibbs-steps", "--reverse"]),
                                 (["--chain", "10"], ["did you mean '--chains'"])]:
            assert_one_message(self.evaluate("model.h5", *arguments), 2, *words)

    def test_figures_that_cannot_be_printed_are_no_success(self):
        model = self.write_model("m.h5", numpy.zeros((64, 3)), numpy.zeros(64), numpy.zeros(3))
        for arguments in ([], ["--json"]):
            command = command_line(["evaluate", model, DIGITS, "--log-z", "off", *arguments], None)
            with open("/dev/full", "w") as full:
                process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                         env=mpi_environment(None))
            self.assertEqual(process.returncode, 1, process.stderr)
            self.assertIn("cannot write to the standard output", process.stderr)

    def test_help(self):
        text = assert_success(run(["evaluate", "--help"])).stdout
        for option in ("--binarise", "--seed", "--log-z", "--chains", "--temperatures", "--reverse", "--gibbs-steps",
                       "--rows", "--threads", "--progress", "--json"):
            self.assertIn(f"  {option} ", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
