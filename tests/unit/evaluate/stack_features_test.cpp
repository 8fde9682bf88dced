#include "rbmpi/evaluate/stack_features.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/evaluate/hidden_features.hpp"
#include "support/labelled_samples.hpp"
#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

// In any order, of a part of the data, more than are made together.
TEST(StackFeaturesTest, AreReadAsOtherRowsWithTheLabelBesideThem) {
  constexpr std::uint64_t rows = 700;
  const test::LabelledSamples samples(rows, 20, 3);
  const Rbm rbm = test::random_rbm({20, 9}, 1, 1, 1);
  std::vector<Real> expected;
  hidden_features(rbm.view(), samples.view(), {}, Communicator(), [&](std::uint64_t, ConstMatrixView piece) {
    expected.insert(expected.end(), piece.values, piece.values + piece.size());
  });

  const StackFeatures features({rbm.view()}, samples.view(), samples.classes());
  const Rows part = Rows(features).part(50, 600);
  ASSERT_EQ(part.columns, 12U);
  Workspace memory;
  const std::unique_ptr<RowReader> reader = part.reader({.most_rows = 500}, memory);
  const RowOrder order(part.rows, true, 1, 0, 1);
  for (const std::uint64_t first : {0U, 100U}) {
    reader->next(order, first, 500);
    for (std::uint64_t i = 0; i < 500; ++i) {
      const std::uint64_t row = 50 + order.row(first + i);
      std::vector<Real> v(12);
      reader->read({i, 1}, unrounded, {v.data(), 1, 12});
      for (std::size_t j = 0; j < 9; ++j) ASSERT_EQ(v[j], expected[row * 9 + j]) << row;
      for (std::size_t k = 0; k < 3; ++k) {
        ASSERT_EQ(v[9 + k], samples.view().labels[row] == samples.classes()[k] ? 1 : 0) << row;
      }
    }
  }
}

}  // namespace
}  // namespace rbmpi
