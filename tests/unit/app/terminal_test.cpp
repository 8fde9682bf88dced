#include "app/terminal.hpp"

#include <string>
#include <vector>

#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rbmpi {
namespace {

const std::string evil =
    "\x1b]0;x\x07\xe2\x80\xae\xc2\x9b"
    "2J";  // a title; a text from right to left; CSI 2 J
const std::string harmless = "?]0;x???2J";

TEST(Printable, KeepsWhatIsTextAndReplacesWhatIsNot) {
  EXPECT_EQ(printable("a b-1"), "a b-1");
  EXPECT_EQ(printable("gr\xc3\xb6\xc3\x9f"
                      "er \xe4\xb8\xad"),
            "gr\xc3\xb6\xc3\x9f"
            "er \xe4\xb8\xad");
  EXPECT_EQ(printable(evil), harmless);
  EXPECT_EQ(printable("one\ntwo\r\tthree"), "one?two??three");
  EXPECT_EQ(printable("\xff"
                      "a\xc3"),
            "?a?");
  EXPECT_EQ(printable("\x9b"
                      "1m"),
            "?1m");  // a lone byte, which is CSI in Latin-1
}

TEST(Printable, TextsThatAreShownAreArgumentsOfTheFormat) {
  EXPECT_EQ(to_show("{}\n", evil), harmless + "\n");
  EXPECT_EQ(to_show("{:<12}|{:>3}\n", evil.c_str(), 7), harmless + "  |  7\n");
  EXPECT_EQ(to_show("{}", std::string_view(evil)), harmless);
  EXPECT_EQ(to_show("{}", fmt::join(std::vector{evil, evil}, ", ")), harmless + ", " + harmless);
  EXPECT_EQ(to_show("{:.1f} {}", 1.25, fmt::join(std::vector{1, 2}, "x")), "1.2 1x2");
}

TEST(Printable, JsonIsAsciiAndMeansTheSame) {
  const nlohmann::ordered_json json = {{evil, evil + "\x7f"}};
  const std::string text = json_text(json);
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 0x7F)) << static_cast<int>(c);
  EXPECT_EQ(nlohmann::ordered_json::parse(text), json);
  EXPECT_TRUE(nlohmann::json::accept(json_text({{"source", "no UTF-8: \xff"}})));
}

}  // namespace
}  // namespace rbmpi
