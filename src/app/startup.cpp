#include "app/startup.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/terminal.hpp"
#include "rbmpi/core/memory.hpp"

namespace rbmpi {
namespace {

constexpr const char* threads = "OMP_NUM_THREADS";
constexpr const char* kept_threads = "RBMPI_OMP_NUM_THREADS";  // what the user has set, until `main` begins

/// Comes back only if it fails: then the libraries are loaded with what they find.
void start_anew(char** argv, const Environment& environment) {
  std::vector<std::string> texts;
  std::vector<char*> variables;
  texts.reserve(environment.size());
  variables.reserve(environment.size() + 1);
  for (const auto& [name, value] : environment) {
    variables.push_back(texts.emplace_back(fmt::format("{}={}", name, value)).data());
  }
  variables.push_back(nullptr);
  execve("/proc/self/exe", argv, variables.data());
}

// What the libraries take before `main` and in MPI_Init (docs/reliability.md has the measurement): memory to write to,
// and in all, with plugins and with memory that ranks share.
constexpr std::size_t writable_bytes = std::size_t{176} << 20U;
constexpr std::size_t mapped_bytes = std::size_t{336} << 20U;
constexpr std::size_t file_bytes = std::size_t{4} << 20U;  // the longest file that Open MPI's processes share

/// Whether files may be as long as MPI wants them.
bool may_write(std::size_t bytes) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur >= bytes;
}

/// " (ulimit -v 200000; 460000 would do)", if this limit is too small.
std::string limit_text(const char* option, __rlimit_resource resource, std::size_t needed) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= needed) return {};
  constexpr std::size_t unit = std::size_t{1024} * 1000;  // of the shell are kB
  return std::string(" (ulimit ") + option + ' ' + std::to_string(limit.rlim_cur / 1024) + "; " +
         std::to_string((needed + unit - 1) / unit * 1000) + " would do)";
}

std::string too_short_files() {
  return "rbmpi: files may not be as long as MPI wants them" + limit_text("-f", RLIMIT_FSIZE, file_bytes) + '\n';
}

/// Which limit is too small, and what would do.
std::string too_little_memory() {
  std::array<unsigned long, 6> pages{};  // the first are the address space, the sixth data and stack
  if (std::FILE* const file = std::fopen("/proc/self/statm", "re"); file != nullptr) {
    for (unsigned long& field : pages) {
      if (std::fscanf(file, "%lu", &field) != 1) break;
    }
    std::fclose(file);
  }
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::string line = "rbmpi: too little memory to begin";
  line += limit_text("-v", RLIMIT_AS, pages.front() * page + mapped_bytes);
  line += limit_text("-d", RLIMIT_DATA, pages.back() * page + writable_bytes);
  return line + '\n';
}

}  // namespace

Environment environment_for_libraries(Environment environment) {
  if (!value_of(environment, "OMP_WAIT_POLICY") && !value_of(environment, "GOMP_SPINCOUNT")) {
    environment["GOMP_SPINCOUNT"] = "10000";  // some tens of microseconds, longer than the gaps inside a step
  }
  environment[kept_threads] = environment[threads];
  environment[threads] = std::string("1");
  return environment;
}

void before_libraries(int /*argc*/, char** argv, char** variables) {
  const Environment environment = environment_of(variables);
  if (!environment.contains(kept_threads)) start_anew(argv, environment_for_libraries(environment));
  const bool enough = may_take(writable_bytes) && may_map(mapped_bytes);
  if (enough && may_write(file_bytes)) return;
  // The ranks of a node have the same limits: one of them speaks.
  const std::optional<Launch> launch = launch_of(environment, getpid());
  const std::string line = launch && launch->rank_on_node != 0 ? "" : enough ? too_short_files() : too_little_memory();
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(1);  // nobody listens
  _exit(1);
}

void restore_environment() {
  prctl(PR_SET_NAME, "rbmpi");  // the second start was by another name, which ps and top would show
  const char* const kept = std::getenv(kept_threads);
  if (kept == nullptr) return;
  if (*kept == '\0') {
    unsetenv(threads);
  } else {
    setenv(threads, kept, 1);
  }
  unsetenv(kept_threads);
}

std::optional<std::string> singleton_problem(const std::optional<Launch>& launch, int size) {
  if (!launch || launch->size <= 1 || size > 1) return {};
  return fmt::format(
      "{} processes were started together ({}), but each is alone: the launcher is not that of {}, with "
      "which this rbmpi was built. Use that one's mpirun, or unset {} if each is to work for itself",
      launch->size, launch->size_variable, MpiEnvironment::library_version(), launch->size_variable);
}

bool may_run(bool writes, const Communicator& world) {
  const std::optional<Launch> launch = launch_of(this_environment(), getpid());
  const std::optional<std::string> problem = singleton_problem(launch, world.size());
  if (!problem) return true;
  if (launch->rank == 0) put(stderr, to_show("rbmpi: {}{}\n", writes ? "" : "warning: ", *problem));
  return !writes;
}

}  // namespace rbmpi
