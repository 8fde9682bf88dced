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
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"

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

std::vector<int> cores_of_places() {
  std::vector<int> cores;
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> more(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, more.data());
    cores.insert(cores.end(), more.begin(), more.end());
  }
  std::sort(cores.begin(), cores.end());
  cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
  return cores;
}

UsableCores usable_cores() {
  UsableCores usable{machine_cores(), CoreBound::none};
  const auto bound = [&](int count, CoreBound by) {
    if (count > 0 && count < usable.count) usable = {count, by};
  };
  // Where OpenMP binds threads, the mask of this one is that of its first place.
  if (const std::vector<int> places = cores_of_places(); !places.empty()) {
    bound(static_cast<int>(places.size()), CoreBound::places);
  } else {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (sched_getaffinity(0, sizeof(mask), &mask) == 0) bound(CPU_COUNT(&mask), CoreBound::affinity);
  }
  bound(control_group_cores(), CoreBound::quota);
  return usable;
}

void use_threads(int threads) {
  constexpr std::size_t bytes_of_thread = std::size_t{136} << 20U;  // a buffer of OpenBLAS, a stack
  if (const std::size_t bytes = static_cast<std::size_t>(threads) * bytes_of_thread; !may_take(bytes)) {
    throw Error(
        Failure::other,
        fmt::format("too little memory for {}: OpenBLAS takes addresses of {} more for its buffers, and the limits "
                    "of this process (ulimit -v, ulimit -d) have no room for them",
                    plural(threads, "thread"), human_bytes(bytes)));
  }
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
