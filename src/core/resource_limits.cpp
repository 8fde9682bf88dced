#include "core/resource_limits.hpp"

#include <algorithm>
#include <cmath>

#include <sys/resource.h>

namespace rbmpi {
namespace {

unsigned seconds_at_a_time = 0;  // 0: no limit

void limit(__rlimit_resource resource, std::uint64_t most) noexcept {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) return;
  now.rlim_cur = std::min<rlim_t>(now.rlim_max, most);
  setrlimit(resource, &now);
}

double seconds(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

void limit_data(std::uint64_t bytes) noexcept {
  limit(RLIMIT_DATA, bytes);
}

void limit_processor_time(unsigned seconds) noexcept {
  seconds_at_a_time = seconds;
  renew_processor_time(0);
}

void renew_processor_time(double more) noexcept {
  if (seconds_at_a_time == 0) return;
  constexpr double longest = 1e9;
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double end = seconds(used.ru_utime) + seconds(used.ru_stime) + seconds_at_a_time + more;
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(std::ceil(std::min(end, longest))));
}

}  // namespace rbmpi
