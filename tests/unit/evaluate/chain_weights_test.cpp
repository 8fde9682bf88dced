#include "rbmpi/evaluate/chain_weights.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

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

TEST(ChainWeightsTest, BothDirectionsAreExactForTheSameRoundedWeights) {
  Random random(1);
  for (const auto& [visible, hidden] : {std::pair<std::size_t, std::size_t>{70, 130}, {784, 20}, {3, 200}, {1, 1}}) {
    const std::vector<Real> values = random.reals(visible * hidden, -0.9, 0.7);
    Arena memory;
    const ChainWeights weights({values.data(), visible, hidden}, memory);
    EXPECT_TRUE(weights.exact());
    const ConstMatrixView rounded = weights.weights();
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

TEST(ChainWeightsTest, WeightsTooLargeForAGridStayAsTheyAre) {
  Random random(2);
  const std::vector<Real> values = random.reals(std::size_t{30} * 40, -1e5, 1e5);
  Arena memory;
  const ChainWeights weights({values.data(), 30, 40}, memory);
  EXPECT_FALSE(weights.exact());
  EXPECT_TRUE(same_bits(std::span(weights.weights().values, values.size()), std::span<const Real>(values)));
  const auto v = random_states(4, 30, 0.5, random);
  std::vector<Real> fields(std::size_t{4} * 40);
  weights.up({v.data(), 4, 30}, {fields.data(), 4, 40});
  const std::vector<Real> expected = plain_product(v, 4, weights.weights());
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
