#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rbmpi {

// Pieces of HTML and of the numbers in it. Everything is Local. Functions that take a "text" escape it; those that take
// "html" do not.

/// A text as HTML and SVG show it, in an element or in an attribute: & < > " ' become entities. Bytes that are no UTF-8
/// and control characters become U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);

/// <tag>text</tag>.
[[nodiscard]] std::string element(std::string_view tag, std::string_view text);

/// "data:image/png;base64,...".
[[nodiscard]] std::string png_uri(std::span<const std::byte> png);

/// 20000 as "20,000".
[[nodiscard]] std::string whole_text(std::uint64_t number);
/// A number to `digits` significant digits, without zeros at its end and with a true minus sign: "−0.0125", "1.2e−07";
/// a whole number if it has more: "15,034".
[[nodiscard]] std::string number_text(double number, int digits = 4);
/// A measured figure to four significant digits, all of them shown: "0.01300", "−355.6", "15,034".
[[nodiscard]] std::string figure_text(double number);
/// A figure with its standard error, to the second digit of the error: "−84.53 ± 0.12"; without one (nothing, or none
/// that is finite and positive) to six digits. What is larger than a billion or smaller than a millionth has an
/// exponent.
[[nodiscard]] std::string measured_text(double number, std::optional<double> standard_error);
/// A share as "12.5 %".
[[nodiscard]] std::string percent_text(double share);
/// "under 1 ms", "85 ms", "12.3 s", "4 min 5 s", "3 h 20 min".
[[nodiscard]] std::string seconds_text(double seconds);
/// "1 row", "2 rows".
[[nodiscard]] std::string count_text(std::uint64_t number, std::string_view singular);

/// "3 rows", or where there are more, "3 of 20,000 rows".
[[nodiscard]] std::string part_text(std::uint64_t part, std::uint64_t all, std::string_view singular);

/// A table. The cells of `rows` are HTML; columns that are `numeric` are aligned at the right.
struct HtmlTable {
  struct Column {
    std::string title;
    bool numeric = false;
    bool obvious = false;  ///< what is in it can do without the title, which narrow screens put before each cell
  };
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};
[[nodiscard]] std::string table(const HtmlTable& content);

/// What can be unfolded, without a script.
[[nodiscard]] std::string details(std::string_view summary, std::string_view html);

}  // namespace rbmpi
