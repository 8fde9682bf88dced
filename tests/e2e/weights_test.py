#!/usr/bin/env python3
"""Weights of rows, from the table to the report: rbmpi import, info, train, evaluate and report."""

import json
import re
import unittest

import h5py
import numpy

from support import FolderTest, assert_one_message, assert_success, run

RANDOM = numpy.random.default_rng(3)
ROWS = (RANDOM.random((120, 16)) < 0.3).astype(int)
WEIGHTS = numpy.round(numpy.exp(RANDOM.normal(size=120)), 4)
WEIGHTS[::5] = 0
PCD = ("--estimator", "pcd", "--chains", "30", "--hidden", "9", "--epochs", "3", "--progress", "off")


def effective(weights):
    return weights.sum()**2 / (weights**2).sum()


class Weights(FolderTest):
    def dataset(self, name, rows=ROWS, weights=WEIGHTS):
        table, data = self.folder / f"{name}.csv", self.folder / f"{name}.h5"
        header = [f"unit{i}" for i in range(rows.shape[1])] + ["weight"]
        lines = [",".join(header)] + [",".join([*map(str, row), str(weight)]) for row, weight in zip(rows, weights)]
        table.write_text("\n".join(lines) + "\n")
        assert_success(run(["import", table, "--weight-column", "weight", "--output", data]))
        return data

    def train(self, data, *options, ranks=None):
        result = assert_success(run(["train", "--data", data, "--output", self.folder / "run", "--fresh", *PCD, *options],
                                    ranks=ranks))
        return result, re.search(r"digest +(\w+)", result.stdout)[1]

    def test_from_the_table_to_the_report(self):
        data = self.dataset("data")
        result, digest = self.train(data, "--validation", "0.25", ranks=3)
        self.assertIn(f"90 rows x 16 uint8, weighted: as good as {effective(WEIGHTS[:90]):.6g} of equal weight", result.stdout)
        self.assertIn(f"30 rows, weighted: as good as {effective(WEIGHTS[90:]):.6g} of equal weight", result.stdout)
        self.assertEqual(self.train(data, "--validation", "0.25", "--engine", "blas")[1], digest)

        # What the rows of no weight hold shows in no bit of the model, but in the digest of the data.
        others = ROWS.copy()
        others[::5] = 1 - others[::5]
        other_data = self.dataset("others", rows=others)
        self.assertEqual(self.train(other_data, "--validation", "0.25")[1], digest)
        self.assertNotEqual(self.train(self.dataset("even", weights=numpy.ones(120)), "--validation", "0.25")[1], digest)
        digests = {assert_success(run(["info", file, "--digest"])).stdout for file in
                   (data, other_data, self.dataset("heavier", weights=WEIGHTS + 1))}
        self.assertEqual(len(digests), 3)

        table = self.folder / "rows.csv"
        figures = json.loads(assert_success(run(["evaluate", self.folder / "run", "--data", data, "--log-z", "exact", "--json",
                                                 "--rows", table], ranks=2)).stdout)
        names, *lines = [line.split(",") for line in table.read_text().splitlines()]
        energies = numpy.array([float(line[names.index("free_energy")]) for line in lines])
        self.assertAlmostEqual(figures["effective_rows"], effective(WEIGHTS.astype(numpy.float32).astype(float)), places=6)
        self.assertAlmostEqual(figures["free_energy"]["mean"], (WEIGHTS * energies).sum() / WEIGHTS.sum(), places=5)

        assert_success(run(["report", self.folder / "run"]))

    def test_features_keep_them(self):
        data, features = self.dataset("data"), self.folder / "features.h5"
        self.train(data)
        assert_success(run(["transform", self.folder / "run", data, "--output", features], ranks=2))
        with h5py.File(data) as of_data, h5py.File(features) as of_features:
            numpy.testing.assert_array_equal(of_features["weights"][()], of_data["weights"][()])

    def test_weights_that_say_nothing_are_refused(self):
        # The rows that are validated on are the last ones.
        weights = WEIGHTS.copy()
        weights[90:] = 0
        data = self.dataset("data", weights=weights)
        command = ["train", "--data", data, "--output", self.folder / "run", *PCD]
        assert_one_message(run([*command, "--validation", "0.25"], ranks=2), 3,
                           f"validation = 0.25: all 30 rows of '{data}' to validate on, 90 to 119 (counted from 0), have weight 0 in "
                           "'/weights', so that none counts; another share, or validation-rows = sample would be right")
        none = self.dataset("none")
        with h5py.File(none, "a") as file:  # no import makes such a file
            file["weights"][:] = 0
        assert_one_message(run([*command, "--validation", none]), 3,
                           f"validation = {none}: all 120 rows of '{none}' to validate on", "some weights above 0")
        assert_one_message(run(["train", "--data", none, "--output", self.folder / "run", *PCD]), 3,
                           f"data = {none}: all 120 rows of '{none}' to train on", "some weights above 0")
        self.train(data)
        assert_one_message(run(["evaluate", self.folder / "run", "--data", none], ranks=2), 3,
                           f"'{none}': all 120 rows have weight 0 in '/weights'")

    def test_weights_may_be_whole_numbers(self):
        weights = numpy.arange(120) % 4
        _, digest = self.train(self.dataset("data", weights=weights))
        whole = self.folder / "whole.h5"
        with h5py.File(whole, "w") as file:
            file["samples"] = ROWS.astype(numpy.uint8)
            file["samples"].attrs["scale"] = 1
            file["weights"] = weights
        self.assertEqual(self.train(whole)[1], digest)
        assert_success(run(["evaluate", self.folder / "run", "--data", whole]))

    def test_nets_say_that_they_use_none(self):
        data = self.dataset("data")
        self.train(data)
        result = assert_success(run(["finetune", self.folder / "run", "--data", data, "--output", self.folder / "net", "--autoencoder",
                                     "--epochs", "1", "--progress", "off"]))
        self.assertIn("its rows have weights ('/weights'), which nets do not use", result.stdout)


if __name__ == "__main__":
    unittest.main()
