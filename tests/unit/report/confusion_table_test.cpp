#include "report/confusion_table.hpp"

#include <gmock/gmock.h>

namespace rbmpi::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ConfusionTable, TheTableSaysEachCountAndWhatIsRight) {
  const ConfusionMatrix confusion{.classes = {2, 5}, .counts = {1999, 1, 100, 900}};
  const std::string html = confusion_table(confusion, "3,000 <rows>");
  EXPECT_THAT(html, HasSubstr("3,000 &lt;rows&gt;"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">2</th><td class=\"right\">1,999</td><td class=\"w1\">1</td>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">5</th><td class=\"w3\">100</td><td class=\"right\">900</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"sum\">1,000</td><td>10.00 %</td>"));
  EXPECT_THAT(html, HasSubstr("<td>95.2</td><td>99.9</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"sum\">3,000</td><td>3.37 %</td>"));
}

TEST(ConfusionTable, AClassWithoutRowsHasNoError) {
  const std::string html = confusion_table({.classes = {0, 1}, .counts = {3, 0, 0, 0}}, "3 rows");
  EXPECT_THAT(html, HasSubstr("<td class=\"right\">0</td><td class=\"sum\">0</td><td>\xe2\x80\x93</td>"));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST(ConfusionTable, OfManyClassesTheWorstComeFirst) {
  ConfusionMatrix confusion;
  for (int k = 0; k < 100; ++k) confusion.classes.push_back(k);
  confusion.counts.resize(10'000);
  for (std::size_t k = 0; k < 100; ++k) confusion.counts[k * 100 + k] = 5;
  confusion.counts[42 * 100 + 17] = 4;
  const std::string html = confusion_table(confusion, "rows");
  EXPECT_THAT(html, Not(HasSubstr("class=\"matrix\"")));
  const std::size_t worst = html.find(">42</th>");
  EXPECT_LT(worst, html.find(">0</th>"));
  EXPECT_THAT(html.substr(worst, 300), HasSubstr(">44.44 %</td>"));
  EXPECT_THAT(html, Not(HasSubstr(">99</th>"))) << "only the worst";
}

}  // namespace
}  // namespace rbmpi::test
