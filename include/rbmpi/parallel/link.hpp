#pragma once

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// What a link can do at its best.
struct Link {
  double latency = 0;    ///< seconds that a short message takes
  double bandwidth = 0;  ///< bytes a second in each direction, while both are in use

  /// Collective. The one between ranks 0 and 1 of at least two, measured in tenths of a second; all get its figures.
  [[nodiscard]] static Link measure(const Communicator& ranks);
};

}  // namespace rbmpi
