#include "rbmpi/storage/hdf5_in_use.hpp"

namespace rbmpi {

std::mutex& hdf5_in_use() noexcept {
  static std::mutex mutex;
  return mutex;
}

}  // namespace rbmpi
