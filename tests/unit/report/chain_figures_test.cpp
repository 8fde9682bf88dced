#include "rbmpi/report/chain_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include <gmock/gmock.h>

namespace rbmpi::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Rows that have each unit on with the probabilities of one of some patterns, at random.
std::vector<std::vector<int>> rows_of(std::size_t count, const std::vector<std::vector<double>>& patterns,
                                      std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<std::vector<int>> rows;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<int>& row = rows.emplace_back();
    for (const double p : patterns[generator() % patterns.size()]) {
      row.push_back(std::uniform_real_distribution<double>(0, 1)(generator) < p ? 1 : 0);
    }
  }
  return rows;
}

std::vector<std::vector<double>> patterns_of(std::size_t count, std::size_t units, double sure, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<std::vector<double>> patterns(count);
  for (std::vector<double>& pattern : patterns) {
    for (std::size_t i = 0; i < units; ++i) pattern.push_back(generator() % 2 == 0 ? sure : 1 - sure);
  }
  return patterns;
}

struct Bits {
  explicit Bits(const std::vector<std::vector<int>>& rows)
      : words(rows.size() * words_for(rows.front().size())), view{words.data(), rows.size(), rows.front().size()} {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < rows[i].size(); ++j) {
        if (rows[i][j] != 0) words[i * view.row_words() + j / 64] |= std::uint64_t{1} << (j % 64);
      }
    }
  }
  std::vector<std::uint64_t> words;
  ConstBitMatrixView view;
};

template <typename Value>
DataRows data_of(const std::vector<std::vector<Value>>& rows) {
  DataRows data;
  data.rows = rows.size();
  data.columns = rows.front().size();
  data.rows_in_use = rows.size();
  data.values = AlignedBuffer<Real>(data.rows * data.columns);
  for (std::size_t i = 0; i < data.rows; ++i) {
    std::ranges::transform(rows[i], data.values.data() + i * data.columns,
                           [](Value value) { return static_cast<Real>(value); });
  }
  return data;
}

std::vector<ChainTrouble> troubles(const ChainFindings& found, double pairs_r, double autocorrelation = 0,
                                   double sweeps = 600) {
  return troubles_of(&found, {{"chains_pairs_r", pairs_r}, {"chains_autocorrelation", autocorrelation}}, sweeps);
}

/// The correlation of the second moments that were found.
double pairs_r(const ChainFindings& found) {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (const ChainFindings::Moment& pair : found.data->pairs) {
    n += 1;
    x += pair.data;
    y += pair.chains;
    xx += pair.data * pair.data;
    yy += pair.chains * pair.chains;
    xy += pair.data * pair.chains;
  }
  return (n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y));
}

TEST(CompareChains, CountsMomentsAndDistances) {
  const Bits chains({{1, 1, 0}, {1, 0, 0}, {1, 0, 0}, {0, 0, 0}});
  const DataRows data = data_of<double>({{1, 0.5, 0}, {0, 0.5, 0}});
  const ChainFindings found = compare_chains(chains.view, &data);
  EXPECT_EQ(found.chains, 4U);
  EXPECT_EQ(found.all_chains, 4U);
  EXPECT_EQ(found.distinct, 3U);
  EXPECT_DOUBLE_EQ(found.distance, (1 + 1 + 2 + 0 + 1 + 1) / 6.0);
  ASSERT_TRUE(found.data);
  EXPECT_DOUBLE_EQ(found.data->distance, 1 + 0.5);
  EXPECT_EQ(found.data->distinct, 0U);  // grey rows are not counted
  ASSERT_EQ(found.data->means.size(), 3U);
  EXPECT_DOUBLE_EQ(found.data->means[0].chains, 0.75);
  EXPECT_DOUBLE_EQ(found.data->means[1].data, 0.5);
  ASSERT_EQ(found.data->pairs.size(), 3U);  // 01, 02, 12
  EXPECT_DOUBLE_EQ(found.data->pairs[0].data, 0.25);
  EXPECT_DOUBLE_EQ(found.data->pairs[0].chains, 0.25);
  EXPECT_DOUBLE_EQ(found.data->pairs[1].chains, 0);
}

TEST(CompareChains, ARowOfWeight2IsThatRowTwice) {
  const Bits chains({{1, 1, 0}, {1, 0, 0}, {0, 0, 1}});
  DataRows weighted = data_of<double>({{1, 0.5, 0}, {0, 0.25, 1}, {0.75, 0, 0.5}, {1, 1, 1}});
  weighted.weights = {1.5F, 0.75F, 0.75F, 0};  // with mean 0.75, as nobody has to say that it is 1
  const DataRows twice = data_of<double>({{1, 0.5, 0}, {1, 0.5, 0}, {0, 0.25, 1}, {0.75, 0, 0.5}});
  const ChainFindings found = compare_chains(chains.view, &weighted);
  const ChainFindings expected = compare_chains(chains.view, &twice);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(found.data->means[i].data, expected.data->means[i].data) << i;
    EXPECT_DOUBLE_EQ(found.data->means[i].chains, expected.data->means[i].chains) << i;
    EXPECT_DOUBLE_EQ(found.data->pairs[i].data, expected.data->pairs[i].data) << i;
  }
  // But not two rows, which would be alike: the distance is over pairs of different ones, with both weights.
  const double of_pairs[] = {1 + 0.5 + 1, 0.25 + 0.5 + 0.5, 0.75 + 0.25 + 0.5};  // 01, 02, 12
  EXPECT_DOUBLE_EQ(found.data->distance, (2 * of_pairs[0] + 2 * of_pairs[1] + of_pairs[2]) / (2 + 2 + 1));
}

TEST(CompareChains, NeedsNoDataAndDoesWithTheLeast) {
  const Bits one(std::vector<std::vector<int>>{{1}});
  const ChainFindings alone = compare_chains(one.view, nullptr);
  EXPECT_FALSE(alone.data);
  EXPECT_EQ(alone.distance, 0);
  const DataRows data = data_of<int>({{1}});
  const ChainFindings found = compare_chains(one.view, &data);
  EXPECT_TRUE(found.data->pairs.empty());
  EXPECT_EQ(found.data->expected_pairs_r, 0);
  EXPECT_THAT(troubles(found, NAN), IsEmpty());
}

TEST(CompareChains, TheExpectedCorrelationIsThatOfIndependentRows) {
  const auto patterns = patterns_of(6, 100, 0.95, 1);
  const DataRows data = data_of(rows_of(2000, patterns, 2));
  for (const std::size_t chains : std::initializer_list<std::size_t>{30, 100, 1000}) {
    double mean = 0;
    constexpr int tries = 10;
    for (std::uint32_t seed = 0; seed < tries; ++seed) {
      mean += pairs_r(compare_chains(Bits(rows_of(chains, patterns, 10 + seed)).view, &data)) / tries;
    }
    const double expected = compare_chains(Bits(rows_of(chains, patterns, 3)).view, &data).data->expected_pairs_r;
    EXPECT_NEAR(expected, mean, 0.02) << chains;
  }
}

TEST(ChainTroubles, AreNoneOfRowsOfTheDataThemselves) {
  for (std::uint32_t seed = 1; seed < 10; ++seed) {
    const auto patterns = patterns_of(seed % 5 + 2, 100, 0.95, seed);
    const DataRows data = data_of(rows_of(2000, patterns, 100 + seed));
    const ChainFindings found = compare_chains(Bits(rows_of(20 + 10 * seed, patterns, 200 + seed)).view, &data);
    EXPECT_THAT(troubles(found, pairs_r(found)), IsEmpty()) << seed;
  }
}

TEST(ChainTroubles, ChainsThatAreAlikeAreCollapsed) {
  const auto patterns = patterns_of(6, 100, 0.98, 1);
  const DataRows data = data_of(rows_of(2000, patterns, 2));
  const ChainFindings near = compare_chains(Bits(rows_of(100, {patterns[0]}, 3)).view, &data);
  EXPECT_THAT(troubles(near, 0.99), ElementsAre(ChainTrouble::collapsed));
  // Two states that are far from each other.
  std::vector<std::vector<int>> two = rows_of(2, patterns, 4);
  for (std::size_t i = 2; i < 100; ++i) two.push_back(two[i % 2]);
  const ChainFindings few = compare_chains(Bits(two).view, &data);
  EXPECT_THAT(troubles(few, 0.99), ElementsAre(ChainTrouble::collapsed));
  // So few may be alike by chance.
  EXPECT_THAT(troubles(compare_chains(Bits(rows_of(19, {patterns[0]}, 3)).view, &data), 0.99), IsEmpty());
  EXPECT_THAT(troubles(compare_chains(Bits(rows_of(100, {patterns[0]}, 3)).view, nullptr), 0.99), IsEmpty());
}

TEST(ChainTroubles, DataWithFewPatternsHaveChainsWithFewStates) {
  const auto patterns = patterns_of(3, 40, 1, 1);
  const DataRows data = data_of(rows_of(300, patterns, 2));
  EXPECT_THAT(troubles(compare_chains(Bits(rows_of(100, patterns, 3)).view, &data), 0.99), IsEmpty());
}

TEST(ChainTroubles, ChainsWithOtherMomentsAreElsewhere) {
  const DataRows data = data_of(rows_of(2000, patterns_of(6, 100, 0.95, 1), 2));
  const ChainFindings found = compare_chains(Bits(rows_of(100, patterns_of(6, 100, 0.95, 77), 3)).view, &data);
  EXPECT_THAT(troubles(found, pairs_r(found)), ElementsAre(ChainTrouble::elsewhere));
  // Where the moments of the data are all the same but for chance, there is nothing to compare.
  const DataRows noise = data_of(rows_of(500, {std::vector<double>(100, 0.5)}, 5));
  const ChainFindings of_noise = compare_chains(Bits(rows_of(100, {std::vector<double>(100, 0.5)}, 6)).view, &noise);
  EXPECT_THAT(troubles(of_noise, pairs_r(of_noise)), IsEmpty());
}

TEST(ChainTroubles, ChainsThatStayHaveStopped) {
  const auto of = [](double autocorrelation, double sweeps) {
    return troubles_of(nullptr, {{"chains_autocorrelation", autocorrelation}}, sweeps);
  };
  EXPECT_THAT(of(0.89, 600), IsEmpty());
  EXPECT_THAT(of(0.91, 600), ElementsAre(ChainTrouble::stopped));
  EXPECT_THAT(of(0.91, 100), ElementsAre(ChainTrouble::stopped));
  EXPECT_THAT(of(-0.99, 100), IsEmpty());
  // After one sweep a chain is nearly where it was; what counts is a hundred.
  EXPECT_THAT(of(0.99, 1), IsEmpty());
  EXPECT_THAT(of(0.9995, 1), ElementsAre(ChainTrouble::stopped));
  EXPECT_THAT(of(1, 1), ElementsAre(ChainTrouble::stopped));
  EXPECT_THAT(troubles_of(nullptr, {}, 100), IsEmpty());
}

}  // namespace
}  // namespace rbmpi::test
