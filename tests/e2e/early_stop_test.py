"""Early stopping as a user meets it: when it ends a run, the model of the best epoch, and runs that were interrupted."""

import json
import re
import shutil
import unittest

import jobs
from support import SOURCE, FolderTest, assert_one_message, assert_success, run

DIGITS = SOURCE / "data/digits.h5"


def digest(model):
    return assert_success(run(["info", "--digest", model])).stdout.strip()


class EarlyStop(FolderTest):
    def train(self, *arguments, name="run", ranks=None):
        options = {"--hidden": "60", "--epochs": "60", "--validation": "0.2", "--patience": "3"}
        options.update(zip(arguments[::2], arguments[1::2]))
        words = [word for option in options.items() for word in option]
        return run(["train", "--data", DIGITS, "--output", self.folder / name, *words], ranks=ranks)

    def metrics(self, name="run"):
        lines = [json.loads(line) for line in (self.folder / name / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if "second" not in key} for line in lines]

    def test_on_pseudo_likelihood(self):
        result = assert_success(self.train("--early-stop", "pseudo-likelihood", ranks=2))
        figures = [line["validation_pseudo_likelihood"] for line in self.metrics()]
        best = figures.index(max(figures)) + 1
        self.assertLess(len(figures), 60)
        self.assertEqual(len(figures), best + 3)
        self.assertIn(f"after epoch {best + 3}, 3 epochs of patience; epoch {best} was the best: ", result.stdout)
        self.assertIn(f"{self.folder}/run/best.h5\n", result.stdout)
        # The model of the best epoch is that of a run which ends there, and model.h5 that of the last epoch.
        for epochs, file in [(best, "best.h5"), (best + 3, "model.h5")]:
            assert_success(self.train("--epochs", epochs, name=f"until {epochs}"))
            self.assertEqual(digest(self.folder / f"until {epochs}/model.h5"), digest(self.folder / "run" / file))

    def test_on_the_free_energy_gap(self):
        assert_success(self.train("--early-stop", "gap"))
        lowest, good = float("inf"), []
        for line in self.metrics():
            gap = line["free_energy_gap"]
            self.assertAlmostEqual(gap, line["validation_free_energy"] - line["training_free_energy"], 9)
            lowest = min(lowest, gap)
            good.append(gap <= lowest + 2 * line["free_energy_gap_standard_error"])
        self.assertLess(len(good), 60)
        self.assertEqual(good[-4:], [True, False, False, False])
        for i in range(len(good) - 3):
            self.assertIn(True, good[i : i + 3])

    def test_a_run_that_was_interrupted_stops_where_it_would_have_stopped(self):
        option = ("--early-stop", "pseudo-likelihood", "--checkpoint-steps", "1", "--checkpoint-keep", "10000")
        assert_success(self.train(*option))
        steps = sorted(int(path.stem.split("-")[1]) for path in (self.folder / "run").glob("checkpoint-*.h5"))
        steps_an_epoch = -(-round(0.8 * 1797) // 100)
        best = digest(self.folder / "run/best.h5")
        best_step = steps[-1] - 3 * steps_an_epoch
        # After the last step but one, at the end of an epoch, in the middle.
        for kept, ranks in [(steps[-1] - 1, 2), (steps[-1] - steps_an_epoch, None), (steps[len(steps) // 2], 3)]:
            name = f"killed after {kept}"
            shutil.copytree(self.folder / "run", self.folder / name)
            for path in (self.folder / name).glob("*.h5"):
                if path.name != f"checkpoint-{kept}.h5" and not (path.name == "best.h5" and kept > best_step):
                    path.unlink()
            result = assert_success(self.train(*option, name=name, ranks=ranks))
            self.assertIn(f"resumes     from checkpoint-{kept}.h5", result.stdout)
            self.assertEqual(self.metrics(name), self.metrics())
            self.assertEqual(digest(self.folder / name / "model.h5"), digest(self.folder / "run/model.h5"))
            self.assertEqual(digest(self.folder / name / "best.h5"), best)

    def test_the_same_command_again_finds_it_finished_and_patience_goes_on(self):
        assert_success(self.train("--early-stop", "pseudo-likelihood"))
        epochs = len(self.metrics())
        result = assert_success(self.train("--early-stop", "pseudo-likelihood"))
        self.assertIn(f"is finished: {epochs} epochs trained\n", result.stdout)
        self.assertIn("More patience goes on with it", result.stdout)
        assert_success(self.train("--early-stop", "pseudo-likelihood", "--patience", "4"))
        self.assertGreater(len(self.metrics()), epochs)

    def block(self):
        """Something in the way of best.h5, which cannot be replaced."""
        (self.folder / "run").mkdir(exist_ok=True)
        (self.folder / "run/best.h5").unlink(missing_ok=True)
        (self.folder / "run/best.h5").mkdir()

    def test_a_best_model_that_cannot_be_written_is_told(self):
        self.block()
        option = ("--early-stop", "pseudo-likelihood", "--checkpoint-steps", "20")
        result = self.train(*option, ranks=2)
        self.assertEqual(result.code, 3, result)
        self.assertRegex(result.stdout, r"epoch \d+ was the best, but its model is not there: .*best\.h5")
        *warnings, error = result.messages
        self.assertGreaterEqual(len(warnings), 3, result)
        for line in warnings:
            self.assertRegex(line, r"^rbmpi: warning: best\.h5 is not kept: ")
        lost = r"^rbmpi: the model of the last epoch is whole, but that of epoch \d+, the best, is lost: "
        self.assertRegex(error, lost)
        whole = digest(self.folder / "run/model.h5")
        # The same command again, and more patience that goes on, say that it is lost.
        result = self.train(*option, ranks=2)
        self.assertEqual(result.code, 3, result)
        self.assertEqual(len(result.messages), 1, result)
        self.assertRegex(result.messages[0], lost)
        self.assertIn("was the best, but its model is not there", result.stdout)
        (self.folder / "run/best.h5").rmdir()
        best = int(re.search(r"epoch (\d+) was", result.stdout)[1])
        result = self.train(*option, "--patience", "4")
        self.assertRegex(result.messages[0], f"^rbmpi: warning: the model of epoch {best}, the best so far, is lost: ")
        if (self.folder / "run/best.h5").exists():  # a later epoch was better
            assert_success(result)
        else:
            self.assertEqual(result.code, 3, result)
        assert_success(self.train(*option, name="undisturbed"))
        self.assertEqual(digest(self.folder / "undisturbed/model.h5"), whole)

    def test_a_best_model_is_tried_again(self):
        self.block()
        job = jobs.Job(["train", "--data", DIGITS, "--output", self.folder / "run", "--hidden", "60", "--epochs", "300",
                        "--validation", "0.2", "--patience", "1000", "--early-stop", "pseudo-likelihood"], 2)
        self.addCleanup(job.__exit__)
        job.wait_for(lambda: "best.h5 is not kept" in job.output()[1], "a warning")
        (self.folder / "run/best.h5").rmdir()
        result = job.end(60)
        self.assertEqual(result.code, 0, result)
        best = int(re.search(r"best epoch  (\d+): ", result.stdout)[1])
        assert_success(self.train("--epochs", best, name="until"))
        self.assertEqual(digest(self.folder / "until/model.h5"), digest(self.folder / "run/best.h5"))

    def test_mistakes(self):
        assert_one_message(self.train("--early-stop", "gap", "--validation", "none"), 2, "early-stop = gap",
                           "'validation'")
        assert_one_message(self.train("--early-stop", "loss"), 2, "early-stop = loss", "off, gap, pseudo-likelihood")
        assert_one_message(self.train("--early-stop", "gap", "--patience", "0"), 2, "patience = 0")
        self.assertEqual(self.files(), [])
        assert_success(self.train("--epochs", "1"))
        assert_one_message(self.train("--early-stop", "gap"), 2, "early-stop = gap, but off in the run")


if __name__ == "__main__":
    unittest.main(verbosity=2)
