#include "rbmpi/data/unit_means.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

TEST(UnitMeansTest, AreTheSameOnAnyNumberOfRanks) {
  constexpr std::uint64_t rows = 1000;  // several blocks for a rank
  std::vector<std::uint8_t> values;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (const std::uint64_t value : {row % 2, row % 4 / 3, std::uint64_t{1}}) {
      values.push_back(static_cast<std::uint8_t>(value));
    }
  }
  const Samples samples{ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), rows, 3, 1.0};
  const ReadRow read_row = [&](const RowReader& block, std::uint64_t first, std::uint64_t row,
                               std::span<double> units) {
    block.read({row, 1}, {units.data(), 1, units.size()});
    for (std::size_t j = 0; j < units.size(); ++j) EXPECT_EQ(units[j], values[(first + row) * 3 + j]);
  };
  Rows data = samples;
  EXPECT_THAT(unit_means(data, read_row, Communicator::world()), testing::ElementsAre(0.5, 0.25, 1.0));

  // Rows of weight 0 do not count, and of the others those that have the second unit on count three times as much.
  std::vector<float> weights(rows);
  for (std::uint64_t row = 0; row < rows; ++row) weights[row] = row % 2 == 0 ? 0.0F : row % 4 == 3 ? 0.75F : 0.25F;
  data.weights = weights.data();
  EXPECT_THAT(unit_means(data, read_row, Communicator::world()), testing::ElementsAre(1.0, 0.75, 1.0));

  // Weights in any unit, of any size: as plain loops have them.
  std::vector<double> expected(3);
  double sum = 0;
  for (std::uint64_t row = 0; row < rows; ++row) {
    weights[row] = std::exp(static_cast<float>(row % 37)) * 1e-6F;
    sum += double{weights[row]};
    for (std::size_t j = 0; j < 3; ++j) expected[j] += double{weights[row]} * values[row * 3 + j];
  }
  const std::vector<double> means = unit_means(data, read_row, Communicator::world());
  EXPECT_EQ(means, unit_means(data, read_row, Communicator()));
  for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(means[j], expected[j] / sum, 1e-12);

  std::ranges::fill(weights, 0.0F);
  test::expect_error(Failure::file, {"1000 rows have weight 0"},
                     [&] { (void)unit_means(data, read_row, Communicator::world()); });
}

}  // namespace
}  // namespace rbmpi
