# shellcheck shell=bash
# Sourced by the other scripts. Goes to the top of this checkout, wherever the script was called from, and sets `cores`.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

# Hardware threads that this shell may use, but no more than there are cores: mpirun starts no more ranks than cores.
cores=$(lscpu --parse=core,socket | grep --invert-match '^#' | sort --unique | wc --lines)
if ((cores > $(nproc))); then cores=$(nproc); fi

# Open MPI starts nothing as root unless it is told twice.
if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
