"""Tests that mount file systems do so in a mount namespace of their own."""

import os
import subprocess
import sys


def enter_own_mounts():
    """Starts this test anew in a mount namespace of its own, where it may mount."""
    if os.environ.get("RBMPI_TEST_OWN_MOUNTS"):
        # Open MPI's folder for root in /tmp may be the real root's.
        subprocess.run(["mount", "-t", "tmpfs", "none", "/mnt"], check=True)
        os.environ["OMPI_MCA_orte_tmpdir_base"] = "/mnt"
        return
    kinds = [["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]]
    for kind in kinds if os.geteuid() == 0 else kinds[1:]:
        trial = [*kind, "mount", "-t", "tmpfs", "none", "/mnt"]
        if subprocess.run(trial, capture_output=True, check=False).returncode == 0:
            os.environ["RBMPI_TEST_OWN_MOUNTS"] = "yes"
            os.execvp(kind[0], [*kind, sys.executable, *sys.argv])
    raise SystemExit(f"{sys.argv[0]}: neither root nor users may mount in a namespace of their own here; in a "
                     "container, give it CAP_SYS_ADMIN, or allow user namespaces "
                     "(sysctl kernel.unprivileged_userns_clone=1)")
