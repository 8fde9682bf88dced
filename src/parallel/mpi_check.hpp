#pragma once

#include <cstddef>
#include <limits>

#include <mpi.h>

namespace rbmpi {

/// The one place that looks at MPI's return codes. Throws Error(Failure::other) with MPI's own text. With MPI's default
/// error handler most failures end the job before this sees them.
void check_mpi(int code, const char* call);

/// MPI-3 counts are int, so long buffers travel in pieces of at most this many elements.
inline constexpr std::size_t largest_count = std::size_t{1} << 30;
static_assert(largest_count <= static_cast<std::size_t>(std::numeric_limits<int>::max()));

}  // namespace rbmpi
