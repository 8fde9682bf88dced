#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/report/model_figures.hpp"

namespace rbmpi {

/// Persistent chains beside rows of the data that they are to be like.
struct ChainFindings {
  /// That are looked at, the first ones: chains have no order.
  static constexpr std::size_t most_chains = 10000;

  /// A mean over the rows and over the chains.
  struct Moment {
    double data = 0;
    double chains = 0;
  };
  /// What they are compared with.
  struct OfData {
    std::size_t rows = 0;           ///< that were looked at
    std::uint64_t rows_in_use = 0;  ///< of which these were taken
    std::size_t distinct = 0;       ///< of as many of them as there are chains, if they are zeros and ones; else 0
    double distance = 0;            ///< as that of the chains, between states that are drawn for two rows
    std::vector<Moment> means;      ///< <v_i> of each unit
    std::vector<Moment> pairs;      ///< <v_i v_j> of the pairs of train/measured_pairs.hpp
    /// The correlation that the second moments of independent rows, as many as there are chains, would have with those
    /// of the data. 0 if these have no more spread than so many rows have by chance.
    double expected_pairs_r = 0;
  };
  std::size_t chains = 0;
  std::uint64_t all_chains = 0;  ///< of which these are some
  std::size_t distinct = 0;      ///< of them
  double distance = 0;           ///< mean number of units in which two of them differ; 0 of one chain
  std::optional<OfData> data;
};

/// Local. `all` chains, of which some may be looked at; `rows`: data of as many columns as they have units, or nothing.
[[nodiscard]] ChainFindings compare_chains(ConstBitMatrixView all, const DataRows* rows);

/// What may be wrong with chains.
enum class ChainTrouble {
  /// They have come together: two of them differ in less than half as many units as two rows do, or less than half as
  /// many of them are distinct. Not said of fewer than 20 chains, which may be alike by chance.
  collapsed,
  /// They do not move: what told them apart is still there, to 90 %, after the last epoch, or would be after 100 sweeps
  /// if that had fewer. At that rate it takes a chain 1000 sweeps to become another one.
  stopped,
  /// They are elsewhere than the data: the correlation of the second moments is less than 80 % of what independent rows
  /// would have. Not said where that would be less than 0.5, as chance alone decides then.
  elsewhere
};

/// Local. `figures`: those of the last epoch; `sweeps`: that the chains had in it.
[[nodiscard]] std::vector<ChainTrouble> troubles_of(const ChainFindings* found,
                                                    const std::map<std::string, double>& figures, double sweeps);

}  // namespace rbmpi
