#include "rbmpi/core/threads.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include "core/control_group.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/gemm.hpp"

namespace rbmpi {
namespace {

int current_threads = 1;

/// Cores that the control groups grant (quota / period, rounded up), or a large number without a limit.
int control_group_cores() {
  int cores = CPU_SETSIZE;
  const ControlGroups groups = control_groups("cpu");
  for (const std::filesystem::path& folder : groups.folders) {
    double quota = 0;
    double period = 0;
    if (groups.version_2) {
      std::ifstream file(folder / "cpu.max");  // "max 100000" without a limit
      if (!(file >> quota >> period)) continue;
    } else {
      std::ifstream quota_file(folder / "cpu.cfs_quota_us");  // -1 without a limit
      std::ifstream period_file(folder / "cpu.cfs_period_us");
      if (!(quota_file >> quota) || !(period_file >> period)) continue;
    }
    if (quota > 0 && period > 0) cores = std::min(cores, std::max(1, static_cast<int>(std::ceil(quota / period))));
  }
  return cores;
}

}  // namespace

int machine_cores() {
  return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

int usable_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int allowed = sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask) : machine_cores();
  return std::max(1, std::min(allowed, control_group_cores()));
}

void use_threads(int threads) {
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  int in_region = 0;
#pragma omp parallel
  {
#pragma omp single
    in_region = omp_get_num_threads();
  }
  const int in_blas = detail::set_blas_threads(threads);
  if (in_region != threads || in_blas != threads) {
    throw Error(Failure::usage,
                fmt::format("threads = {}: the system gives {} OpenMP and {} OpenBLAS threads (OMP_THREAD_LIMIT or the "
                            "limit that OpenBLAS was built with); give a number that it allows",
                            threads, in_region, in_blas));
  }
  current_threads = threads;
}

int threads_in_use() noexcept {
  return current_threads;
}

}  // namespace rbmpi
