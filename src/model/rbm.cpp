#include "rbmpi/model/rbm.hpp"

#include <fmt/format.h>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

ParameterLayout rbm_layout(RbmShape shape, std::size_t layer) {
  const std::string group = layer_group(layer);
  std::vector<ParameterArray> arrays = {{.path = group + "/weights",
                                         .rows = shape.visible,
                                         .columns = shape.hidden,
                                         .group = rows_together,
                                         .weight_cost = true,
                                         .is_matrix = true}};
  const auto add_side = [&](const char* side, std::size_t units, const UnitEntry& unit, bool field_cost) {
    for (const std::string_view parameter : unit.parameters) {
      arrays.push_back(
          {.path = fmt::format("{}/{}_{}", group, side, parameter), .rows = units, .field_cost = field_cost});
    }
  };
  add_side("visible", shape.visible, *shape.visible_unit, true);
  add_side("hidden", shape.hidden, *shape.hidden_unit, false);
  return ParameterLayout(std::move(arrays));
}

std::uint64_t exact_rows(RbmShape shape) noexcept {
  if (is_logistic(shape)) return largest_single_precision_batch;
  const auto within_one = [](const UnitEntry* unit) {
    return !unit->values.empty() && unit->values.front() >= -1 && unit->values.back() <= 1;
  };
  return within_one(shape.visible_unit) && within_one(shape.hidden_unit) ? largest_single_precision_batch / 2 : 0;
}

Grid state_grid(RbmShape shape, std::uint64_t rows) noexcept {
  return probability_grid(is_logistic(shape) ? rows : 2 * rows);
}

void want_logistic(RbmShape shape, std::string_view who) {
  if (is_logistic(shape)) return;
  std::string known;
  for (const UnitEntry* const entry : units()) {
    if (entry->logistic) known += fmt::format("{}{}", known.empty() ? "" : " or ", entry->name);
  }
  throw Error(Failure::usage, fmt::format("{} takes machines of {} on both sides; this one has {} units", who, known,
                                          units_in_words(shape)));
}

std::string units_in_words(RbmShape shape) {
  if (shape.visible_unit == shape.hidden_unit) return fmt::format("{} on both sides", shape.visible_unit->name);
  return fmt::format("{} visible and {} hidden", shape.visible_unit->name, shape.hidden_unit->name);
}

void initialise_weights(RbmView<Real> rbm, double standard_deviation, std::uint64_t seed, std::uint32_t layer) {
  const MatrixView weights = rbm.weights;
  parallel_for(weights.rows, [&](std::size_t i) {
    const RandomStream stream(seed, layer, 0, Phase::weights, static_cast<std::uint32_t>(i));
    for (std::size_t j = 0; j < weights.columns; ++j) {
      weights.row(i)[j] = static_cast<Real>(standard_deviation * normal(stream, static_cast<std::uint32_t>(j)));
    }
  });
}

void start_from_means(RbmView<Real> rbm, std::span<const double> means, std::uint64_t rows) {
  rbm.visible_unit->start(means, rows, rbm.visible_parameters());
}

void free_energies(RbmView<const Real> rbm, ConstMatrixView v, ConstMatrixView fields, std::span<double> energies) {
  const UnitRow visible = rbm.visible_units();
  const UnitRow hidden = rbm.hidden_units();
  parallel_for(v.rows, [&](std::size_t i) {
    energies[i] = sum_out(visible.unit->energy(visible, v.row(i)), hidden, fields.row(i));
  });
}

std::string model_digest(std::span<const Rbm> layers) {
  Sha256 hash;
  const auto add = [&](const std::string& text) { hash.update(std::as_bytes(std::span(text))); };
  add("rbmpi-model 1\n");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const RbmShape shape = layers[i].shape();
    add(fmt::format("layer {} {} {} {} {}\n", i, shape.visible_unit->name, shape.visible, shape.hidden_unit->name,
                    shape.hidden));
    hash.update(std::as_bytes(layers[i].parameters()));
  }
  return hexadecimal(hash.finish());
}

}  // namespace rbmpi
