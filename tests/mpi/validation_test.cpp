// Validation of machines of any kinds of units, on any number of ranks.

#include "rbmpi/train/validation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/plain_units.hpp"
#include "support/random_samples.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

constexpr std::uint64_t rows = 70;
constexpr std::size_t visible = 6;

ValidationFigures measure(const Rbm& rbm, const Samples& samples, bool sample_data, const Communicator& world) {
  TrainingOptions options;
  options.sample_data = sample_data;
  Workspace memory;
  Couplings couplings(WeightRounding::two_grids, rbm.view().weights, validation_rows_at_once, 1, memory);
  EXPECT_TRUE(couplings.round_all());
  const Rows data(samples);
  Arena own;
  Validation validation(data, data, rbm.shape(), 0, options, own);
  return *validation.measure(rbm, couplings, 3, world);
}

TEST(ValidationTest, AsksTheUnitsOnAnyLayout) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::float32, rows, visible);
  const UnitEntry* const toy = &test::toy_unit();
  for (const RbmShape shape : {RbmShape{visible, 4}, RbmShape{visible, 4, toy, &bernoulli_unit},
                               RbmShape{visible, 4, &bernoulli_unit, toy}, RbmShape{visible, 4, toy, toy}}) {
    SCOPED_TRACE(units_in_words(shape));
    const Rbm rbm = test::random_machine(shape, 0.5, 3);
    double free_energy = 0;
    for (std::uint64_t row = 0; row < rows; ++row) {
      const auto* const v = reinterpret_cast<const Real*>(samples.view().row(row));
      free_energy += test::plain_free_energy(rbm, {v, visible}) / rows;
    }
    for (const bool sample_data : {true, false}) {
      const ValidationFigures figures = measure(rbm, samples.view(), sample_data, world);
      EXPECT_NEAR(figures.free_energy.mean, free_energy, 1e-5);
      EXPECT_EQ(figures.free_energy_gap().mean, 0);
      EXPECT_GT(figures.reconstruction_mse, 0);
      EXPECT_LT(figures.pseudo_likelihood, 0);
      use_threads(2);
      const ValidationFigures alone = measure(rbm, samples.view(), sample_data, Communicator());
      use_threads(1);
      EXPECT_EQ(alone.free_energy.mean, figures.free_energy.mean);
      EXPECT_EQ(alone.reconstruction_mse, figures.reconstruction_mse);
      EXPECT_EQ(alone.pseudo_likelihood, figures.pseudo_likelihood);
    }
  }
}

TEST(ValidationTest, OfZerosAndOnesThroughTheTableItIsTheSame) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::float32, rows, visible);
  UnitEntry numbers = bernoulli_unit;
  numbers.logistic = false;
  numbers.bits = nullptr;
  const Rbm rbm = test::random_machine({visible, 4}, 1, 4);
  Rbm other({visible, 4, &numbers, &numbers});
  std::ranges::copy(rbm.parameters(), other.parameters().begin());
  const ValidationFigures expected = measure(rbm, samples.view(), true, world);
  const ValidationFigures actual = measure(other, samples.view(), true, world);
  EXPECT_EQ(actual.free_energy.mean, expected.free_energy.mean);
  EXPECT_EQ(actual.reconstruction_mse, expected.reconstruction_mse);
  EXPECT_NEAR(actual.pseudo_likelihood, expected.pseudo_likelihood, 1e-9);

  numbers.values = {};  // as if they were real numbers
  EXPECT_TRUE(std::isnan(measure(other, samples.view(), true, world).pseudo_likelihood));
}

}  // namespace
}  // namespace rbmpi
