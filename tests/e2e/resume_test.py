"""Training that goes on with other options, in another place, to more epochs: the model is always that of the run that
nobody disturbed."""

import json
import os
import re
import shutil
import signal
import unittest

import h5py
import numpy

import jobs
from resuming import DIGITS, RICH, SHORT, USUAL, Resuming, content, undisturbed, without
from support import assert_one_message, assert_success, run


class Finished(Resuming):
    def test_says_so_and_changes_nothing(self):
        assert_success(self.train(*SHORT))
        before = content(self.run_folder)
        for ranks in (None, 3):
            result = assert_success(self.train(*SHORT, ranks=ranks))
            self.assertIn("is finished", result.stdout)
            self.assertIn(undisturbed(*SHORT)[0], result.stdout)
            self.assertEqual(content(self.run_folder), before)

    def test_more_epochs_go_on(self):
        assert_success(self.train("--hidden", "20", "--epochs", "3", "--validation", "0.1"))
        for ranks, epochs in ((3, "5"), (None, "9")):
            arguments = ("--hidden", "20", "--epochs", epochs, "--validation", "0.1")
            done = 17 * jobs.epochs_done(self.run_folder)
            self.assert_resumed(self.train(*arguments, ranks=ranks), done)
            self.assert_same_as_undisturbed(*arguments)
            self.assertIn(f"epochs = {epochs}\n", (self.run_folder / "config.ini").read_text())

    def test_model_lost(self):
        assert_success(self.train(*SHORT))
        (self.run_folder / "model.h5").unlink()
        assert_success(self.train(*SHORT, ranks=2))
        self.assert_same_as_undisturbed(*SHORT)

    def test_killed_while_the_model_was_written(self):
        assert_success(self.train(*SHORT))
        (self.run_folder / "model.h5").rename(self.run_folder / ".model.h5.partial-0123456789abcdef")
        assert_success(self.train(*SHORT))
        self.assert_same_as_undisturbed(*SHORT)

    def test_texts_lost(self):
        assert_success(self.train(*SHORT))
        for name in ("config.ini", "metrics.jsonl"):
            before = (self.run_folder / name).read_text()
            os.remove(self.run_folder / name)
            self.assertIn("is finished", assert_success(self.train(*SHORT)).stdout)
            self.assertEqual((self.run_folder / name).read_text(), before)
        for path in jobs.checkpoints(self.run_folder).values():
            path.unlink()
        before = (self.run_folder / "config.ini").read_text()
        (self.run_folder / "config.ini").unlink()
        self.assertIn("is finished", assert_success(self.train(*SHORT)).stdout)
        self.assertEqual((self.run_folder / "config.ini").read_text(), before)

    def test_configuration_lost_while_it_runs(self):
        job = self.start_and_wait(*USUAL)
        before = (self.run_folder / "config.ini").read_text()
        (self.run_folder / "config.ini").unlink()
        assert_success(job.end(60))
        self.assertEqual((self.run_folder / "config.ini").read_text(), before)

    def test_leaves_a_last_checkpoint_and_no_lock(self):
        assert_success(self.train(*SHORT))
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [4 * 18])
        self.assertEqual(jobs.check_checkpoint(self.run_folder / "checkpoint-72.h5"), undisturbed(*SHORT)[0])
        self.assertEqual(self.files_of_run(), ["checkpoint-72.h5", "config.ini", "jobs.jsonl", "metrics.jsonl",
                                               "model.h5"])

    def files_of_run(self):
        return sorted(os.listdir(self.run_folder))


class Updates(Resuming):
    """In place of epochs; 18 are one."""

    def test_end_in_the_middle_of_an_epoch_and_go_on(self):
        usual = ("--hidden", "20", "--validation", "0.1", "--batch-size", "90")
        result = assert_success(self.train(*usual, "--updates", "40"))
        self.assertIn("40 updates of 90 rows, 18 an epoch", result.stdout)
        self.assert_same_as_undisturbed(*usual, "--updates", "40")
        lines = [(line["epoch"], line["step"], line["samples"]) for line in jobs.metrics(self.run_folder)]
        self.assertEqual(lines, [(1, 18, 1617), (2, 36, 1617), (3, 40, 360)])
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [40])
        before = content(self.run_folder)
        self.assertIn("is finished: 40 updates trained", assert_success(self.train(*usual, "--updates", "40")).stdout)
        self.assertEqual(content(self.run_folder), before)
        assert_success(run(["report", self.run_folder, "--output", self.folder / "report.html"]))
        self.assertIn("<dt>Updates</dt><dd>40<small>of 40, finished</small>", (self.folder / "report.html").read_text())
        # Texts that were lost come back, the part of an epoch included.
        os.remove(self.run_folder / "metrics.jsonl")
        assert_success(self.train(*usual, "--updates", "40"))
        self.assertEqual((self.run_folder / "metrics.jsonl").read_bytes(), before["metrics.jsonl"][0])
        assert_one_message(self.train(*usual, "--updates", "39"), 2,
                           "has done 40 updates already, more than updates = 39")
        assert_one_message(self.train(*usual, "--epochs", "2"), 2, "is in epoch 3 already, beyond epochs = 2")
        # What goes on reports whole epochs alone, as if it had not ended.
        for ranks, more in ((3, ("--updates", "50")), (None, ("--updates", "61")), (2, ("--epochs", "5"))):
            assert_success(self.train(*usual, *more, ranks=ranks))
            self.assert_same_as_undisturbed(*usual, *more)
            self.assertIn(f"{more[0][2:]} = {more[1]}\n", (self.run_folder / "config.ini").read_text())

    def test_stopped_and_killed(self):
        usual = ("--hidden", "300", "--updates", "2701")
        self.stop(*usual, epochs=2)
        job = self.start(*usual, "--checkpoint-steps", "7", "--checkpoint-keep", "1000", ranks=2)
        job.wait_for(lambda: list(jobs.checkpoints(self.run_folder))[-1] > 300, "some more steps are kept")
        jobs.kill(job.ranks()[0])
        job.end(10)
        assert_success(self.train(*usual, ranks=3))
        self.assert_same_as_undisturbed(*usual)

    def test_of_a_stack(self):
        usual = ("--layers", "20,10", "--updates")
        assert_success(self.train("--hidden", "20", "--updates", "40"))
        assert_success(self.train(*usual, "40/20", ranks=2))
        assert_one_message(self.train(*usual, "41/20"), 2, "finished layer 1 after 40 updates, not after updates = 41",
                           "as in updates = 40/41")
        assert_success(self.train(*usual, "40/30"))
        self.assert_same_as_undisturbed(*usual, "40/30")
        lines = [(line["layer"], line["epoch"], line["step"]) for line in jobs.metrics(self.run_folder)]
        self.assertEqual(lines, [(0, 1, 18), (0, 2, 36), (0, 3, 40), (1, 1, 18), (1, 2, 30)])
        self.assertIn("More updates of the highest layer", assert_success(self.train(*usual, "40/30")).stdout)

    def test_both_are_refused(self):
        assert_one_message(self.train("--updates", "40", "--epochs", "4"), 2, "updates = 40", "epochs = 4",
                           "give one of the two")


class Chains(Resuming):
    """Persistent chains, sliding offsets and figures of chains go on as if nothing had been."""

    KEYS = ("--hidden", "100", "--estimator", "pcd", "--sweeps", "2", "--chains", "70", "--centring",
            "sliding", "--weight-init", "1", "--learning-rate", "0.01", "--chains-from", "data")

    def test_stopped_and_on_other_ranks(self):
        for ranks, words in ((2, ("--updates", "100")), (3, ("--epochs", "9", "--engine", "blas")),
                             (2, ("--epochs", "20", "--ranks-per-node", "1"))):
            assert_success(self.train(*self.KEYS, *words, ranks=ranks))
        digest, metrics = undisturbed(*self.KEYS, "--epochs", "20")
        self.assertEqual(jobs.digest(self.run_folder / "model.h5"), digest)
        self.assertEqual(jobs.metrics(self.run_folder), metrics)
        last = metrics[-1]
        self.assertNotIn("reconstruction_mse", last)
        for name in ("data_energy", "chains_energy", "data_free_energy", "chains_free_energy"):
            self.assertLess(last[name], 0)
        for name in ("chains_means_r", "chains_pairs_r", "chains_autocorrelation"):
            self.assertTrue(-1 <= last[name] <= 1, last)

    def test_other_chains_are_refused(self):
        assert_success(self.train(*SHORT, "--estimator", "pcd"))
        for key, value in (("--chains", "50"), ("--sweeps", "3"), ("--centring", "batch"), ("--statistics", "states"),
                           ("--estimator", "cd")):
            words = without(("--estimator", "pcd"), (key,))
            result = self.train(*SHORT, *words, key, value)
            assert_one_message(result, 2, key[2:], value)


class Optimizers(Resuming):
    def test_all_go_on_with_what_they_remember(self):
        terms = ("--hidden", "20", "--rate-decay", "0.8", "--l1", "0.001", "--field-cost", "0.002", "--weight-cost",
                 "0.0002", "--clip-gradient", "1:0.2, 2:0.1")
        for optimizer in ("momentum", "adam", "rmsprop", "cossim"):
            name = f"run {optimizer}"
            usual = (*terms, "--optimizer", optimizer)
            for ranks, updates in ((2, "7"), (3, "29"), (None, "50")):
                assert_success(self.train(*usual, "--updates", updates, ranks=ranks, name=name))
            self.assertEqual(jobs.digest(self.folder / name / "model.h5"), undisturbed(*usual, "--updates", "50")[0])
        with h5py.File(self.folder / "run cossim/checkpoint-50.h5") as file:
            self.assertEqual(file["progress"].attrs["optimizer"], b"last_gradient factors products")
            self.assertEqual(file["optimizer/factors"].shape, (2, 1))
            self.assertEqual(file["optimizer/products"].shape, (2, 64 // 16 + 64 + 20))
            self.assertNotEqual(file["optimizer/factors"][0, 0], 1)


class WhatMayChange(Resuming):
    def setUp(self):
        super().setUp()
        self.stop(*RICH, epochs=2)
        self.before = content(self.run_folder)

    def refused(self, *arguments, fragments, data=DIGITS):
        for ranks in (None, 3):
            assert_one_message(self.train(*without(RICH, arguments), *arguments, data=data, ranks=ranks), 2, *fragments)
            self.assertEqual(content(self.run_folder), self.before)

    # Each key that makes a difference: tests/unit/app/configuration_test.cpp.
    def test_several_differences_in_one_message(self):
        self.refused("--hidden", "30", "--seed", "7", "--shuffle", "off",
                     fragments=["hidden = 30, but 200 in the run", "seed = 7, but 1 in the run",
                                "shuffle = off, but on in the run"])

    def test_keys_that_are_free(self):
        free = ["--threads", "2", "--ranks-per-node", "1", "--progress", "off", "--checkpoint-seconds", "1",
                "--checkpoint-epochs", "7", "--checkpoint-steps", "100", "--checkpoint-keep", "2", "--time-limit", "1h",
                "--hang-timeout", "20m"]
        assert_success(self.train(*RICH, *free, ranks=2))
        self.assert_same_as_undisturbed(*RICH)

    def copy_of_the_digits(self, change=None):
        path = self.folder / "elsewhere.h5"
        shutil.copy(DIGITS, path)
        if change:
            with h5py.File(path, "r+") as file:
                change(file)
        return path

    def test_one_value_of_the_data_changed(self):
        def change(file):
            file["samples"][1000, 20] = (int(file["samples"][1000, 20]) + 1) % 17
        self.refused(data=self.copy_of_the_digits(change), fragments=["elsewhere.h5", "data"])

    def test_one_value_of_the_same_file_changed(self):
        path = self.copy_of_the_digits()
        self.stop(*RICH, name="other", data=path, epochs=2)
        with h5py.File(path, "r+") as file:
            file["samples"][0, 20] = (int(file["samples"][0, 20]) + 1) % 17
        before = content(self.folder / "other")
        assert_one_message(self.train(*RICH, name="other", data=path), 2, "elsewhere.h5")
        self.assertEqual(content(self.folder / "other"), before)

    def test_data_moved_elsewhere(self):
        assert_success(self.train(*RICH, data=self.copy_of_the_digits()))
        self.assert_same_as_undisturbed(*RICH)

    def test_run_folder_moved_elsewhere(self):
        self.run_folder.rename(self.folder / "moved")
        assert_success(self.train(*RICH, name="moved", ranks=2))
        self.assert_same_as_undisturbed(*RICH, name="moved")


class Fresh(Resuming):
    def test_moves_the_old_run_aside(self):
        assert_success(self.train(*SHORT))
        first = content(self.run_folder)
        other = (*SHORT, "--seed", "2")
        assert_success(self.train(*other, "--fresh"))
        self.assert_same_as_undisturbed(*other)
        self.assertEqual(self.files(), ["run", "run.old-1"])
        self.assertEqual(content(self.folder / "run.old-1"), first)
        second = content(self.run_folder)
        assert_success(self.train(*SHORT, "--fresh", ranks=3))
        self.assert_same_as_undisturbed(*SHORT)
        self.assertEqual(self.files(), ["run", "run.old-1", "run.old-2"])
        self.assertEqual(content(self.folder / "run.old-1"), first)
        self.assertEqual(content(self.folder / "run.old-2"), second)

    def test_nothing_to_move(self):
        assert_success(self.train(*SHORT, "--fresh"))
        self.assertEqual(self.files(), ["run"])

    def test_a_mistake_moves_nothing(self):
        assert_success(self.train(*SHORT))
        for arguments in (("--hidden", "0"), ("--rows", "5000")):
            result = self.train("--epochs", "1", *arguments, "--fresh")
            self.assertEqual(result.code, 2, result)
            self.assertEqual(self.files(), ["run"])

    def test_a_stopped_run_goes_on_under_its_new_name(self):
        self.stop(*USUAL)
        assert_success(self.train(*SHORT, "--fresh"))
        assert_success(self.train(*USUAL, name="run.old-1"))
        self.assert_same_as_undisturbed(*USUAL, name="run.old-1")

    def test_not_while_it_runs(self):
        job = self.start_and_wait("--hidden", "100", "--epochs", "1000000", ranks=2)
        second = self.start(*SHORT, "--fresh")
        second.wait_for(lambda: second.output()[1], "a word on the wait")
        self.assertIn(f"process {job.ranks()[0]},", second.output()[1])
        second.process.terminate()
        self.assertEqual(second.end(10).code, 75)
        self.assertEqual(self.files(), ["run"])
        job.process.send_signal(signal.SIGUSR1)
        self.assert_stopped(job.end(10), "SIGUSR1")


class Metrics(Resuming):
    """metrics.jsonl is that of the undisturbed run, whatever happened to it in between."""

    def damage_and_go_on(self, damage):
        self.stop(*RICH)
        path = self.run_folder / "metrics.jsonl"
        damage(path)
        assert_success(self.train(*RICH))
        self.assert_same_as_undisturbed(*RICH)
        for line in path.read_text().splitlines():
            self.assertGreater(json.loads(line)["seconds"], 0)

    def test_lost(self):
        self.damage_and_go_on(lambda path: path.unlink())

    def test_empty(self):
        self.damage_and_go_on(lambda path: path.write_text(""))

    def test_longer_than_the_checkpoint(self):
        self.damage_and_go_on(lambda path: path.write_text(
            path.read_text() + "".join(json.dumps({"layer": 0, "epoch": 50 + i}) + "\n" for i in range(3))))

    def test_half_a_line_at_its_end(self):
        self.damage_and_go_on(lambda path: path.write_text(path.read_text() + '{"layer":0,"epo'))

    def test_a_line_lost(self):
        self.damage_and_go_on(lambda path: path.write_text("".join(path.read_text().splitlines(True)[1:])))

    def test_not_doubled_after_a_kill(self):
        # The checkpoint is older than the last lines.
        def two_more_epochs():
            newest = max(jobs.checkpoints(self.run_folder), default=None)
            return newest and jobs.epochs_done(self.run_folder) * 17 > newest + 34

        self.disturb(lambda job: jobs.kill(job.process.pid), *RICH, "--checkpoint-steps", "200", until=two_more_epochs)
        assert_success(self.train(*RICH, ranks=2))
        self.assert_same_as_undisturbed(*RICH)


class Options(Resuming):
    """Stopped on some ranks and resumed on others, with other keys."""

    def stop_and_go_on(self, *arguments, ranks=2, then=3, same_layout=False):
        _, steps = self.stop(*arguments, ranks=ranks)
        self.assert_resumed(self.train(*arguments, ranks=then), steps)
        self.assert_same_as_undisturbed(*arguments, ranks=then if same_layout else None)

    def test_validation_schedules_and_weight_cost(self):
        self.stop_and_go_on(*RICH)

    def test_data_as_they_are(self):
        self.stop_and_go_on("--hidden", "200", "--epochs", "200", "--sample-data", "off", "--validation", "0.1")

    def test_order_of_the_file(self):
        self.stop_and_go_on("--hidden", "200", "--epochs", "200", "--shuffle", "off", ranks=3, then=None)

    def test_last_batch_shorter(self):
        self.stop_and_go_on("--hidden", "100", "--epochs", "200", "--batch-size", "23", "--rows", "1000", ranks=None)

    def test_plain_arithmetic_in_the_same_layout(self):
        for ranks in (None, 2):
            shutil.rmtree(self.run_folder, ignore_errors=True)
            self.stop_and_go_on("--hidden", "200", "--epochs", "200", "--arithmetic", "plain", ranks=ranks, then=ranks,
                                same_layout=True)

    def test_validation_on_another_file(self):
        shutil.copy(DIGITS, self.folder / "v.h5")
        self.stop_and_go_on("--hidden", "200", "--epochs", "60", "--validation", str(self.folder / "v.h5"))

    def test_configuration_file(self):
        (self.folder / "c.ini").write_text("hidden = 200\nepochs = 200\ncheckpoint-seconds = 1\ncheckpoint-keep = 2\n")
        arguments = ("--config", self.folder / "c.ini")
        _, steps = self.stop(*arguments)
        self.assert_resumed(self.train(*arguments, ranks=2), steps)
        self.assert_same_as_undisturbed("--hidden", "200", "--epochs", "200")

    def test_written_configuration_goes_on(self):
        _, steps = self.stop(*USUAL)
        self.assert_resumed(run(["train", "--config", self.run_folder / "config.ini"], timeout=120), steps)
        self.assert_same_as_undisturbed(*USUAL)


class WhichCheckpoints(Resuming):
    STEPS = 18 * 150

    def test_by_steps(self):
        assert_success(self.train(*USUAL, "--checkpoint-steps", "190", "--checkpoint-keep", "1000"))
        steps = list(jobs.checkpoints(self.run_folder))
        self.assertEqual(steps, [*range(190, self.STEPS, 190), self.STEPS])
        for path in jobs.checkpoints(self.run_folder).values():
            jobs.check_checkpoint(path)
        self.assert_same_as_undisturbed(*USUAL)

    def test_by_epochs(self):
        assert_success(self.train(*USUAL, "--checkpoint-epochs", "30", "--checkpoint-keep", "1000", ranks=2))
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [*range(540, self.STEPS, 540), self.STEPS])
        self.assertEqual(jobs.digest(self.run_folder / "checkpoint-540.h5"),
                         undisturbed("--hidden", "300", "--epochs", "30")[0])

    def test_by_seconds(self):
        arguments = ("--hidden", "300", "--epochs", "1200")
        assert_success(self.train(*arguments, "--checkpoint-seconds", "1", "--checkpoint-keep", "1000"))
        # Of the job: with many short epochs on a busy machine much of its time lies between them.
        seconds = json.loads((self.run_folder / "jobs.jsonl").read_text())["seconds"]
        self.assertGreater(seconds, 2)
        self.assertAlmostEqual(len(jobs.checkpoints(self.run_folder)), seconds, delta=2)

    def test_none_on_the_way(self):
        assert_success(self.train(*SHORT, "--checkpoint-seconds", "0"))
        self.assertEqual(list(jobs.checkpoints(self.run_folder)), [72])

    def test_as_many_as_asked_for_are_kept(self):
        for keep in (1, 2, 5):
            keys = ("--checkpoint-steps", "10", "--checkpoint-keep", str(keep))
            assert_success(self.train(*SHORT, *keys, name=f"{keep}"))
            self.assertEqual(list(jobs.checkpoints(self.folder / f"{keep}")), [30, 40, 50, 60, 70, 72][-keep:])


class Snapshots(Resuming):
    def snapshots(self, name="run"):
        found = {int(re.fullmatch(r"snapshot-(\d+)\.h5", path.name)[1]): jobs.digest(path)
                 for path in (self.folder / name).glob("snapshot-*.h5")}
        return dict(sorted(found.items()))

    def test_linear(self):
        arguments = ("--hidden", "20", "--epochs", "10")
        assert_success(self.train(*arguments, "--snapshots", "linear:5", ranks=2))
        found = self.snapshots()
        self.assertEqual(list(found), [36, 72, 108, 144, 180])
        for steps, digest in found.items():
            self.assertEqual(digest, undisturbed("--hidden", "20", "--epochs", str(steps // 18))[0])
        with h5py.File(self.run_folder / "snapshot-36.h5") as snapshot:
            self.assertEqual(snapshot.attrs["format"].decode(), "rbmpi-model")
            self.assertEqual(snapshot["layer_0/weights"].dtype, numpy.float32)

    def test_logarithmic(self):
        assert_success(self.train("--hidden", "20", "--epochs", "10", "--snapshots", "log:6"))
        self.assertEqual(list(self.snapshots()), [1, 3, 8, 23, 64, 180])  # 180 to the power of 0, 1/5, 2/5, ...

    def test_the_same_in_a_run_that_was_stopped(self):
        arguments = (*USUAL, "--snapshots", "linear:8")
        assert_success(self.train(*arguments, name="left alone"))
        self.stop(*arguments, ranks=2)
        assert_success(self.train(*arguments, ranks=3))
        self.assertEqual(self.snapshots(), self.snapshots("left alone"))
        self.assertEqual(len(self.snapshots()), 8)

    def test_the_same_in_a_run_that_was_killed(self):
        arguments = (*USUAL, "--snapshots", "log:10")
        assert_success(self.train(*arguments, name="left alone"))
        self.disturb(lambda job: jobs.kill(job.process.pid), *arguments, "--checkpoint-steps", "100", epochs=30)
        assert_success(self.train(*arguments))
        self.assertEqual(self.snapshots(), self.snapshots("left alone"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
