"""Stacks of RBMs as a user meets them: layers, values for each, killed and added layers, labels, every mistake."""

import os
import pathlib
import re
import shutil
import signal
import tempfile
import unittest

import h5py
import numpy

import jobs
from resuming import DIGITS, Resuming, without
from support import FolderTest, assert_one_message, assert_success, run

STACK = ("--layers", "60,200,30", "--epochs", "3/30/2", "--learning-rate", "1:0.1, 2:0.05/0.02", "--batch-size",
         "100/50", "--momentum", "1:0.5, 3:0.9", "--validation", "0.1")


def digest_in(result):
    return re.search(r"digest +(\w{64})", result.stdout)[1]


class Stacks(Resuming):
    def test_the_same_on_any_layout_kept_or_not(self):
        digests = set()
        for ranks, more in ((None, ()), (2, ("--features-memory", "0")), (3, ("--ranks-per-node", "1")),
                            (4, ("--features-memory", "20k", "--ranks-per-node", "2")), (None, ("--threads", "2"))):
            result = assert_success(self.train(*without(STACK, ("--epochs",)), "--epochs", "2", *more, "--fresh",
                                               ranks=ranks))
            digests.add(digest_in(result))
            kept = not more or more[0] != "--features-memory"
            made = re.findall(r"features of \d+ rows are made", result.stdout)
            self.assertEqual(len(made), 0 if kept else 2, result)
        self.assertEqual(len(digests), 1)
        with h5py.File(self.run_folder / "model.h5") as file:
            self.assertEqual([file[f"layer_{k}/weights"].shape for k in range(3)], [(64, 60), (60, 200), (200, 30)])
        lines = [(line["layer"], line["epoch"], line["step"]) for line in jobs.metrics(self.run_folder)]
        self.assertEqual(lines, [(0, 1, 17), (0, 2, 34), (1, 1, 33), (1, 2, 66), (2, 1, 33), (2, 2, 66)])
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [34, 100, 166])

    def test_stopped_and_killed_in_a_layer_and_between(self):
        job = self.start(*STACK, "--checkpoint-steps", "5", ranks=2)
        job.wait_for(lambda: jobs.epochs_done(self.run_folder) >= 5, "a layer and two epochs are done")
        os.kill(job.ranks()[0], signal.SIGTERM)
        result = job.end(10)
        self.assertEqual(result.code, 75, result)
        self.assertRegex(result.messages[0], r"stopped by SIGTERM in layer 2, epoch \d+ after step \d+")
        steps, newest = list(jobs.checkpoints(self.run_folder).items())[-1]
        jobs.check_checkpoint(newest)
        self.assertGreater(steps, 51)
        # On other ranks, killed; then from the end of the first layer.
        job = self.start(*STACK, "--checkpoint-steps", "50", "--checkpoint-keep", "100", "--features-memory", "0")
        job.wait_for(lambda: list(jobs.checkpoints(self.run_folder))[-1] > 200, "some more steps are kept")
        jobs.kill(job.ranks()[0])
        job.end(10)
        result = assert_success(self.train(*STACK, ranks=3))
        self.assertRegex(result.stdout, r"resumes +from checkpoint-\d+\.h5: layer 2, epoch \d+")
        self.assert_same_as_undisturbed(*STACK)

    def test_between_layers(self):
        assert_success(self.train(*STACK))
        whole = jobs.digest(self.run_folder / "model.h5")
        first = without(STACK, ("--layers", "--epochs", "--learning-rate", "--batch-size"))
        first += ["--epochs", "3", "--learning-rate", "1:0.1, 2:0.05", "--batch-size", "100"]
        assert_success(self.train(*first, "--hidden", "60", name="grown", ranks=2))
        self.assertEqual(list(jobs.checkpoints(self.folder / "grown")), [51])
        result = assert_success(self.train(*STACK, name="grown"))
        self.assertIn("resumes     from checkpoint-51.h5: epoch 4, 51 steps done", result.stdout)
        self.assertEqual(jobs.digest(self.folder / "grown/model.h5"), whole)
        # What is finished says so, and keeps to what it was.
        result = assert_success(self.train(*STACK, name="grown"))
        self.assertIn("is finished: 3 layers trained", result.stdout)
        more = without(STACK, ("--epochs",))
        assert_one_message(self.train(*more, "--epochs", "4/30/2", name="grown"), 2, "finished layer 1 after 3 epochs",
                           "epochs = 4")
        fewer = without(more, ("--layers", "--learning-rate", "--batch-size"))
        assert_one_message(self.train(*fewer, "--layers", "60,200", "--epochs", "3/30", name="grown"), 2,
                           "layers = 60,200, but 60,200,30 in the run")
        assert_one_message(self.train(*without(more, ("--momentum",)), "--epochs", "3/30/2", "--momentum", "0.5/0.9",
                                      name="grown"), 2, "momentum = 0.5/0.9, but 1:0.5, 3:0.9 in the run")

    def test_early_stopping_is_for_the_highest_layer(self):
        result = assert_success(self.train("--layers", "40,30", "--epochs", "3/60", "--learning-rate", "0.1/1",
                                           "--validation", "0.1", "--early-stop", "pseudo-likelihood", "--patience",
                                           "1"))
        epoch = int(re.search(r"early stop .*epoch (\d+) was the best", result.stdout)[1])
        with h5py.File(self.run_folder / "best.h5") as file:
            self.assertEqual(file["layer_1/weights"].shape, (40, 30))
            self.assertEqual(file.attrs["epoch"].decode(), str(epoch))
        self.assertEqual(sum(line["layer"] == 0 for line in jobs.metrics(self.run_folder)), 3)

    def test_a_layer_that_had_stopped_early_is_told_to_be_trained_on(self):
        early = ("--learning-rate", "1", "--validation", "0.1", "--early-stop", "pseudo-likelihood", "--patience", "1")
        assert_success(self.train("--layers", "30", "--epochs", "60", *early))
        done = jobs.epochs_done(self.run_folder)
        self.assertLess(done, 60)
        shutil.copytree(self.run_folder, self.folder / "kept")
        result = assert_success(self.train("--layers", "30,20", "--epochs", f"{done + 2}/1", *early))
        self.assertEqual(len(result.messages), 1, result)
        self.assertIn(f"rbmpi: warning: layer 1 had stopped early, after epoch {done}; ", result.messages[0])
        self.assertIn(f"it is trained on to epochs = {done + 2}, ", result.messages[0])
        self.assertTrue(result.messages[0].endswith(f"give it epochs = {done}"), result)
        layers = [line["layer"] for line in jobs.metrics(self.run_folder)]
        self.assertEqual(layers, [0] * (done + 2) + [1])
        result = assert_success(self.train("--layers", "30,20", "--epochs", f"{done}/1", *early, name="kept"))
        self.assertEqual(result.messages, [])
        self.assertEqual([line["layer"] for line in jobs.metrics(self.folder / "kept")], [0] * done + [1])


class Features(Resuming):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi layers "))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        assert_success(run(["train", "--data", DIGITS, "--output", cls.shared / "run", "--layers", "60,50,30", "--epochs",
                            "2", "--validation", "0.1"]))

    def setUp(self):
        super().setUp()
        self.run_folder = self.shared / "run"

    def transform(self, *arguments, ranks=None):
        output = self.folder / "features.h5"
        assert_success(run(["transform", *arguments, "--output", output], ranks=ranks))
        with h5py.File(output) as file:
            self.assertEqual(len(file["labels"]), 1797)
            return file["samples"][()]

    def test_transform_goes_through_all_layers(self):
        with h5py.File(self.run_folder / "model.h5") as file, h5py.File(DIGITS) as digits:
            v = digits["samples"][()] / digits["samples"].attrs.get("scale", 255)
            expected = []
            for k in range(3):
                v = 1 / (1 + numpy.exp(-(v @ file[f"layer_{k}/weights"][()] + file[f"layer_{k}/hidden_bias"][()])))
                expected.append(v)
        for ranks in (None, 3):
            numpy.testing.assert_allclose(self.transform(self.run_folder, DIGITS, ranks=ranks), expected[2], atol=1e-5)
            numpy.testing.assert_allclose(self.transform(self.run_folder, DIGITS, "--layer", "2", ranks=ranks),
                                          expected[1], atol=1e-5)
        # Layer after layer is the same, bit for bit.
        first = self.folder / "first.h5"
        assert_success(run(["transform", self.run_folder, DIGITS, "--layer", "1", "--output", first]))
        with h5py.File(self.run_folder / "model.h5") as file, h5py.File(self.folder / "upper.h5", "w") as upper:
            upper.attrs["format"] = "rbmpi-model"
            file.copy("layer_1", upper, "layer_0")
        both = self.transform(self.folder / "upper.h5", first)
        numpy.testing.assert_array_equal(both, self.transform(self.run_folder, DIGITS, "--layer", "2"))

    def test_a_layer_is_evaluated_on_the_features_below_it(self):
        figures = jobs.metrics(self.run_folder)
        with h5py.File(DIGITS) as digits, h5py.File(self.folder / "held-out.h5", "w") as held_out:
            held_out["samples"] = digits["samples"][1617:]
            held_out["samples"].attrs.update(digits["samples"].attrs)
        for layer in (1, 2, 3):
            result = assert_success(run(["evaluate", self.run_folder, self.folder / "held-out.h5", "--layer", layer,
                                         "--log-z", "off", "--binarise", "none", "--json"], ranks=2))
            found = float(re.search(r'"free_energy": {\s+"mean": (\S+),', result.stdout)[1])
            self.assertAlmostEqual(found, figures[2 * layer - 1]["validation_free_energy"], delta=1e-4)

    def test_other_commands_want_a_layer(self):
        output = ("--output", self.folder / "made.h5")
        for command in (["sample", self.run_folder, *output, "--steps", "2"],
                        ["export", self.run_folder, *output, "--format", "rbms"]):
            if command[0] == "sample":
                assert_success(run([*command, "--png", self.folder / "made.png"]))  # all layers: pictures
            else:
                assert_one_message(run(command), 2, "has 3 layers", "--layer K")
            assert_one_message(run([*command, "--layer", "4"]), 2, "--layer 4", "has 3 layers")
            assert_success(run([*command, "--layer", "2"]))
        assert_one_message(run(["evaluate", self.run_folder, DIGITS]), 2, "has 3 layers", "--layer K")
        info = assert_success(run(["info", self.run_folder / "model.h5"]))
        self.assertIn("layer_2: 50 visible x 30 hidden units", info.stdout)
        for layer in (1, 2, 3):
            page = self.folder / "page.html"
            assert_success(run(["report", self.run_folder, "--layer", layer, "--output", page]))
            self.assertNotIn("left out", page.read_text())
        assert_one_message(run(["report", self.run_folder, "--layer", "4"]), 2, "--layer 4", "has 3 layers")


class Labels(Resuming):
    def test_labels_are_units_of_the_highest_layer(self):
        arguments = ("--layers", "60,30", "--epochs", "2", "--join-labels", "on", "--validation", "0.1")
        digest = digest_in(assert_success(self.train(*arguments)))
        again = self.train(*arguments, "--fresh", "--features-memory", "0", ranks=3)
        self.assertEqual(digest_in(assert_success(again)), digest)
        with h5py.File(self.run_folder / "model.h5") as file:
            self.assertEqual(file["layer_1/weights"].shape, (70, 30))
            self.assertEqual(list(file["classes"]), list(range(10)))
        self.assertIn("classes: 0, 1", assert_success(run(["info", self.run_folder / "model.h5"])).stdout)
        assert_success(run(["evaluate", self.run_folder, DIGITS, "--layer", "2", "--log-z", "off"]))
        output = ("--output", self.folder / "features.h5")
        assert_one_message(run(["transform", self.run_folder, DIGITS, *output]), 2, "units for labels")
        assert_success(run(["transform", self.run_folder, DIGITS, "--layer", "1", *output]))
        assert_one_message(self.train("--layers", "60,30,20", *arguments[2:]), 2,
                           "layers = 60,30,20, but 60,30 in the run")

    def test_labels_that_cannot_be(self):
        path = self.folder / "labels.h5"
        for labels, key, words in (
                (None, "data", "it has no labels, which a layer with join-labels = on learns from"),
                ([0, 1, 2, -1] * 5, "data", "the label of row 3 (counted from 0) is -1; labels must be 0 or more"),
                ([0] * 20, "data", "its rows have 1 different label; a layer with join-labels = on wants 2 to "),
                ([0, 1] * 9 + [0, 7], "data", "the label of row 19 (counted from 0) is 7; no training row has")):
            with h5py.File(path, "w") as file:
                file["samples"] = numpy.ones((20, 6), "uint8")
                file["samples"].attrs["scale"] = 1
                if labels is not None:
                    file["labels"] = numpy.array(labels, "int32")
            result = self.train("--layers", "4,3", "--join-labels", "on", "--validation", "0.1", data=path)
            assert_one_message(result, 3, f"{key} = {path}: {words}")
            self.assertFalse(self.run_folder.exists())


class Mistakes(FolderTest):
    def train(self, configuration, *more):
        return run(["train", "--config", configuration, "--data", DIGITS, "--output", self.folder / "run", *more])

    def test_mistakes(self):
        configuration = self.folder / "my.ini"
        for text, *fragments in (
                ("layers = 5,4\nepochs = 3/2/1", "epochs = 3/2/1", "3 layers", "layers = 5,4"),
                ("hidden = 5\nlearning-rate = 0.1/0.2", "learning-rate = 0.1/0.2", "2 layers", "there is 1"),
                ("layers = 5,,4", "layers = 5,,4", "whole number from 1"),
                ("layers = 5/4", "layers = 5/4", "whole number"),
                ("layers = 5,0", "layers = 5,0", "whole number"),
                ("layers =", "layers = ", "whole number"),
                ("hidden = 6\nlayers = 5,4", "layers = 5,4", "hidden = 6", "give one of the two"),
                ("layers = 5,4\nepochs = 3/", "epochs = 3/", "whole number"),
                ("layers = 5,4\nlearning-rate = 0.1/-1", "learning-rate = -1", "more than 0"),
                ("layers = 5,4\nweight-init = 0.1/x", "'x' is no number"),
                ("layers = 5,4\nfeatures-memory = much", "features-memory = much", "500M or 4G"),
                ("layers = 5,4\njoin-labels = yes", "join-labels = yes", "on or off")):
            configuration.write_text(text + "\n")
            assert_one_message(self.train(configuration), 2, str(configuration), *fragments)
        assert_one_message(self.train(configuration, "--join-labels", "--epochs", "1"), 2,
                           "option '--join-labels' wants a value", "'--epochs' is an option")
        self.assertEqual(self.files(), ["my.ini"])

    def test_an_option_wins_over_the_file(self):
        configuration = self.folder / "my.ini"
        configuration.write_text("hidden = 6\nepochs = 1\n")
        run_folder = self.folder / "run"
        assert_success(self.train(configuration, "--layers", "5,4"))
        self.assertIn("layers = 5,4\n", (run_folder / "config.ini").read_text())
        shutil.rmtree(run_folder)
        configuration.write_text("layers = 6,5\nepochs = 1\n")
        assert_success(self.train(configuration, "--hidden", "7"))
        self.assertIn("hidden = 7\n", (run_folder / "config.ini").read_text())


if __name__ == "__main__":
    unittest.main()
