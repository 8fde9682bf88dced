#include "rbmpi/report/chart.hpp"

#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace rbmpi::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

LineChart chart_of(std::vector<LineChart::Point> points) {
  return {.title = "Error",
          .note = "a < b",
          .x_name = "epoch",
          .y_name = "nats",
          .series = {{.name = "training", .points = std::move(points)}, {.name = "validation", .points = {}}}};
}

TEST(LineChart, DrawsAndDescribesASeries) {
  const std::string html = line_chart(chart_of({{1, 0.25}, {2, 0.125}, {3, 0.0625}}));
  EXPECT_EQ(count_of(html, "<polyline"), 1U);
  EXPECT_EQ(count_of(html, "<circle"), 3U);
  EXPECT_THAT(html, HasSubstr("a &lt; b"));
  EXPECT_THAT(html, HasSubstr("training goes from 0.25 in epoch 1 to 0.0625 in epoch 3"));
  EXPECT_THAT(html, Not(HasSubstr("validation")));  // it has no points
}

TEST(LineChart, OnePointIsADotAndNoneIsNothing) {
  const std::string html = line_chart(chart_of({{7, 0.25}}));
  EXPECT_EQ(count_of(html, "<polyline"), 0U);
  EXPECT_EQ(count_of(html, "<circle"), 1U);
  EXPECT_EQ(line_chart(chart_of({})), "");
}

TEST(LineChart, PointsLieWhereTheyBelong) {
  // From 0 to 10 in both directions; the axes are from 58 to 480 less the label, and from 224 up to 34.
  const std::string html = line_chart(chart_of({{0, 0}, {10, 10}}));
  EXPECT_THAT(html, HasSubstr("points=\"58.0,224.0 "));
  EXPECT_THAT(html, HasSubstr(",34.0 \""));
}

TEST(LineChart, LongRunsAreThinned) {
  std::vector<LineChart::Point> points;
  for (int i = 1; i <= 100000; ++i) points.push_back({static_cast<double>(i), 1.0 / i});
  const std::string html = line_chart(chart_of(points));
  EXPECT_LT(html.size(), 20000U);
  EXPECT_THAT(html, HasSubstr("in epoch 100,000"));
}

TEST(LineChart, ErrorsAreBars) {
  EXPECT_EQ(count_of(line_chart(chart_of({{1, 5, 0.5}, {2, 6, 0}})), "class=\"error s0\""), 1U);
}

AgreementChart agreement_of(std::vector<AgreementChart::Point> points) {
  return {.title = "Means",
          .note = "a < b",
          .x_name = "data",
          .y_name = "chains",
          .what = "unit",
          .points = std::move(points)};
}

TEST(AgreementChart, DrawsADotForEachAndDescribesThem) {
  const std::string html = agreement_chart(agreement_of({{0, 0.125}, {0.5, 0.5}, {1, 0.875}}));
  EXPECT_EQ(count_of(html, "h0"), 3U);
  EXPECT_EQ(count_of(html, "class=\"agree\""), 1U);
  EXPECT_THAT(html, HasSubstr("a &lt; b"));
  EXPECT_THAT(html,
              HasSubstr("3 units by data, from 0 to 1, and chains, from 0.125 to 0.875; the two differ by 0.083"));
  EXPECT_EQ(agreement_chart(agreement_of({})), "");
}

TEST(AgreementChart, BothAxesAreTheSame) {
  // Axes from 0 to 1 whatever the values are on either side, so the line goes from corner to corner and dots of equal
  // coordinates lie on it.
  const std::string html = agreement_chart(agreement_of({{0, 1}, {0.5, 0.5}}));
  EXPECT_EQ(count_of(html, ">0.2</text>"), 2U);
  EXPECT_EQ(count_of(html, ">0.8</text>"), 2U);
  EXPECT_THAT(html, HasSubstr("x1=\"58.0\" y1=\"436.0\" x2=\"460.0\" y2=\"34.0\" class=\"agree\""));
  EXPECT_THAT(html, HasSubstr("M260 236h0"));
}

TEST(AgreementChart, DotsThatCoverEachOtherAreDrawnOnceAndManyAreThinned) {
  std::vector<AgreementChart::Point> points(1000, {0.5, 0.25});
  EXPECT_EQ(count_of(agreement_chart(agreement_of(points)), "h0"), 1U);
  points.clear();
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 200; ++j) points.push_back({i / 200.0, j / 200.0});
  }
  const std::string html = agreement_chart(agreement_of(points));
  EXPECT_EQ(count_of(html, "h0"), 3000U);
  EXPECT_LT(html.size(), 50000U);
  EXPECT_THAT(html, HasSubstr("40,000 units"));
}

TEST(HistogramOf, CountsEveryValueOnce) {
  const std::vector<Real> values = {-1.0F, -0.5F, 0.0F, 0.0F, 0.25F, 0.999F, 1.0F};
  const Histogram bins = histogram(values, 10);
  EXPECT_EQ(std::accumulate(bins.counts.begin(), bins.counts.end(), std::uint64_t{0}), values.size());
  EXPECT_DOUBLE_EQ(bins.width, 0.2);
  EXPECT_LE(bins.low, -1.0);
  EXPECT_GE(bins.low + bins.width * static_cast<double>(bins.counts.size()), 1.0);
}

TEST(HistogramOf, ItsLastBinHasItsEnd) {
  const std::vector<Real> values = {0.0F, 0.1F, 0.5F, 1.0F};
  EXPECT_THAT(histogram(values, 0, 1, 4).counts, ElementsAre(2, 0, 1, 1));
}

TEST(HistogramOf, EqualValuesAreANarrowBarInTheMiddle) {
  for (const Real value : {0.0F, 0.7F, -1e-30F, 1e30F, 12345.678F}) {
    const Histogram bins = histogram(std::vector<Real>(5, value), 80);
    ASSERT_EQ(bins.counts.size(), 41U) << value;
    EXPECT_EQ(bins.counts[20], 5U) << value;
    EXPECT_NEAR(bins.low + bins.width * 20.5, static_cast<double>(value), bins.width * 1e-6) << value;
  }
  const Histogram close = histogram(std::vector<Real>{0.5F, 0.50001F}, 80);
  EXPECT_EQ(close.counts[20], 2U);
}

TEST(HistogramChart, DrawsBinsThatHaveSomething) {
  const std::string html = histogram_chart({.title = "Weights",
                                            .note = {},
                                            .x_name = "value",
                                            .what = "weight",
                                            .histogram = {.low = 0, .width = 0.5, .counts = {3, 0, 1}}});
  EXPECT_EQ(count_of(html, "<rect"), 2U);
  EXPECT_THAT(html, HasSubstr("0 to 0.5: 3 weights"));
  EXPECT_THAT(html, HasSubstr("Histogram of 4 weights from 0 to 1.5; most, 3, lie between 0 and 0.5."));
}

TEST(ShareChart, PartsAndTheirLegend) {
  const std::string html = share_chart(
      {.title = "Time", .note = {}, .parts = {{"products", "sums", 9}, {"none", "nothing", 0}, {"rest", "", 1}}});
  EXPECT_THAT(html, HasSubstr("Time: products 90.0 %, rest 10.0 %"));
  EXPECT_THAT(html, Not(HasSubstr("none")));
  EXPECT_EQ(share_chart({.title = "Time", .note = {}, .parts = {{"products", "sums", 0}}}), "");
}

TEST(ScatterChart, MarksAreLabelsOrDots) {
  ScatterChart chart{.title = "Codes <1>", .note = {}, .x_name = "x", .y_name = "y", .what = "row", .points = {}};
  EXPECT_EQ(scatter_chart(chart), "");
  chart.points = {{.x = 0, .y = 0, .mark = "7", .class_number = 12}, {.x = 10, .y = 5, .mark = {}, .class_number = 0}};
  const std::string svg = scatter_chart(chart);
  EXPECT_THAT(svg, ::testing::HasSubstr("class=\"mark c2\">7</text>"));
  EXPECT_THAT(svg, ::testing::HasSubstr("<circle"));
  EXPECT_THAT(svg,
              ::testing::HasSubstr("aria-label=\"Codes &lt;1&gt;: 2 rows by x, from 0 to 10, and y, from 0 to 5.\""));
}

TEST(ScatterChart, PointsInOnePlaceHaveRoom) {
  const ScatterChart chart{
      .title = "t", .note = {}, .x_name = "x", .y_name = "y", .what = "row", .points = {{.mark = "1"}, {.mark = "1"}}};
  EXPECT_THAT(scatter_chart(chart), ::testing::Not(::testing::HasSubstr("nan")));
}

}  // namespace
}  // namespace rbmpi::test
