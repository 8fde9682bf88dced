#include "rbmpi/data/unit_means.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  const AddRow add_row = [&](const RowReader& block, std::uint64_t first, std::uint64_t row,
                             std::span<std::int64_t> sums) {
    std::vector<double> units(sums.size());
    block.read({row, 1}, {units.data(), 1, units.size()});
    for (std::size_t j = 0; j < sums.size(); ++j) {
      EXPECT_EQ(units[j], values[(first + row) * 3 + j]);
      sums[j] += static_cast<std::int64_t>(units[j]) << 24;
    }
  };
  EXPECT_THAT(unit_means(samples, add_row, Communicator::world()), testing::ElementsAre(0.5, 0.25, 1.0));
}

}  // namespace
}  // namespace rbmpi
