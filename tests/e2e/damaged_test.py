"""Checkpoints that are damaged or of another run: the run goes on from the one before, or says why it does not."""

import os
import shutil
import unittest

import h5py

import jobs
from resuming import DIGITS, SHORT, USUAL, Resuming, content, undisturbed
from support import assert_one_message, assert_success, run


class Damaged(Resuming):
    """Checkpoints that cannot be used are skipped with a warning for the one before."""

    def setUp(self):
        super().setUp()
        self.stop(*USUAL, "--checkpoint-steps", "20",
                  until=lambda: max(jobs.checkpoints(self.run_folder), default=0) > 300)
        self.steps = list(jobs.checkpoints(self.run_folder))
        self.assertEqual(len(self.steps), 3)

    def path(self, steps):
        return self.run_folder / f"checkpoint-{steps}.h5"

    def assert_skipped(self, *skipped, then, ranks=None):
        contents = {steps: self.path(steps).read_bytes() for steps in skipped}
        result = assert_success(self.train(*USUAL, ranks=ranks))
        self.assertEqual(len(result.messages), len(skipped) + (0 if then else 1), result)
        for steps in skipped:
            line = [line for line in result.messages if f"checkpoint-{steps}.h5'" in line]
            self.assertEqual(len(line), 1, result)
            self.assertRegex(line[0], r"^rbmpi: warning: '.*' is skipped: .+")
            damaged = self.run_folder / f"checkpoint-{steps}.h5.damaged"
            self.assertEqual(damaged.read_bytes(), contents[steps])
            damaged.unlink()
        if then:
            self.assertRegex(result.stdout, rf"resumes +from checkpoint-{then}\.h5")
        else:
            self.assertNotIn("resumes", result.stdout)
        self.assert_same_as_undisturbed(*USUAL)

    def flip(self, steps, place):
        path = self.path(steps)
        changed = bytearray(path.read_bytes())
        changed[place] ^= 1
        path.write_bytes(changed)

    def test_one_bit(self):
        size = self.path(self.steps[2]).stat().st_size
        self.flip(self.steps[2], size // 2)
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_one_bit_on_several_ranks(self):
        self.flip(self.steps[2], 3000)
        self.assert_skipped(self.steps[2], then=self.steps[1], ranks=3)

    def test_one_bit_of_the_user_block(self):
        for place in (0, 511):
            with self.subTest(place):
                shutil.copytree(self.run_folder, self.folder / f"kept {place}")
                self.flip(self.steps[2], place)
                self.assert_skipped(self.steps[2], then=self.steps[1])
                shutil.rmtree(self.run_folder)
                (self.folder / f"kept {place}").rename(self.run_folder)

    def test_truncated(self):
        path = self.path(self.steps[2])
        os.truncate(path, path.stat().st_size - 1)
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_two_damaged(self):
        os.truncate(self.path(self.steps[2]), 0)
        self.flip(self.steps[1], 10000)
        self.assert_skipped(self.steps[2], self.steps[1], then=self.steps[0], ranks=2)

    def test_all_damaged(self):
        for steps in self.steps:
            self.flip(steps, 20000)
        self.assert_skipped(*self.steps, then=None)

    def test_of_another_run(self):
        newest = str(self.steps[2])
        assert_success(self.train(*USUAL, "--seed", "2", "--checkpoint-steps", newest, "--checkpoint-keep", "100",
                                  name="other"))
        shutil.copy(self.folder / "other" / self.path(newest).name, self.path(newest))
        result = assert_success(self.train(*USUAL))
        self.assertEqual(len(result.messages), 1, result)
        self.assertRegex(result.messages[0], f"'{self.path(newest)}' is skipped: .*seed = ")
        self.assertRegex(result.stdout, rf"resumes +from checkpoint-{self.steps[1]}\.h5")
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*USUAL)[0])

    def test_model_in_the_place_of_a_checkpoint(self):
        assert_success(self.train("--hidden", "300", "--epochs", "2", name="other"))
        shutil.copy(self.folder / "other/model.h5", self.path(self.steps[2]))
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_text_in_the_place_of_a_checkpoint(self):
        self.path(self.steps[2]).write_text("nothing of use\n" * 1000)
        self.assert_skipped(self.steps[2], then=self.steps[1])

    def test_a_folder_in_the_place_of_a_checkpoint(self):
        self.path(self.steps[2]).unlink()
        self.path(self.steps[2]).mkdir()
        result = assert_success(self.train(*USUAL))
        self.assertIn(f"checkpoint-{self.steps[2]}.h5'", result.stderr)
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*USUAL)[0])

    def test_older_under_the_name_of_a_newer(self):
        # The name says 1000 steps, the content fewer: it is foreign here.
        shutil.copy(self.path(self.steps[0]), self.path(1000))
        result = assert_success(self.train(*USUAL))
        self.assertIn("checkpoint-1000.h5", result.stderr)
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), undisturbed(*USUAL)[0])
        self.assertEqual(jobs.metrics(self.run_folder), undisturbed(*USUAL)[1])


class Refused(Resuming):
    """What must neither be taken for this run nor cost a checkpoint."""

    def test_fewer_epochs(self):
        # Checkpoints in the middle of the third epoch, and at its end: neither is a run of two epochs.
        assert_success(self.train(*SHORT, "--checkpoint-steps", "7"))
        self.refuse_fewer("4")
        os.remove(jobs.checkpoints(self.run_folder)[72])
        self.refuse_fewer("3", "in epoch 4 already")

    def refuse_fewer(self, than, why="has done 4 epochs already"):
        before = content(self.run_folder)
        result = self.train("--hidden", "20", "--epochs", str(int(than) - 1))
        assert_one_message(result, 2, why, f"epochs = {int(than) - 1}")
        self.assertEqual(content(self.run_folder), before)

    def test_other_data_when_it_is_finished(self):
        assert_success(self.train(*SHORT))
        shutil.copy(DIGITS, self.folder / "other.h5")
        with h5py.File(self.folder / "other.h5", "a") as file:
            file["samples"][3, 4] = 16 - file["samples"][3, 4]
        for checkpoint in (*jobs.checkpoints(self.run_folder).values(), None):
            assert_one_message(self.train(*SHORT, data=self.folder / "other.h5"), 2, "other data", "other.h5")
            if checkpoint:
                os.remove(checkpoint)

    def test_edited_configuration(self):
        # Somebody edits config.ini in the folder and starts with it: no checkpoint may be lost by that.
        self.stop(*USUAL)
        path = self.run_folder / "config.ini"
        path.write_text(path.read_text().replace("hidden = 300", "hidden = 301"))
        before = content(self.run_folder)
        assert_one_message(run(["train", "--config", path]), 2, "hidden = 301, but 300 in the run")
        self.assertEqual(content(self.run_folder), before)
        assert_success(self.train(*USUAL))
        self.assert_same_as_undisturbed(*USUAL)

    def test_other_configuration_before_the_first_checkpoint(self):
        self.disturb(lambda job: jobs.kill(job.process.pid), *USUAL)
        before = content(self.run_folder)
        result = self.train("--hidden", "20", "--epochs", "4")
        self.assertEqual(result.code, 2, result)
        self.assertIn("hidden = 20, but 300 in the run", result.messages[-1])
        before.pop("lock")
        self.assertEqual(content(self.run_folder), before)

    def test_a_pipe_in_the_place_of_a_checkpoint(self):
        _, steps = self.stop(*USUAL)
        os.mkfifo(self.run_folder / "checkpoint-99999.h5")
        result = assert_success(self.train(*USUAL))
        self.assertIn("checkpoint-99999.h5' is skipped", result.messages[0])
        self.assertIn(f"from checkpoint-{steps}.h5", result.stdout)

    def test_whole_but_not_readable_now(self):
        # Not the file's fault: nothing is renamed, nothing starts over.
        self.stop(*USUAL)
        (self.run_folder / "checkpoint-99999.h5").symlink_to("checkpoint-99999.h5")
        before = sorted(os.listdir(self.run_folder))
        assert_one_message(self.train(*USUAL), 3, "checkpoint-99999.h5", "cannot read")
        self.assertEqual(sorted(os.listdir(self.run_folder)), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
