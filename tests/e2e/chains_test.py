"""Persistent chains as a user meets them in files: those of a model are the ones that its training left, wherever it was
stopped; they go to files of rbms and come back, and `rbmpi sample` begins at them."""

import json
import re
import shutil
import unittest

import h5py
import numpy

import jobs
from resuming import DIGITS, Resuming
from support import assert_one_message, assert_success, run

PCD = ("--estimator", "pcd", "--hidden", "20", "--chains", "37", "--learning-rate", "0.02", "--seed", "5")
UNITS = 64


def chains_of(path, layer=0):
    with h5py.File(path) as file:
        name = f"layer_{layer}/chains"
        return file[name][()] if name in file else None


def chains_in_work(path, units=UNITS):
    """The visible chains among what a checkpoint remembers, as zeros and ones."""
    with h5py.File(path) as file:
        return numpy.unpackbits(file["state/visible_chains"][()], axis=1, bitorder="little")[:, :units]


def newest_checkpoint(folder):
    return list(jobs.checkpoints(folder).values())[-1]


def info(path):
    return json.loads(assert_success(run(["info", "--json", path])).stdout)


class Chains(Resuming):
    def assert_chains(self, path, expected, layer=0):
        found = chains_of(path, layer)
        self.assertIsNotNone(found, path)
        self.assertEqual(found.dtype, numpy.uint8)
        numpy.testing.assert_array_equal(found, expected)

    def finished(self, *arguments, name="run", ranks=None):
        assert_success(self.train(*arguments, name=name, ranks=ranks))
        return self.folder / name / "model.h5"


class InModels(Chains):
    def test_those_of_the_last_checkpoint(self):
        model = self.finished(*PCD, "--epochs", "3", ranks=2)
        checkpoint = newest_checkpoint(self.run_folder)
        expected = chains_in_work(checkpoint)
        self.assertEqual(expected.shape, (37, UNITS))
        self.assertLess(0.05, expected.mean())
        self.assertLess(expected.mean(), 0.95)
        self.assert_chains(model, expected)
        with h5py.File(model) as file:
            self.assertEqual(file["layer_0/chains"].compression, "gzip")
        for path in (model, checkpoint):
            self.assertEqual(info(path)["layers"][0]["chains"], 37)
            self.assertRegex(assert_success(run(["info", path])).stdout, r"chains +37, as its training left them")
        self.assertIsNone(chains_of(checkpoint))  # they are in /state already
        # A model that is lost, or that has no chains, is written anew with them.
        for damage in (lambda: model.unlink(), lambda: self.without_chains(model)):
            damage()
            result = self.train(*PCD, "--epochs", "3", ranks=3)
            self.assertIn("is finished", result.stdout)
            self.assertIn("is written anew", result.stderr)
            self.assert_chains(model, expected)

    def without_chains(self, model):
        with h5py.File(model, "a") as file:
            del file["layer_0/chains"]

    def test_a_model_without_them(self):
        model = self.finished("--hidden", "20", "--epochs", "1")
        self.assertIsNone(chains_of(model))
        self.assertNotIn("chains", info(model)["layers"][0])
        self.assertNotIn("chains", assert_success(run(["info", model])).stdout)
        # The digest is of the parameters alone.
        model = self.finished(*PCD, "--epochs", "1", name="pcd")
        digest = jobs.digest(model)
        self.without_chains(model)
        self.assertEqual(jobs.digest(model), digest)

    def test_more_epochs_after_the_end_on_another_layout(self):
        whole = self.finished(*PCD, "--epochs", "5", "--engine", "active", name="whole", ranks=2)
        for engine, ranks, more in (("blas", 3, ()), ("active", 4, ("--ranks-per-node", "2")), ("blas", None, ())):
            with self.subTest(engine=engine, ranks=ranks):
                self.finished(*PCD, "--epochs", "2", "--engine", "active", "--fresh", ranks=2)
                result = assert_success(self.train(*PCD, "--epochs", "5", "--engine", engine, *more, ranks=ranks))
                self.assertIn("resumes", result.stdout)
                self.assertEqual(jobs.digest(self.run_folder / "model.h5"), jobs.digest(whole))
                self.assertEqual(jobs.metrics(self.run_folder), jobs.metrics(self.folder / "whole"))
                self.assert_chains(self.run_folder / "model.h5", chains_of(whole))
                with h5py.File(newest_checkpoint(self.run_folder)) as a, \
                        h5py.File(newest_checkpoint(self.folder / "whole")) as b:
                    self.assertEqual(set(a["state"]), set(b["state"]))
                    for name in a["state"]:
                        numpy.testing.assert_array_equal(a["state"][name][()], b["state"][name][()], err_msg=name)

    def test_of_each_layer_of_a_stack(self):
        stack = (*PCD[:2], *PCD[4:], "--batch-size", "100")
        whole = self.finished(*stack, "--layers", "20,12", "--updates", "30/25", name="whole", ranks=2)
        alone = self.finished(*stack, "--hidden", "20", "--updates", "30", ranks=2)
        self.assert_chains(whole, chains_of(alone), 0)
        self.assertEqual(chains_of(whole, 1).shape, (37, 20))
        self.assertEqual([layer["chains"] for layer in info(whole)["layers"]], [37, 37])
        # A layer grows on the finished one, and goes on in the middle of it.
        self.finished(*stack, "--layers", "20,12", "--updates", "30/10", ranks=3)
        self.assertEqual(info(newest_checkpoint(self.run_folder))["layers"][0]["chains"], 37)
        self.assert_chains(newest_checkpoint(self.run_folder), chains_of(alone), 0)
        model = self.finished(*stack, "--layers", "20,12", "--updates", "30/25")
        self.assertEqual(jobs.digest(model), jobs.digest(whole))
        for layer in (0, 1):
            self.assert_chains(model, chains_of(whole, layer), layer)

    def test_of_the_best_epoch(self):
        options = (*PCD, "--validation", "0.2")
        early = ("--early-stop", "pseudo-likelihood", "--patience", "2")
        result = assert_success(self.train(*options, *early, "--epochs", "30", ranks=4))
        best = int(re.search(r"epoch (\d+) was the best", result.stdout)[1])
        model = self.finished(*options, "--epochs", best, name="best")
        self.assertEqual(jobs.digest(self.run_folder / "best.h5"), jobs.digest(model))
        self.assert_chains(self.run_folder / "best.h5", chains_of(model))
        self.assertFalse(numpy.array_equal(chains_of(self.run_folder / "model.h5"), chains_of(model)))

    def test_bad_ones_are_refused(self):
        model = self.finished(*PCD, "--epochs", "1")
        chains = chains_of(model).astype("float32")
        for values, fragments in ((chains[:, 1:], ("'/layer_0/chains' as float32 [37 x 63]", "[chains x 64]")),
                                  (chains[0], ("'/layer_0/chains' as float32 [64]",)),
                                  (chains[:0], ("'/layer_0/chains' as float32 [0 x 64]",)),
                                  (numpy.full((2, UNITS), 0.5), ("the value 0.5 in row 0, column 0",)),
                                  (2 * chains, ("the value 2 in row", "of '/layer_0/chains'; zeros and ones")),
                                  (chains > 0, ("'/layer_0/chains' as bool",)),
                                  (numpy.full((2, UNITS), numpy.nan), ("the value nan",))):
            with self.subTest(fragments=fragments):
                copy = self.folder / "copy.h5"
                shutil.copy(model, copy)
                with h5py.File(copy, "a") as file:
                    del file["layer_0/chains"]
                    file["layer_0/chains"] = values
                for command in (["info", copy], ["sample", copy, "--output", self.folder / "s.h5"]):
                    assert_one_message(run(command), 3, "copy.h5", *fragments)


class OnBits(Chains):
    """The digits cut at a half, so that nothing is drawn of the data."""

    def setUp(self):
        super().setUp()
        with h5py.File(DIGITS) as file:
            self.rows = (file["samples"][()] > file["samples"].attrs["scale"] / 2).astype(float)
        self.bits = self.dataset("bits.h5", self.rows)

    def dataset(self, name, rows):
        with h5py.File(self.folder / name, "w") as file:
            file["samples"] = rows.astype(numpy.uint8)
            file["samples"].attrs["scale"] = 1.0
        return self.folder / name

    def test_figures_are_those_of_numpy(self):
        rows = self.rows[:900]  # so few that all of them stand for the data
        few = self.dataset("few.h5", rows)
        for epochs in ("2", "3"):
            assert_success(self.train(*PCD, "--epochs", epochs, data=few, ranks=2, name=epochs))
        before = chains_of(self.folder / "2/model.h5").astype(float)
        chains = chains_of(self.folder / "3/model.h5").astype(float)
        with h5py.File(self.folder / "3/model.h5") as file:
            weights, visible_bias, hidden_bias = (file[f"layer_0/{name}"][()].astype(float)
                                                  for name in ("weights", "visible_bias", "hidden_bias"))
        figures = jobs.metrics(self.folder / "3")[-1]

        def energies(v):
            fields = v @ weights + hidden_bias
            energy = -(v @ visible_bias) - (fields / (1 + numpy.exp(-fields))).sum(1)
            return energy.mean(), (-(v @ visible_bias) - numpy.logaddexp(0, fields).sum(1)).mean()

        def likeness(a, b):
            return numpy.corrcoef(a, b)[0, 1]

        def pair_moments(v):
            return (v.T @ v / len(v))[numpy.triu_indices(UNITS, 1)]  # 2,016 pairs: all of them

        deviations = [v - v.mean(0) for v in (chains, before)]
        covariance, variance, variance_before = ((deviations[a] * deviations[b]).sum()
                                                 for a, b in ((0, 1), (0, 0), (1, 1)))
        expected = {
            "data_energy": energies(rows)[0], "chains_energy": energies(chains)[0],
            "data_free_energy": energies(rows)[1], "chains_free_energy": energies(chains)[1],
            "chains_means_r": likeness(rows.mean(0), chains.mean(0)),
            "chains_pairs_r": likeness(pair_moments(rows), pair_moments(chains)),
            "chains_autocorrelation": covariance / numpy.sqrt(variance * variance_before)}
        self.assertLess(expected["chains_autocorrelation"], 0.9)
        for name, value in expected.items():
            self.assertAlmostEqual(figures[name], value, delta=1e-4 * max(1, abs(value)), msg=name)

    def test_of_a_single_chain(self):
        """It has no variance: 0 if it moves, and 1 where both units are off but once in 200,000 draws."""
        dark = self.dataset("dark.h5", numpy.zeros((100000, 2)))
        for data, expected in ((self.bits, 0), (dark, 1)):
            options = ("--estimator", "pcd", "--hidden", "4", "--chains", "1", "--chains-from", "data", "--learning-rate",
                       "1e-9", "--weight-init", "0", "--epochs", "2")
            assert_success(self.train(*options, data=data, name=data.stem))
            self.assertEqual(jobs.metrics(self.folder / data.stem)[-1]["chains_autocorrelation"], expected)

    def test_where_they_begin(self):
        begin = {}
        for place in ("fields", "data", "noise"):
            options = (*PCD[:4], "--chains", "2000", *PCD[6:])
            assert_success(self.train(*options, "--chains-from", place, "--updates", "1", data=self.bits, name=place,
                                      ranks=2))
            with h5py.File(newest_checkpoint(self.folder / place)) as file:
                packed = file["state/visible_chains_before"][()]
            begin[place] = numpy.unpackbits(packed, axis=1, bitorder="little")[:, :UNITS]
        # All rows once, in some order, and then again.
        once, again = begin["data"][:len(self.rows)], begin["data"][len(self.rows):]
        self.assertEqual(sorted(map(tuple, once)), sorted(map(tuple, self.rows)))
        numpy.testing.assert_array_equal(again, once[:len(again)])
        five_errors = 5 * 0.5 / numpy.sqrt(2000)
        numpy.testing.assert_allclose(begin["noise"].mean(0), 0.5, atol=five_errors)
        numpy.testing.assert_allclose(begin["fields"].mean(0), self.rows.mean(0), atol=five_errors)
        self.assertGreater(abs(begin["fields"].mean(0) - 0.5).max(), 0.4)


class InFilesOfRbms(Chains):
    def test_there_and_back(self):
        model = self.finished(*PCD, "--epochs", "2", ranks=2)
        expected = chains_of(model)
        exported = self.folder / "rbms.h5"
        # The folder of the run means its newest checkpoint.
        for source in (model, self.run_folder):
            result = assert_success(run(["export", source, "--format", "rbms", "--update", 36, "--output", exported]))
            self.assertIn("with the 37 chains of its training", result.stdout)
            with h5py.File(exported) as file:
                self.assertEqual(file["parallel_chains"].dtype, numpy.float32)  # as rbms saves them
                numpy.testing.assert_array_equal(file["parallel_chains"][()], expected)
        imported = self.folder / "imported.h5"
        result = assert_success(run(["import-model", exported, "--output", imported]))
        self.assertIn("with its 37 chains", result.stdout)
        self.assertEqual(jobs.digest(imported), jobs.digest(model))
        self.assert_chains(imported, expected)

    def test_a_layer_of_a_stack_has_its_own(self):
        self.finished(*PCD[:2], *PCD[4:], "--layers", "20,12", "--epochs", "1")
        for layer in (0, 1):
            path = self.folder / f"{layer}.h5"
            assert_success(run(["export", self.run_folder, "--layer", layer + 1, "--format", "rbms", "--output", path]))
            with h5py.File(path) as file:
                numpy.testing.assert_array_equal(file["parallel_chains"][()],
                                                 chains_of(self.run_folder / "model.h5", layer))

    def write(self, path, chains):
        """As rbms.io.save_model does, twice."""
        random = numpy.random.RandomState(1)
        with h5py.File(path, "w") as file:
            for update in (1, 2):
                params = file.create_group(f"update_{update}/params")
                params["weight_matrix"] = random.normal(size=(6, 4)).astype("float32")
                params["vbias"] = numpy.zeros(6, "float32")
                params["hbias"] = numpy.zeros(4, "float32")
            if chains is not None:
                file["parallel_chains"] = chains
            file["model_type"] = "BBRBM"
        return path

    def import_file(self, *arguments):
        return run(["import-model", self.folder / "a.h5", "--output", self.folder / "m.h5", *arguments])

    def test_of_others(self):
        states = numpy.random.RandomState(2).randint(0, 2, (5, 6))
        for dtype in ("float32", "float64", "uint8", "int64"):
            self.write(self.folder / "a.h5", states.astype(dtype))
            assert_success(self.import_file())
            self.assert_chains(self.folder / "m.h5", states)
            # They are those of the last update alone.
            assert_success(self.import_file("--update", 1))
            self.assertIsNone(chains_of(self.folder / "m.h5"))
        self.write(self.folder / "a.h5", None)
        assert_success(self.import_file())
        self.assertIsNone(chains_of(self.folder / "m.h5"))

    def test_bad_ones_are_refused(self):
        states = numpy.ones((5, 6), "float32")
        for chains, fragments in ((states[:, :5], ("'/parallel_chains' as float32 [5 x 5]", "[chains x 6]")),
                                  (states / 4, ("the value 0.25 in row 0, column 0 of '/parallel_chains'",)),
                                  (states[0], ("'/parallel_chains' as float32 [6]",))):
            with self.subTest(fragments=fragments):
                self.write(self.folder / "a.h5", chains)
                assert_one_message(self.import_file(), 3, "a.h5", *fragments)


class InSamples(Chains):
    def samples(self, *arguments, ranks=None):
        path = self.folder / "s.h5"
        result = assert_success(run(["sample", *arguments, "--output", path], ranks=ranks))
        with h5py.File(path) as file:
            return result.stdout, file["samples"][()]

    def assert_begins_at(self, chains, model, *arguments):
        data = self.folder / "chains.h5"
        with h5py.File(data, "w") as file:
            file["samples"] = chains
            file["samples"].attrs["scale"] = 1
        options = ("--chains", "50", "--steps", "2", "--every", "1", *arguments)
        _, expected = self.samples(model, data, *options)
        for ranks in (None, 3):
            text, found = self.samples(model, "--start", "chains", *options, ranks=ranks)
            self.assertIn("50 chains from the 37 of the training", text)
            numpy.testing.assert_array_equal(found, expected)

    def test_begin_at_those_of_the_training(self):
        model = self.finished(*PCD, "--epochs", "2", ranks=2)
        self.assert_begins_at(chains_of(model), model)
        png = self.folder / "s.png"
        result = assert_success(run(["sample", self.run_folder, "--start", "chains", "--steps", 2, "--png", png]))
        self.assertIn("at 2 times", result.stdout)  # and where they began

    def test_of_a_stack(self):
        self.finished(*PCD[:2], *PCD[4:], "--layers", "20,12", "--epochs", "1")
        model = self.run_folder / "model.h5"
        self.assert_begins_at(chains_of(model, 1), model, "--layer", "2")
        # Of the whole stack they are those of the highest layer; what goes down from them depends on the data alone.
        _, found = self.samples(model, "--start", "chains", "--chains", "37", "--steps", "1", ranks=2)
        self.assertEqual(found.shape, (37, UNITS))

    def test_mistakes(self):
        out = ("--output", self.folder / "s.h5")
        model = self.finished("--hidden", "5", "--epochs", "1")
        assert_one_message(run(["sample", model, "--start", "chains", *out]), 3, "model.h5", "has no chains", "pcd")
        assert_one_message(run(["sample", model, DIGITS, "--start", "chains", *out]), 2, "--start", "leave out")
        assert_one_message(run(["sample", model, "--start", "data", *out]), 2, "must be one of noise, chains")


if __name__ == "__main__":
    unittest.main()
