"""`rbmpi report`: the page of a run as a parser, a browser and a reader meet it, and every way in which there is none."""

import base64
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import h5py
import html5lib
import numpy

from finetune_test import forward
from sample_test import read_png
from support import RBMPI, SOURCE, FolderTest, assert_one_message, assert_success, run

DIGITS = SOURCE / "data/digits.h5"
XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def train(output, data, *arguments):
    return assert_success(run(["train", "--data", data, "--output", output, "--threads", "1", *arguments]))


def report(folder, *arguments, **more):
    return run(["report", folder, *arguments], **more)


def parsed(path):
    """The page as a tree; whatever is not valid HTML fails the test."""
    return html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))


def elements(tree, name, namespace=XHTML):
    return list(tree.iter(namespace + name))


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def section(tree, name):
    return next(part for part in elements(tree, "section") if part.get("aria-labelledby") == name)


def make_runs(folder):
    """A run on pictures whose first job was killed, and one on a table of zeros and ones."""
    digits = ["--hidden", "30", "--validation", "0.2", "--checkpoint-epochs", "1", "--learning-rate", "0.1"]
    train(folder / "digits", DIGITS, *digits, "--epochs", "3")
    jobs = folder / "digits/jobs.jsonl"
    jobs.write_text(jobs.read_text().replace("finished", "running"))  # all that a job says that was killed
    train(folder / "digits", DIGITS, *digits, "--epochs", "5")
    causes = numpy.random.default_rng(1).random((300, 5)) < 0.3
    rows = (causes @ (numpy.random.default_rng(2).random((5, 24)) < 0.3)).clip(0, 1)
    numpy.savetxt(folder / "table.csv", rows, fmt="%d", delimiter=",")
    assert_success(run(["import", "--csv", folder / "table.csv", "--no-header", "--output", folder / "table.h5"]))
    train(folder / "table", folder / "table.h5", "--hidden", "7", "--epochs", "3")
    make_nets(folder)
    make_chains(folder)


def make_chains(folder):
    """Runs with persistent chains: one where all is well, a stack, and one whose couplings are so strong that the chains
    fall into a few states and stay there."""
    pcd = ["--estimator", "pcd", "--learning-rate", "0.02", "--momentum", "0"]
    train(folder / "chains", DIGITS, *pcd, "--hidden", "30", "--chains", "150", "--epochs", "4")
    train(folder / "deep", DIGITS, *pcd, "--layers", "20,12", "--chains", "150", "--epochs", "3", "--join-labels", "on")
    train(folder / "frozen", DIGITS, "--estimator", "pcd", "--learning-rate", "1e-6", "--weight-init", "50", "--hidden",
          "20", "--sweeps", "10", "--epochs", "8")


def finetune(output, data, *arguments):
    return assert_success(run(["finetune", "--data", data, "--output", output, "--threads", "1", "--batch-size", "50",
                               *arguments]))


def make_nets(folder):
    """A stack with labels; a classifier upon an RBM, one of rows that are no pictures, and an autoencoder."""
    train(folder / "stack", DIGITS, "--layers", "20,12", "--epochs", "2/3", "--validation", "0.2", "--join-labels", "on",
          "--learning-rate", "0.1/0.05")
    finetune(folder / "classifier", DIGITS, folder / "digits", "--epochs", "4", "--validation", "0.2", "--learning-rate",
             "0.1")
    finetune(folder / "codes", DIGITS, "--from-scratch", "--autoencoder", "--layers", "20,2", "--epochs", "2",
             "--validation", DIGITS)
    with h5py.File(folder / "classes.h5", "w") as data:
        generator = numpy.random.default_rng(3)
        data["samples"] = generator.random((300, 24)).astype("float32")
        data["labels"] = generator.integers(30, size=300) * 5
    finetune(folder / "classes", folder / "classes.h5", "--from-scratch", "--layers", "5", "--epochs", "2")


MACHINES = ("digits", "table")
NETS = ("classifier", "codes", "classes")
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi test "))
CHAINS = ("chains", "frozen", "deep")
PAGES = {name: FOLDER / name / "report.html" for name in (*MACHINES, *NETS, "stack", *CHAINS)}
TREES = {}  # the pages as they are read, once for all tests


def setUpModule():
    unittest.addModuleCleanup(shutil.rmtree, FOLDER, ignore_errors=True)
    make_runs(FOLDER)
    for name, page in PAGES.items():
        assert_success(report(FOLDER / name))
        TREES[name] = parsed(page)


class WithRuns(unittest.TestCase):
    def setUp(self):
        self.folder = FOLDER
        self.pages = PAGES
        self.trees = TREES

    def copy(self, name, source="digits"):
        shutil.copytree(self.folder / source, self.folder / name)
        (self.folder / name / "report.html").unlink(missing_ok=True)
        return self.folder / name


class ThePage(WithRuns):
    def test_nothing_from_elsewhere_and_no_script(self):
        for name, tree in self.trees.items():
            for element in tree.iter():
                self.assertNotIn(str(element.tag).rpartition("}")[2], ("script", "iframe", "object", "embed", "base"))
                for key, value in element.attrib.items():
                    self.assertFalse(str(key).startswith("on"), f"{name}: {key}")
                    if key in ("src", "href", "srcset", "action", "data", "poster"):
                        self.assertRegex(value, r"^(data:|#)", name)
            self.assertNotRegex(self.pages[name].read_text(), r"url\(|@import|https?://", name)

    def test_who_cannot_see_it_can_read_it(self):
        for name, tree in self.trees.items():
            self.assertEqual(len(elements(tree, "h1")), 1)
            ids = [element.get("id") for element in tree.iter() if element.get("id")]
            self.assertEqual(len(ids), len(set(ids)))
            for image in elements(tree, "img"):
                self.assertGreater(len(image.get("alt")), 15)
            for drawing in elements(tree, "svg", SVG):
                self.assertEqual(drawing.get("role"), "img")
                self.assertGreater(len(drawing.get("aria-label")), 15)
            for table in elements(tree, "table"):
                self.assertTrue(text_of(elements(table, "caption")[0]))
            for link in elements(elements(tree, "nav")[0], "a"):
                self.assertIn(link.get("href")[1:], ids, name)
            levels = [int(element.tag[-1]) for element in tree.iter() if re.fullmatch(XHTML + r"h[1-6]", str(element.tag))]
            for before, after in zip(levels, levels[1:]):
                self.assertLessEqual(after, before + 1, f"{name}: a level of headings is left out")

    def test_what_was_run_and_how_to_repeat_it(self):
        tree, folder = self.trees["digits"], self.folder / "digits"
        metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        overview = text_of(section(tree, "overview"))
        self.assertIn(f"of {len(metrics)}, finished", overview)
        self.assertIn(f"{metrics[-1]['reconstruction_mse']:#.4g}", overview)
        self.assertIn(str(DIGITS), overview)
        repeat = text_of(section(tree, "repeat"))
        self.assertIn(assert_success(run(["info", "--digest", folder / "model.h5"])).stdout.strip(), repeat)
        command = text_of(elements(section(tree, "repeat"), "pre")[0])
        again = subprocess.run(["bash", "-c", command.replace("rbmpi", f"'{RBMPI}'", 1)], cwd=self.folder,
                               capture_output=True, text=True)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(*[assert_success(run(["info", "--digest", path / "model.h5"])).stdout
                           for path in (folder, self.folder / "again")])

    def test_units_are_sorted_by_use_and_dead_ones_are_named(self):
        with h5py.File(self.folder / "digits/model.h5") as model, h5py.File(DIGITS) as data:
            rows = data["samples"][()] / data["samples"].attrs["scale"]
            layer = model["layer_0"]
            use = 1 / (1 + numpy.exp(-(rows @ layer["weights"][()].astype("float64") + layer["hidden_bias"][()])))
        activity = use.mean(axis=0)
        units = section(self.trees["digits"], "units")
        numbers = [int(word) for word in text_of(elements(units, "details")[0]).split() if word.isdigit()]
        self.assertEqual(sorted(numbers), list(range(30)))
        self.assertTrue((numpy.diff(activity[numbers]) <= 1e-6).all(), "not the most used first")
        words = text_of(section(self.trees["digits"], "distributions"))
        dead = [unit for unit in range(30) if activity[unit] < 0.01]
        self.assertIn(f"{len(dead)} unit{'s are' if len(dead) != 1 else ' is'} dead" if dead else "No unit is dead", words)

    def test_sections_fit_the_data(self):
        for name, images in (("digits", 1 + 4 + 1), ("table", 1 + 2 + 1)):
            tree = self.trees[name]
            self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                             ["overview", "curves", "units", "distributions", "reconstructions", "samples", "time", "repeat"])
            self.assertEqual(len(elements(tree, "img")), images, name)
        self.assertIn("v", text_of(elements(section(self.trees["table"], "units"), "table")[0]))

    def test_interruptions_are_counted(self):
        self.assertIn("interrupted and resumed once", text_of(section(self.trees["digits"], "time")))
        self.assertIn("ended without a word", text_of(section(self.trees["digits"], "time")))
        self.assertIn("never interrupted", text_of(section(self.trees["table"], "time")))

    def test_the_page_is_of_moderate_length(self):
        for page in self.pages.values():
            self.assertLess(page.stat().st_size, 500_000)


def cells(element):
    """Texts of the lines of a table."""
    return [[text_of(cell) for cell in row] for row in elements(element, "tr")]


def validation_rows():
    """Values and labels of those of the digits that `validation = 0.2` takes, and the number of the first."""
    with h5py.File(DIGITS) as data:
        values, labels = data["samples"][()] / data["samples"].attrs["scale"], data["labels"][()]
    first = len(values) - round(0.2 * len(values))
    return values[first:], labels[first:], first


class Nets(WithRuns):
    def assert_matrix(self, part, labels, predicted):
        head, *lines = cells(elements(part, "table")[-1])
        self.assertEqual(head, ["class", *map(str, range(10)), "rows", "error"])
        for truth in range(10):
            counts = [int(((labels == truth) & (predicted == k)).sum()) for k in range(10)]
            rows = sum(counts)
            self.assertEqual(lines[truth], [str(truth), *(str(n) if n or k == truth else "·" for k, n in enumerate(counts)),
                                            str(rows), f"{(rows - counts[truth]) / rows:.2%}".replace("%", " %")])
        self.assertEqual(lines[10][1:11], [str((predicted == k).sum()) for k in range(10)])
        self.assertEqual(lines[10][12], f"{(predicted != labels).mean():.2%}".replace("%", " %"))

    def test_the_confusion_matrix_and_the_mistakes_are_those_of_the_best_net(self):
        values, labels, first = validation_rows()
        outputs = forward(self.folder / "classifier/best.h5", values)
        predicted = outputs.argmax(axis=1)
        tree = self.trees["classifier"]
        part = section(tree, "confusion")
        self.assertIn(f"best.h5 makes of {len(labels)} validation rows: {(predicted != labels).sum()} are", text_of(part))
        self.assert_matrix(part, labels, predicted)

        wrong = numpy.flatnonzero(predicted != labels)
        wrong = wrong[numpy.argsort(-outputs[wrong].max(axis=1), kind="stable")][:60]
        shown = elements(elements(section(tree, "mistakes"), "ul")[0], "li")
        self.assertEqual(len(shown), len(wrong))
        for item, row in zip(shown, wrong):
            self.assertEqual(text_of(item), f"{labels[row]} → {predicted[row]}{outputs[row].max():.1%}row {first + row:,}"
                             .replace("%", " %"))
        (self.folder / "mistake.png").write_bytes(base64.b64decode(elements(shown[0], "img")[0].get("src").split(",")[1]))
        points = read_png(self.folder / "mistake.png")[2:-2, 2:-2]
        numpy.testing.assert_allclose(points[3::7, 3::7].reshape(-1), values[wrong[0]] * 255, atol=1)

    def test_what_was_run_and_how_to_repeat_it(self):
        tree, folder = self.trees["classifier"], self.folder / "classifier"
        metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        best = min(metrics, key=lambda line: (line["validation_error"], line["validation_cross_entropy"]))
        self.assertIn("A classifier, 64-30-10, pre-trained in digits, trained on digits.h5 (1,438 rows), 4 epochs.",
                      text_of(elements(tree, "header")[0]))
        overview = text_of(section(tree, "overview"))
        self.assertIn(f"Best validation error{best['validation_error']:.2%}".replace("%", " %") +
                      f"epoch {best['epoch']}, in best.h5", overview)
        self.assertIn("Epochs4of 4, finished", overview)
        self.assertIn("those of the best epoch, which predict and evaluate take", overview)
        self.assertIn("the last 20 % of the rows", overview)
        self.assertIn("from random weights", text_of(elements(self.trees["codes"], "header")[0]))
        for label in ("Validation error, % of the validation rows", "Cross-entropy, nats a row"):
            drawings = [drawing.get("aria-label") for drawing in elements(section(tree, "curves"), "svg", SVG)]
            self.assertTrue(any(text.startswith(label) for text in drawings), drawings)
        command = text_of(elements(section(tree, "repeat"), "pre")[0])
        self.assertTrue(command.startswith("rbmpi finetune "), command)
        again = subprocess.run(["bash", "-c", command.replace("rbmpi", f"'{RBMPI}'", 1)], cwd=self.folder,
                               capture_output=True, text=True)
        self.addCleanup(shutil.rmtree, self.folder / "again", ignore_errors=True)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn(assert_success(run(["info", "--digest", self.folder / "again/best.h5"])).stdout.strip(),
                      text_of(section(tree, "repeat")))

    def test_an_evaluation_is_shown(self):
        page = self.folder / "tested.html"
        evaluated = assert_success(run(["evaluate", self.folder / "classifier", DIGITS, "--json"])).stdout
        (self.folder / "tested.json").write_text(evaluated)
        assert_success(report(self.folder / "classifier", "--evaluation", self.folder / "tested.json", "--output", page))
        part = section(parsed(page), "evaluation")
        with h5py.File(DIGITS) as data:
            values, labels = data["samples"][()] / data["samples"].attrs["scale"], data["labels"][()]
        self.assert_matrix(part, labels, forward(self.folder / "classifier/best.h5", values).argmax(axis=1))
        found = json.loads(evaluated)
        self.assertIn(f"Error{found['error']:.2%}{found['errors']} of 1,797 rows".replace("%", " %"), text_of(part))
        self.assertNotIn("other parameters", text_of(part))
        assert_success(report(self.folder / "classes", "--evaluation", self.folder / "tested.json", "--output", page))
        self.assertIn("other parameters", text_of(section(parsed(page), "evaluation")))
        for harm in ({"confusion": [[1]]}, {"confusion": [[-1] * 10] * 10}, {"classes": 7}, {"rows": 1e300}):
            (self.folder / "tested.json").write_text(json.dumps({**found, **harm}))
            assert_success(report(self.folder / "classes", "--evaluation", self.folder / "tested.json", "--output", page))

    def test_an_autoencoder_shows_reconstructions_and_codes(self):
        tree, model = self.trees["codes"], self.folder / "codes/best.h5"
        with h5py.File(DIGITS) as data:
            values, labels = data["samples"][()] / data["samples"].attrs["scale"], data["labels"][()]
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "curves", "reconstructions", "codes", "units", "weights", "time", "repeat"])
        drawings = [drawing.get("aria-label") for drawing in elements(section(tree, "curves"), "svg", SVG)]
        self.assertEqual(len(drawings), 2)
        self.assertRegex(drawings[0], r"^Squared error, sum over the units: validation goes from [0-9.]+ in epoch 1 to ")
        self.assertRegex(drawings[1], r"^Cross-entropy, nats a row: training goes from .* validation goes from ")
        error = ((forward(model, values) - values) ** 2).sum(axis=1).mean()
        found = re.search(r"Best squared error([0-9.]+)a validation row", text_of(section(tree, "overview")))
        self.assertAlmostEqual(float(found[1]), error, delta=0.002 * error)
        codes = forward(model, values, layers=2)
        marks = [text for text in elements(section(tree, "codes"), "text", SVG) if text.get("class").startswith("mark")]
        self.assertEqual(len(marks), 400)
        rows = [i * len(codes) // 400 for i in range(400)]
        self.assertEqual([text_of(mark) for mark in marks], [str(labels[row]) for row in rows])
        for axis, name, sign in ((0, "x", 1), (1, "y", -1)):
            places = numpy.array([float(mark.get(name)) for mark in marks])
            self.assertGreater(numpy.corrcoef(places, sign * codes[rows, axis])[0, 1], 0.999)

    def test_rows_that_are_no_pictures_and_many_classes(self):
        tree = self.trees["classes"]
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "curves", "confusion", "mistakes", "units", "weights", "time", "repeat"])
        self.assertIn("makes of 300 training rows", text_of(section(tree, "confusion")))
        self.assertIn("will do worse on others", text_of(section(tree, "confusion")))
        classes, pairs = elements(section(tree, "confusion"), "table")
        wrong = [int(line[2]) for line in cells(classes)[1:]]
        self.assertEqual(len(wrong), 30)
        self.assertEqual(wrong, sorted(wrong, reverse=True))
        head, *lines = cells(elements(section(tree, "mistakes"), "table")[0])
        self.assertEqual(head[0], "row")
        self.assertEqual(len(lines), 60)
        with h5py.File(self.folder / "classes.h5") as data:
            for row, label, predicted, probability, of_label in lines:
                self.assertEqual(int(label), data["labels"][int(row)])
                self.assertNotEqual(label, predicted)


class Stacks(WithRuns):
    def test_all_layers_are_on_one_page(self):
        tree = self.trees["stack"]
        self.assertIn("A stack of 2 restricted Boltzmann machines, 64-20-12,", text_of(elements(tree, "header")[0]))
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "curves", "units", "distributions", "time", "repeat"])
        head, *lines = cells(elements(section(tree, "overview"), "table")[0])
        self.assertEqual([line[:3] for line in lines], [["1", "64 x 20", "2 of 2"], ["2", "20 + 10 x 12", "3 of 3"]])
        metrics = [json.loads(line) for line in (self.folder / "stack/metrics.jsonl").read_text().splitlines()]
        for line, last in zip(lines, (metrics[1], metrics[4])):
            self.assertEqual(line[head.index("validation")], f"{last['validation_reconstruction_mse']:#.4g}")
        self.assertIn("2 of 2", text_of(section(tree, "overview")))

    def test_a_layer_with_labels_is_looked_at(self):
        page = self.folder / "layer.html"
        assert_success(report(self.folder / "stack", "--layer", "2", "--output", page))
        tree = parsed(page)
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "curves", "units", "labels", "distributions", "reconstructions", "samples", "time",
                          "repeat"])
        self.assertIn("Epochs3of 3, finished", text_of(section(tree, "overview")))
        self.assertIn("Learning rate0.05", text_of(section(tree, "overview")))
        with h5py.File(self.folder / "stack/model.h5") as model:
            weights, bias = model["layer_1/weights"][()], model["layer_1/visible_bias"][()]
        for line, weight, visible in zip(cells(elements(section(tree, "labels"), "table")[0])[1:], weights[20:], bias[20:]):
            self.assertAlmostEqual(float(line[1].replace("−", "-")), visible, delta=0.01 * abs(visible))
            self.assertEqual(int(line[2].split()[0]), abs(weight).argmax())
        # What the hidden units make of features and labels, as the probabilities of the layer below are.
        with h5py.File(self.folder / "stack/model.h5") as model, h5py.File(DIGITS) as data:
            values = data["samples"][()] / data["samples"].attrs["scale"]
            sigmoid = lambda x: 1 / (1 + numpy.exp(-x))
            features = sigmoid(values @ model["layer_0/weights"][()] + model["layer_0/hidden_bias"][()])
            rows = numpy.hstack([features, numpy.eye(10)[data["labels"][()]]])
            activity = sigmoid(rows @ weights + model["layer_1/hidden_bias"][()]).mean(axis=0)
        most = cells(elements(section(tree, "units"), "table")[0])[1]
        self.assertEqual(int(most[0]), activity.argmax())
        self.assertEqual(most[1], f"{activity.max():.1%}".replace("%", " %"))

    def test_a_stack_that_goes_on(self):
        folder = self.folder / "young"
        train(folder, DIGITS, "--layers", "9", "--epochs", "2", "--checkpoint-epochs", "1")
        (folder / "model.h5").unlink()
        (folder / "config.ini").write_text((folder / "config.ini").read_text().replace("hidden = 9\n", "layers = 9,8,7\n"))
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        self.assertIn("not finished", text_of(elements(tree, "header")[0]))
        lines = cells(elements(section(tree, "overview"), "table")[0])[1:]
        self.assertEqual([line[-1] for line in lines], ["not finished", "not begun", "not begun"])
        assert_one_message(report(folder, "--layer", "2"), 2, "--layer 2", "has 1 layer")


def saved_chains(folder):
    """The visible states of the chains in the newest checkpoint, as zeros and ones."""
    newest = max(folder.glob("checkpoint-*.h5"), key=lambda path: int(path.stem.split("-")[1]))
    with h5py.File(newest) as checkpoint:
        units = checkpoint[f"layer_{len([name for name in checkpoint if name.startswith('layer_')]) - 1}/visible_bias"].size
        return numpy.unpackbits(checkpoint["state/visible_chains"][()], axis=1, bitorder="little")[:, :units]


def distance(rows):
    """In how many units two rows differ on average, whose values are probabilities."""
    count, sums = len(rows), rows.sum(axis=0)
    return 2 * (sums / count - (sums**2 - (rows**2).sum(axis=0)) / (count * (count - 1))).sum()


def descriptions(part):
    return [drawing.get("aria-label") for drawing in elements(part, "svg", SVG)]


class Chains(WithRuns):
    NOTES = ("The chains are collapsed", "The chains have stopped", "The chains are elsewhere than the data")

    def rows(self):
        with h5py.File(DIGITS) as data:
            return data["samples"][()] / data["samples"].attrs["scale"]

    def test_chains_are_those_of_the_checkpoint_beside_the_data(self):
        chains, rows = saved_chains(self.folder / "chains").astype(float), self.rows()
        part = section(self.trees["chains"], "chains")
        self.assertIn(f"{len(chains)} chains as model.h5 has them, {len(numpy.unique(chains, axis=0))} distinct; "
                      f"two of them differ in {distance(chains):.3g} units on average. Beside them 1,797 rows of the data, of "
                      f"which two differ in {distance(rows):.3g}.", text_of(part))
        data, pictures = elements(part, "img")
        for image, expected in ((pictures, chains * 255), (data, rows * 255)):
            (self.folder / "tiles.png").write_bytes(base64.b64decode(image.get("src").split(",")[1]))
            points = read_png(self.folder / "tiles.png")
            self.assertEqual(points.shape, (350, 350))  # six tiles of 8 x 7 points, between lines of 2
            for number in (0, 1, 6, 35):
                top, left = (2 + 58 * k for k in divmod(number, 6))
                tile = points[top + 3:top + 56:7, left + 3:left + 56:7]
                numpy.testing.assert_allclose(tile.reshape(-1), expected[number * len(expected) // 36], atol=1)

    def test_the_means_are_those_of_chains_and_data(self):
        chains, rows = saved_chains(self.folder / "chains").astype(float), self.rows()
        units, pairs = descriptions(section(self.trees["chains"], "chains"))[:2]
        first, second = numpy.triu_indices(64, 1)
        for text, what, data, ours in (
                (units, "64 units", rows.mean(axis=0), chains.mean(axis=0)),
                (pairs, "2,016 pairs", (rows[:, first] * rows[:, second]).mean(axis=0),
                 (chains[:, first] * chains[:, second]).mean(axis=0))):
            self.assertIn(f"{what} by mean over the data, from 0 to {data.max():.3g}, and mean over the chains, from 0 to "
                          f"{ours.max():.3g}; the two differ by {abs(data - ours).mean():.2g} on average", text)

    def test_the_curves_are_those_of_the_metrics(self):
        metrics = [json.loads(line) for line in (self.folder / "chains/metrics.jsonl").read_text().splitlines()]
        energies, likeness, autocorrelation = descriptions(section(self.trees["chains"], "chains"))[2:]
        for text, name, key in ((energies, "data", "data_free_energy"), (energies, "chains", "chains_free_energy"),
                                (likeness, "units", "chains_means_r"), (likeness, "pairs", "chains_pairs_r"),
                                (autocorrelation, "chains", "chains_autocorrelation")):
            begin, end = (f"{line[key]:.4g}".replace("-", "−") for line in (metrics[0], metrics[-1]))
            self.assertIn(f"{name} goes from {begin} in epoch 1 to {end} in epoch 4", text)

    def test_notes_where_they_belong(self):
        for name in ("chains", "deep"):
            for words in self.NOTES:
                self.assertNotIn(words, text_of(self.trees[name].find(XHTML + "body")), name)
        notes = [text_of(part) for part in elements(section(self.trees["frozen"], "chains"), "p") if part.get("class") == "note"]
        self.assertEqual([text.split(":")[0] for text in notes], list(self.NOTES))
        last = json.loads((self.folder / "frozen/metrics.jsonl").read_text().splitlines()[-1])
        self.assertIn(f"over the 180 sweeps of the last epoch is {last['chains_autocorrelation']:.3g}.", notes[1])
        self.assertIn(f"a correlation of {last['chains_pairs_r']:.3g} with".replace("-", "−"), notes[2])

    def test_layers_of_a_stack(self):
        part = section(self.trees["deep"], "chains")
        self.assertEqual(len(descriptions(part)), 6)
        self.assertIn("--layer 2 shows the chains of layer 2", text_of(part))
        self.assertIn("All figures as tables", text_of(section(self.trees["deep"], "curves")))
        page = self.folder / "layer.html"
        for layer, words, drawings in (("1", "150 chains as model.h5 has them", 5), ("2", "150 chains as model.h5 has them", 5)):
            assert_success(report(self.folder / "deep", "--layer", layer, "--output", page))
            part = section(parsed(page), "chains")
            self.assertIn(words, text_of(part))
            self.assertEqual(len(descriptions(part)), drawings)
            self.assertEqual(len(elements(part, "img")), 2 if layer == "1" else 0)  # features are no pictures
        chains = saved_chains(self.folder / "deep")
        self.assertEqual(chains.shape, (150, 30))
        self.assertIn(f"differ in {distance(chains.astype(float)):.3g} units", text_of(part))

    def test_without_chains_or_data(self):
        for name in (*MACHINES, *NETS, "stack"):
            self.assertNotIn("chains", [part.get("aria-labelledby") for part in elements(self.trees[name], "section")])
        folder = self.copy("forgotten", "chains")
        with h5py.File(folder / "model.h5", "a") as model:
            del model["layer_0/chains"]
        (folder / "config.ini").write_text((folder / "config.ini").read_text().replace("digits.h5", "nowhere.h5"))
        for words, drawings in (("There is no model that has the chains", 3), ("150 chains as model.h5", 3)):
            assert_success(report(folder))
            part = section(parsed(folder / "report.html"), "chains")
            self.assertIn(words, text_of(part))
            self.assertEqual(len(descriptions(part)), drawings)
            shutil.copy(self.folder / "chains/model.h5", folder)
        self.assertEqual(len(elements(part, "img")), 1)  # no data


BROWSER = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
           "--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=10000"]

# Shows each page in four frames, a desk and a phone in both schemes, and writes down what the browser made of them.
FRAMES = """<!DOCTYPE html><title>frames</title><body>
{frames}
<pre id="result"></pre>
<script>
addEventListener("load", () => {{
  const results = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    for (const folded of page.querySelectorAll("details")) folded.open = true;
    const luminance = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const paper = luminance(frame.contentWindow.getComputedStyle(page.body).backgroundColor);
    const style = element => frame.contentWindow.getComputedStyle(element);
    const behind = element => {{
      while (element.parentElement && style(element).backgroundColor === "rgba(0, 0, 0, 0)") element = element.parentElement;
      return element === root ? paper : luminance(style(element).backgroundColor);
    }};
    const contrasts = [...page.querySelectorAll("p, h1, h2, a, dt, dd, td, th, summary, small, strong, figcaption p")]
      .map(element => contrast(luminance(style(element).color), behind(element)))
      .concat([...page.querySelectorAll("svg text")].map(text => contrast(luminance(style(text).fill), paper)));
    return {{
      name: frame.title, width: root.clientWidth, scroll_width: root.scrollWidth, paper,
      images: [...page.images].map(image => image.complete ? image.naturalWidth : 0),
      least_contrast: Math.min(...contrasts),
      narrow_texts: [...page.querySelectorAll("svg text")].filter(text => {{
        const box = text.getBoundingClientRect(), drawing = text.ownerSVGElement.getBoundingClientRect();
        return box.left < drawing.left - 1 || box.right > drawing.right + 1;
      }}).map(text => text.textContent),
      cut: [...page.querySelectorAll(".scroll")].filter(table => table.scrollWidth > table.clientWidth)
        .map(table => table.textContent.slice(0, 40)),
      small_images: [...page.images].map(image => image.getBoundingClientRect()).filter(box => box.width < 40 || box.height < 16)
        .map(box => `${{box.width}} x ${{box.height}}`),
      drawings: [...page.querySelectorAll("svg")].map(drawing => drawing.getBoundingClientRect().width),
    }};
  }});
  document.getElementById("result").textContent = JSON.stringify(results);
}});
</script></body>"""


def in_the_browser(folder, pages):
    """What the browser says of each page, by (name, scheme, width), and its console."""
    frames = "\n".join(
        f'<iframe title="{name} {scheme} {width}" src="{page.as_uri()}" '
        f'style="width:{width}px;height:900px;border:0;color-scheme:{scheme}"></iframe>'
        for name, page in pages.items() for scheme in ("light", "dark") for width in (1280, 390))
    (folder / "frames.html").write_text(FRAMES.format(frames=frames))
    result = subprocess.run([*BROWSER, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--dump-dom",
                             (folder / "frames.html").as_uri()], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="result">(.+?)</pre>', result.stdout, re.DOTALL)
    assert found, f"the browser says nothing\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}"
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    return {tuple(frame["name"].split()): frame for frame in json.loads(html.unescape(found.group(1)))}, console


class InTheBrowser(WithRuns):
    def test_pictures_schemes_widths_and_console(self):
        frames, console = in_the_browser(self.folder, self.pages)
        self.assertEqual(console, [])
        self.assertEqual(len(frames), 4 * len(self.pages))
        for (name, scheme, width), frame in frames.items():
            with self.subTest(f"{name} {scheme} {width}"):
                self.assertEqual(frame["width"], int(width))
                self.assertLessEqual(frame["scroll_width"], frame["width"], "it scrolls sideways")
                self.assertEqual(len(frame["images"]), len(elements(self.trees[name], "img")))
                self.assertGreater(min(frame["images"]), 0, "a picture is missing")
                self.assertGreater(len(frame["drawings"]), 3)
                self.assertEqual(frame["small_images"], [])
                self.assertGreater(min(frame["drawings"]), 300)
                self.assertEqual(frame["narrow_texts"], [], "texts that do not fit their drawing")
                if width == "390":
                    self.assertEqual(frame["cut"], [], "tables that do not fit the screen")
                self.assertTrue(frame["paper"] > 0.8 if scheme == "light" else frame["paper"] < 0.05, frame["paper"])
                self.assertGreaterEqual(frame["least_contrast"], 4.5)

    def test_the_test_sees_what_is_wrong(self):
        page = self.folder / "broken.html"
        page.write_text(self.pages["table"].read_text().replace("data:image/png;base64,", "data:image/png;base64,x")
                        .replace("<main>", '<main><script>1</script><div style="width:2000px;color:#808080">.</div>'
                                           '<p style="color:#808080">grey</p>')
                        .replace("</style>", "td { white-space: nowrap !important }</style>"))
        frames, console = in_the_browser(self.folder, {"broken": page})
        self.assertIn("Content Security Policy", "".join(console))
        frame = frames["broken", "light", "390"]
        self.assertEqual(max(frame["images"]), 0)
        self.assertGreater(frame["scroll_width"], 390)
        self.assertLess(frame["least_contrast"], 4.5)
        self.assertNotEqual(frame["cut"], [])


class TheLeastThatCanBe(WithRuns):
    def test_one_unit_one_row_one_epoch_and_no_weights(self):
        pages = {}
        for name, rows, options in (
                ("one", numpy.ones((1, 1)), ["--hidden", "1"]), ("column", numpy.eye(30, 1), ["--hidden", "40"]),
                ("row", numpy.eye(1, 300), ["--hidden", "1", "--validation", self.folder / "row.h5", "--evaluate-every", "1"]),
                ("zeros", numpy.zeros((4, 12)), ["--hidden", "3", "--weight-init", "0", "--learning-rate", "1e-30"])):
            with h5py.File(self.folder / f"{name}.h5", "w") as data:
                data["samples"] = rows.astype("float32")
            train(self.folder / name, self.folder / f"{name}.h5", "--epochs", "1", *options)
            assert_success(report(self.folder / name))
            pages[name] = self.folder / name / "report.html"
            text = text_of(parsed(pages[name]).find(XHTML + "body"))
            self.assertNotRegex(text, "nan|inf(?!o)|not finite")
            spent = text_of(section(parsed(pages[name]), "time"))
            self.assertEqual("validation and log-likelihood" in spent, name == "row", spent)
        frames, console = in_the_browser(self.folder, pages)
        self.assertEqual(console, [])
        for name, frame in frames.items():
            with self.subTest(" ".join(name)):
                self.assertLessEqual(frame["scroll_width"], frame["width"])
                self.assertEqual(frame["narrow_texts"], [])
                self.assertEqual(frame["small_images"], [])


class WhileItGoesOn(WithRuns):
    def test_half_a_line_at_the_end(self):
        folder = self.copy("half")
        lines = (folder / "metrics.jsonl").read_text()
        (folder / "metrics.jsonl").write_text(lines + lines.splitlines()[-1][:40])
        (folder / "model.h5").unlink()
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        self.assertIn(f"of {len(lines.splitlines())}, not finished", text_of(section(tree, "overview")))
        self.assertIn("not finished", text_of(elements(tree, "header")[0]))

    def test_no_checkpoint_yet(self):
        folder = self.copy("early")
        for path in folder.glob("*.h5"):
            path.unlink()
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        self.assertIn("no checkpoint yet", text_of(elements(tree, "header")[0]))
        self.assertIn("after 60 seconds, 1 epoch, or at the end", text_of(elements(tree, "header")[0]))
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "curves", "time", "repeat"])

    def test_a_checkpoint_but_no_epoch_yet(self):
        folder = self.copy("begun")
        for name in ("metrics.jsonl", "model.h5"):
            (folder / name).unlink()
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        self.assertIn("Epochs0of 5, not finished", text_of(section(tree, "overview")))
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "units", "distributions", "reconstructions", "samples", "time", "repeat"])

    def test_a_damaged_checkpoint_is_passed_over_and_left_alone(self):
        folder = self.copy("damaged")
        (folder / "model.h5").unlink()
        newest, older = sorted(folder.glob("checkpoint-*.h5"), key=lambda path: -int(path.stem.split("-")[1]))[:2]
        newest.write_bytes(newest.read_bytes()[:-100] + bytes(100))
        before = newest.read_bytes()
        assert_success(report(folder))
        self.assertIn(older.name, text_of(section(parsed(folder / "report.html"), "overview")))
        self.assertEqual(newest.read_bytes(), before)
        for path in folder.glob("checkpoint-*.h5"):
            path.write_bytes(b"")
        assert_success(report(folder))
        self.assertIn(newest.name, text_of(elements(parsed(folder / "report.html"), "header")[0]))

    def test_under_mpirun_it_is_the_same_page(self):
        pages = []
        for ranks in (None, 2):
            assert_success(report(self.folder / "table", "--output", self.folder / "page.html", ranks=ranks))
            pages.append(re.sub(r"As of [^<]*", "", (self.folder / "page.html").read_text()))
        self.assertEqual(*pages)

    def test_data_that_are_gone(self):
        folder = self.copy("gone", "table")
        text = (folder / "config.ini").read_text().replace("table.h5", "nowhere.h5")
        (folder / "config.ini").write_text(text)
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        self.assertIn("nowhere.h5", text_of(elements(tree, "header")[0]))
        self.assertEqual([part.get("aria-labelledby") for part in elements(tree, "section")],
                         ["overview", "curves", "units", "distributions", "samples", "time", "repeat"])
        assert_success(report(folder, "--data", self.folder / "table.h5"))
        self.assertTrue(section(parsed(folder / "report.html"), "reconstructions"))
        assert_one_message(report(folder, "--data", DIGITS), 3, DIGITS, "64 columns", "24 visible units")
        assert_one_message(report(folder, "--data", folder / "nowhere.h5"), 3, "nowhere.h5")

    def test_an_evaluation_is_shown(self):
        (self.folder / "scores.json").write_text(json.dumps(
            {"model_digest": "0" * 64, "data": "<test>.h5", "rows": 10,
             "pseudo_likelihood": {"mean": -12.5, "standard_error": 0.25}}))
        page = self.folder / "evaluated.html"
        assert_success(report(self.folder / "table", "--evaluation", self.folder / "scores.json", "--output", page))
        words = text_of(section(parsed(page), "likelihood"))
        for expected in ("10 rows of <test>.h5", "Pseudo-likelihood", "−12.50 ± 0.25", "nats a row", "other parameters"):
            self.assertIn(expected, words.replace("\xa0", " "))
        for text in ("[1]", "{}", "nonsense", '{"log_likelihood": {"mean": null}}', '{"log_z": 7}'):
            (self.folder / "scores.json").write_text(text)
            assert_one_message(report(self.folder / "table", "--evaluation", self.folder / "scores.json"), 3, "scores.json",
                               "rbmpi evaluate --json")

    def test_an_evaluation_that_is_made_to_do_harm_does_none(self):
        for more in ({"x": 1}, {"warnings": ["--" + "a" * 500_000]}, {"rows": 1e300}):
            (self.folder / "scores.json").write_text(json.dumps({"free_energy": {"mean": 1}, **more}))
            assert_success(report(self.folder / "table", "--evaluation", self.folder / "scores.json", "--output",
                                  self.folder / "harm.html"))
        (self.folder / "scores.json").write_text('{"free_energy": {"mean": 1}, "x": ' + "[" * 200_000 + "]" * 200_000 + "}")
        assert_success(report(self.folder / "table", "--evaluation", self.folder / "scores.json", "--output",
                              self.folder / "harm.html"))

    def test_what_evaluate_prints_is_a_table_for_people(self):
        page = self.folder / "likelihood.html"
        for options, expected, doubted in (
                (["--log-z", "exact"], ["log Z", "Exact: a sum over all states"], False),
                (["--chains", "5", "--temperatures", "2", "--reverse", "data", "--gibbs-steps", "2"],
                 ["log Z by AIS", "Annealed importance sampling, 2 temperatures", "of 5 chains", "log Z by reverse AIS"], True)):
            evaluated = assert_success(run(["evaluate", self.folder / "table", self.folder / "table.h5", "--json", *options]))
            (self.folder / "table.json").write_text(evaluated.stdout)
            assert_success(report(self.folder / "table", "--evaluation", self.folder / "table.json", "--output", page))
            part = section(parsed(page), "likelihood")
            rows = [[text_of(cell) for cell in row] for row in elements(part, "tr")][1:]
            names = [row[0] for row in rows]
            self.assertEqual(names[0], "Log-likelihood")
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(names[-5:], ["Pseudo-likelihood", "Pseudo-likelihood, stochastic", "Free energy", "Cross-entropy",
                                          "Mean-field error"])
            scores = json.loads(evaluated.stdout)
            for row in rows:
                self.assertEqual(len(row), 4)
                self.assertNotRegex(" ".join(row), "_(?!samples)")
                self.assertTrue(all(row))
            value, error = map(float, rows[-3][1].replace("−", "-").split("±"))
            self.assertAlmostEqual(value, scores["free_energy"]["mean"], delta=0.06 * error)
            self.assertAlmostEqual(error, scores["free_energy"]["standard_error"], delta=0.06 * error)
            words = text_of(part)
            for text in expected:
                self.assertIn(text, words)
            self.assertEqual("Few chains" in words, doubted)
            self.assertNotIn("other parameters", words)

    def test_an_early_stop_is_an_end_whatever_became_of_the_list_of_jobs(self):
        options = ["--hidden", "40", "--validation", "0.3", "--early-stop", "gap", "--patience", "2", "--learning-rate",
                   "0.5", "--epochs", "60", "--checkpoint-epochs", "1"]
        folder = self.folder / "stopped"
        train(folder, DIGITS, *options)
        epochs = len((folder / "metrics.jsonl").read_text().splitlines())
        self.assertLess(epochs, 60)
        (folder / "jobs.jsonl").unlink()
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        overview = text_of(section(tree, "overview"))
        self.assertIn(f"{epochs}of 60, stopped early", overview)
        self.assertIn(f"Best epoch{epochs - 2}, in best.h5", overview)
        self.assertIn("model.h5", overview)
        self.assertNotIn("not finished", text_of(elements(tree, "header")[0]))
        max(folder.glob("checkpoint-*.h5"), key=lambda path: int(path.stem.split("-")[1])).unlink()
        assert_success(report(folder))
        self.assertIn("not finished", text_of(section(parsed(folder / "report.html"), "overview")))
        for path in folder.glob("checkpoint-*.h5"):
            path.unlink()
        assert_success(report(folder))
        self.assertIn("of 60, finished", text_of(section(parsed(folder / "report.html"), "overview")))

    def test_a_diverged_run_says_so(self):
        for name, optimizer, rate, epochs, command in (("at once", "momentum", "1e30", 0, "--learning-rate 0.1"),
                                                       ("adam", "adam", "1e30", 0, "--learning-rate 0.001"),
                                                       ("rmsprop", "rmsprop", "1e30", 0, "--learning-rate 0.001"),
                                                       ("later", "momentum", "1:0.1,3:1e20", 2, None)):
            with self.subTest(name):
                folder = self.folder / name
                self.assertEqual(run(["train", "--data", DIGITS, "--output", folder, "--hidden", "5", "--optimizer",
                                      optimizer, "--learning-rate", rate, "--checkpoint-epochs", "1"]).code, 4)
                assert_success(report(folder))
                tree = parsed(folder / "report.html")
                header = text_of(elements(tree, "header")[0])
                self.assertIn("The run diverged", header)
                self.assertRegex(header, f"in epoch {epochs + 1} after step [0-9]+: most likely learning-rate")
                self.assertIn("checkpoint-36.h5" if epochs else "no checkpoint, so there is no model", header)
                self.assertEqual("momentum" in header.split("is small already")[1], optimizer != "rmsprop", header)
                self.assertEqual(command in header if command else "--learning-rate" not in header, True, header)
                self.assertIn(f"Epochs{epochs}of 10, diverged", text_of(section(tree, "overview")))
                self.assertIn("diverged: the parameters", text_of(section(tree, "time")))
                self.assertNotIn("waits to be resumed", text_of(section(tree, "time")))

    def test_rows_are_from_all_over_the_file(self):
        rows = numpy.zeros((1000, 6), dtype="uint8")
        rows[450:] = 255  # as files sorted by their labels are
        with h5py.File(self.folder / "sorted.h5", "w") as data:
            data["samples"] = rows
        folder = self.folder / "sorted"
        train(folder, self.folder / "sorted.h5", "--hidden", "2", "--epochs", "2", "--rows", "900")
        for count, shown, looked_at in (("10", 10, "10 of 900 rows"), ("2000", 20, "900 rows")):
            assert_success(report(folder, "--rows", count))
            tree = parsed(folder / "report.html")
            part = section(tree, "reconstructions")
            self.assertIn(f"{shown} of 900 rows", text_of(part))
            self.assertIn(f"over {looked_at}", text_of(section(tree, "distributions")))
            (self.folder / "strip.png").write_bytes(base64.b64decode(elements(part, "img")[0].get("src").split(",")[1]))
            points = read_png(self.folder / "strip.png")
            lines = points.reshape(shown, -1).mean(axis=1)
            self.assertEqual(lines.tolist(), [0.0] * (shown // 2) + [255.0] * (shown // 2))

    def test_names_are_texts(self):
        name = "<b onclick=alert(1)>&amp; \"it's\" <script>"
        folder = self.copy(name.replace("/", ""), "table")
        assert_success(report(folder))
        tree = parsed(folder / "report.html")
        self.assertEqual(text_of(elements(tree, "h1")[0]), f"Run {name}")
        self.assertEqual(elements(tree, "b") + elements(tree, "script"), [])


class NetsThatAreNotFinished(WithRuns):
    def page_of(self, folder, *arguments):
        """Names of the sections, the head, and the overview."""
        assert_success(report(folder, *arguments))
        tree = parsed(folder / "report.html")
        return ([part.get("aria-labelledby") for part in elements(tree, "section")],
                text_of(elements(tree, "header")[0]), text_of(section(tree, "overview")))

    def test_before_the_first_checkpoint_and_before_the_first_epoch(self):
        folder = self.copy("net without", "classifier")
        checkpoint = next(folder.glob("checkpoint-*.h5"))
        kept = checkpoint.read_bytes()
        for path in folder.glob("*.h5"):
            path.unlink()
        names, header, overview = self.page_of(folder)
        self.assertEqual(names, ["overview", "curves", "time", "repeat"])
        self.assertIn("no checkpoint yet", header)
        self.assertIn("A classifier, pre-trained in digits", header)
        self.assertIn("Best validation error", overview)
        checkpoint.write_bytes(kept)
        (folder / "metrics.jsonl").unlink()
        names, header, overview = self.page_of(folder)
        self.assertEqual(names, ["overview", "confusion", "mistakes", "units", "weights", "time", "repeat"])
        self.assertIn("Epochs0of 4, not finished", overview)
        self.assertIn(checkpoint.name, overview)

    def test_a_best_net_that_is_damaged(self):
        folder = self.copy("damaged net", "classifier")
        (folder / "best.h5").write_bytes(b"nonsense")
        names, header, overview = self.page_of(folder)
        self.assertIn("A model could not be used", header)
        self.assertIn("best.h5", header)
        self.assertIn("confusion", names)
        self.assertIn("Parameters fromcheckpoint-", overview)

    def test_data_that_are_gone_or_others(self):
        folder = self.copy("net elsewhere", "classifier")
        text = (folder / "config.ini").read_text().replace(str(DIGITS), "/nowhere/digits.h5")
        (folder / "config.ini").write_text(text)
        names, header, _ = self.page_of(folder)
        self.assertEqual(names, ["overview", "curves", "units", "weights", "time", "repeat"])
        self.assertIn("/nowhere/digits.h5", header)
        self.assertEqual(len(elements(section(parsed(folder / "report.html"), "units"), "img")), 1)
        whole = self.page_of(folder, "--data", DIGITS)[0]
        self.assertEqual(whole, ["overview", "curves", "confusion", "mistakes", "units", "weights", "time", "repeat"])
        assert_one_message(report(folder, "--data", self.folder / "table.h5"), 3, "24 columns", "64 inputs")
        assert_one_message(report(folder, "--layer", "1"), 2, "--layer 1", "is of a net")
        with h5py.File(self.folder / "unlabelled.h5", "w") as data, h5py.File(DIGITS) as digits:
            data["samples"] = digits["samples"][()]
            data["samples"].attrs["scale"] = 16.0
        assert_one_message(report(folder, "--data", self.folder / "unlabelled.h5"), 3, "validation rows", "no labels")
        (folder / "config.ini").write_text(text.replace("/nowhere/digits.h5", str(self.folder / "unlabelled.h5")))
        names, header, _ = self.page_of(folder)
        self.assertEqual(names, ["overview", "curves", "units", "weights", "time", "repeat"])
        self.assertIn("no labels", header)

    def test_one_that_diverged(self):
        folder = self.folder / "diverged net"
        self.assertEqual(run(["finetune", "--from-scratch", "--autoencoder", "--layers", "5", "--data", DIGITS, "--output", folder,
                              "--learning-rate", "1e30", "--threads", "1"]).code, 4)
        names, header, overview = self.page_of(folder)
        self.assertEqual(names, ["overview", "time", "repeat"])
        self.assertIn("The run diverged", header)
        self.assertRegex(header, "rbmpi finetune .* --learning-rate 0.1")
        self.assertNotIn("weight-init", header)
        self.assertIn("Epochs0of 50, diverged", overview)

    def test_one_that_stopped_early(self):
        folder = self.folder / "early net"
        finetune(folder, DIGITS, "--from-scratch", "--layers", "30", "--epochs", "200", "--validation", "0.2",
                 "--early-stop", "--patience", "1", "--learning-rate", "0.3")
        epochs = len((folder / "metrics.jsonl").read_text().splitlines())
        self.assertLess(epochs, 200)
        overview = self.page_of(folder)[2]
        self.assertIn(f"Epochs{epochs}of 200, stopped early", overview)
        self.assertIn(f"epoch {epochs - 1}, in best.h5", overview)

    def test_the_least_that_can_be(self):
        with h5py.File(self.folder / "least.h5", "w") as data:
            data["samples"] = numpy.zeros((4, 1), dtype="float32")
            data["labels"] = numpy.array([0, -0, 1, 0])
        pages = {}
        for name, options in (("sure", ["--layers", "1"]), ("code", ["--layers", "1", "--autoencoder"]),
                              ("codes", ["--layers", "3", "--autoencoder", "--validation", "0.25"])):
            folder = self.folder / f"least-{name}"
            finetune(folder, self.folder / "least.h5", "--from-scratch", "--epochs", "1", *options)
            assert_success(report(folder))
            pages[f"least-{name}"] = folder / "report.html"
            self.assertNotRegex(text_of(parsed(folder / "report.html").find(XHTML + "body")), "nan|inf(?!o)|not finite")
        frames, console = in_the_browser(self.folder, pages)
        self.assertEqual(console, [])
        for name, frame in frames.items():
            with self.subTest(" ".join(name)):
                self.assertLessEqual(frame["scroll_width"], frame["width"])
                self.assertEqual(frame["narrow_texts"], [])
                self.assertEqual(frame["small_images"], [])


class WhatIsNoRun(FolderTest):
    def test_mistakes(self):
        empty = self.folder / "empty"
        empty.mkdir()
        young = self.folder / "young"
        young.mkdir()
        (young / "config.ini").write_text("hidden = 3\n")
        odd = self.folder / "odd"
        odd.mkdir()
        (odd / "metrics.jsonl").write_text('{"epoch": 1}\nnonsense\n{"epoch": 2}\n')
        for arguments, code, fragments in (
                ([], 2, ["rbmpi report RUN"]), ([self.folder / "nowhere"], 3, ["nowhere", "not there"]),
                ([DIGITS], 3, ["digits.h5", "no folder"]), ([empty], 3, ["empty", "metrics.jsonl"]),
                ([young], 3, ["young", "no epoch yet"]), ([odd], 3, ["metrics.jsonl", "line 2"]),
                ([young, "--rows", "0"], 2, ["--rows", "0"]), ([young, "--outputs", "x"], 2, ["--output"])):
            with self.subTest(str(arguments)):
                assert_one_message(run(["report", *arguments]), code, *fragments)
        assert_one_message(report(young, ranks=3), 3, "young", "no epoch yet")
        (odd / "metrics.jsonl").write_text('{"epoch": 1}\n')
        assert_one_message(report(odd, "--output", self.folder / "no/page.html"), 3, "no")
        self.assertEqual(os.listdir(odd), ["metrics.jsonl"])
        assert_success(report(odd))

    def test_help(self):
        self.assertIn("rbmpi report RUN", assert_success(run(["report", "--help"])).stdout)


if __name__ == "__main__":
    unittest.main()
