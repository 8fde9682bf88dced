#include "rbmpi/core/state_products.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "rbmpi/core/gemm.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

constexpr double densities[] = {0, 0.01, 0.13, 0.3, 0.5, 0.9, 1};

/// Random states, as bits and as numbers.
struct States {
  States(std::size_t row_count, std::size_t column_count, double density, Random& random)
      : rows(row_count),
        columns(column_count),
        words(row_count * words_for(column_count)),
        numbers(row_count * column_count) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        if (random.uniform() >= density) continue;
        words[i * words_for(columns) + j / 64] |= std::uint64_t{1} << (j % 64);
        numbers[i * columns + j] = 1;
      }
    }
  }

  [[nodiscard]] ConstBitMatrixView bits() const { return {words.data(), rows, columns}; }
  [[nodiscard]] ConstMatrixView reals() const { return {numbers.data(), rows, columns}; }

  std::size_t rows;
  std::size_t columns;
  std::vector<std::uint64_t> words;
  std::vector<Real> numbers;
};

/// Numbers of both signs on the grid of exponent 12, zeros and minus zeros among them, whose sums are exact.
std::vector<Real> grid_numbers(std::size_t count, Random& random) {
  std::vector<Real> numbers = random.reals(count, -1, 1);
  for (Real& number : numbers) number = std::nearbyint(number * 0x1p12F) * 0x1p-12F;
  for (std::size_t i = 0; i < count; i += 7) numbers[i] = i % 2 == 0 ? 0.0F : -0.0F;
  return numbers;
}

/// product = states matrix, by a plain loop.
std::vector<Real> plain_product(const States& states, const std::vector<Real>& matrix, std::size_t columns) {
  std::vector<Real> product(states.rows * columns);
  for (std::size_t i = 0; i < states.rows; ++i) {
    for (std::size_t k = 0; k < states.columns; ++k) {
      if (states.numbers[i * states.columns + k] == 0) continue;
      for (std::size_t j = 0; j < columns; ++j) product[i * columns + j] += matrix[k * columns + j];
    }
  }
  return product;
}

/// Each product on each instruction set of this machine.
class StateProductsTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, StateProductsTest, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

/// What lies behind a result must stay.
constexpr std::size_t margin = 70;

void expect_product(std::size_t rows, std::size_t units, std::size_t columns, double density, Random& random) {
  const States states(rows, units, density, random);
  const std::vector<Real> matrix = grid_numbers(units * columns, random);
  std::vector<Real> expected = plain_product(states, matrix, columns);
  std::vector<Real> by_gemm(rows * columns);
  multiply(states.reals(), {matrix.data(), units, columns}, {by_gemm.data(), rows, columns});
  ASSERT_TRUE(same_bits(by_gemm, expected));
  std::vector<Real> actual(rows * columns + margin, 3.0F);
  expected.resize(actual.size(), 3.0F);
  multiply(states.bits(), {matrix.data(), units, columns}, {actual.data(), rows, columns});
  ASSERT_TRUE(same_bits(actual, expected)) << rows << " x " << units << " x " << columns << ", density " << density;
}

TEST_P(StateProductsTest, AProductIsTheSumOfTheRowsThatAreOn) {
  Random random(1);
  for (const double density : densities) {
    expect_product(100, 784, 300, density, random);
    expect_product(3, 300, 784, density, random);
    // More rows than go through at a time.
    expect_product(259, 130, 40, density, random);
  }
}

TEST_P(StateProductsTest, ProductsOfAllSmallShapesAreRight) {
  Random random(2);
  std::size_t trial = 0;
  for (const std::size_t rows : {0U, 1U, 2U, 37U}) {
    for (const std::size_t units : {0U, 1U, 3U, 4U, 5U, 8U, 56U, 60U, 63U, 64U, 65U, 112U, 113U, 117U, 225U}) {
      for (const std::size_t columns : {0U, 1U, 3U, 4U, 15U, 16U, 17U, 31U, 32U, 63U, 64U, 65U, 130U}) {
        expect_product(rows, units, columns, densities[trial++ % std::size(densities)], random);
      }
    }
  }
  for (int i = 0; i < 100; ++i) {
    expect_product(random.below(300), random.below(300), random.below(200), random.uniform(), random);
  }
}

TEST_P(StateProductsTest, AProductWithSomeColumnsIsThatPartOfTheWhole) {
  Random random(5);
  constexpr std::size_t units = 150;
  constexpr std::size_t columns = 200;
  for (const double density : densities) {
    const States states(40, units, density, random);
    const std::vector<Real> matrix = grid_numbers(units * columns, random);
    const std::vector<Real> whole = plain_product(states, matrix, columns);
    for (const auto& [first, count] : {std::pair(0U, 200U), {16U, 100U}, {33U, 1U}, {150U, 50U}, {200U, 0U}}) {
      std::vector<Real> part(40 * count);
      multiply(states.bits(), ColumnsView({matrix.data(), units, columns}, first, count), {part.data(), 40, count});
      for (std::size_t i = 0; i < 40; ++i) {
        for (std::size_t j = 0; j < count; ++j) ASSERT_EQ(part[i * count + j], whole[i * columns + first + j]);
      }
    }
  }
}

TEST_P(StateProductsTest, StatesOfOneProductMayDifferInDensity) {
  // Sparse, half and dense thirds, along the units and along the rows.
  constexpr std::size_t rows = 600;
  constexpr std::size_t units = 360;
  constexpr std::size_t columns = 77;
  Random random(3);
  for (const bool along_rows : {false, true}) {
    States states(rows, units, 0, random);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < units; ++k) {
        const std::size_t third = along_rows ? i / 200 : k / 120;
        if (random.uniform() >= 0.05 + 0.45 * static_cast<double>(third)) continue;
        states.words[i * words_for(units) + k / 64] |= std::uint64_t{1} << (k % 64);
        states.numbers[i * units + k] = 1;
      }
    }
    const std::vector<Real> matrix = grid_numbers(units * columns, random);
    std::vector<Real> actual(rows * columns);
    multiply(states.bits(), {matrix.data(), units, columns}, {actual.data(), rows, columns});
    EXPECT_TRUE(same_bits(actual, plain_product(states, matrix, columns)));
  }
}

TEST_P(StateProductsTest, SumsMayFillTheWholeRangeOfExactNumbers) {
  // The positive numbers and the negative ones add up to 2^24 quanta each, so that no partial sum may go beyond.
  constexpr std::size_t units = 1024;
  constexpr std::size_t columns = 20;
  constexpr Real each = 0x1p15F;  // 512 of each sign
  Random random(4);
  std::vector<Real> matrix(units * columns);
  for (std::size_t k = 0; k < units; ++k) {
    for (std::size_t j = 0; j < columns; ++j) {
      const bool positive = j % 2 == 0 ? k < units / 2 : k % 2 == 0;
      matrix[k * columns + j] = positive ? each - 1 : -each + 1;
    }
  }
  for (const double density : densities) {
    const States states(40, units, density, random);
    std::vector<Real> actual(states.rows * columns);
    multiply(states.bits(), {matrix.data(), units, columns}, {actual.data(), states.rows, columns});
    EXPECT_TRUE(same_bits(actual, plain_product(states, matrix, columns))) << density;
  }
}

void expect_gradient(std::size_t rows, std::size_t samples, std::size_t columns, double v0_density, double v1_density,
                     double h0_density, Random& random) {
  const States v0(rows, samples, v0_density, random);
  const States v1(rows, samples, v1_density, random);
  const States h0(samples, columns, h0_density, random);
  std::vector<Real> h1p = random.reals(samples * columns, 0, 1);
  for (Real& p : h1p) p = std::nearbyint(p * 0x1p12F) * 0x1p-12F;
  std::vector<Real> expected = plain_product(v0, h0.numbers, columns);
  const std::vector<Real> negative = plain_product(v1, h1p, columns);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] -= negative[i];

  std::vector<Real> by_gemm(rows * columns);
  std::vector<Real> minus(rows * columns);
  multiply(v0.reals(), h0.reals(), {by_gemm.data(), rows, columns});
  multiply(v1.reals(), {h1p.data(), samples, columns}, {minus.data(), rows, columns});
  for (std::size_t i = 0; i < by_gemm.size(); ++i) by_gemm[i] -= minus[i];
  ASSERT_TRUE(same_bits(by_gemm, expected));

  std::vector<Real> actual(rows * columns + margin, 3.0F);
  expected.resize(actual.size(), 3.0F);
  multiply(v0.bits(), h0.bits(), {actual.data(), rows, columns});
  subtract_product(v1.bits(), {h1p.data(), samples, columns}, {actual.data(), rows, columns});
  ASSERT_TRUE(same_bits(actual, expected)) << rows << " x " << samples << " x " << columns << ", densities "
                                           << v0_density << ", " << v1_density << ", " << h0_density;
}

TEST_P(StateProductsTest, AGradientIsTheDifferenceOfTwoProducts) {
  Random random(5);
  for (const double density : densities) {
    expect_gradient(64, 100, 300, density, density, density, random);
    // More samples than a byte counts.
    expect_gradient(30, 600, 70, density, 1 - density, 1, random);
  }
}

TEST_P(StateProductsTest, GradientsOfAllSmallShapesAreRight) {
  Random random(6);
  for (const std::size_t rows : {0U, 1U, 5U}) {
    for (const std::size_t samples : {0U, 1U, 4U, 9U, 56U, 112U, 113U}) {
      for (const std::size_t columns : {0U, 1U, 15U, 16U, 63U, 64U, 65U, 127U, 129U, 257U, 300U}) {
        expect_gradient(rows, samples, columns, random.uniform(), random.uniform(), random.uniform(), random);
      }
    }
  }
  for (int i = 0; i < 50; ++i) {
    expect_gradient(random.below(300), random.below(300), random.below(400), random.uniform(), random.uniform(),
                    random.uniform(), random);
  }
}

}  // namespace
}  // namespace rbmpi
