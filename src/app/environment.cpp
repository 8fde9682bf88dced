#include "app/environment.hpp"

#include <array>
#include <charconv>
#include <string_view>

#include <unistd.h>

namespace rbmpi {
namespace {

constexpr std::string_view blanks = " \t";

std::optional<int> number(const Environment& environment, const char* name) {
  const std::optional<std::string> text = value_of(environment, name);
  int value = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc()) return {};
  return value;
}

}  // namespace

Environment environment_of(const char* const* variables) {
  Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::string_view text = *variables;
    const std::size_t end = text.find('=');
    if (end != std::string_view::npos) environment.emplace(text.substr(0, end), text.substr(end + 1));
  }
  return environment;
}

Environment this_environment() {
  return environment_of(environ);
}

std::optional<std::string> value_of(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end() || found->second.find_first_not_of(blanks) == std::string::npos) return {};
  return found->second;
}

std::optional<Launch> launch_of(const Environment& environment, long process) {
  struct Variables {
    const char* size;
    const char* rank;
    const char* rank_on_node;
  };
  static constexpr std::array<Variables, 3> launchers = {{
      {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"},
      {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_RANK"},
      {"PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID"},  // MPICH, Intel MPI, srun --mpi=pmi2
  }};
  for (const Variables& names : launchers) {
    const auto size = number(environment, names.size);
    const auto rank = number(environment, names.rank);
    if (size && rank) return Launch{*size, *rank, number(environment, names.rank_on_node).value_or(*rank), names.size};
  }
  // A shell inside of a job has the variables of the task that it is itself, and hands them on.
  const auto size = number(environment, "SLURM_STEP_NUM_TASKS");
  const auto rank = number(environment, "SLURM_PROCID");
  if (!size || !rank || number(environment, "SLURM_TASK_PID") != process) return {};
  return Launch{*size, *rank, number(environment, "SLURM_LOCALID").value_or(*rank), "SLURM_STEP_NUM_TASKS"};
}

}  // namespace rbmpi
