#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/evaluate/confusion_matrix.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/report/model_figures.hpp"

namespace rbmpi {

/// What a classifier makes of rows.
struct Classification {
  /// A row that is taken for another class than its own.
  struct Mistake {
    std::size_t row = 0;  ///< of the data rows
    std::int32_t label = 0;
    std::int32_t predicted = 0;
    double probability = 0;  ///< of the class it is taken for
    double of_label = 0;     ///< of its own
  };
  ConfusionMatrix confusion;
  std::vector<Mistake> mistakes;  ///< the most confident first, equals in the order of the rows
  double cross_entropy = 0;       ///< mean of -log p(label), in nats
};

/// Local. Of two classes that are equally likely the first counts. Uses the threads of `use_threads`. Throws
/// Error(Failure::file) if the rows have no labels, or one that is none of the classes; `what`: the name of the data in
/// the message.
[[nodiscard]] Classification classify(const FeedForwardNet& net, std::span<const std::int32_t> classes,
                                      const DataRows& rows, const std::string& what);

/// Local. What the first `layers` layers of a net make of rows: n x units of that layer.
[[nodiscard]] AlignedBuffer<Real> activations_of(const FeedForwardNet& net, std::size_t layers, const DataRows& rows);

/// Local. Mean over the rows of the sum over the columns of (v - r)^2. Both n x V, n > 0.
[[nodiscard]] double mean_squared_error(ConstMatrixView rows, ConstMatrixView reconstructions);

/// Points in a plane, for rows.
struct PlanePoints {
  std::vector<std::array<double, 2>> points;
  double share = 1;  ///< of the variance of the rows that they have
};
/// Local. The rows on their first two principal components, that of the larger variance first, each with its largest
/// coefficient positive. n x C, C >= 2.
[[nodiscard]] PlanePoints principal_components(ConstMatrixView rows);

}  // namespace rbmpi
