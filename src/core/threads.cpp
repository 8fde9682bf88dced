#include "rbmpi/core/threads.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/gemm.hpp"

namespace rbmpi {
namespace {

int current_threads = 1;

/// Cores that the control group grants (quota / period, rounded up), or a large number without a limit.
int control_group_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return CPU_SETSIZE;
  return std::max(1, static_cast<int>(std::stod(quota) / period + 0.999));
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
