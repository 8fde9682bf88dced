#!/usr/bin/env python3
"""rbmpi finetune, predict, and evaluate of nets: from a stack of RBMs to the labels of a test set."""

import csv
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy

from support import (SOURCE, FolderTest, assert_clean, assert_one_message, assert_success, command_line,
                     mpi_environment, run)

DIGITS = SOURCE / "data/digits.h5"
TRAINING_ROWS = 1300
QUICK = ("--batch-size", "50", "--learning-rate", "0.1", "--momentum", "0.9")


def write_dataset(path, samples, labels=None, scale=16.0):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("samples", data=samples)
        data.attrs["scale"] = scale
        if labels is not None:
            file.create_dataset("labels", data=numpy.asarray(labels, dtype=numpy.int32))
        with h5py.File(DIGITS) as digits:
            for name, value in digits.attrs.items():
                file.attrs[name] = value
            for name, value in digits["samples"].attrs.items():
                if name != "shape" or data.shape[1:] == digits["samples"].shape[1:]:
                    data.attrs[name] = value
    return path


def digits():
    with h5py.File(DIGITS) as file:
        return file["samples"][()], file["labels"][()]


def evaluation(model, data, **more):
    return json.loads(assert_success(run(["evaluate", model, data, "--json"], **more)).stdout)


def forward(model, values, layers=None):
    """What the first layers of a net make of rows, all of them if it is not said how many."""
    functions = {"sigmoid": lambda x: 1 / (1 + numpy.exp(-x)), "linear": lambda x: x,
                 "softmax": lambda x: numpy.exp(x) / numpy.exp(x).sum(axis=1, keepdims=True)}
    with h5py.File(model) as file:
        for k in range(layers or sum(key.startswith("layer_") for key in file)):
            group = file[f"layer_{k}"]
            unit = group.attrs["unit"]
            unit = unit.decode() if isinstance(unit, bytes) else unit
            values = functions[unit](values @ group["weights"][()].astype(float) + group["bias"][()])
    return values


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


class Finetune(FolderTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi finetune "))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        samples, labels = digits()
        cls.train_data = write_dataset(cls.shared / "train.h5", samples[:TRAINING_ROWS], labels[:TRAINING_ROWS])
        cls.test_data = write_dataset(cls.shared / "test.h5", samples[TRAINING_ROWS:], labels[TRAINING_ROWS:])
        cls.unlabelled = write_dataset(cls.shared / "unlabelled.h5", samples[TRAINING_ROWS:])
        cls.stack = cls.shared / "stack"
        assert_success(run(["train", "--data", cls.train_data, "--output", cls.stack, "--layers", "100,50", "--epochs",
                            "20", "--learning-rate", "0.05", "--batch-size", "50"], timeout=120))

    def words(self, *more, name="run", model=True):
        return ["finetune", *([self.stack] if model else []), "--data", self.train_data, "--output",
                self.folder / name, *QUICK, *more]

    def net(self, name="run"):
        with h5py.File(self.folder / name / "model.h5") as file:
            return numpy.concatenate([file[f"layer_{k}/{part}"][()].ravel()
                                      for k in range(sum(key.startswith("layer_") for key in file))
                                      for part in ("weights", "bias")])

    def test_from_the_layers_to_the_labels(self):
        result = assert_success(run(self.words("--epochs", "12", "--validation", "0.2"), ranks=2))
        self.assertRegex(result.stdout, r"model       64-100-50-10, 12060 parameters; pre-trained in .*stack")
        self.assertRegex(result.stdout, r"validation error \d+\.\d\d %")
        self.assertTrue((self.folder / "run/best.h5").exists())
        scores = evaluation(self.folder / "run", self.test_data)
        self.assertEqual(scores["model"], str(self.folder / "run/best.h5"))
        self.assertLess(scores["error"], 0.16)
        confusion = numpy.array(scores["confusion"])
        self.assertEqual(confusion.sum(), 497)
        self.assertEqual(confusion.sum() - numpy.trace(confusion), scores["errors"])
        self.assertEqual([each["rows"] for each in scores["classes"]], confusion.sum(axis=1).tolist())
        self.assertEqual([each["predicted"] for each in scores["classes"]], confusion.sum(axis=0).tolist())
        text = assert_success(run(["evaluate", self.folder / "run", self.test_data])).stdout
        self.assertRegex(text, rf"error +{scores['error'] * 100:.2f} % +{scores['errors']} of 497 rows")

        table = self.folder / "submission.csv"
        assert_success(run(["predict", self.folder / "run", self.unlabelled, "--output", table]))
        lines = rows_of(table)
        self.assertEqual(lines[0], ["ImageId", "Label"])
        self.assertEqual([int(row[0]) for row in lines[1:]], list(range(1, 498)))
        predicted = numpy.array([int(row[1]) for row in lines[1:]])
        self.assertEqual((predicted != digits()[1][TRAINING_ROWS:]).sum(), scores["errors"])
        again = self.folder / "again.csv"
        assert_success(run(["predict", self.folder / "run", self.test_data, "--output", again], ranks=3))
        self.assertEqual(again.read_bytes(), table.read_bytes())

        assert_success(run(["predict", self.folder / "run", self.unlabelled, "--probabilities", "--output", table]))
        lines = rows_of(table)
        self.assertEqual(lines[0], ["ImageId", "Label"] + [f"Probability{k}" for k in range(10)])
        values = numpy.array([[float(value) for value in row[2:]] for row in lines[1:]])
        numpy.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-4)
        numpy.testing.assert_allclose(values, forward(self.folder / "run/best.h5", digits()[0][TRAINING_ROWS:] / 16),
                                      atol=1e-4)
        self.assertTrue((values.argmax(axis=1) == predicted).all())

    def test_a_run_that_is_killed_goes_on(self):
        options = ("--epochs", "60", "--validation", "0.2", "--hidden-dropout", "0.2", "--checkpoint-seconds", "0",
                   "--checkpoint-steps", "50")
        assert_success(run(self.words(*options, name="whole"), timeout=120))
        process = subprocess.Popen(command_line(self.words(*options)), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=mpi_environment(), start_new_session=True)
        deadline = time.monotonic() + 60
        while not list(self.folder.glob("run/checkpoint-*.h5")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        result = assert_success(run(self.words(*options), timeout=120))
        self.assertIn("resumes     from checkpoint-", result.stdout)
        self.assertEqual(self.net("run").tobytes(), self.net("whole").tobytes())
        self.assertIn("is finished: 60 epochs trained", assert_success(run(self.words(*options))).stdout)

    def test_a_run_that_is_stopped_goes_on_on_other_ranks(self):
        options = ("--epochs", "4", "--validation", "0.2")
        assert_success(run(self.words(*options, name="whole")))
        process = subprocess.Popen(command_line(self.words(*options[:1], "1000", *options[2:], "--checkpoint-seconds",
                                                           "0", "--checkpoint-epochs", "1")),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   env=mpi_environment(), start_new_session=True)
        deadline = time.monotonic() + 60
        while not list(self.folder.glob("run/checkpoint-*.h5")) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        message = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 75)
        epoch = int(re.search(r"stopped by SIGTERM in epoch (\d+)", message)[1])
        whole = ("--epochs", str(epoch + 2), "--validation", "0.2")
        assert_success(run(self.words(*whole, name="again"), timeout=120))
        assert_success(run(self.words(*whole), ranks=3, timeout=120))
        numpy.testing.assert_allclose(self.net("run"), self.net("again"), atol=2e-3)

    def test_from_scratch(self):
        assert_success(run(self.words("--from-scratch", "--layers", "60,30", "--epochs", "30", model=False)))
        scores = evaluation(self.folder / "run", self.test_data)
        self.assertEqual(scores["units"], [64, 60, 30, 10])
        self.assertLess(scores["error"], 0.2)
        assert_success(run(self.words("--from-scratch", "--epochs", "1", name="shape")))
        self.assertEqual(evaluation(self.folder / "shape", self.test_data)["units"], [64, 100, 50, 10])

    def test_early_stop(self):
        result = assert_success(run(self.words("--epochs", "500", "--validation", "0.2", "--early-stop", "--patience",
                                               "3"), timeout=120))
        self.assertRegex(result.stdout, r"early stop  after epoch \d+, 3 epochs of patience; epoch \d+ was the best: ")

    def test_an_autoencoder(self):
        options = ("--autoencoder", "--epochs", "10", "--validation", "0.2", "--learning-rate", "0.01")
        words = ["finetune", self.stack, "--data", self.train_data, "--output", self.folder / "run", "--batch-size",
                 "50", *options]
        assert_success(run(words, ranks=2))
        scores = evaluation(self.folder / "run", self.unlabelled)
        self.assertEqual(scores["units"], [64, 100, 50, 100, 64])
        samples = digits()[0]
        mean = samples[:TRAINING_ROWS].mean(axis=0) / 16
        trivial = ((samples[TRAINING_ROWS:] / 16 - mean) ** 2).sum(axis=1).mean()
        self.assertLess(scores["squared_error"]["mean"], trivial / 2)
        inputs = samples[TRAINING_ROWS:] / 16
        outputs = forward(self.folder / "run/best.h5", inputs)
        self.assertAlmostEqual(scores["squared_error"]["mean"], ((inputs - outputs) ** 2).sum(axis=1).mean(), places=4)
        assert_success(run(["transform", self.folder / "run", self.test_data, "--output", self.folder / "codes.h5"],
                           ranks=2))
        with h5py.File(self.folder / "codes.h5") as codes:
            numpy.testing.assert_allclose(codes["samples"][()], forward(self.folder / "run/best.h5", inputs, 2),
                                          atol=1e-4)
            self.assertEqual(codes["labels"][()].tolist(), digits()[1][TRAINING_ROWS:].tolist())
            least = codes["samples"][()].min()
        shown = json.loads(assert_success(run(["info", "--json", self.folder / "codes.h5"])).stdout)
        self.assertEqual((shown["unbounded"], shown["columns"]), (True, 50))
        self.assertAlmostEqual(shown["minimum"], float(least), places=5)
        self.assertIn("not to train on", assert_success(run(["info", self.folder / "codes.h5"])).stdout)
        assert_one_message(run(["train", "--data", self.folder / "codes.h5", "--output", self.folder / "no"]), 3,
                           "codes.h5", "any numbers")
        assert_one_message(run(["predict", self.folder / "run", self.test_data, "--output", self.folder / "p.csv"]), 3,
                           "is an autoencoder")
        self.assertFalse((self.folder / "p.csv").exists())

    def test_bad_data(self):
        samples, labels = digits()
        negative = labels[:TRAINING_ROWS].copy()
        negative[7] = -1
        unknown = labels[:100].copy()
        unknown[42] = 11
        train = self.train_data
        cases = [
            (["--data", self.unlabelled], 3, ["data = ", "unlabelled.h5", "it has no labels"]),
            (["--data", write_dataset(self.folder / "negative.h5", samples[:TRAINING_ROWS], negative)], 3,
             ["negative.h5", "the label of row 7 (counted from 0) is -1; labels must be 0 or more"]),
            (["--data", write_dataset(self.folder / "one.h5", samples[:9], [3] * 9)], 3, ["1 different label;"]),
            (["--data", train, "--validation", write_dataset(self.folder / "unknown.h5", samples[:100], unknown)], 3,
             ["validation = ", "unknown.h5", "the label of row 42 (counted from 0) is 11; no training row has"]),
            (["--data", train, "--validation", self.unlabelled], 3, ["validation = ", "it has no labels"]),
            (["--data", write_dataset(self.folder / "narrow.h5", samples[:90, :50], labels[:90])], 3,
             ["it has 50 columns, but the model has 64 visible units"]),
            (["--data", train, "--layers", "3,4"], 2, ["layers = 3,4", "give one of the two"]),
            (["--data", train, "--early-stop"], 2, ["early-stop = on: wants rows to validate on"]),
            (["--data", train, "--hidden-dropout", "1"], 2, ["hidden-dropout = 1"]),
            (["--data", train, "--epochs", "1/2"], 2, ["epochs = 1/2"]),
        ]
        for arguments, code, words in cases:
            with self.subTest(words):
                assert_one_message(run(["finetune", self.stack, "--output", self.folder / "run", *arguments]), code,
                                   *words)
                self.assertFalse((self.folder / "run").exists())
        assert_one_message(run(["finetune", "--data", train, "--output", self.folder / "run"]), 2, "no model given")
        assert_one_message(run(["finetune", "--data", train, "--output", self.folder / "run", "--from-scratch"]), 2,
                           "key 'layers' is missing")

    def test_nets_and_stacks_are_told_apart(self):
        assert_success(run(self.words("--epochs", "1")))
        out = self.folder / "out.csv"
        assert_one_message(run(["finetune", self.folder / "run", "--data", self.train_data, "--output",
                                self.folder / "b"]), 3, "is a net already")
        assert_one_message(run(["predict", self.stack, self.test_data, "--output", out]), 3, "finetune")
        assert_one_message(run(["predict", self.folder / "run", self.test_data, "--output", self.test_data]), 2,
                           "which is read from")
        assert_one_message(run(["predict", self.folder / "run", self.test_data, "--output", self.folder / "no/p.csv"]),
                           3, "no")
        for option in (("--chains", "5"), ("--layer", "1"), ("--seed", "2")):
            assert_one_message(run(["evaluate", self.folder / "run", self.test_data, *option]), 2, f"option {option[0]}",
                               "for RBMs", "is a net")
        assert_one_message(run(["predict", self.folder / "run", self.test_data, "--output", "-"]), 2, "standard output")
        other = write_dataset(self.folder / "other.h5", digits()[0][:20], [12] * 20)
        assert_one_message(run(["evaluate", self.folder / "run", other]), 3, "other.h5", "the label 12", "none of")
        self.assertFalse(out.exists())

    def test_other_models_and_options_are_not_gone_on_with(self):
        assert_success(run(self.words("--epochs", "1")))
        assert_one_message(run(self.words("--epochs", "2", "--hidden-dropout", "0.5")), 2,
                           "hidden-dropout = 0.5, but 0 in the run")
        other = self.folder / "other"
        assert_success(run(["train", "--data", self.train_data, "--output", other, "--layers", "100,50", "--epochs",
                            "1", "--seed", "2"]))
        assert_one_message(run(["finetune", other, "--data", self.train_data, "--output", self.folder / "run", *QUICK,
                                "--epochs", "2"]), 2, "began with another model")
        assert_one_message(run(["train", "--data", self.train_data, "--output", self.folder / "run"]), 2,
                           "cannot go on with")

    def test_what_a_run_began_with_is_remembered(self):
        stack = self.folder / "stack"
        shutil.copytree(self.stack, stack)
        arguments = ["finetune", stack, "--data", self.train_data, "--output", self.folder / "run", *QUICK, "--epochs"]
        assert_success(run([*arguments, "1"]))
        stack.rename(self.folder / "elsewhere")
        result = assert_success(run([*arguments, "2"]))
        self.assertIn("it is not there any more", result.stderr)
        self.assertIn("pre-trained, as the run was", result.stdout)
        # The run still knows, so that another model is refused.
        assert_success(run(["train", "--data", self.train_data, "--output", stack, "--layers", "100,50", "--epochs", "1",
                            "--seed", "2"]))
        assert_one_message(run([*arguments, "3"]), 2, "began with another model")

    def test_from_scratch_only_the_sizes_count(self):
        stack = self.folder / "stack"
        train = ["train", "--data", self.train_data, "--output", stack, "--layers", "30,20", "--epochs"]
        assert_success(run([*train, "1"]))
        arguments = ["finetune", stack, "--from-scratch", "--data", self.train_data, "--output", self.folder / "run",
                     *QUICK, "--epochs"]
        assert_success(run([*arguments, "1"]))
        assert_success(run([*train, "1/2"]))
        self.assertIn("from random weights", assert_success(run([*arguments, "2"])).stdout)
        with h5py.File(self.folder / "run/model.h5") as file:
            self.assertNotIn("pretrained_digest", file.attrs)

    def test_labels_among_the_units(self):
        stack = self.folder / "stack"
        assert_success(run(["train", "--data", self.train_data, "--output", stack, "--layers", "30,20", "--epochs", "1",
                            "--join-labels", "on"]))
        assert_one_message(run(["finetune", stack, "--data", self.train_data, "--output", self.folder / "run"]), 3,
                           "join-labels = on", "without")

    def test_unfinished_pre_training(self):
        words = ["train", "--data", self.train_data, "--output", self.folder / "stack", "--layers", "30,20",
                 "--epochs", "2", "--checkpoint-epochs", "1", "--checkpoint-keep", "9"]
        assert_success(run(words))
        first = min(self.folder.glob("stack/checkpoint-*.h5"), key=lambda path: int(path.stem.split("-")[1]))
        arguments = ["finetune", first, "--data", self.train_data, "--output", self.folder / "run", "--epochs", "1"]
        assert_one_message(run(arguments), 2, "is not finished", "layer 1 of 2", "--unfinished")
        assert_success(run([*arguments, "--unfinished"]))


class KagglesFiles(FolderTest):
    def test_tables_with_and_without_labels(self):
        samples, labels = digits()
        names = [f"pixel{i}" for i in range(64)]
        with open(self.folder / "train.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["label", *names])
            table.writerows([label, *row] for label, row in zip(labels[:600], samples[:600].astype(int)))
        with open(self.folder / "test.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(names)
            table.writerows(samples[600:700].astype(int))
        scale = ("--scale", "16", "--shape", "8x8")
        assert_success(run(["import", "--csv", self.folder / "train.csv", "--label-column", "label", *scale, "--output",
                            self.folder / "train.h5"]))
        assert_success(run(["import", "--csv", self.folder / "test.csv", *scale, "--output", self.folder / "test.h5"]))
        assert_success(run(["train", "--data", self.folder / "train.h5", "--hidden", "80", "--epochs", "5", "--output",
                            self.folder / "a"]))
        assert_success(run(["finetune", self.folder / "a", "--data", self.folder / "train.h5", "--epochs", "20",
                            "--output", self.folder / "b"]))
        result = assert_success(run(["predict", self.folder / "b", self.folder / "test.h5", "--output",
                                     self.folder / "submission.csv"]))
        assert_clean(result)
        predicted = [int(row[1]) for row in rows_of(self.folder / "submission.csv")[1:]]
        self.assertLess((numpy.array(predicted) != labels[600:700]).mean(), 0.2)


class Names(FolderTest):
    """Of classes, and of rows: "<b>" and a comma are to stay what they are."""

    CLASSES = ["ant", "bee, wild", "<b>cat</b>"]

    def setUp(self):
        super().setUp()
        random = numpy.random.default_rng(3)
        self.labels = random.integers(0, 3, 70)
        patterns = random.integers(0, 2, (3, 16))
        self.samples = numpy.abs(patterns[self.labels] - (random.random((70, 16)) < 0.05)).astype(numpy.uint8)
        self.row_names = [f"row, {i}" if i % 2 else f"r{i}" for i in range(70)]
        self.data = self.write("named.h5", self.CLASSES, self.row_names)
        assert_success(run(["train", "--data", self.data, "--hidden", "12", "--epochs", "20", "--batch-size", "10",
                            "--output", self.folder / "stack"]))

    def write(self, name, classes=None, rows=None):
        path = write_dataset(self.folder / name, self.samples, self.labels, scale=1.0)
        with h5py.File(path, "a") as file:
            file["samples"].attrs["scale"] = 1.0
            if classes:
                file["class_names"] = classes
            if rows:
                file["row_names"] = rows
        return path

    def finetune(self, data, name="net", *more):
        assert_success(run(["finetune", self.folder / "stack", "--data", data, "--epochs", "40", "--batch-size", "10",
                            "--output", self.folder / name, *more]))
        return self.folder / name

    def texts(self, file, name):
        return [text.decode() for text in file[name][()]]

    def test_of_classes(self):
        net = self.finetune(self.data, "net", "--validation", "0.2", "--checkpoint-steps", "5")
        for path in [net / "model.h5", net / "best.h5", *net.glob("checkpoint-*.h5")]:
            with h5py.File(path) as file:
                self.assertEqual(self.texts(file, "class_names"), self.CLASSES)
        table = self.folder / "table.csv"
        assert_success(run(["predict", net, self.data, "--probabilities", "--output", table], ranks=3))
        lines = rows_of(table)
        self.assertEqual(lines[0], ["name", "ImageId", "Label"] + [f"Probability{name}" for name in self.CLASSES])
        self.assertEqual([line[0] for line in lines[1:]], self.row_names)
        right = forward(net / "best.h5", self.samples.astype(float)).argmax(axis=1)
        self.assertEqual([line[2] for line in lines[1:]], [self.CLASSES[k] for k in right])

        made = self.folder / "predicted.h5"
        assert_success(run(["predict", net, self.data, "--output", made], ranks=3))
        with h5py.File(made) as file:
            numpy.testing.assert_array_equal(file["labels"], right)
            numpy.testing.assert_allclose(file["samples"], forward(net / "best.h5", self.samples.astype(float)),
                                          atol=1e-5)
            self.assertEqual(self.texts(file, "class_names"), self.CLASSES)
            self.assertEqual(self.texts(file, "column_names"), self.CLASSES)
            self.assertEqual(self.texts(file, "row_names"), self.row_names)

        scores = evaluation(net, self.data)
        self.assertEqual([one["name"] for one in scores["classes"]], self.CLASSES)
        text = assert_success(run(["evaluate", net, self.data], ranks=2)).stdout
        self.assertRegex(text, r"(?m)^ +bee, wild +\d+ +\d+ +\d+\.\d\d %")
        self.assertRegex(text, r"(?m)^ +ant +bee, wild +<b>cat</b>$")
        (self.folder / "scores.json").write_text(json.dumps(scores))
        assert_success(run(["report", net, "--evaluation", self.folder / "scores.json", "--output",
                            self.folder / "page.html"]))
        page = (self.folder / "page.html").read_text()
        self.assertEqual(page.count('<th scope="col">&lt;b&gt;cat&lt;/b&gt;</th>'), 2)
        self.assertNotIn("<b>cat</b>", page)

    def test_classes_of_other_names_are_refused(self):
        net = self.finetune(self.data)
        other = self.write("other.h5", [self.CLASSES[k] for k in (1, 0, 2)])
        assert_one_message(run(["evaluate", net, other], ranks=3), 3, "other.h5", "label 0", "'bee, wild'", "'ant'")
        evaluation(net, self.write("numbers.h5"))

    def test_where_there_are_none(self):
        net = self.finetune(self.write("numbers.h5"))
        with h5py.File(net / "model.h5") as file:
            self.assertNotIn("class_names", file)
        assert_success(run(["predict", net, self.write("numbers.h5"), "--output", self.folder / "table.csv"]))
        lines = rows_of(self.folder / "table.csv")
        self.assertEqual(lines[0], ["ImageId", "Label"])
        self.assertTrue({line[1] for line in lines[1:]} <= {"0", "1", "2"})

    def test_in_features_and_figures_of_rows(self):
        for command in (["transform", self.folder / "stack", self.data, "--output"],
                        ["evaluate", self.folder / "stack", self.data, "--rows"]):
            made = self.folder / "made.h5"
            assert_success(run([*command, made], ranks=3))
            with h5py.File(made) as file:
                self.assertEqual(self.texts(file, "row_names"), self.row_names)
                self.assertEqual(self.texts(file, "class_names"), self.CLASSES)
                numpy.testing.assert_array_equal(file["labels"], self.labels)
        table = self.folder / "figures.csv"
        assert_success(run(["evaluate", self.folder / "stack", self.data, "--rows", "30", "--rows", table]))
        lines = rows_of(table)
        self.assertEqual(lines[0][:3], ["name", "row", "label"])
        self.assertEqual([line[0] for line in lines[1:]], self.row_names[:30])


if __name__ == "__main__":
    unittest.main()
