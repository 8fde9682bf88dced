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


FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi test "))


def setUpModule():
    unittest.addModuleCleanup(shutil.rmtree, FOLDER, ignore_errors=True)
    make_runs(FOLDER)
    for name in ("digits", "table"):
        assert_success(report(FOLDER / name))


class WithRuns(unittest.TestCase):
    def setUp(self):
        self.folder = FOLDER
        self.pages = {name: FOLDER / name / "report.html" for name in ("digits", "table")}
        self.trees = {name: parsed(page) for name, page in self.pages.items()}


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
    const inks = [...page.querySelectorAll("p, h1, h2, a, dt, dd, td, th, summary, figcaption p")]
      .map(element => frame.contentWindow.getComputedStyle(element).color)
      .concat([...page.querySelectorAll("svg text")].map(text => frame.contentWindow.getComputedStyle(text).fill));
    return {{
      name: frame.title, width: root.clientWidth, scroll_width: root.scrollWidth, paper,
      images: [...page.images].map(image => image.complete ? image.naturalWidth : 0),
      least_contrast: Math.min(...inks.map(ink => contrast(luminance(ink), paper))),
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
        self.assertEqual(len(frames), 8)
        for (name, scheme, width), frame in frames.items():
            with self.subTest(f"{name} {scheme} {width}"):
                self.assertEqual(frame["width"], int(width))
                self.assertLessEqual(frame["scroll_width"], frame["width"], "it scrolls sideways")
                self.assertEqual(len(frame["images"]), 6 if name == "digits" else 4)
                self.assertGreater(min(frame["images"]), 0, "a picture is missing")
                self.assertGreater(len(frame["drawings"]), 5)
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
    def copy(self, name, source="digits"):
        shutil.copytree(self.folder / source, self.folder / name)
        (self.folder / name / "report.html").unlink(missing_ok=True)
        return self.folder / name

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
                                          "Reconstruction error"])
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
        for name, rate, epochs, command in (("at once", "1e30", 0, "--learning-rate 0.1"),
                                            ("later", "1:0.1,3:1e20", 2, None)):
            with self.subTest(name):
                folder = self.folder / name
                self.assertEqual(run(["train", "--data", DIGITS, "--output", folder, "--hidden", "5", "--learning-rate",
                                      rate, "--checkpoint-epochs", "1"]).code, 4)
                assert_success(report(folder))
                tree = parsed(folder / "report.html")
                header = text_of(elements(tree, "header")[0])
                self.assertIn("The run diverged", header)
                self.assertRegex(header, f"in epoch {epochs + 1} after step [0-9]+: most likely learning-rate")
                self.assertIn("checkpoint-36.h5" if epochs else "no checkpoint, so there is no model", header)
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
