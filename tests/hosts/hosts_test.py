"""The hosts themselves: names, files of their own, links that can be cut."""

import subprocess
import unittest

from hosts import Hosts
from support import mpi_environment


class TheHosts(unittest.TestCase):
    def test_each_has_its_name_and_its_files(self):
        with Hosts(2) as hosts:
            hosts.other_file("host2", "/etc/hostname", "/etc/debian_version")
            result = subprocess.run([*hosts.mpirun([1, 2]), "sh", "-c", 'echo "$(hostname) $(cat /etc/hostname)"'],
                                    text=True, capture_output=True, env=mpi_environment(), check=True)
        lines = sorted(result.stdout.splitlines())
        self.assertEqual([line.split()[0] for line in lines], ["host1", "host2", "host2"])
        self.assertNotEqual(lines[0].split()[1], lines[1].split()[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
