#include "rbmpi/report/html.hpp"

#include <limits>
#include <vector>

#include <gmock/gmock.h>

namespace rbmpi::test {
namespace {

TEST(Escape, LeavesNothingThatHtmlTakesForItsOwn) {
  EXPECT_EQ(escape("<a href=\"x\">it's & more</a>"), "&lt;a href=&quot;x&quot;&gt;it&#39;s &amp; more&lt;/a&gt;");
  EXPECT_EQ(escape("zwölf μ 数 🙂"), "zwölf μ 数 🙂");
  EXPECT_EQ(element("p", "1 < 2"), "<p>1 &lt; 2</p>");
}

TEST(Escape, ReplacesWhatIsNoText) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(escape(std::string("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(escape("\x1b[31m"), bad + "[31m");
  EXPECT_EQ(escape("\xff"), bad);
  EXPECT_EQ(escape("\xc3"), bad);                                // half a character
  EXPECT_EQ(escape("\xc3<"), bad + "&lt;");                      // which must not swallow what follows
  EXPECT_EQ(escape("\xc0\xbc"), bad + bad);                      // '<', longer than it may be
  EXPECT_EQ(escape("\xed\xa0\x80"), bad + bad + bad);            // half a surrogate pair
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), bad + bad + bad + bad);  // beyond the last character
}

TEST(Numbers, MeasuredToTheDigitsOfTheirErrors) {
  EXPECT_EQ(measured_text(-84.5312, 0.1234), "−84.53 ± 0.12");
  EXPECT_EQ(measured_text(-84.5312, 0.0996), "−84.53 ± 0.10");
  EXPECT_EQ(measured_text(366.845, 12.7), "367 ± 13");
  EXPECT_EQ(measured_text(366.845, 127.0), "367 ± 127");
  EXPECT_EQ(measured_text(3.5375e-6, 7.7e-8), "3.5375e−06 ± 7.7e−08");
  EXPECT_EQ(measured_text(0.0355782, 0.00042920), "0.03558 ± 0.00043");
  EXPECT_EQ(measured_text(41.13294, {}), "41.1329");
  EXPECT_EQ(measured_text(41.13294, 0.0), "41.1329");
  EXPECT_EQ(measured_text(41.13294, std::numeric_limits<double>::infinity()), "41.1329");
  EXPECT_EQ(measured_text(std::numeric_limits<double>::quiet_NaN(), 1.0), "not finite");
  EXPECT_EQ(part_text(3, 20'000, "row"), "3 of 20,000 rows");
  EXPECT_EQ(part_text(1, 1, "row"), "1 row");
}

TEST(Tables, TitlesStandBeforeTheCellsThatNeedThem) {
  const HtmlTable content{.caption = "c",
                          .columns = {{"unit", true}, {"bias", true}, {"what it is", false, true}},
                          .rows = {{"3", "0.5", "<b>x</b>"}}};
  const std::string html = table(content);
  EXPECT_THAT(html, ::testing::HasSubstr("<th scope=\"row\" class=\"number\" data-label=\"unit\">3</th>"));
  EXPECT_THAT(html, ::testing::HasSubstr("<td class=\"number\" data-label=\"bias\">0.5</td><td><b>x</b></td>"));
  EXPECT_THAT(table({.caption = "c", .columns = {{"key"}, {"value"}}, .rows = {{"a", "b"}}}),
              ::testing::Not(::testing::HasSubstr("data-label")));
}

TEST(Numbers, AsPeopleWriteThem) {
  EXPECT_EQ(whole_text(0), "0");
  EXPECT_EQ(whole_text(999), "999");
  EXPECT_EQ(whole_text(1000), "1,000");
  EXPECT_EQ(whole_text(12345678), "12,345,678");
  EXPECT_EQ(number_text(-0.0125), "−0.0125");
  EXPECT_EQ(number_text(0.5), "0.5");
  EXPECT_EQ(number_text(15034.2), "15,034");
  EXPECT_EQ(number_text(1.2e-7), "1.2e−07");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "not finite");
  EXPECT_EQ(figure_text(0.013), "0.01300");
  EXPECT_EQ(figure_text(-355.62), "−355.6");
  EXPECT_EQ(figure_text(9615), "9615");
  EXPECT_EQ(percent_text(0.1254), "12.5 %");
  EXPECT_EQ(percent_text(0.0004), "under 0.1 %");
  EXPECT_EQ(percent_text(0), "0.0 %");
  EXPECT_EQ(count_text(1, "row"), "1 row");
  EXPECT_EQ(count_text(2000, "row"), "2,000 rows");
}

TEST(Numbers, TimesInTheUnitsThatFit) {
  EXPECT_EQ(seconds_text(0), "0 ms");
  EXPECT_EQ(seconds_text(0.0002), "under 1 ms");
  EXPECT_EQ(seconds_text(0.0854), "85 ms");
  EXPECT_EQ(seconds_text(12.34), "12.3 s");
  EXPECT_EQ(seconds_text(59.97), "1 min 0 s");
  EXPECT_EQ(seconds_text(245), "4 min 5 s");
  EXPECT_EQ(seconds_text(12000), "3 h 20 min");
}

TEST(PngUri, IsBase64) {
  const auto uri = [](std::vector<unsigned char> bytes) { return png_uri(std::as_bytes(std::span(bytes))); };
  EXPECT_EQ(uri({'M', 'a', 'n'}), "data:image/png;base64,TWFu");
  EXPECT_EQ(uri({'M', 'a'}), "data:image/png;base64,TWE=");
  EXPECT_EQ(uri({}), "data:image/png;base64,");
}

TEST(TableHtml, HasACaptionAndHeads) {
  const std::string html =
      table({.caption = "a < b", .columns = {{"name"}, {"size", true}}, .rows = {{"x", "<code>1</code>"}}});
  EXPECT_THAT(html, ::testing::HasSubstr("<caption>a &lt; b</caption>"));
  EXPECT_THAT(html, ::testing::HasSubstr("<th scope=\"col\" class=\"number\">size</th>"));
  EXPECT_THAT(html, ::testing::HasSubstr("<th scope=\"row\">x</th><td class=\"number\"><code>1</code></td>"));
}

}  // namespace
}  // namespace rbmpi::test
