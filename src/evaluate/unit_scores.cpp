#include "evaluate/unit_scores.hpp"

#include <algorithm>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/softplus.hpp"

namespace rbmpi {

UnitScores::UnitScores(RbmView<const Real> rbm, const ScoreSettings& settings, Arena& memory)
    : rbm_(rbm),
      v_(memory.take<Real>(rbm.shape().visible)),
      fields_(memory.take<double>(rbm.shape().hidden)),
      others_(memory.take<double>(rbm.shape().hidden)),
      means_(memory.take<Real>(settings.reconstruction ? rbm.shape().hidden : 0)),
      fields_v_(memory.take<double>(settings.reconstruction ? rbm.shape().visible : 0)),
      means_v_(memory.take<Real>(settings.reconstruction ? rbm.shape().visible : 0)) {}

void UnitScores::take(std::span<const double> v) {
  std::ranges::transform(v, v_.begin(), [](double value) { return static_cast<Real>(value); });
  std::ranges::fill(fields_, 0.0);
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (v[i] == 0) continue;
    const Real* const weights = rbm_.weights.row(i);
    for (std::size_t j = 0; j < fields_.size(); ++j) fields_[j] += v[i] * double{weights[j]};
  }
  energy_ = rbm_.visible_unit->energy(rbm_.visible_units(), v_.data());
  free_energy_ = rbm_.hidden_unit->sum_out(energy_, rbm_.hidden_units(), fields_.data());
}

UnitScores::Reconstruction UnitScores::reconstruct() {
  const UnitRow visible = rbm_.visible_units();
  std::ranges::transform(fields_, means_.begin(), [](double field) { return static_cast<Real>(field); });
  rbm_.hidden_unit->mean(rbm_.hidden_units(), unrounded, means_.data());
  double along_fields = 0;
  for (std::size_t i = 0; i < v_.size(); ++i) {
    const Real* const weights = rbm_.weights.row(i);
    double field = 0;
    for (std::size_t j = 0; j < means_.size(); ++j) field += double{weights[j]} * double{means_[j]};
    fields_v_[i] = field;
    means_v_[i] = static_cast<Real>(field);
    along_fields += field * double{v_[i]};
  }
  visible.unit->mean(visible, unrounded, means_v_.data());
  // -log p(v_i) = U(v_i) - I_i v_i + the cumulant at I_i.
  Reconstruction result{.cross_entropy = energy_ - along_fields - visible.unit->sum_out(0, visible, fields_v_.data())};
  for (std::size_t i = 0; i < v_.size(); ++i) {
    const double error = double{v_[i]} - double{means_v_[i]};
    result.squared_error += error * error / static_cast<double>(v_.size());
  }
  return result;
}

double UnitScores::unit_log_likelihood(std::uint64_t i) {
  const UnitRow one = rbm_.visible_units().part(i, 1);
  const auto other = static_cast<Real>(one.unit->flipped(double{v_[i]}));
  const double change = double{other} - double{v_[i]};
  const Real* const weights = rbm_.weights.row(i);
  for (std::size_t j = 0; j < others_.size(); ++j) others_[j] = fields_[j] + change * double{weights[j]};
  const double energy = energy_ + one.unit->energy(one, &other) - one.unit->energy(one, &v_[i]);
  const double flipped = rbm_.hidden_unit->sum_out(energy, rbm_.hidden_units(), others_.data());
  return -softplus(free_energy_ - flipped);
}

}  // namespace rbmpi
