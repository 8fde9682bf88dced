#include "rbmpi/train/validation.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

constexpr double energy_unit = 0x1p-16;
constexpr double largest_energy = 1e9;  // of a model that makes sense; sums of it stay far from the end of 64 bits
constexpr ProbabilityRounding finest{.exact = true, .grid = {exact_bits}};
constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

}  // namespace

Validation::Validation(const Samples& training, const Samples& validation, RbmShape shape, std::uint32_t layer,
                       const TrainingOptions& options)
    : training_(training.part(0, std::min(training.rows, validation.rows))),
      validation_(validation),
      shape_(shape),
      layer_(layer),
      seed_(options.seed),
      sample_data_(options.sample_data),
      visible_data_(validation_rows_at_once * shape.visible),
      visible_(validation_rows_at_once * padded_columns(shape.visible)),
      hidden_(validation_rows_at_once * shape.hidden),
      energies_(validation_rows_at_once) {}

std::uint64_t Validation::memory(RbmShape shape) {
  return validation_rows_at_once * (shape.visible + padded_columns(shape.visible) + shape.hidden) * sizeof(Real);
}

std::optional<ValidationFigures> Validation::measure(RbmView<const Real> rbm, WeightProducts& products,
                                                     std::uint64_t epoch, const Communicator& world) {
  const Sums validation = sum_rows(rbm, products, validation_, true, epoch, world);
  const Sums training = sum_rows(rbm, products, training_, false, epoch, world);
  std::array<std::int64_t, 4> sums = {validation.squared_error, validation.free_energy, training.free_energy,
                                      stop_requested() ? 1 : 0};
  world.sum(std::span(sums));
  if (sums[3] > 0) return std::nullopt;
  const auto rows = static_cast<double>(validation_.rows);
  return ValidationFigures{
      .reconstruction_mse =
          static_cast<double>(sums[0]) * squared_error_unit / (rows * static_cast<double>(shape_.visible)),
      .free_energy = static_cast<double>(sums[1]) * energy_unit / rows,
      .training_free_energy = static_cast<double>(sums[2]) * energy_unit / static_cast<double>(training_.rows)};
}

Validation::Sums Validation::sum_rows(RbmView<const Real> rbm, WeightProducts& products, const Samples& rows,
                                      bool reconstruct, std::uint64_t epoch, const Communicator& world) {
  const Shard mine = shard(rows.rows, world.rank(), world.size());
  Sums sums;
  for (std::uint64_t begin = mine.first; begin < mine.first + mine.count; begin += validation_rows_at_once) {
    now_doing("validating");
    if (stop_requested()) break;
    const std::size_t count = std::min<std::uint64_t>(validation_rows_at_once, mine.first + mine.count - begin);
    const MatrixView v0p{visible_data_.data(), count, shape_.visible};
    const MatrixView visible{visible_.data(), count, shape_.visible};
    const MatrixView model{visible_.data(), count, products.down_columns()};
    const MatrixView hidden{hidden_.data(), count, shape_.hidden};
    const auto stream = [&](Phase phase, std::size_t i) {
      return RandomStream(seed_, layer_, epoch, phase, static_cast<std::uint32_t>(begin + i));
    };

    parallel_for(count, [&](std::size_t i) { row_probabilities(rows, rows.row(begin + i), finest, v0p.row(i)); });
    products.up_from_probabilities(v0p, hidden);
    free_energies(rbm, v0p, hidden, energies_.span().first(count));
    for (std::size_t i = 0; i < count; ++i) {
      const double energy = std::clamp(energies_.data()[i], -largest_energy, largest_energy);
      sums.free_energy += static_cast<std::int64_t>(std::llrint(energy / energy_unit));
    }
    if (!reconstruct) continue;

    if (sample_data_) {
      parallel_for(count, [&](std::size_t i) {
        sample(v0p.row(i), shape_.visible, stream(Phase::validation_data, i), visible.row(i));
      });
      products.up(visible, hidden);
    }
    parallel_for(count, [&](std::size_t i) {
      activate(hidden.row(i), rbm.hidden_bias.data(), shape_.hidden, unrounded);
      sample(hidden.row(i), shape_.hidden, stream(Phase::validation_hidden, i), hidden.row(i));
    });
    products.down(hidden, model);
    parallel_for(count,
                 [&](std::size_t i) { activate(model.row(i), rbm.visible_bias.data(), shape_.visible, unrounded); });
    for (std::size_t i = 0; i < count; ++i) {
      sums.squared_error += squared_error(v0p.row(i), model.row(i), shape_.visible);
    }
  }
  return sums;
}

}  // namespace rbmpi
