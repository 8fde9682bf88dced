#include "rbmpi/evaluate/data_scores.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "evaluate/unit_scores.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/softplus.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// Rows that are scored together, by one thread: what is made of a row of weights serves them all. Blocks, not rows,
/// are shared out, so that their sums do not depend on who formed them.
constexpr std::uint64_t block_rows = 64;

/// Sums are formed in so many parts, for the processor's vectors: part k of the terms k, k + lanes, ...
constexpr std::size_t lanes = 8;

double dot(const Real* a, const double* b, std::size_t count) {
  std::array<double, lanes> sums{};
  std::size_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += double{a[j + k]} * b[j + k];
  }
  double sum = 0;
  for (; j < count; ++j) sum += double{a[j]} * b[j];
  for (const double part : sums) sum += part;
  return sum;
}

/// The log of the product of the off[j] + on[j] * factor[j], each of which is within [exp(-largest), exp(largest)]:
/// products of as many as stay far from the ends of the range take one logarithm together.
double log_product(const double* off, const double* on, const double* factor, std::size_t count, double largest) {
  constexpr double range = 600;
  const std::size_t together = std::max<std::size_t>(
      lanes, static_cast<std::size_t>(std::min(range / largest, 1e6)) / lanes * lanes);  // count is no more than 2^22
  double sum = 0;
  for (std::size_t j = 0; j < count;) {
    const std::size_t end = std::min(count, j + together);
    std::array<double, lanes> products{1, 1, 1, 1, 1, 1, 1, 1};
    for (; j + lanes <= end; j += lanes) {
      for (std::size_t k = 0; k < lanes; ++k) products[k] *= off[j + k] + on[j + k] * factor[j + k];
    }
    double product = 1;
    for (; j < end; ++j) product *= off[j] + on[j] * factor[j];
    for (const double part : products) product *= part;
    sum += std::log(product);
  }
  return sum;
}
constexpr double largest_factor = 600.0 / lanes;  // its logarithm, so that `lanes` factors are within the range

struct Score {
  enum : std::size_t { free_energy, squared_error, cross_entropy, stochastic, full, count };
};

/// What a block adds up.
struct BlockSums {
  std::array<RowSums, Score::count> figures{};
  double grey_rows = 0;
};
constexpr std::size_t block_numbers = sizeof(BlockSums) / sizeof(double);

/// The rows of some blocks, of `rows` in all.
Shard rows_of(Shard blocks, std::uint64_t rows) {
  const std::uint64_t first = std::min(blocks.first * block_rows, rows);
  return {first, std::min(blocks.count * block_rows, rows - first)};
}

/// Scores blocks of rows: one for each thread.
class BlockScorer {
 public:
  BlockScorer(RbmView<const Real> rbm, const ScoreSettings& settings, Arena& memory)
      : rbm_(rbm),
        settings_(settings),
        scratch_(memory.take<Real>(visible())),
        v_(memory.take<double>(block_rows * visible())),
        fields_(memory.take<double>(block_rows * hidden())),
        on_(memory.take<double>(activates() ? block_rows * hidden() : 0)),
        off_(memory.take<double>(activates() ? block_rows * hidden() : 0)),
        up_(memory.take<double>(hidden())),
        down_(memory.take<double>(hidden())),
        between_(memory.take<double>(hidden())) {
    if (!is_logistic(rbm.shape())) any_units_.emplace(rbm, settings, memory);
  }

  /// `rows` of those that the reader was told, of which the first has the number `first` in the data. `by_row`: a place
  /// for the figures of each, or none.
  [[nodiscard]] BlockSums score(const RowReader& reader, std::uint64_t first, Shard rows, const Rows& data,
                                std::span<RowScores> by_row) {
    rows_ = rows.count;
    all_ = {};
    BlockSums sums;
    BinaryRows told = settings_.rows;
    told.first += first;
    told.unit = rbm_.visible_unit;
    for (std::uint64_t r = 0; r < rows_; ++r) {
      read_row(reader, rows.first + r, told, scratch_, {v(r), visible()});
      sums.grey_rows += is_grey({v(r), visible()}) ? 1 : 0;
    }
    if (any_units_) {
      for (std::uint64_t r = 0; r < rows_; ++r) score_any_units(r, told.first + rows.first + r);
    } else {
      form_fields();
      if (settings_.pseudo_likelihood) flip_one_unit(told.first + rows.first);
      if (activates()) activate_hidden();
      if (settings_.reconstruction) reconstruct();
      if (settings_.full_pseudo_likelihood) flip_all_units();
    }
    for (std::uint64_t r = 0; r < rows_; ++r) {
      const double weight = row_weight(data, first + rows.first + r);
      for (std::size_t score = 0; score < Score::count; ++score) sums.figures[score].add(all_[r][score], weight);
    }
    for (std::size_t r = 0; r < by_row.size(); ++r) by_row[r] = {all_[r][Score::free_energy], all_[r][Score::full]};
    return sums;
  }

 private:
  [[nodiscard]] bool activates() const { return settings_.reconstruction || settings_.full_pseudo_likelihood; }
  [[nodiscard]] std::size_t visible() const { return rbm_.shape().visible; }
  [[nodiscard]] std::size_t hidden() const { return rbm_.shape().hidden; }
  [[nodiscard]] double* v(std::uint64_t r) { return v_.data() + r * visible(); }
  [[nodiscard]] double* fields(std::uint64_t r) { return fields_.data() + r * hidden(); }
  [[nodiscard]] double* on(std::uint64_t r) { return on_.data() + r * hidden(); }
  [[nodiscard]] double* off(std::uint64_t r) { return off_.data() + r * hidden(); }

  /// Whether there is a value that no state has.
  [[nodiscard]] bool is_grey(std::span<const double> row) const {
    const std::span<const double> values = rbm_.visible_unit->values;
    if (values.empty()) return false;
    return std::ranges::any_of(row, [&](double value) { return std::ranges::find(values, value) == values.end(); });
  }

  void score_any_units(std::uint64_t r, std::uint64_t number) {
    any_units_->take({v(r), visible()});
    all_[r][Score::free_energy] = any_units_->free_energy();
    if (settings_.reconstruction) {
      const UnitScores::Reconstruction reconstruction = any_units_->reconstruct();
      all_[r][Score::squared_error] = reconstruction.squared_error;
      all_[r][Score::cross_entropy] = reconstruction.cross_entropy;
    }
    if (!rbm_.visible_unit->flips()) return;
    if (settings_.pseudo_likelihood) {
      const std::uint64_t flipped = flipped_unit(visible(), settings_.rows.seed, number);
      all_[r][Score::stochastic] = static_cast<double>(visible()) * any_units_->unit_log_likelihood(flipped);
    }
    for (std::size_t i = 0; settings_.full_pseudo_likelihood && i < visible(); ++i) {
      all_[r][Score::full] += any_units_->unit_log_likelihood(i);
    }
  }

  // What follows is for zeros and ones on both sides.

  /// fields = c + v W, and the free energies.
  void form_fields() {
    for (std::uint64_t r = 0; r < rows_; ++r) std::ranges::copy(rbm_.hidden_bias, fields(r));
    for (std::size_t i = 0; i < visible(); ++i) {
      const Real* const weights = rbm_.weights.row(i);
      for (std::uint64_t r = 0; r < rows_; ++r) {
        const double value = v(r)[i];
        if (value == 0) continue;
        double* const x = fields(r);
        for (std::size_t j = 0; j < hidden(); ++j) x[j] += value * double{weights[j]};
      }
    }
    for (std::uint64_t r = 0; r < rows_; ++r) {
      double energy = -dot(rbm_.visible_bias.data(), v(r), visible());
      for (std::size_t j = 0; j < hidden(); ++j) energy -= softplus(fields(r)[j]);
      all_[r][Score::free_energy] = energy;
    }
  }

  /// on = sigmoid(fields) and off = 1 - on, both with small relative errors.
  void activate_hidden() {
    for (std::size_t k = 0; k < rows_ * hidden(); ++k) {
      const double small = std::exp(-std::abs(fields_[k]));
      const double large_side = 1 / (1 + small);
      const double small_side = small * large_side;
      on_[k] = fields_[k] >= 0 ? large_side : small_side;
      off_[k] = fields_[k] >= 0 ? small_side : large_side;
    }
  }

  void reconstruct() {
    for (std::size_t i = 0; i < visible(); ++i) {
      for (std::uint64_t r = 0; r < rows_; ++r) {
        const double field = double{rbm_.visible_bias[i]} + dot(rbm_.weights.row(i), on(r), hidden());
        const double value = v(r)[i];
        const double error = value - 1 / (1 + std::exp(-field));
        all_[r][Score::squared_error] += error * error;
        all_[r][Score::cross_entropy] += softplus(field) - value * field;
      }
    }
    for (std::uint64_t r = 0; r < rows_; ++r) all_[r][Score::squared_error] /= static_cast<double>(visible());
  }

  void flip_one_unit(std::uint64_t first) {
    for (std::uint64_t r = 0; r < rows_; ++r) {
      const std::uint64_t unit = flipped_unit(visible(), settings_.rows.seed, first + r);
      all_[r][Score::stochastic] =
          static_cast<double>(visible()) * unit_log_likelihood(rbm_, unit, v(r)[unit], fields(r));
    }
  }

  /// Where unit i goes from v to v + d, its free energy F falls by b d + sum_j log(off_j + on_j exp(d W_ij)): no
  /// logarithm for each of the V H terms, as softplus(x_j + d W_ij) would have.
  void flip_all_units() {
    for (std::size_t i = 0; i < visible(); ++i) {
      const Real* const weights = rbm_.weights.row(i);
      double largest = 0;
      for (std::size_t j = 0; j < hidden(); ++j) largest = std::max(largest, std::abs(double{weights[j]}));
      if (largest > largest_factor) {
        for (std::uint64_t r = 0; r < rows_; ++r) {
          all_[r][Score::full] += unit_log_likelihood(rbm_, i, v(r)[i], fields(r));
        }
        continue;
      }
      for (std::size_t j = 0; j < hidden(); ++j) {
        up_[j] = std::exp(double{weights[j]});
        down_[j] = 1 / up_[j];
      }
      for (std::uint64_t r = 0; r < rows_; ++r) {
        const double change = 1 - 2 * v(r)[i];
        const double fall = double{rbm_.visible_bias[i]} * change +
                            log_product(off(r), on(r), factors(weights, change), hidden(), largest);
        all_[r][Score::full] -= softplus(fall);
      }
    }
  }

  /// exp(change * W_ij) for all j.
  [[nodiscard]] const double* factors(const Real* weights, double change) {
    if (change == 1) return up_.data();
    if (change == -1) return down_.data();
    for (std::size_t j = 0; j < hidden(); ++j) between_[j] = std::exp(change * double{weights[j]});
    return between_.data();
  }

  RbmView<const Real> rbm_;
  const ScoreSettings& settings_;
  std::uint64_t rows_ = 0;
  std::span<Real> scratch_;
  std::span<double> v_;       // rows x V
  std::span<double> fields_;  // rows x H
  std::span<double> on_;      // rows x H
  std::span<double> off_;     // rows x H
  std::span<double> up_;      // H
  std::span<double> down_;    // H
  std::span<double> between_;
  std::optional<UnitScores> any_units_;  // where the units are others
  std::array<std::array<double, Score::count>, block_rows> all_{};
};

void check(RbmShape shape, const Rows& samples) {
  if (samples.rows == 0) throw Error(Failure::file, "there are no rows to evaluate the model on");
  if (shape.visible != samples.columns) {
    throw Error(
        Failure::file,
        fmt::format("the model does not fit the data: it has {} visible units ({} x {}), the data "
                    "have {} columns ({} rows x {})",
                    shape.visible, shape.visible, shape.hidden, samples.columns, samples.rows, samples.columns));
  }
}

}  // namespace

std::uint64_t flipped_unit(std::uint64_t units, std::uint64_t seed, std::uint64_t row) noexcept {
  constexpr std::uint32_t layer = 0;
  const RandomStream stream(seed, layer, row >> 32U, Phase::flipped_unit, static_cast<std::uint32_t>(row));
  const RandomStream::Block bits = stream.block(0);
  // The high part of a random number of 64 bits times `units`, which has at most 32.
  return (bits[0] * units + (bits[1] * units >> 32U)) >> 32U;
}

double unit_log_likelihood(RbmView<const Real> rbm, std::uint64_t unit, double value, const double* fields) noexcept {
  const double change = 1 - 2 * value;
  const Real* const weights = rbm.weights.row(unit);
  double fall = double{rbm.visible_bias[unit]} * change;
  for (std::size_t j = 0; j < rbm.shape().hidden; ++j) {
    fall += softplus(fields[j] + change * double{weights[j]}) - softplus(fields[j]);
  }
  return -softplus(fall);
}

std::uint64_t scoring_memory(RbmShape shape) {
  Arena counted(ArenaUse::count);
  for (int thread = 0; thread < threads_in_use(); ++thread) {
    const BlockScorer scorer({shape, {}}, {}, counted);
    (void)counted.take<Real>(block_rows * shape.visible);  // where rows are made
  }
  return counted.taken();
}

std::uint64_t row_scores_memory(std::uint64_t rows, int ranks) {
  const std::uint64_t blocks = (rows + block_rows - 1) / block_rows;
  return (rows + rows_of(shard(blocks, 0, ranks), rows).count) * sizeof(RowScores);
}

DataScores score_data(RbmView<const Real> rbm, const Rows& samples, const ScoreSettings& settings,
                      const Communicator& world, const ProgressReport& progress) {
  RowWeights weights;
  world.agree([&] {
    check(rbm.shape(), samples);
    weights = row_weights(samples);
  });
  const std::uint64_t blocks = (samples.rows + block_rows - 1) / block_rows;
  const Shard mine = shard(blocks, world.rank(), world.size());
  const Shard my_rows = rows_of(mine, samples.rows);
  std::vector<BlockSums> sums;  // of the blocks of others zero, so that the sum over the ranks is all of them
  std::vector<RowScores> of_my_rows;
  std::vector<RowScores> of_all_rows;  // on the root
  world.agree([&] {
    sums.resize(blocks);
    of_my_rows.resize(settings.by_row ? my_rows.count : 0);
    of_all_rows.resize(settings.by_row && world.is_root() ? samples.rows : 0);
    const auto threads = static_cast<std::uint64_t>(threads_in_use());
    Arena memory;
    std::vector<BlockScorer> scorers;
    scorers.reserve(std::min(threads, mine.count));
    while (scorers.size() < std::min(threads, mine.count)) scorers.emplace_back(rbm, settings, memory);
    RowBlocks rows(samples, threads * block_rows);
    for (std::uint64_t done = 0; done < mine.count; done += threads) {
      throw_if_stopped("scoring the data");
      if (progress) progress(static_cast<double>(done) / static_cast<double>(mine.count));
      const std::uint64_t blocks_now = std::min(threads, mine.count - done);
      const std::uint64_t begin = (mine.first + done) * block_rows;
      const std::uint64_t count = std::min(blocks_now * block_rows, samples.rows - begin);
      const RowReader& reader = rows.next(begin, count);
      parallel_for(blocks_now, [&](std::size_t thread) {
        const std::uint64_t first = thread * block_rows;
        const Shard rows_of_block{first, std::min(block_rows, count - first)};
        const std::span<RowScores> by_row =
            settings.by_row ? std::span(of_my_rows).subspan(begin - my_rows.first + first, rows_of_block.count)
                            : std::span<RowScores>();
        sums[mine.first + done + thread] = scorers[thread].score(reader, begin, rows_of_block, samples, by_row);
      });
    }
  });
  world.sum(std::span(reinterpret_cast<double*>(sums.data()), blocks * block_numbers));
  if (settings.by_row) {
    world.gather(std::as_bytes(std::span(of_my_rows)), std::as_writable_bytes(std::span(of_all_rows)));
  }

  BlockSums total;
  for (const BlockSums& block : sums) {
    for (std::size_t score = 0; score < Score::count; ++score) total.figures[score].add(block.figures[score]);
    total.grey_rows += block.grey_rows;
  }
  const auto mean = [&](std::size_t score) { return total.figures[score].result(); };
  DataScores result{.rows = samples.rows,
                    .effective_rows = weights.effective_rows(),
                    .grey_rows = static_cast<std::uint64_t>(total.grey_rows),
                    .free_energy = mean(Score::free_energy),
                    .reconstruction_mse = {},
                    .cross_entropy = {},
                    .pseudo_likelihood = {},
                    .full_pseudo_likelihood = {},
                    .by_row = std::move(of_all_rows)};
  if (settings.reconstruction) {
    result.reconstruction_mse = mean(Score::squared_error);
    result.cross_entropy = mean(Score::cross_entropy);
  }
  const bool flips = rbm.visible_unit->flips();
  if (settings.pseudo_likelihood && flips) result.pseudo_likelihood = mean(Score::stochastic);
  if (settings.full_pseudo_likelihood && flips) result.full_pseudo_likelihood = mean(Score::full);
  return result;
}

}  // namespace rbmpi
