#pragma once

#include <functional>

namespace rbmpi {

/// What long work calls now and then, on the main thread of each rank, with the share in [0, 1] of this rank's work
/// that is done. It must not communicate. An empty one is not called.
using ProgressReport = std::function<void(double done)>;

}  // namespace rbmpi
