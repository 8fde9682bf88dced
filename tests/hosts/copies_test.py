"""Hosts with other copies of the data under the same path: no command computes anything from them."""

import json
import shutil
import unittest

import h5py

from hosts import QUICK, Hosts
from support import SOURCE, FolderTest, assert_one_message, assert_success

DIGITS = SOURCE / "data/digits.h5"
SMALL = ("--epochs", 1, "--hidden", 16, "--progress", "off")


class Copies(FolderTest):
    def setUp(self):
        super().setUp()
        self.hosts = self.enterContext(Hosts(2))
        self.data = self.folder / "data.h5"  # on each host a file of its own
        shutil.copy(DIGITS, self.data)
        self.copy = self.folder / "copy-of-host2.h5"
        shutil.copy(DIGITS, self.copy)
        self.hosts.other_file("host2", self.data, self.copy)

    def run_on_both(self, *arguments, ranks=(1, 1)):
        return self.hosts.run(arguments, ranks=ranks)

    def train(self, name, data, *more, ranks=(1, 1)):
        return self.run_on_both("train", "--data", data, "--output", self.folder / name, *SMALL, *more, ranks=ranks)

    def change_copy(self, change):
        with h5py.File(self.copy, "r+") as file:
            change(file)

    def refused(self, result, *fragments):
        assert_one_message(result, 3, "data.h5", "host1", "host2", "every node must read the same file", *fragments,
                           seconds=20)

    def test_equal_copies_give_the_model_of_one_host(self):
        digests = set()
        for name, ranks in (("one", (1, 0)), ("two", (1, 1)), ("three", (1, 2))):
            assert_success(self.train(name, self.data, ranks=ranks))
            digests.add(assert_success(self.run_on_both("info", "--digest", self.folder / name / "model.h5",
                                                        ranks=(1, 0))).stdout)
        self.assertEqual(len(digests), 1)

    def test_other_copies_are_refused_by_every_command(self):
        assert_success(self.train("stack", DIGITS))
        stack = self.folder / "stack"
        net = self.folder / "net"
        assert_success(self.run_on_both("finetune", stack, "--data", DIGITS, "--output", net, "--epochs", 1,
                                        "--progress", "off"))

        def one_pixel(file):
            file["samples"][1234, 7] = 15 - file["samples"][1234, 7] % 16

        self.change_copy(one_pixel)
        output = self.folder / "output.h5"
        commands = [("train", "--data", self.data, "--output", self.folder / "new", *SMALL),
                    ("finetune", stack, "--data", self.data, "--output", self.folder / "new"),
                    ("evaluate", stack, self.data)]
        others = [("train", "--data", DIGITS, "--validation", self.data, "--output", self.folder / "new", *SMALL),
                  ("finetune", stack, "--data", DIGITS, "--validation", self.data, "--output", self.folder / "new"),
                  ("evaluate", stack, DIGITS, "--reverse", self.data, "--chains", 2, "--temperatures", 2),
                  ("evaluate", net, self.data),
                  ("transform", stack, self.data, "--output", output),
                  ("sample", stack, self.data, "--output", output),
                  ("predict", net, self.data, "--output", self.folder / "output.csv")]
        for arguments in commands if QUICK else commands + others:
            with self.subTest(command=arguments[0]):
                self.refused(self.run_on_both(*arguments), "rows 0 to 1796")
                self.assertFalse((self.folder / "new").exists())
                self.assertFalse(output.exists())

    def test_what_differs_is_said(self):
        def half_inverted(file):
            file["samples"][900:] = 16 - file["samples"][900:]

        def one_label(file):
            file["labels"][5] = 9 - file["labels"][5]

        def other_scale(file):
            file["samples"].attrs["scale"] = 17.0

        for change, words in ((half_inverted, "rows 0 to 1796"), (one_label, "the labels of rows 0 to 1796"),
                              (other_scale, "17 means 1.0")):
            with self.subTest(change=change.__name__):
                shutil.copy(DIGITS, self.copy)
                self.change_copy(change)
                self.refused(self.train("new", self.data, ranks=(1, 2)), words)

    def test_a_model_is_that_of_the_first_host(self):
        assert_success(self.train("first", DIGITS))
        assert_success(self.train("second", DIGITS, "--seed", 2))
        model, other = (self.folder / name / "model.h5" for name in ("first", "second"))
        evaluate = ("evaluate", model, DIGITS, "--log-z", "off", "--json")
        alone = json.loads(assert_success(self.run_on_both(*evaluate, ranks=(1, 0))).stdout)
        self.hosts.other_file("host2", model, other)
        both = json.loads(assert_success(self.run_on_both(*evaluate)).stdout)
        for key in alone:
            if "seconds" not in key and key != "layout":
                self.assertEqual(alone[key], both[key], key)


if __name__ == "__main__":
    unittest.main(verbosity=2)
