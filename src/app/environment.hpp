#pragma once

#include <map>
#include <optional>
#include <string>

namespace rbmpi {

/// Environment variables, by name.
using Environment = std::map<std::string, std::string>;

/// Local. The variables that a process is given, an array that ends with a null pointer.
[[nodiscard]] Environment environment_of(const char* const* variables);

/// Local. The variables of this process now.
[[nodiscard]] Environment this_environment();

/// Local. The value of a variable; nothing if it is not set or blank, as batch scripts pass on what they do not have.
[[nodiscard]] std::optional<std::string> value_of(const Environment& environment, const std::string& name);

/// What a launcher, such as mpirun or srun, says in the environment of each process that it starts.
struct Launch {
  int size = 1;
  int rank = 0;
  int rank_on_node = 0;
  std::string size_variable;
};

/// Local. Nothing for a process that was started by itself. `process` is its number: in a job of Slurm it tells what
/// srun has started from what was started by hand.
[[nodiscard]] std::optional<Launch> launch_of(const Environment& environment, long process);

}  // namespace rbmpi
