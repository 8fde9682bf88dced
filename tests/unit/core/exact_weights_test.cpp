#include "rbmpi/core/exact_weights.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

TEST(ProbabilityGridTest, IsTheFinestWithExactSums) {
  EXPECT_EQ(probability_grid(1).exponent, 24);
  EXPECT_EQ(probability_grid(2).exponent, 23);
  EXPECT_EQ(probability_grid(100).exponent, 17);
  EXPECT_EQ(probability_grid(4096).exponent, 12);
  for (std::size_t samples = 1; samples <= largest_single_precision_batch; ++samples) {
    const double quanta = std::ldexp(static_cast<double>(samples), probability_grid(samples).exponent);
    ASSERT_LE(quanta, 0x1p24) << samples;
    ASSERT_GT(2 * quanta, 0x1p24) << samples;
  }
  EXPECT_EQ(probability_grid(4097).exponent, 12);
  EXPECT_EQ(probability_grid(1000000).exponent, 12);
}

/// The most quanta that a sum of `terms` rounded weights can have.
double quanta(double norm, std::size_t terms, int exponent) {
  return std::ldexp(norm, exponent - norm_exponent) + static_cast<double>(terms) / 2;
}

TEST(WeightGridTest, IsTheFinestWithExactSums) {
  for (const std::size_t terms : {1U, 10U, 784U, 100000U}) {
    for (Real norm = 1; norm < 0x1p24F; norm = std::floor(norm * 1.37F) + 1) {
      const int exponent = weight_grid(norm, terms).exponent;
      ASSERT_LE(exponent, 24);
      if (exponent < 0) continue;
      ASSERT_LE(quanta(double{norm}, terms, exponent), 0x1p24) << norm << ", " << terms;
      ASSERT_TRUE(exponent == 24 || quanta(double{norm}, terms, exponent + 1) > 0x1p24) << norm << ", " << terms;
    }
  }
  EXPECT_EQ(weight_grid(0, 784).exponent, 24);
  EXPECT_EQ(weight_grid(256, 2).exponent, 23);  // the L1 norm 1: 2^24 quanta and the rounding would be too many
  EXPECT_GE(weight_grid(0x1p24F - 1, 1).exponent, 0);
  EXPECT_LT(weight_grid(0x1p24F - 1, std::size_t{1} << 25).exponent, 0);
}

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
std::vector<Real> down(const ExactWeights& exact) {
  const ConstMatrixView transposed = exact.down_transposed();
  const std::size_t visible = exact.up().rows;
  std::vector<Real> values(visible * transposed.rows);
  for (std::size_t j = 0; j < transposed.rows; ++j) {
    for (std::size_t i = 0; i < visible; ++i) values[i * transposed.rows + j] = transposed.row(j)[i];
    for (std::size_t i = visible; i < transposed.columns; ++i) EXPECT_EQ(transposed.row(j)[i], 0) << "behind the row";
  }
  return values;
}

class ExactWeightsTest : public testing::Test {
 protected:
  void SetUp() override { use_threads(1); }
  void TearDown() override { use_threads(1); }
};

TEST_F(ExactWeightsTest, CopiesAreTheWeightsOnTheFinestGrids) {
  for (const double size : {0.0, 0.01, 0.3, 5.0, 200.0}) {
    const Weights w(37, 53, size, 1);
    ExactWeights exact(37, 53);
    ASSERT_TRUE(exact.assign(w.view));
    EXPECT_EQ(exact.up_grid(), weight_grid(norm(w.view, true), 37)) << size;
    EXPECT_EQ(exact.down_grid(), weight_grid(norm(w.view, false), 53)) << size;
    for (const auto& [copied, grid] :
         {std::pair(copy(exact.up()), exact.up_grid()), {down(exact), exact.down_grid()}}) {
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
TEST_F(ExactWeightsTest, SumsOfZerosAndOnesTimesTheWeightsHaveNoOrder) {
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
    ExactWeights exact(visible, hidden);
    ASSERT_TRUE(exact.assign(w.view));
    const std::vector<Real> v = random.bits(rows * visible);
    const std::vector<Real> h = random.bits(rows * hidden);
    for (const int threads : {1, 2}) {
      use_threads(threads);
      std::vector<Real> up(rows * hidden);
      const std::size_t columns = padded_columns(visible);
      std::vector<Real> visible_fields(rows * columns);
      multiply({v.data(), rows, visible}, exact.up(), {up.data(), rows, hidden});
      multiply({h.data(), rows, hidden}, exact.down_transposed(), {visible_fields.data(), rows, columns});

      for (int attempt = 0; attempt < 3; ++attempt) {
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < hidden; ++j) {
            Real sum = 0;
            for (const std::size_t k : visible_order) sum += v[i * visible + k] * exact.up().row(k)[j];
            ASSERT_EQ(up[i * hidden + j], sum) << size << ", " << threads << " threads";
          }
          for (std::size_t j = 0; j < visible; ++j) {
            Real sum = 0;
            for (const std::size_t k : hidden_order) sum += h[i * hidden + k] * exact.down_transposed().row(k)[j];
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

TEST_F(ExactWeightsTest, TheWorstSumIsStillExact) {
  // All weights of one sign and as large as their grid allows: the sum of all of them is the largest there is.
  for (const Real value : {0.0099999F, 0.3333333F, 3.9999998F, 77.7F}) {
    constexpr std::size_t visible = 784;
    const std::vector<Real> values(visible, value);
    ExactWeights exact(visible, 1);
    ASSERT_TRUE(exact.assign({values.data(), visible, 1}));
    Real single = 0;
    double twice = 0;
    for (std::size_t i = 0; i < visible; ++i) {
      single += exact.up().values[i];
      twice += double{exact.up().values[i]};
      ASSERT_EQ(double{single}, twice) << value << ", " << i;
    }
    EXPECT_LE(std::ldexp(twice, exact.up_grid().exponent), 0x1p24);
  }
}

TEST_F(ExactWeightsTest, TheCopiesAreAFunctionOfTheWeightsAlone) {
  const Weights w(31, 17, 0.5, 4);
  ExactWeights fresh(31, 17);
  ASSERT_TRUE(fresh.assign(w.view));
  for (const double before : {0.0, 0.001, 0.51, 300.0}) {
    ExactWeights used(31, 17);
    ASSERT_TRUE(used.assign(Weights(31, 17, before, 5).view));
    ASSERT_TRUE(used.assign(w.view));
    EXPECT_EQ(used.up_grid(), fresh.up_grid());
    EXPECT_EQ(used.down_grid(), fresh.down_grid());
    EXPECT_TRUE(same_bits(copy(used.up()), copy(fresh.up()))) << before;
    EXPECT_TRUE(same_bits(down(used), down(fresh))) << before;
  }
}

TEST_F(ExactWeightsTest, WeightsThatCannotBeExactAreRefusedAndDoNoHarm) {
  const Weights good(13, 29, 0.1, 6);
  ExactWeights exact(13, 29);
  ExactWeights fresh(13, 29);
  ASSERT_TRUE(fresh.assign(good.view));
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  for (const Real bad : {std::nanf(""), infinity, -infinity, 1e30F, -1e6F, 70000.0F}) {
    for (const std::size_t at : {0U, 28U, 100U, 376U}) {
      Weights w(13, 29, 0.1, 6);
      w.values[at] = bad;
      EXPECT_FALSE(exact.assign(w.view)) << bad << " at " << at;
      EXPECT_TRUE(exact.assign(good.view));
      EXPECT_TRUE(same_bits(copy(exact.up()), copy(fresh.up())));
    }
  }
}

TEST_F(ExactWeightsTest, ThreadsChangeNothing) {
  for (const std::size_t rows : {1U, 2U, 3U, 64U, 101U}) {
    const Weights w(rows, 23, 0.7, 7);
    ExactWeights one(rows, 23);
    ASSERT_TRUE(one.assign(w.view));
    for (const int threads : {2, 3, 5}) {
      use_threads(threads);
      ExactWeights several(rows, 23);
      ASSERT_TRUE(several.assign(w.view));
      EXPECT_EQ(several.up_grid(), one.up_grid());
      EXPECT_EQ(several.down_grid(), one.down_grid());
      EXPECT_TRUE(same_bits(copy(several.up()), copy(one.up()))) << threads;
      EXPECT_TRUE(same_bits(down(several), down(one))) << threads;
      Weights bad(rows, 23, 0.7, 7);
      bad.values.back() = std::nanf("");
      EXPECT_FALSE(several.assign(bad.view)) << threads;
      use_threads(1);
    }
  }
}

}  // namespace
}  // namespace rbmpi
