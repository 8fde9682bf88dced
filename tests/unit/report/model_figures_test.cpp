#include "rbmpi/report/model_figures.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <unistd.h>

#include "rbmpi/core/random.hpp"
#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi::test {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// 5 x 4, with all parameters different.
Rbm some_rbm() {
  Rbm rbm({5, 4});
  const RandomStream stream(3, 0, 0, Phase::weights, 0);
  for (std::uint32_t i = 0; i < rbm.parameters().size(); ++i)
    rbm.parameters()[i] = static_cast<Real>(normal(stream, i));
  return rbm;
}

AlignedBuffer<Real> some_rows(std::size_t rows, std::size_t columns) {
  AlignedBuffer<Real> values(rows * columns);
  for (std::size_t i = 0; i < values.size(); ++i) values.data()[i] = static_cast<Real>(i * 37 % 101) / 100;
  return values;
}

TEST(SpreadPieces, AreSingleRowsWhereTheyAreFew) {
  EXPECT_THAT(spread_pieces(10, 4),
              ::testing::ElementsAre(RowPiece{0, 1}, RowPiece{2, 1}, RowPiece{5, 1}, RowPiece{7, 1}));
  EXPECT_THAT(spread_pieces(3, 5), ::testing::ElementsAre(RowPiece{0, 3}));
  EXPECT_THAT(spread_pieces(3, 3), ::testing::ElementsAre(RowPiece{0, 3}));
  EXPECT_THAT(spread_pieces(1, 1), ::testing::ElementsAre(RowPiece{0, 1}));
}

TEST(SpreadPieces, CoverTheWholeFileAndDoNotOverlap) {
  for (const std::uint64_t all : {1001ULL, 60'000ULL, 70'001ULL, 1ULL << 45U}) {
    for (const std::uint64_t count : {1ULL, 7ULL, 199ULL, 201ULL, 1000ULL, 10'000ULL}) {
      if (count >= all) continue;
      const std::vector<RowPiece> pieces = spread_pieces(all, count);
      EXPECT_EQ(pieces.size(), std::min<std::uint64_t>(count, 200));
      std::uint64_t sum = 0;
      std::uint64_t end = 0;
      for (const RowPiece& piece : pieces) {
        EXPECT_GE(piece.first, end);
        EXPECT_LE(piece.first - end, all / pieces.size() + 1) << "a gap that is too long";
        end = piece.first + piece.count;
        sum += piece.count;
      }
      EXPECT_EQ(sum, count);
      EXPECT_LE(end, all);
      EXPECT_GE(end + 2 * (all / pieces.size()), all);
    }
  }
}

class RowsOfAFile : public ::testing::Test {
 protected:
  RowsOfAFile() {
    DatasetInfo info;
    info.rows = 100;
    info.columns = 2;
    info.picture = {1, 2};
    info.has_labels = true;
    DatasetWriter writer(file_, info);
    for (int i = 0; i < 100; ++i) {
      const std::array<std::uint8_t, 2> row = {static_cast<std::uint8_t>(i), 255};
      const std::int32_t label = 1000 + i;
      writer.append({.count = 1, .samples = row.data(), .labels = &label});
    }
    writer.finish();
  }
  ~RowsOfAFile() override { std::filesystem::remove(file_); }

  std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("rbmpi rows " + std::to_string(::getpid()) + ".h5");
};

TEST_F(RowsOfAFile, HaveTheirNumbersAndLabels) {
  const DataRows rows = read_rows(file_, 4);
  EXPECT_THAT(rows.numbers, ::testing::ElementsAre(0, 25, 50, 75));
  EXPECT_THAT(rows.labels, ::testing::ElementsAre(1000, 1025, 1050, 1075));
  EXPECT_EQ(rows.rows_in_use, 100U);
  EXPECT_THAT(rows.picture, ::testing::ElementsAre(1, 2));
  EXPECT_FLOAT_EQ(rows.view().row(1)[0], Real{25} / 255);
  EXPECT_EQ(rows.samples().labels[3], 1075);
}

TEST_F(RowsOfAFile, AreThoseThatAreSelected) {
  EXPECT_THAT(read_rows(file_, 3, {.in_use = 30}).numbers, ::testing::ElementsAre(0, 10, 20));
  EXPECT_THAT(read_rows(file_, 3, {.in_use = 30, .held_out = 0.2}).numbers, ::testing::ElementsAre(0, 8, 16));
  const DataRows held_out = read_rows(file_, 3, {.in_use = 30, .held_out = 0.2, .validation_rows = true});
  EXPECT_THAT(held_out.numbers, ::testing::ElementsAre(24, 26, 28));
  EXPECT_THAT(held_out.labels, ::testing::ElementsAre(1024, 1026, 1028));
  EXPECT_EQ(held_out.rows_in_use, 6U);
  EXPECT_FLOAT_EQ(held_out.view().row(2)[0], Real{28} / 255);
  EXPECT_EQ(read_rows(file_, 1000, {.in_use = 1000}).rows, 100U);
}

TEST_F(RowsOfAFile, HaveWeightsOfMeanOneAmongThoseThatAreTaken) {
  DatasetInfo info;
  info.columns = 1;
  info.has_weights = true;
  const std::array<std::uint8_t, 6> values = {};
  const std::array<float, 6> weights = {8, 0, 4, 0, 0, 7};
  DatasetWriter writer(file_, info);
  writer.append({.count = 6, .samples = values.data(), .weights = weights.data()});
  writer.finish();
  const DataRows rows = read_rows(file_, 3);
  EXPECT_THAT(rows.numbers, ::testing::ElementsAre(0, 2, 4));
  EXPECT_THAT(rows.weights, ::testing::ElementsAre(2, 1, 0));
  EXPECT_THAT(read_rows(file_, 2, {.in_use = 5, .held_out = 0.4, .validation_rows = true}).weights,
              ::testing::IsEmpty());  // all have weight 0
}

TEST(HiddenUse, IsTheMeanOfTheProbabilities) {
  const Rbm rbm = some_rbm();
  const RbmView<const Real> view = rbm;
  const std::size_t rows = 1203;  // more than are looked at together
  const AlignedBuffer<Real> values = some_rows(rows, 5);
  const HiddenUse use = hidden_use(hidden_weights(view), {values.data(), rows, 5});
  ASSERT_EQ(use.activity.size(), 4U);
  EXPECT_EQ(use.rows, rows);
  for (std::size_t j = 0; j < 4; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      double field = static_cast<double>(view.hidden_bias[j]);
      for (std::size_t k = 0; k < 5; ++k) {
        field += static_cast<double>(values.data()[i * 5 + k]) * static_cast<double>(view.weights.row(k)[j]);
      }
      sum += sigmoid(field);
    }
    EXPECT_NEAR(use.activity[j], sum / static_cast<double>(rows), 1e-6);
  }
  for (std::size_t k = 0; k + 1 < 4; ++k) EXPECT_GE(use.activity[use.by_use[k]], use.activity[use.by_use[k + 1]]);
}

TEST(HiddenUse, ARowOfWeight2IsThatRowTwice) {
  const Rbm rbm = some_rbm();
  const AlignedBuffer<Real> values = some_rows(3, 5);
  AlignedBuffer<Real> twice(20);
  std::copy_n(values.data(), 5, twice.data());
  std::copy_n(values.data(), 15, twice.data() + 5);
  const std::vector<float> weights = {1.5F, 0.75F, 0.75F};  // with mean 1
  const HiddenUse weighted = hidden_use(hidden_weights(rbm), {values.data(), 3, 5}, weights);
  const HiddenUse expected = hidden_use(hidden_weights(rbm), {twice.data(), 4, 5});
  for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(weighted.activity[j], expected.activity[j], 1e-6) << j;
  EXPECT_EQ(weighted.by_use, expected.by_use);
}

TEST(HiddenUse, EqualUnitsStayInOrder) {
  const Rbm rbm({5, 4});
  const AlignedBuffer<Real> values = some_rows(3, 5);
  EXPECT_THAT(hidden_use(hidden_weights(rbm), {values.data(), 3, 5}).by_use, ::testing::ElementsAre(0, 1, 2, 3));
}

TEST(MeanReconstructions, GoUpAndDownWithoutChance) {
  const Rbm rbm = some_rbm();
  const RbmView<const Real> view = rbm;
  const AlignedBuffer<Real> values = some_rows(7, 5);
  const AlignedBuffer<Real> reconstructions = mean_reconstructions(view, {values.data(), 7, 5});
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t v = 0; v < 5; ++v) {
      double field = static_cast<double>(view.visible_bias[v]);
      for (std::size_t j = 0; j < 4; ++j) {
        double hidden = static_cast<double>(view.hidden_bias[j]);
        for (std::size_t k = 0; k < 5; ++k) {
          hidden += static_cast<double>(values.data()[i * 5 + k]) * static_cast<double>(view.weights.row(k)[j]);
        }
        field += sigmoid(hidden) * static_cast<double>(view.weights.row(v)[j]);
      }
      EXPECT_NEAR(static_cast<double>(reconstructions.data()[i * 5 + v]), sigmoid(field), 1e-5);
    }
  }
}

}  // namespace
}  // namespace rbmpi::test
