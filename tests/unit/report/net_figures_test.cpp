#include "rbmpi/report/net_figures.hpp"

#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Of two inputs straight to three classes, with the identity as weights: the third class has no field.
FeedForwardNet some_net() {
  FeedForwardNet net(classifier_shape(2, {}, 3));
  const NetLayer<Real> layer = net.layer(0);
  layer.weights.row(0)[0] = 4;
  layer.weights.row(1)[1] = 4;
  return net;
}

DataRows some_rows(std::vector<std::int32_t> labels) {
  DataRows rows{.rows = labels.size(),
                .columns = 2,
                .values = AlignedBuffer<Real>(2 * labels.size()),
                .labels = std::move(labels),
                .numbers = {},
                .rows_in_use = 100,
                .picture = {}};
  for (std::size_t i = 0; i < rows.rows; ++i) {
    rows.numbers.push_back(10 * i);
    rows.values.data()[2 * i] = i % 2 == 0 ? Real{1} : Real(0.25);
    rows.values.data()[2 * i + 1] = i % 2 == 0 ? Real{0} : Real(0.75);
  }
  return rows;
}

constexpr std::int32_t classes[] = {3, 4, 9};

TEST(Classify, CountsAndSortsMistakes) {
  // The even rows have the fields 4, 0, 0, the odd ones 1, 3, 0.
  const DataRows rows = some_rows({3, 3, 9, 4, 4});
  const Classification found = classify(some_net(), classes, rows, "rows");
  EXPECT_THAT(found.confusion.classes, ElementsAre(3, 4, 9));
  EXPECT_THAT(found.confusion.counts, ElementsAre(1, 1, 0, 1, 1, 0, 1, 0, 0));
  ASSERT_EQ(found.mistakes.size(), 3U);
  const double sure = std::exp(4) / (std::exp(4) + 2);
  const double less_sure = std::exp(3) / (std::exp(3) + std::exp(1) + 1);
  EXPECT_EQ(found.mistakes[0].row, 2U);
  EXPECT_EQ(found.mistakes[0].label, 9);
  EXPECT_EQ(found.mistakes[0].predicted, 3);
  EXPECT_NEAR(found.mistakes[0].probability, sure, 1e-6);
  EXPECT_NEAR(found.mistakes[0].of_label, 1 / (std::exp(4) + 2), 1e-6);
  EXPECT_EQ(found.mistakes[1].row, 4U);
  EXPECT_EQ(found.mistakes[2].row, 1U);
  EXPECT_NEAR(found.mistakes[2].probability, less_sure, 1e-6);
  const double loss = -std::log(sure) - std::log(less_sure) - 2 * std::log((1 - sure) / 2) -
                      std::log(std::exp(1) / (std::exp(3) + std::exp(1) + 1));
  EXPECT_NEAR(found.cross_entropy, loss / 5, 1e-5);
}

TEST(Classify, LabelsThatTheNetDoesNotKnowAreRefused) {
  for (const std::vector<std::int32_t>& labels : {std::vector<std::int32_t>{3, 5}, {}}) {
    DataRows rows = some_rows({3, 3});
    rows.labels = labels;
    try {
      (void)classify(some_net(), classes, rows, "test rows");
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::file);
      EXPECT_THAT(error.what(), HasSubstr("test rows"));
    }
  }
}

TEST(Mistakes, AreAtMostSixtyWithTheirNumbersInTheFile) {
  const DataRows rows = some_rows(std::vector<std::int32_t>(200, 9));
  const NetFindings found{.name = "validation row",
                          .rows = rows.rows,
                          .rows_in_use = rows.rows_in_use,
                          .classification = classify(some_net(), classes, rows, "rows"),
                          .squared_error = {}};
  const std::string html = mistakes_section(found, rows).html;
  EXPECT_THAT(html, HasSubstr("60 of 200 mistakes"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\" class=\"number\" data-label=\"row\">1,180</th>"));
  EXPECT_EQ(html.find(">1,190</th>"), std::string::npos);
}

TEST(Mistakes, NoneIsSaid) {
  const DataRows rows = some_rows({3, 4});
  const NetFindings found{.name = "validation row",
                          .rows = 2,
                          .rows_in_use = 100,
                          .classification = classify(some_net(), classes, rows, "rows"),
                          .squared_error = {}};
  EXPECT_THAT(mistakes_section(found, rows).html, HasSubstr("All of 2 of 100 validation rows"));
}

TEST(Activations, OfAnyLayer) {
  FeedForwardNet net(autoencoder_shape(2, std::vector<std::size_t>{1}, Activation::linear));
  net.layer(0).weights.row(0)[0] = 2;
  net.layer(0).bias[0] = Real(0.5);
  const DataRows rows = some_rows({0, 0, 0});
  const AlignedBuffer<Real> codes = activations_of(net, 1, rows);
  EXPECT_THAT(std::vector<Real>(codes.span().begin(), codes.span().end()), ElementsAre(2.5, 1, 2.5));
  const AlignedBuffer<Real> outputs = activations_of(net, 2, rows);
  EXPECT_THAT(std::vector<Real>(outputs.span().begin(), outputs.span().end()), ::testing::Each(Real(0.5)));
  EXPECT_NEAR(mean_squared_error(rows.view(), {outputs.data(), 3, 2}), (0.5 + 0.125 + 0.5) / 3, 1e-7);
}

TEST(PrincipalComponents, LieAlongTheLargestVariances) {
  // Points on an ellipse in a plane of three dimensions: 5 cos t along (3, 0, 4) / 5, 2 sin t along the second axis.
  constexpr std::size_t count = 400;
  AlignedBuffer<Real> values(3 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const double t = 2 * 3.14159265358979 * static_cast<double>(i) / count;
    values.data()[3 * i] = static_cast<Real>(3 * std::cos(t) + 7);
    values.data()[3 * i + 1] = static_cast<Real>(2 * std::sin(t) - 1);
    values.data()[3 * i + 2] = static_cast<Real>(4 * std::cos(t));
  }
  const PlanePoints plane = principal_components({values.data(), count, 3});
  EXPECT_NEAR(plane.share, 1, 1e-9);
  for (std::size_t i = 0; i < count; ++i) {
    const double t = 2 * 3.14159265358979 * static_cast<double>(i) / count;
    EXPECT_NEAR(plane.points[i][0], 5 * std::cos(t), 1e-4);
    EXPECT_NEAR(plane.points[i][1], 2 * std::sin(t), 1e-4);
  }
}

TEST(PrincipalComponents, OfEqualRowsAreZero) {
  const AlignedBuffer<Real> values(4 * 5);
  const PlanePoints plane = principal_components({values.data(), 4, 5});
  EXPECT_EQ(plane.share, 1);
  EXPECT_THAT(plane.points, ::testing::Each(ElementsAre(0, 0)));
}

}  // namespace
}  // namespace rbmpi::test
