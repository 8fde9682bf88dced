#include "rbmpi/report/html.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "rbmpi/core/utf8.hpp"

namespace rbmpi {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view minus = "\xe2\x88\x92";        // U+2212

std::string with_minus(std::string text) {
  for (std::size_t at = text.find('-'); at != std::string::npos; at = text.find('-', at)) text.replace(at, 1, minus);
  return text;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  while (!text.empty()) {
    const auto [length, code] = first_character(text);
    const char c = text.front();
    if (length == 0 || (is_control(code) && c != '\n' && c != '\t')) {
      html += replacement;
    } else if (c == '&') {
      html += "&amp;";
    } else if (c == '<') {
      html += "&lt;";
    } else if (c == '>') {
      html += "&gt;";
    } else if (c == '"') {
      html += "&quot;";
    } else if (c == '\'') {
      html += "&#39;";
    } else {
      html += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return html;
}

std::string element(std::string_view tag, std::string_view text) {
  return fmt::format("<{0}>{1}</{0}>", tag, escape(text));
}

std::string png_uri(std::span<const std::byte> png) {
  std::string base64((png.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a zero byte
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                     reinterpret_cast<const unsigned char*>(png.data()), static_cast<int>(png.size()));
  base64.resize(static_cast<std::size_t>(length));
  return "data:image/png;base64," + base64;
}

std::string whole_text(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string number_text(double number, int digits) {
  if (!std::isfinite(number)) return "not finite";
  if (number == 0) return "0";
  const double size = std::abs(number);
  const bool is_whole = size >= 1e4 && size == std::floor(size);
  if ((is_whole || size >= std::pow(10.0, digits)) && size < 1e15) {
    return (number < 0 ? std::string(minus) : "") + whole_text(static_cast<std::uint64_t>(std::llround(size)));
  }
  return with_minus(fmt::format("{:.{}g}", number, digits));
}

std::string figure_text(double number) {
  const double size = std::abs(number);
  if (!std::isfinite(number) || size == 0 || size < 1e-4 || size >= 999.95) return number_text(number, 4);
  return with_minus(fmt::format("{:#.4g}", number));
}

std::string measured_text(double number, std::optional<double> standard_error) {
  const double error = standard_error.value_or(0);
  if (!std::isfinite(number) || !(error > 0) || !std::isfinite(error)) return number_text(number, 6);
  // The exponent of the error as it is shown, rounded to two digits: that of 0.0996 is -1.
  const std::string rounded = fmt::format("{:.1e}", error);
  const int exponent = std::atoi(rounded.c_str() + rounded.find('e') + 1);
  const bool plain = exponent > -6 && std::max(std::abs(number), error) < 1e9;
  if (!plain) return fmt::format("{} \xc2\xb1 {}", number_text(number, 6), number_text(error, 2));
  const int decimals = std::max(0, 1 - exponent);
  return with_minus(fmt::format("{:.{}f} \xc2\xb1 {:.{}f}", number, decimals, error, decimals));
}

std::string percent_text(double share) {
  const double percent = share * 100;
  if (percent > 0 && percent < 0.1) return "under 0.1 %";
  return fmt::format("{:.1f} %", percent);
}

std::string seconds_text(double seconds) {
  if (seconds > 0 && seconds < 0.0005) return "under 1 ms";
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole_text(whole / 3600), whole % 3600 / 60);
}

std::string count_text(std::uint64_t number, std::string_view singular) {
  return fmt::format("{} {}{}", whole_text(number), singular, number == 1 ? "" : "s");
}

std::string part_text(std::uint64_t part, std::uint64_t all, std::string_view singular) {
  return part < all ? fmt::format("{} of {}", whole_text(part), count_text(all, singular)) : count_text(part, singular);
}

std::string table(const HtmlTable& content) {
  // A wide table scrolls by itself, so that the page does not; who has only a keyboard can do it, too. On narrow
  // screens each row is a paragraph (page_style.hpp), with the titles of the columns before the cells.
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"{0}\"><table><caption>{0}</caption>\n<thead><tr>",
      escape(content.caption));
  const auto kind = [&](std::size_t column) {
    return content.columns[column].numeric ? std::string_view(" class=\"number\"") : std::string_view();
  };
  const auto label = [&](std::size_t column, bool wanted) {
    return wanted && !content.columns[column].obvious && content.columns.size() > 2
               ? fmt::format(" data-label=\"{}\"", escape(content.columns[column].title))
               : std::string();
  };
  for (std::size_t i = 0; i < content.columns.size(); ++i) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", kind(i), escape(content.columns[i].title));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : content.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      html += i == 0
                  ? fmt::format("<th scope=\"row\"{}{}>{}</th>", kind(i), label(i, content.columns[i].numeric), row[i])
                  : fmt::format("<td{}{}>{}</td>", kind(i), label(i, true), row[i]);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string details(std::string_view summary, std::string_view html) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape(summary), html);
}

}  // namespace rbmpi
