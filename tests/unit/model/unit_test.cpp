#include "rbmpi/model/unit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/softplus.hpp"
#include "rbmpi/model/rbm.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/scalar_draw.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

using test::expect_error;
using test::Random;
using test::same_bits;

constexpr ProbabilityRounding on_grid{.exact = true, .grid = {.exponent = 16}};

/// Random units of a kind, of which a test looks at those behind the first ones of their side.
struct RandomUnits {
  RandomUnits(const UnitEntry& entry, std::size_t units, std::uint64_t seed) : random(seed) {
    const std::size_t side = units + skipped;
    parameters = random.reals(entry.parameters.size() * side, -2, 2);
    fields = random.reals(units, -4, 4);
    row = UnitRow{&entry, side, parameters.data(), side}.part(skipped, units);
  }

  /// One of them by itself.
  [[nodiscard]] UnitRow one(std::size_t i) const { return row.part(i, 1); }
  /// exp(I x - U(x)) of a unit.
  [[nodiscard]] double weight(std::size_t i, double value) const {
    const auto state = static_cast<Real>(value);
    return std::exp(double{fields[i]} * value - row.unit->energy(one(i), &state));
  }
  [[nodiscard]] double cumulant(std::size_t i) const { return -sum_out(0, one(i), &fields[i]); }

  static constexpr std::size_t skipped = 16;
  Random random;
  std::vector<Real> parameters;
  std::vector<Real> fields;
  UnitRow row;
};

/// What every kind of unit keeps to. Kinds without a list of values have tests of their own besides.
class UnitTest : public testing::TestWithParam<const UnitEntry*> {
 protected:
  [[nodiscard]] static const UnitEntry& entry() { return *GetParam(); }
};

TEST_P(UnitTest, IsFoundByItsName) {
  EXPECT_EQ(find_unit(entry().name), &entry());
  EXPECT_EQ(&unit(entry().name), &entry());
  EXPECT_THAT(unit_names(), testing::HasSubstr(std::string(entry().name)));
}

TEST_P(UnitTest, IsRefusedASecondTime) {
  UnitEntry other = entry();
  expect_error(Failure::usage, {"already", std::string(entry().name)}, [&] { add_unit(other); });
  EXPECT_EQ(std::ranges::count(units(), entry().name, &UnitEntry::name), 1);
}

TEST_P(UnitTest, TheCumulantIsTheLogOfTheSumOverStates) {
  const RandomUnits all(entry(), 40, 1);
  for (std::size_t i = 0; i < all.row.count; ++i) {
    double sum = 0;
    for (const double value : entry().values) sum += all.weight(i, value);
    EXPECT_NEAR(all.cumulant(i), std::log(sum), 1e-12);
  }
}

TEST_P(UnitTest, CumulantsAreTakenOffOneAfterTheOther) {
  for (const std::size_t count : {0U, 1U, 255U, 256U, 257U, 700U}) {
    const RandomUnits all(entry(), count, 2);
    double expected = 3.25;
    for (std::size_t i = 0; i < count; ++i) {
      const double field = 0.3 * double{all.fields[i]};
      expected = entry().sum_out(expected, all.one(i), &field);
    }
    EXPECT_EQ(sum_out(3.25, all.row, all.fields.data(), 0.3), expected) << count;
  }
}

TEST_P(UnitTest, TheMeanIsTheDerivativeOfTheCumulant) {
  RandomUnits all(entry(), 40, 3);
  std::vector<Real> means = all.fields;
  entry().mean(all.row, unrounded, means.data());
  for (std::size_t i = 0; i < all.row.count; ++i) {
    constexpr double h = 1e-5;
    const std::array<double, 2> fields = {double{all.fields[i]} - h, double{all.fields[i]} + h};
    const double slope =
        (entry().sum_out(0, all.one(i), fields.data()) - entry().sum_out(0, all.one(i), &fields[1])) / (2 * h);
    EXPECT_NEAR(double{means[i]}, slope, 1e-6);
  }
}

TEST_P(UnitTest, MeansAreRoundedToTheGrid) {
  const RandomUnits all(entry(), 40, 4);
  std::vector<Real> means = all.fields;
  std::vector<Real> rounded = all.fields;
  entry().mean(all.row, unrounded, means.data());
  entry().mean(all.row, on_grid, rounded.data());
  for (std::size_t i = 0; i < all.row.count; ++i) {
    EXPECT_EQ(std::rint(rounded[i] * 0x1p16F), rounded[i] * 0x1p16F);
    EXPECT_NEAR(double{rounded[i]}, double{means[i]}, 0x1.01p-17);
  }
}

TEST_P(UnitTest, StatisticsAreTheDerivativesOfTheEnergy) {
  RandomUnits all(entry(), 20, 5);
  const std::size_t stride = all.row.stride;
  for (const double value : {entry().least_data, entry().most_data}) {
    const std::vector<Real> states(all.row.count, static_cast<Real>(value));
    std::vector<Real> sums(all.parameters.size(), 1);
    entry().add_statistics(all.row, -2, states.data(), sums.data());
    for (std::size_t k = 0; k < entry().parameters.size(); ++k) {
      for (std::size_t i = 0; i < all.row.count; ++i) {
        Real& parameter = all.parameters[k * stride + RandomUnits::skipped + i];
        const Real before = parameter;
        parameter = before + 0.25F;
        const double above = entry().energy(all.one(i), &states[i]);
        parameter = before - 0.25F;
        const double below = entry().energy(all.one(i), &states[i]);
        parameter = before;
        EXPECT_NEAR(double{sums[k * stride + i]}, 1 - 2 * (below - above) / 0.5, 1e-5);
      }
    }
  }
}

TEST_P(UnitTest, EnergiesAddUpInOrder) {
  const RandomUnits all(entry(), 50, 6);
  std::vector<Real> states(50);
  Random random(6);
  for (Real& state : states) state = static_cast<Real>(entry().values[random.below(entry().values.size())]);
  double expected = 0;
  for (std::size_t i = 0; i < states.size(); ++i) expected += entry().energy(all.one(i), &states[i]);
  EXPECT_NEAR(entry().energy(all.row, states.data()), expected, 1e-12);
}

TEST_P(UnitTest, DrawsHaveTheirMeans) {
  constexpr std::uint32_t streams = 20000;
  const RandomUnits all(entry(), 40, 7);
  std::vector<Real> means = all.fields;
  entry().mean(all.row, unrounded, means.data());
  std::vector<double> sums(40);
  for (std::uint32_t sample = 0; sample < streams; ++sample) {
    std::vector<Real> states = all.fields;
    entry().draw(all.row, unrounded, RandomStream(1, 0, 0, Phase::hidden, sample), states.data(), states.data());
    for (std::size_t i = 0; i < states.size(); ++i) sums[i] += double{states[i]};
  }
  const double spread = (entry().most_data - entry().least_data) / 2;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_NEAR(sums[i] / streams, double{means[i]}, 5 * spread / std::sqrt(double{streams})) << i;
  }
}

/// A property over random rows: the threshold is exact, not only near.
TEST_P(UnitTest, AStateIsTheUpperOneWhereItsRandomNumberIsBelowItsProbability) {
  if (!entry().flips()) return;
  const auto [low, high] = std::pair(entry().values[0], entry().values[1]);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const RandomUnits all(entry(), 1 + seed % 70, seed);
    const RandomStream stream(seed, 1, 2, Phase::visible, 3);
    std::vector<Real> means = all.fields;
    std::vector<Real> states(means.size());
    entry().draw(all.row, on_grid, stream, means.data(), states.data());
    std::vector<Real> same = all.fields;
    entry().mean(all.row, on_grid, same.data());
    ASSERT_TRUE(same_bits(means, same));
    std::vector<Real> from_data = means;
    entry().draw_data(means.size(), stream, means.data(), from_data.data());
    ASSERT_TRUE(same_bits(from_data, states));
    for (std::size_t i = 0; i < means.size(); ++i) {
      const auto p = static_cast<Real>((double{means[i]} - low) / (high - low));
      ASSERT_EQ(double{states[i]}, test::draw(p, stream, i) == 1 ? high : low) << "seed " << seed << ", unit " << i;
    }
  }
}

TEST_P(UnitTest, BitsAreTheStatesAsNumbers) {
  if (entry().bits == nullptr) return;
  for (const std::size_t count : {1U, 63U, 64U, 65U, 200U}) {
    const RandomUnits all(entry(), count, count);
    const RandomStream stream(1, 1, 2, Phase::visible, 3);
    std::vector<Real> numbers = all.fields;
    entry().draw(all.row, unrounded, stream, numbers.data(), numbers.data());
    std::vector<std::uint64_t> bits(words_for(count));
    entry().bits->draw(all.row, stream, all.fields.data(), bits.data());
    const ConstBitMatrixView states{bits.data(), 1, count};
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(states.at(0, i) ? 1.0F : 0.0F, numbers[i]);
    }
    EXPECT_EQ(entry().bits->energy(all.row, bits.data()), entry().energy(all.row, numbers.data()));
  }
}

TEST_P(UnitTest, StartsAtTheMeansOfData) {
  constexpr std::uint64_t rows = 100;
  const double middle = (entry().least_data + entry().most_data) / 2;
  const std::vector<double> means = {middle, middle + 0.1, middle - 0.31, entry().least_data, entry().most_data};
  std::vector<Real> parameters(entry().parameters.size() * means.size());
  entry().start(means, rows, parameters);
  std::vector<Real> found(means.size());
  entry().mean({&entry(), means.size(), parameters.data(), means.size()}, unrounded, found.data());
  const double half_a_sample = 0.5 / rows * (entry().most_data - entry().least_data);
  // A pseudocount may move them a little.
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(double{found[i]}, means[i], half_a_sample + 1e-6);
  EXPECT_NEAR(double{found[3]}, means[3] + half_a_sample, 1e-5);
  EXPECT_NEAR(double{found[4]}, means[4] - half_a_sample, 1e-5);
}

TEST_P(UnitTest, AFlipIsTheOtherState) {
  if (!entry().flips()) return;
  EXPECT_EQ(entry().flipped(entry().values[0]), entry().values[1]);
  EXPECT_EQ(entry().flipped(entry().values[1]), entry().values[0]);
  const double between = 0.25 * entry().values[0] + 0.75 * entry().values[1];
  EXPECT_EQ(entry().flipped(between), 0.75 * entry().values[0] + 0.25 * entry().values[1]);
}

TEST_P(UnitTest, FreeEnergiesSumOutTheHiddenUnits) {
  constexpr RbmShape sizes{5, 4};
  for (const UnitEntry* const hidden : units()) {
    const RbmShape shape{sizes.visible, sizes.hidden, &entry(), hidden};
    Random random(8);
    Rbm rbm(shape);
    std::ranges::copy(random.reals(shape.parameters(), -1, 1), rbm.parameters().begin());
    const RbmView<const Real> view = rbm.view();
    std::vector<Real> v(shape.visible);
    for (Real& state : v) state = static_cast<Real>(entry().values[random.below(entry().values.size())]);
    std::vector<Real> fields(shape.hidden);
    for (std::size_t j = 0; j < shape.hidden; ++j) {
      for (std::size_t i = 0; i < shape.visible; ++i) fields[j] += v[i] * view.weights.row(i)[j];
    }
    double sum = 0;  // of exp(-E(v, h)) over all h
    const std::size_t values = hidden->values.size();
    for (std::size_t state = 0; state < static_cast<std::size_t>(std::pow(values, shape.hidden)); ++state) {
      std::vector<Real> h(shape.hidden);
      double coupling = 0;
      for (std::size_t j = 0, rest = state; j < shape.hidden; ++j, rest /= values) {
        h[j] = static_cast<Real>(hidden->values[rest % values]);
        coupling += double{fields[j]} * double{h[j]};
      }
      sum += std::exp(coupling - entry().energy(view.visible_units(), v.data()) -
                      hidden->energy(view.hidden_units(), h.data()));
    }
    double energy = 0;
    free_energies(rbm, {v.data(), 1, shape.visible}, {fields.data(), 1, shape.hidden}, std::span(&energy, 1));
    EXPECT_NEAR(energy, -std::log(sum), 1e-6) << entry().name << ' ' << hidden->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, UnitTest, testing::Values(&bernoulli_unit, &test::toy_unit()),
                         [](const auto& kind) { return kind.param == &bernoulli_unit ? "bernoulli" : "toy"; });

TEST(UnitTableTest, TellsTheKnownNames) {
  test::toy_unit();
  expect_error(Failure::usage, {"gaussian", "bernoulli", "toy-spin"}, [] { static_cast<void>(unit("gaussian")); });
  EXPECT_EQ(find_unit("gaussian"), nullptr);
  EXPECT_EQ(units().front(), &bernoulli_unit);
}

TEST(UnitTableTest, StatesAreToldInWords) {
  EXPECT_EQ(states_in_words(bernoulli_unit), "zeros and ones");
  EXPECT_EQ(states_in_words(test::toy_unit()), "states of -1, 1");
  UnitEntry real = bernoulli_unit;
  real.values = {};
  EXPECT_EQ(states_in_words(real), "states");
}

TEST(UnitTableTest, RefusesUnitsThatDoNotAnswer) {
  UnitEntry entry = bernoulli_unit;
  entry.name = "silent";
  entry.sum_out = nullptr;
  expect_error(Failure::usage, {"silent"}, [&] { add_unit(entry); });
  entry = bernoulli_unit;
  entry.name = "logistic-without-bits";
  entry.bits = nullptr;
  expect_error(Failure::usage, {"logistic-without-bits"}, [&] { add_unit(entry); });
  EXPECT_EQ(find_unit("silent"), nullptr);
}

/// The bits of energies are part of what metrics and AIS promise: the formula by hand, with the operations as they are.
TEST(BernoulliUnitTest, FreeEnergiesAreThoseOfThePlainFormulaBitForBit) {
  Random random(9);
  const RbmShape shape{37, 300};
  Rbm rbm(shape);
  std::ranges::copy(random.reals(shape.parameters(), -2, 2), rbm.parameters().begin());
  const std::vector<Real> v = random.reals(10 * shape.visible, 0, 1);
  const std::vector<Real> fields = random.reals(10 * shape.hidden, -5, 5);
  std::vector<double> energies(10);
  free_energies(rbm, {v.data(), 10, shape.visible}, {fields.data(), 10, shape.hidden}, energies);
  const RbmView<const Real> view = rbm.view();
  for (std::size_t row = 0; row < 10; ++row) {
    double energy = 0;
    for (std::size_t i = 0; i < shape.visible; ++i) {
      energy -= double{view.visible_bias[i]} * double{v[row * shape.visible + i]};
    }
    double cold = energy;
    for (std::size_t j = 0; j < shape.hidden; ++j) {
      const double field{fields[row * shape.hidden + j]};
      energy -= softplus(double{view.hidden_bias[j]} + field);
      cold -= softplus(double{view.hidden_bias[j]} + 0.7 * field);
    }
    EXPECT_EQ(energies[row], energy);
    EXPECT_EQ(sum_out(view.visible_unit->energy(view.visible_units(), v.data() + row * shape.visible),
                      view.hidden_units(), fields.data() + row * shape.hidden, 0.7),
              cold);
  }
}

TEST(RbmShapeTest, KindsOfUnitsAreOfTheShape) {
  const UnitEntry& toy = test::toy_unit();
  const RbmShape plain{3, 2};
  const RbmShape mixed{3, 2, &toy, &bernoulli_unit};
  EXPECT_NE(plain, mixed);
  EXPECT_TRUE(is_logistic(plain));
  EXPECT_FALSE(is_logistic(mixed));
  EXPECT_EQ(Rbm(mixed).view().shape(), mixed);
  EXPECT_EQ(units_in_words(plain), "bernoulli on both sides");
  EXPECT_EQ(units_in_words(mixed), "toy-spin visible and bernoulli hidden");
  EXPECT_NO_THROW(want_logistic(plain, "something"));
  expect_error(Failure::usage, {"something takes machines of bernoulli on both sides", "toy-spin visible"},
               [&] { want_logistic(mixed, "something"); });
}

TEST(RbmShapeTest, SeveralParametersOfAUnitLieArrayAfterArray) {
  static constexpr std::array<std::string_view, 2> names = {"gamma", "theta"};
  UnitEntry two = bernoulli_unit;
  two.parameters = names;
  const RbmShape shape{3, 2, &two, &bernoulli_unit};
  EXPECT_EQ(shape.parameters(), 6U + 6 + 2);
  Rbm rbm(shape);
  for (std::size_t i = 0; i < shape.parameters(); ++i) rbm.parameters()[i] = static_cast<Real>(i);
  const RbmView<const Real> view = rbm.view();
  EXPECT_THAT(view.visible_parameters(), testing::ElementsAre(6, 7, 8, 9, 10, 11));
  EXPECT_THAT(view.hidden_bias, testing::ElementsAre(12, 13));
  const UnitRow last = view.visible_units().part(1, 2);
  EXPECT_EQ(last.parameters[0], 7);
  EXPECT_EQ(last.parameters[last.stride], 10);
}

}  // namespace
}  // namespace rbmpi
