#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/evaluate/confusion_matrix.hpp"
#include "rbmpi/evaluate/row_mean.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/model/net_pass.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// How good a net is at rows of data.
struct NetScores {
  std::uint64_t rows = 0;
  RowMean cross_entropy;  ///< of the label; of an autoencoder, of the data, summed over the units; in nats
  // Of a classifier.
  std::uint64_t errors = 0;   ///< rows whose likeliest class is another one
  ConfusionMatrix confusion;  ///< by the likeliest class
  // Of an autoencoder.
  RowMean squared_error;  ///< sum over the units of (v - p)^2

  [[nodiscard]] double error() const noexcept { return static_cast<double>(errors) / static_cast<double>(rows); }
};

/// Scores a net on rows of data. Fixed blocks of rows are shared out over the ranks and their sums added in one order,
/// so that the figures differ by the rounding of the matrix products at most.
class NetScoring {
 public:
  /// Local. For nets of this shape. The counts of a classifier's mistakes are taken by `score`.
  NetScoring(const NetShape& shape, Arena& memory);

  /// Collective. With the same parameters, classes and data on all ranks; the labels must be of these classes
  /// (check_labels). Of two classes that are equally likely the first counts. Throws an
  /// AgreedError(Failure::interrupted) after a signal.
  [[nodiscard]] NetScores score(std::span<const Real> parameters, std::span<const std::int32_t> classes,
                                const Rows& samples, const Communicator& world);

 private:
  NetShape shape_;
  NetPass pass_;
  std::span<double> cross_entropies_;  // of the rows of a block
  std::span<double> squared_errors_;
};

/// Local. Throws Error(Failure::file) for a row whose label is none of the classes, which are those of a classifier's
/// outputs, and if there are no labels. `what`: "data", "validation data".
void check_labels(const Rows& samples, std::span<const std::int32_t> classes, const std::string& what);

}  // namespace rbmpi
