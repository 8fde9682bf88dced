#pragma once

namespace rbmpi {

/// Local. Whether somebody watches the standard output on a terminal. Under Open MPI's mpirun a rank always writes to a
/// pseudo-terminal of mpirun's, so there it is mpirun's own output that counts.
[[nodiscard]] bool output_is_terminal();

/// Local. Columns of the terminal, 80 if it does not say.
[[nodiscard]] int terminal_columns();

}  // namespace rbmpi
