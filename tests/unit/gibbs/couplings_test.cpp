#include "rbmpi/gibbs/couplings.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

struct Weights {
  Weights(std::size_t rows, std::size_t columns, double size, std::uint64_t seed) : values(rows * columns) {
    Random random(seed);
    for (Real& value : values) value = static_cast<Real>(size * random.bell());
    view = {values.data(), rows, columns};
  }
  std::vector<Real> values;
  ConstMatrixView view;
};

std::vector<Real> copy(ConstMatrixView matrix) {
  return {matrix.values, matrix.values + matrix.size()};
}

/// The largest sum of ceil(2^8 |w|) over the columns, or over the rows.
Real norm(ConstMatrixView weights, bool of_columns) {
  double largest = 0;
  for (std::size_t outer = 0; outer < (of_columns ? weights.columns : weights.rows); ++outer) {
    double sum = 0;
    for (std::size_t inner = 0; inner < (of_columns ? weights.rows : weights.columns); ++inner) {
      const Real w = of_columns ? weights.row(inner)[outer] : weights.row(outer)[inner];
      sum += std::ceil(256.0 * std::abs(double{w}));
    }
    largest = std::max(largest, sum);
  }
  return static_cast<Real>(largest);
}

/// The copy for downward products in the shape of W.
std::vector<Real> down(const Couplings& exact) {
  const ConstMatrixView transposed = exact.weights_down();
  const std::size_t visible = exact.weights_up().rows;
  std::vector<Real> values(visible * transposed.rows);
  for (std::size_t j = 0; j < transposed.rows; ++j) {
    for (std::size_t i = 0; i < visible; ++i) values[i * transposed.rows + j] = transposed.row(j)[i];
    for (std::size_t i = visible; i < transposed.columns; ++i) EXPECT_EQ(transposed.row(j)[i], 0) << "behind the row";
  }
  return values;
}

class CouplingsTest : public testing::Test {
 protected:
  void SetUp() override { use_threads(1); }
  void TearDown() override { use_threads(1); }
};

TEST_F(CouplingsTest, CopiesAreTheWeightsOnTheFinestGrids) {
  for (const double size : {0.0, 0.01, 0.3, 5.0, 200.0}) {
    const Weights w(37, 53, size, 1);
    const Couplings exact(WeightRounding::two_grids, w.view);
    ASSERT_TRUE(exact.exact());
    EXPECT_EQ(exact.up_grid(), weight_grid(norm(w.view, true), 37)) << size;
    EXPECT_EQ(exact.down_grid(), weight_grid(norm(w.view, false), 53)) << size;
    for (const auto& [copied, grid] :
         {std::pair(copy(exact.weights_up()), exact.up_grid()), {down(exact), exact.down_grid()}}) {
      const double quantum = std::ldexp(1.0, -grid.exponent);
      for (std::size_t i = 0; i < w.values.size(); ++i) {
        const double rounded{copied[i]};
        ASSERT_EQ(std::fmod(rounded, quantum), 0.0);
        ASSERT_LE(std::abs(rounded - double{w.values[i]}), quantum / 2);
      }
    }
  }
}

// What the whole project rests on.
TEST_F(CouplingsTest, SumsOfZerosAndOnesTimesTheWeightsHaveNoOrder) {
  constexpr std::size_t visible = 200;
  constexpr std::size_t hidden = 70;
  constexpr std::size_t rows = 9;
  Random random(2);
  std::vector<std::size_t> visible_order(visible);
  std::iota(visible_order.begin(), visible_order.end(), std::size_t{0});
  std::vector<std::size_t> hidden_order(hidden);
  std::iota(hidden_order.begin(), hidden_order.end(), std::size_t{0});

  for (const double size : {0.01, 1.0, 40.0}) {
    const Weights w(visible, hidden, size, 3);
    const Couplings exact(WeightRounding::two_grids, w.view);
    ASSERT_TRUE(exact.exact());
    const std::vector<Real> v = random.bits(rows * visible);
    const std::vector<Real> h = random.bits(rows * hidden);
    for (const int threads : {1, 2}) {
      use_threads(threads);
      std::vector<Real> up(rows * hidden);
      const std::size_t columns = padded_columns(visible);
      std::vector<Real> visible_fields(rows * columns);
      multiply({v.data(), rows, visible}, exact.weights_up(), {up.data(), rows, hidden});
      multiply({h.data(), rows, hidden}, exact.weights_down(), {visible_fields.data(), rows, columns});

      for (int attempt = 0; attempt < 3; ++attempt) {
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < hidden; ++j) {
            Real sum = 0;
            for (const std::size_t k : visible_order) sum += v[i * visible + k] * exact.weights_up().row(k)[j];
            ASSERT_EQ(up[i * hidden + j], sum) << size << ", " << threads << " threads";
          }
          for (std::size_t j = 0; j < visible; ++j) {
            Real sum = 0;
            for (const std::size_t k : hidden_order) sum += h[i * hidden + k] * exact.weights_down().row(k)[j];
            ASSERT_EQ(visible_fields[i * columns + j], sum) << size << ", " << threads << " threads";
          }
        }
        random.shuffle(visible_order);
        random.shuffle(hidden_order);
      }
    }
    use_threads(1);
  }
}

TEST_F(CouplingsTest, TheWorstSumIsStillExact) {
  // All weights of one sign and as large as their grid allows: the sum of all of them is the largest there is.
  for (const Real value : {0.0099999F, 0.3333333F, 3.9999998F, 77.7F}) {
    constexpr std::size_t visible = 784;
    const std::vector<Real> values(visible, value);
    const Couplings exact(WeightRounding::two_grids, {values.data(), visible, 1});
    ASSERT_TRUE(exact.exact());
    Real single = 0;
    double twice = 0;
    for (std::size_t i = 0; i < visible; ++i) {
      single += exact.weights_up().values[i];
      twice += double{exact.weights_up().values[i]};
      ASSERT_EQ(double{single}, twice) << value << ", " << i;
    }
    EXPECT_LE(std::ldexp(twice, exact.up_grid().exponent), 0x1p24);
  }
}

TEST_F(CouplingsTest, TheCopiesAreAFunctionOfTheWeightsAlone) {
  const Weights w(31, 17, 0.5, 4);
  const Couplings fresh(WeightRounding::two_grids, w.view);
  ASSERT_TRUE(fresh.exact());
  for (const double before : {0.0, 0.001, 0.51, 300.0}) {
    Weights changing(31, 17, before, 5);
    Couplings used(WeightRounding::two_grids, changing.view);
    ASSERT_TRUE(used.exact());
    std::ranges::copy(w.values, changing.values.begin());
    ASSERT_TRUE(used.round_all());
    EXPECT_EQ(used.up_grid(), fresh.up_grid());
    EXPECT_EQ(used.down_grid(), fresh.down_grid());
    EXPECT_TRUE(same_bits(copy(used.weights_up()), copy(fresh.weights_up()))) << before;
    EXPECT_TRUE(same_bits(down(used), down(fresh))) << before;
  }
}

TEST_F(CouplingsTest, WeightsThatCannotBeExactAreRefusedAndDoNoHarm) {
  const Weights good(13, 29, 0.1, 6);
  const Couplings fresh(WeightRounding::two_grids, good.view);
  ASSERT_TRUE(fresh.exact());
  Weights w(13, 29, 0.1, 6);
  Couplings exact(WeightRounding::two_grids, w.view);
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  for (const Real bad : {std::nanf(""), infinity, -infinity, 1e30F, -1e6F, 70000.0F}) {
    for (const std::size_t at : {0U, 28U, 100U, 376U}) {
      w.values[at] = bad;
      EXPECT_FALSE(exact.round_all()) << bad << " at " << at;
      w.values[at] = good.values[at];
      EXPECT_TRUE(exact.round_all());
      EXPECT_TRUE(same_bits(copy(exact.weights_up()), copy(fresh.weights_up())));
    }
  }
}

TEST_F(CouplingsTest, ThreadsChangeNothing) {
  for (const std::size_t rows : {1U, 2U, 3U, 64U, 101U}) {
    const Weights w(rows, 23, 0.7, 7);
    const Couplings one(WeightRounding::two_grids, w.view);
    ASSERT_TRUE(one.exact());
    for (const int threads : {2, 3, 5}) {
      use_threads(threads);
      const Couplings several(WeightRounding::two_grids, w.view);
      ASSERT_TRUE(several.exact());
      EXPECT_EQ(several.up_grid(), one.up_grid());
      EXPECT_EQ(several.down_grid(), one.down_grid());
      EXPECT_TRUE(same_bits(copy(several.weights_up()), copy(one.weights_up()))) << threads;
      EXPECT_TRUE(same_bits(down(several), down(one))) << threads;
      Weights bad(rows, 23, 0.7, 7);
      bad.values.back() = std::nanf("");
      EXPECT_FALSE(Couplings(WeightRounding::two_grids, bad.view).exact()) << threads;
      use_threads(1);
    }
  }
}

std::vector<std::uint64_t> random_states(std::size_t rows, std::size_t columns, double density, Random& random) {
  std::vector<std::uint64_t> words(rows * words_for(columns));
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      if (random.uniform() < density) words[i * words_for(columns) + j / 64] |= std::uint64_t{1} << (j % 64);
    }
  }
  return words;
}

/// In double precision.
std::vector<Real> plain_product(const std::vector<std::uint64_t>& states, std::size_t rows, ConstMatrixView matrix) {
  std::vector<Real> product;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < matrix.columns; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < matrix.rows; ++i) {
        if ((states[row * words_for(matrix.rows) + i / 64] >> (i % 64) & 1U) != 0) sum += double{matrix.row(i)[j]};
      }
      product.push_back(static_cast<Real>(sum));
    }
  }
  return product;
}

TEST(OneGridTest, BothDirectionsAreExactForTheSameRoundedWeights) {
  Random random(1);
  for (const auto& [visible, hidden] : {std::pair<std::size_t, std::size_t>{70, 130}, {784, 20}, {3, 200}, {1, 1}}) {
    const std::vector<Real> values = random.reals(visible * hidden, -0.9, 0.7);
    const Couplings weights(WeightRounding::one_grid, {values.data(), visible, hidden});
    EXPECT_TRUE(weights.exact());
    EXPECT_EQ(weights.up_grid(), weights.down_grid());
    const ConstMatrixView rounded = weights.weights_up();
    std::vector<Real> transposed(values.size());
    for (std::size_t i = 0; i < visible; ++i) {
      for (std::size_t j = 0; j < hidden; ++j) {
        EXPECT_NEAR(rounded.row(i)[j], values[i * hidden + j], 1e-4);
        transposed[j * visible + i] = rounded.row(i)[j];
      }
    }
    constexpr std::size_t rows = 5;
    for (const double density : {0.1, 0.5, 1.0}) {
      const auto v = random_states(rows, visible, density, random);
      const auto h = random_states(rows, hidden, density, random);
      std::vector<Real> up(rows * hidden);
      std::vector<Real> down(rows * visible);
      weights.up({v.data(), rows, visible}, {up.data(), rows, hidden});
      weights.down({h.data(), rows, hidden}, {down.data(), rows, visible});
      EXPECT_TRUE(same_bits(up, plain_product(v, rows, rounded)));
      EXPECT_TRUE(same_bits(down, plain_product(h, rows, {transposed.data(), hidden, visible})));
    }
  }
}

TEST(OneGridTest, ProductsOfSomeUnitsAreParts) {
  Random random(3);
  constexpr std::size_t visible = 150;
  constexpr std::size_t hidden = 40;
  const std::vector<Real> values = random.reals(visible * hidden, -1, 1);
  const Couplings weights(WeightRounding::one_grid, {values.data(), visible, hidden});
  const auto v = random_states(1, visible, 0.5, random);
  const auto h = random_states(1, hidden, 0.5, random);
  std::vector<Real> up(hidden);
  std::vector<Real> down(visible);
  weights.up({v.data(), 1, visible}, {up.data(), 1, hidden});
  weights.down({h.data(), 1, hidden}, {down.data(), 1, visible});
  std::vector<Real> sums(hidden);
  for (const Shard units : {Shard{0, 64}, Shard{64, 86}}) {
    std::vector<Real> part(hidden);
    weights.up({v.data() + units.first / 64, 1, units.count}, units, {part.data(), 1, hidden});
    for (std::size_t j = 0; j < hidden; ++j) sums[j] += part[j];
    std::vector<Real> some(units.count);
    weights.down({h.data(), 1, hidden}, units, {some.data(), 1, units.count});
    EXPECT_TRUE(same_bits(std::span<const Real>(some), std::span<const Real>(down).subspan(units.first, units.count)));
  }
  EXPECT_TRUE(same_bits(sums, up));
}

TEST(UnroundedTest, OnlyWhatIsNotFiniteIsRefused) {
  Random random(4);
  std::vector<Real> values = random.reals(std::size_t{20} * 30, -1e9, 1e9);
  Couplings weights(WeightRounding::none, {values.data(), 20, 30});
  EXPECT_TRUE(weights.round_all());
  EXPECT_FALSE(weights.exact());
  EXPECT_EQ(weights.down_columns(), 20U);
  values[599] = std::numeric_limits<Real>::infinity();
  EXPECT_FALSE(weights.round_all());
  values[599] = 0;
  EXPECT_TRUE(weights.round_all());
  weights.begin(0);
  weights.reject(0);
  EXPECT_EQ(weights.settle(), Couplings::Fit::impossible);
}

TEST(OneGridTest, WeightsTooLargeForAGridStayAsTheyAre) {
  Random random(2);
  const std::vector<Real> values = random.reals(std::size_t{30} * 40, -1e5, 1e5);
  const Couplings weights(WeightRounding::one_grid, {values.data(), 30, 40});
  EXPECT_FALSE(weights.exact());
  EXPECT_TRUE(same_bits(std::span(weights.weights_up().values, values.size()), std::span<const Real>(values)));
  const auto v = random_states(4, 30, 0.5, random);
  std::vector<Real> fields(std::size_t{4} * 40);
  weights.up({v.data(), 4, 30}, {fields.data(), 4, 40});
  const std::vector<Real> expected = plain_product(v, 4, weights.weights_up());
  std::vector<Real> one(40);
  for (std::size_t row = 0; row < 4; ++row) {
    weights.up({v.data() + row, 1, 30}, {one.data(), 1, 40});
    for (std::size_t j = 0; j < 40; ++j) {
      EXPECT_NEAR(fields[row * 40 + j], expected[row * 40 + j], 1);
      EXPECT_EQ(one[j], fields[row * 40 + j]) << "alone or beside others";
    }
  }
}

}  // namespace
}  // namespace rbmpi
