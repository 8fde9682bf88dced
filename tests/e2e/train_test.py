"""`rbmpi train` as a user meets it: what a run leaves behind, every mistake, the digest in many layouts, Ctrl-C."""

import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

import h5py
import numpy

from support import (RBMPI, SOURCE, FolderTest, assert_clean, assert_one_message, assert_success, command_line,
                     mpi_environment, run)

DIGITS = SOURCE / "data/digits.h5"


def digest(model):
    return assert_success(run(["info", "--digest", model])).stdout.strip()


class Training(FolderTest):
    def train(self, *arguments, name="run", ranks=None, data=DIGITS, **more):
        return run(["train", "--data", data, "--output", self.folder / name, *arguments], ranks=ranks, **more)

    def metrics(self, name="run"):
        return [json.loads(line) for line in (self.folder / name / "metrics.jsonl").read_text().splitlines()]


class WhatARunLeaves(Training):
    def test_folder_metrics_and_model(self):
        result = assert_success(self.train("--epochs", "3", "--hidden", "20", "--validation", "0.2", ranks=2))
        self.assertEqual(sorted(os.listdir(self.folder / "run")), ["checkpoint-45.h5", "config.ini", "jobs.jsonl",
                                                              "metrics.jsonl", "model.h5"])
        metrics = self.metrics()
        self.assertEqual([line["epoch"] for line in metrics], [1, 2, 3])
        rows = 1797 - round(0.2 * 1797)
        for line in metrics:
            self.assertEqual(list(line), ["layer", "epoch", "step", "samples", "seconds", "samples_per_second",
                                          "reconstruction_mse", "validation_reconstruction_mse",
                                          "training_free_energy", "validation_free_energy", "free_energy_gap",
                                          "free_energy_gap_standard_error", "validation_pseudo_likelihood"])
            self.assertEqual(line["samples"], rows)
            self.assertEqual(line["step"], line["epoch"] * -(-rows // 100))
        self.assertLess(metrics[2]["reconstruction_mse"], metrics[0]["reconstruction_mse"])
        self.assertIn(digest(self.folder / "run/model.h5"), result.stdout)
        self.assertEqual(len([line for line in result.stdout.splitlines() if line.startswith("epoch ")]), 3)

        with h5py.File(self.folder / "run/model.h5") as model:
            self.assertEqual(model.attrs["format"].decode(), "rbmpi-model")
            self.assertEqual(model["layer_0/weights"].shape, (64, 20))
            self.assertEqual(model["layer_0/weights"].dtype, numpy.float32)
            self.assertEqual(model["layer_0/visible_bias"].shape, (64,))
            self.assertEqual(model["layer_0/hidden_bias"].shape, (20,))
            for attribute in ("program", "mpi", "blas", "hdf5", "created", "command", "dataset", "dataset_digest"):
                self.assertTrue(model.attrs[attribute], attribute)
            self.assertEqual(model["config"][()].decode(), (self.folder / "run/config.ini").read_text())

    def test_the_command_of_a_model_is_one_that_a_shell_takes(self):
        words = ["train", "--data", DIGITS, "--output", self.folder / "it's; a & (b|c) *", "--epochs", "1", "--hidden", "5"]
        assert_success(run(words))
        with h5py.File(words[4] / "model.h5") as model:
            self.assertEqual(shlex.split(model.attrs["command"].decode()), ["rbmpi", *map(str, words)])

    def test_effective_configuration_repeats_the_run(self):
        assert_success(self.train("--epochs", "2", "--hidden", "9", "--momentum", "1:0.5, 2:0.9", name="a"))
        assert_success(run(["train", "--config", self.folder / "a/config.ini", "--output", self.folder / "b"]))
        self.assertEqual(digest(self.folder / "a/model.h5"), digest(self.folder / "b/model.h5"))

    def test_an_option_wins_over_the_file(self):
        (self.folder / "c.ini").write_text("# a comment\nhidden = 9\nepochs = 7  # another\n")
        assert_success(self.train("--config", self.folder / "c.ini", "--epochs", "1"))
        text = (self.folder / "run/config.ini").read_text()
        self.assertIn("hidden = 9\n", text)
        self.assertIn("epochs = 1\n", text)

    def test_a_share_and_a_file_of_the_same_rows_validate_alike(self):
        with h5py.File(DIGITS) as digits, h5py.File(self.folder / "train.h5", "w") as train, \
                h5py.File(self.folder / "valid.h5", "w") as valid:
            train["samples"] = digits["samples"][:1600]
            valid["samples"] = digits["samples"][1600:1797]
            train["samples"].attrs["scale"] = valid["samples"].attrs["scale"] = 16.0
        share = 197 / 1797
        assert_success(self.train("--epochs", "2", "--validation", str(share), name="a"))
        assert_success(self.train("--epochs", "2", "--validation", self.folder / "valid.h5", name="b", ranks=3,
                                  data=self.folder / "train.h5"))
        for a, b in zip(self.metrics("a"), self.metrics("b")):
            for key in a:
                if "second" not in key:
                    self.assertEqual(a[key], b[key], key)
        self.assertEqual(digest(self.folder / "a/model.h5"), digest(self.folder / "b/model.h5"))

    def test_more_ranks_than_rows_in_a_batch(self):
        for ranks in (None, 4):
            assert_success(self.train("--epochs", "1", "--rows", "7", "--batch-size", "2", name=f"r{ranks}",
                                      ranks=ranks))
        self.assertEqual(digest(self.folder / "rNone/model.h5"), digest(self.folder / "r4/model.h5"))

    def test_relative_paths_spaces_and_new_folders(self):
        result = run(["train", "--data", os.path.relpath(DIGITS, self.folder), "--epochs", "1", "--output",
                      "new folder/and another"], folder=self.folder)
        assert_success(result)
        self.assertTrue((self.folder / "new folder/and another/model.h5").exists())

    def test_help_names_every_key_of_the_written_configuration(self):
        text = assert_success(run(["train", "--help"])).stdout
        assert_success(self.train("--epochs", "1", "--rows", "10"))
        for line in (self.folder / "run/config.ini").read_text().splitlines():
            self.assertIn(f"--{line.split(' = ')[0]} ", text)

    def test_a_bar_where_there_is_a_terminal(self):
        for ranks in (None, 2):
            line = " ".join(f"'{word}'" for word in command_line(
                ["train", "--data", DIGITS, "--output", self.folder / f"bar{ranks}", "--epochs", "20"], ranks))
            output = subprocess.run(["script", "--quiet", "--return", "--command", line, "/dev/null"], text=True,
                                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True,
                                    env=mpi_environment()).stdout
            self.assertRegex(output, r"epoch \d+/20 \[#*\.*\] +\d+ %  \d+ rows/s  mse 0\.\d+  .* left", ranks)
            self.assertNotIn("epoch 1/20  reconstruction_mse", output)

    def test_banner_and_summary(self):
        result = assert_success(self.train("--epochs", "1", "--validation", "0.5", "--threads", "1",
                                           "--ranks-per-node", "2", ranks=3))
        for pattern in (r"^rbmpi \d", r"^  layout      2 simulated nodes, 3 ranks, 1 thread each \(Open MPI \d",
                        r"^  kernels     OpenBLAS \d\S* \(\w+\), \w+; exact arithmetic$",
                        r"exact arithmetic\n  engine      active \(.+\); each rank has a copy of the parameters$",
                        r"^  data        .*digits\.h5: 898 rows x 64 uint8$", r"^  validation  0\.5: 899 rows$",
                        r"^  model       64 x 100, 6564 parameters$",
                        r"^  memory      \S+ [kM]B on each node: samples 122\.2 kB, parameters, buffers and program 2 x \S+ MB$",
                        r"^  training    1 epoch of 9 steps of 100 rows, seed 1$", r"^  output      .*run$",
                        r"^epoch 1/1  reconstruction_mse 0\.\d+  validation 0\.\d+  free energy -?\d",
                        r"^  digest      [0-9a-f]{64}$",
                        r"^  time        \S+ s \(.*sampling \d.* %, products .*exchange .*update .*validation .*\)$",
                        r"^  memory      samples 122\.2 kB on each node; at most \S+ MB for each rank besides"):
            self.assertRegex(result.stdout, re.compile(pattern, re.MULTILINE))

    def test_the_engine_that_was_chosen_is_shown(self):
        for arguments, engine in [((), "active"), (("--engine", "blas"), "blas"), (("--engine", "active"), "active"),
                                  (("--sample-data", "off"), "blas"), (("--arithmetic", "plain"), "blas")]:
            result = assert_success(self.train("--epochs", "1", "--rows", "10", "--fresh", *arguments))
            self.assertRegex(result.stdout, re.compile(rf"^  engine      {engine} \(.+\); ", re.MULTILINE), arguments)

    def test_what_the_ranks_share_is_shown(self):
        share, copy = "the ranks of a node share the parameters", "each rank has a copy of the parameters"
        for arguments, words in [((), share), (("--exchange", "allreduce"), copy), (("--ranks-per-node", "1"), copy),
                                 (("--ranks-per-node", "2"), copy)]:
            result = assert_success(self.train("--epochs", "1", "--rows", "10", "--fresh", *arguments, ranks=3))
            self.assertIn(f"; {words}\n", result.stdout, arguments)

    def test_engine_and_exchange_do_not_show_in_the_model(self):
        digests = set()
        for engine, exchange, ranks in [("blas", "auto", None), ("active", "auto", None), ("active", "shared", 2),
                                        ("blas", "allreduce", 3)]:
            name = f"{engine}-{exchange}-{ranks}"
            assert_success(self.train("--epochs", "1", "--engine", engine, "--exchange", exchange, name=name,
                                      ranks=ranks))
            text = (self.folder / name / "config.ini").read_text()
            self.assertIn(f"engine = {engine}\n", text)
            self.assertIn(f"exchange = {exchange}\n", text)
            digests.add(digest(self.folder / name / "model.h5"))
        self.assertEqual(len(digests), 1)

    def test_an_error_is_not_written_into_the_bar(self):
        line = " ".join(f"'{word}'" for word in command_line(
            ["train", "--data", DIGITS, "--output", self.folder / "run", "--learning-rate", "1:0.1,3:1e38"]))
        output = subprocess.run(["script", "--quiet", "--command", line, "/dev/null"], text=True, check=False,
                                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=mpi_environment()).stdout
        self.assertRegex(output, r"\x1b\[Krbmpi: the parameters are no longer finite")

    def test_plain_arithmetic_trains_as_well(self):
        assert_success(self.train("--epochs", "3", "--arithmetic", "plain", name="plain", ranks=2))
        assert_success(self.train("--epochs", "3", name="exact", ranks=2))
        plain, exact = self.metrics("plain")[-1], self.metrics("exact")[-1]
        self.assertAlmostEqual(plain["reconstruction_mse"], exact["reconstruction_mse"], delta=2e-3)


class Digest(Training):
    def test_every_layout(self):
        result = subprocess.run([SOURCE / "scripts/compare-digests", "--quick", "--data", DIGITS, "--epochs", "1",
                                 RBMPI], text=True, capture_output=True, env=mpi_environment(), check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("10 runs, the same digest", result.stdout)

    def test_plain_arithmetic_has_no_such_promise(self):
        # Were it otherwise, equal digests above would say nothing.
        for ranks in (None, 3):
            assert_success(self.train("--arithmetic", "plain", "--epochs", "1", name=f"run{ranks}", ranks=ranks))
        self.assertNotEqual(digest(self.folder / "runNone/model.h5"), digest(self.folder / "run3/model.h5"))


class Mistakes(Training):
    """Each mistake: one message on one rank, the right exit code, an end on all ranks within 5 seconds, at 1 and 3."""

    def refused(self, code, fragments, *arguments, data=DIGITS, output=None, leaves=None):
        for ranks in (None, 3):
            before = self.files()
            words = ["train", "--data", data, "--output", output or self.folder / "run", *arguments]
            result = run(words, ranks=ranks, timeout=60)
            assert_one_message(result, code, *fragments, seconds=5 + 4)  # 4 for mpirun to start and end on a busy machine
            self.assertEqual(self.files(), leaves or before)

    def write(self, name, samples, **attributes):
        path = self.folder / name
        with h5py.File(path, "w") as file:
            file["samples"] = samples
            for key, value in attributes.items():
                file["samples"].attrs[key] = value
        return path

    # The data.
    def test_no_such_file(self):
        self.refused(3, ["nowhere.h5", "no such file"], data=self.folder / "nowhere.h5")

    def test_not_hdf5(self):
        path = self.folder / "text.h5"
        path.write_text("this is no HDF5 file\n" * 100)
        self.refused(3, ["text.h5", "'this'", "rbmpi import", "--output NEW.h5"], data=path)

    def test_no_samples(self):
        with h5py.File(self.folder / "other.h5", "w") as file:
            file["pixels"] = [b"no", b"numbers"]
        self.refused(3, ["other.h5", "pixels"], data=self.folder / "other.h5")

    def test_no_rows(self):
        self.refused(3, ["empty.h5", "row"], data=self.write("empty.h5", numpy.zeros((0, 5), numpy.uint8)))

    def test_not_a_number(self):
        samples = numpy.full((10, 5), 0.5, numpy.float32)
        samples[7, 3] = numpy.nan
        self.refused(3, ["nan.h5", "row 7", "column 3", "nan"], data=self.write("nan.h5", samples))

    def test_outside_the_scale(self):
        samples = numpy.full((10, 5), 9, numpy.uint8)
        samples[4, 2] = 17
        self.refused(3, ["large.h5", "row 4", "column 2", "17", "16"],
                     data=self.write("large.h5", samples, scale=16.0))

    def test_truncated(self):
        path = self.folder / "cut.h5"
        path.write_bytes(DIGITS.read_bytes()[:5000])
        self.refused(3, ["cut.h5"], data=path)

    def test_rows_beyond_the_file(self):
        self.refused(2, ["rows = 1798", "digits.h5", "1797"], "--rows", "1798")

    def test_not_enough_memory(self):
        path = self.folder / "huge.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("samples", (10**5, 10**8), numpy.uint8)[0, 0] = 1  # a file with a hole of 10 TB
        self.refused(1, ["huge.h5", "memory", "10.0 TB", "available"], data=path)

    def test_model_too_large_for_the_memory(self):
        path = self.write("wide.h5", numpy.zeros((2, 1000000), numpy.uint8))
        self.refused(1, ["memory", "wide.h5", " TB for each"], "--hidden", "1000000", data=path)

    def test_a_file_that_only_some_ranks_can_read(self):
        # The last rank works in another folder, where the name leads nowhere.
        (self.folder / "here").mkdir()
        (self.folder / "there").mkdir()
        shutil.copy(DIGITS, self.folder / "here/d.h5")
        words = [str(RBMPI), "train", "--output", str(self.folder / "run"), "--data", "d.h5"]
        line = ["mpirun", "--oversubscribe", "--bind-to", "none", "-wdir", self.folder / "here", "-n", "2", *words,
                ":", "-wdir", self.folder / "there", "-n", "1", *words]
        process = subprocess.run(line, text=True, capture_output=True, env=mpi_environment(), timeout=60, check=False)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertEqual(process.stderr.count("rbmpi: "), 1, process.stderr)
        self.assertIn("'d.h5'", process.stderr)
        self.assertIn("(on rank 2 of 3)", process.stderr)
        self.assertEqual(self.files(), ["here", "there"])

    def test_memory_that_only_one_node_lacks(self):
        # Two simulated nodes; the second rank may not have the address space that the samples need.
        with h5py.File(self.folder / "large.h5", "w") as file:
            file.create_dataset("samples", (200000, 10000), numpy.uint8)[0, 0] = 1  # the rest is a hole in the file
        words = [str(RBMPI), "train", "--output", str(self.folder / "run"), "--data", str(self.folder / "large.h5"),
                 "--ranks-per-node", "1"]
        limited = ["sh", "-c", 'ulimit -v 1900000; exec "$@"', "sh", *words]
        line = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "1", *words, ":", "-n", "1", *limited]
        process = subprocess.run(line, text=True, capture_output=True, env=mpi_environment(), timeout=30, check=False)
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertEqual(process.stderr.count("rbmpi: "), 1, process.stderr)
        self.assertIn("memory", process.stderr)

    def test_validation_that_does_not_fit(self):
        path = self.write("narrow.h5", numpy.zeros((5, 3), numpy.uint8))
        self.refused(3, ["narrow.h5", "3 columns", "64"], "--validation", path)
        self.refused(3, ["nowhere.h5"], "--validation", self.folder / "nowhere.h5")
        self.refused(2, ["validation = 1.5", "less than 1"], "--validation", "1.5")
        self.refused(2, ["validation = 0.0001", "0 to validate on"], "--validation", "0.0001")

    # The configuration.
    def configuration(self, text):
        path = self.folder / "c.ini"
        path.write_text(text)
        return path

    def test_unknown_key(self):
        self.refused(2, ["c.ini", "'hiden'", "'hidden'"], "--config", self.configuration("hiden = 3\n"))

    def test_repeated_key(self):
        self.refused(2, ["c.ini", "'epochs'", "twice"], "--config", self.configuration("epochs = 3\nepochs = 4\n"))

    def test_no_key_at_all(self):
        self.refused(2, ["c.ini", "nonsense"], "--config", self.configuration("epochs = 3\nnonsense\n"))

    def test_configuration_that_is_no_text(self):
        os.mkfifo(self.folder / "pipe")
        self.refused(3, ["pipe", "not a regular file"], "--config", self.folder / "pipe")
        self.refused(3, ["/dev/zero", "not a regular file"], "--config", "/dev/zero")
        self.refused(3, [str(self.folder), "folder"], "--config", self.folder)
        self.refused(3, ["digits.h5", "no configuration"], "--config", DIGITS)

    def test_byte_order_mark(self):
        assert_success(self.train("--config", self.configuration("\ufeffhidden = 3\nepochs = 1\n"), "--rows", "10"))

    def test_empty_value(self):
        self.refused(2, ["'--validation'", "empty"], "--validation", "")

    def test_control_characters_do_not_reach_the_terminal(self):
        self.refused(3, ["no?[31m.h5"], data=self.folder / "no\x1b[31m.h5")
        self.refused(2, ["two?lines.h5", "line ends"], data=self.folder / "two\nlines.h5")

    def test_no_such_configuration(self):
        self.refused(3, ["nowhere.ini", "no such file"], "--config", self.folder / "nowhere.ini")

    def test_an_engine_that_cannot_do_it(self):
        self.refused(2, ["engine = active", "arithmetic = exact"], "--engine", "active", "--arithmetic", "plain")
        self.refused(2, ["engine = active", "sample-data = on"], "--engine", "active", "--sample-data", "off")

    def test_nodes_that_cannot_share(self):
        result = self.train("--exchange", "shared", "--ranks-per-node", "2", ranks=3)
        assert_one_message(result, 2, "exchange = shared", "equally many ranks", "1 to 2")

    # All values that are out of range: tests/unit/app/configuration_test.cpp. Here one of each kind.
    def test_values_in_the_file(self):
        self.refused(2, ["c.ini", "batch-size = 0", "from 1"], "--config", self.configuration("batch-size = 0\n"))

    def test_values_of_options(self):
        for key, value in (("hidden", "0"), ("learning-rate", "1:0.1,1:0.2"), ("engine", "gemm"), ("threads", "100000")):
            self.refused(2, [f"{key} = ", value.split(",")[0]], f"--{key}", value)

    def test_a_path_that_config_ini_could_not_hold(self):
        self.refused(2, ["option --data", "a #1.h5", "'#'"], data=self.folder / "a #1.h5")

    def test_scale_beyond_single_precision(self):
        for number, scale in enumerate((1e-50, 1e300, 0.0, -1.0, float("nan"))):
            path = self.write(f"scale{number}.h5", numpy.zeros((10, 5), numpy.float32), scale=scale)
            self.refused(3, [path.name, "scale"], data=path)

    def test_initial_weights_too_large(self):
        for ranks in (None, 3):
            result = self.train("--weight-init", "3000", ranks=ranks, name=f"run{ranks}")
            assert_one_message(result, 2, "weight-init = 3000", "too large")

    def test_unknown_option(self):
        self.refused(2, ["'--epoch'", "'--epochs'"], "--epoch", "3")

    def test_repeated_option(self):
        self.refused(2, ["'--epochs'", "twice"], "--epochs", "3", "--epochs", "4")

    def test_option_without_a_value(self):
        self.refused(2, ["'--epochs'", "value"], "--epochs")

    def test_superfluous_argument(self):
        self.refused(2, ["more arguments"], "train.h5")

    def test_keys_that_are_missing(self):
        for ranks in (None, 3):
            assert_one_message(run(["train", "--output", self.folder / "run"], ranks=ranks), 2, "'data'", "missing")
            assert_one_message(run(["train", "--data", DIGITS], ranks=ranks), 2, "'output'", "missing")

    def test_unknown_command(self):
        for ranks in (None, 3):
            assert_one_message(run(["trian"], ranks=ranks), 2, "'trian'", "'train'")
            assert_one_message(run([], ranks=ranks), 2, "no command")

    # The folder.
    def test_folder_that_cannot_be_written(self):
        (self.folder / "file").write_text("")
        self.refused(3, ["file/run", "no folder"], output=self.folder / "file/run")
        self.refused(3, ["/proc/rbmpi"], "--epochs", "1", output="/proc/rbmpi")

    def test_folder_that_holds_another_run(self):
        assert_success(self.train("--epochs", "1", "--rows", "10"))
        before = digest(self.folder / "run/model.h5")
        self.refused(2, [f"{self.folder}/run", "another configuration", "rows = all, but 10 in the run", "--fresh"],
                     "--epochs", "1")
        self.assertEqual(digest(self.folder / "run/model.h5"), before)

    def test_two_runs_that_begin_at_once(self):
        for attempt in range(5):
            name = f"race{attempt}"
            runs = [subprocess.Popen(command_line(["train", "--data", DIGITS, "--output", self.folder / name, "--epochs",
                                                   "2", "--seed", seed]), stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True, env=mpi_environment()) for seed in (1, 2)]
            ends = [run.communicate(timeout=60) for run in runs]
            # The second finds the first at work (3), or done with another seed (2).
            self.assertIn(sorted(run.returncode for run in runs), ([0, 2], [0, 3]), ends)
            self.assertEqual(len(self.metrics(name)), 2)

    # Divergence.
    def test_divergence(self):
        for ranks in (None, 3):
            result = self.train("--learning-rate", "1e38", ranks=ranks, name=f"run{ranks}")
            assert_one_message(result, 4, "epoch 1", "learning-rate = 1e+38")
            folder = self.folder / f"run{ranks}"
            self.assertFalse((folder / "model.h5").exists())
            # Other commands say why there is no model.
            assert_one_message(run(["evaluate", folder, DIGITS]), 3, f"'{folder}' diverged", "in epoch 1",
                               "learning-rate = 1e+38", "--fresh")


if __name__ == "__main__":
    unittest.main(verbosity=2)
