#include "rbmpi/train/validation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/gibbs/draws.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {
namespace {

constexpr double largest_energy = 1e9;  // of a model that makes sense

}  // namespace

Validation::Validation(const Rows& training, const Rows& validation, RbmShape shape, std::uint32_t layer,
                       const TrainingOptions& options, Arena& memory)
    : training_(first_rows_that_count(training, validation.rows)),
      validation_(validation),
      shape_(shape),
      layer_(layer),
      seed_(options.seed),
      sample_data_(options.sample_data),
      visible_data_(memory.take<Real>(validation_rows_at_once * shape.visible)),
      visible_(memory.take<Real>(validation_rows_at_once * padded_columns(shape.visible))),
      hidden_(memory.take<Real>(validation_rows_at_once * shape.hidden)),
      energies_(memory.take<double>(validation_rows_at_once)) {
  memory.expect(scoring_memory(shape));
}

std::optional<ValidationFigures> Validation::measure(RbmView<const Real> rbm, Couplings& couplings, std::uint64_t epoch,
                                                     const Communicator& world) {
  std::int64_t squared_error = 0;
  ValidationFigures figures;
  figures.free_energy = measure_rows(rbm, couplings, validation_, &squared_error, epoch, world);
  figures.training_free_energy = measure_rows(rbm, couplings, training_, nullptr, epoch, world);
  std::array<std::int64_t, 2> sums = {squared_error, stop_requested() ? 1 : 0};
  world.sum(std::span(sums));
  if (sums[1] > 0) return std::nullopt;
  figures.reconstruction_mse = static_cast<double>(sums[0]) * loss_unit /
                               (static_cast<double>(validation_.rows) * static_cast<double>(shape_.visible));
  try {
    const ScoreSettings pseudo_likelihood{
        .rows = {.binarise = sample_data_ ? Binarise::sample : Binarise::none, .seed = seed_},
        .reconstruction = false,
        .full_pseudo_likelihood = false};
    const DataScores scores = score_data(rbm, validation_, pseudo_likelihood, world);
    figures.pseudo_likelihood = scores.pseudo_likelihood ? scores.pseudo_likelihood->mean : NAN;
  } catch (const AgreedError& error) {
    if (error.failure() == Failure::interrupted) return std::nullopt;
    throw;
  }
  return figures;
}

RowMean Validation::measure_rows(RbmView<const Real> rbm, Couplings& couplings, const Rows& rows,
                                 std::int64_t* squared_errors, std::uint64_t epoch, const Communicator& world) {
  const std::uint64_t blocks = (rows.rows + validation_rows_at_once - 1) / validation_rows_at_once;
  const Shard mine = shard(blocks, world.rank(), world.size());
  std::optional<RowBlocks> row_blocks;
  std::vector<RowSums> sums;  // of the blocks of others zero, so that the sum over the ranks is all of them
  RowWeights weights;
  world.agree([&] {
    weights = row_weights(rows);
    row_blocks.emplace(rows, validation_rows_at_once);
    sums.resize(blocks);
  });
  for (std::uint64_t block = mine.first; block < mine.first + mine.count; ++block) {
    now_doing("validating");
    if (stop_requested()) break;
    const std::uint64_t begin = block * validation_rows_at_once;
    const std::size_t count = std::min<std::uint64_t>(validation_rows_at_once, rows.rows - begin);
    const MatrixView v0p{visible_data_.data(), count, shape_.visible};
    const MatrixView visible{visible_.data(), count, shape_.visible};
    const MatrixView model{visible_.data(), count, couplings.down_columns()};
    const MatrixView hidden{hidden_.data(), count, shape_.hidden};
    const Draws draws{seed_, layer_, epoch, begin};

    row_blocks->next(begin, count).read_on_all_threads({0, count}, finest, v0p);
    couplings.up_from_probabilities(v0p, hidden);
    free_energies(rbm, v0p, hidden, energies_.first(count));
    for (std::size_t i = 0; i < count; ++i) {
      sums[block].add(std::clamp(energies_[i], -largest_energy, largest_energy), row_weight(rows, begin + i));
    }
    if (squared_errors == nullptr) continue;

    if (sample_data_) {
      draw_rows(*rbm.visible_unit, v0p, draws, Phase::validation_data, visible);
      couplings.up(visible, hidden);
    }
    activate_and_draw_rows(hidden, rbm.hidden_units(), draws, Phase::validation_hidden);
    couplings.down(hidden, model);
    activate_rows(model, rbm.visible_units(), unrounded);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t error = squared_error(v0p.row(i), model.row(i), shape_.visible);
      if (!weights.differ()) {
        *squared_errors += error;
      } else {
        *squared_errors += std::llrint(static_cast<double>(error) * row_weight(rows, begin + i) * weights.scale());
      }
    }
  }
  world.sum(std::span(reinterpret_cast<double*>(sums.data()), blocks * (sizeof(RowSums) / sizeof(double))));
  RowSums total;
  for (const RowSums& block : sums) total.add(block);
  return total.result();
}

}  // namespace rbmpi
