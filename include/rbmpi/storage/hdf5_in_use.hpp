#pragma once

#include <mutex>

namespace rbmpi {

/// Local. Held by a thread while it uses HDF5 beside others of its process, as the one that writes checkpoints does,
/// and by whoever forks a child that is to use it: a child has the library in the state in which the fork met it.
[[nodiscard]] std::mutex& hdf5_in_use() noexcept;

}  // namespace rbmpi
