#include "import/text_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

using Kind = FieldValue::Kind;
using Fields = std::vector<std::string>;

constexpr std::string_view two_ways = "--header if it names the columns, --no-header if it is a row";

/// What stands before the first line of a table.
struct Top {
  std::string last_comment;  ///< without its mark
  std::optional<char> separator;
  bool found = false;
};

Top read_top(TextLines& lines, std::string_view& line) {
  Top top;
  while (lines.next(line)) {
    const std::string_view text = trimmed(line);
    if (text.empty()) continue;
    if (text.starts_with('#')) {
      top.last_comment = text.substr(std::min(text.find_first_not_of("# \t"), text.size()));
    } else if (line.starts_with("sep=") && line.size() == 5) {  // for Excel
      top.separator = line[4];
    } else {
      top.found = true;
      break;
    }
  }
  return top;
}

/// The first rows as one separator has them.
struct Sample {
  char separator = one_column;
  DecimalMark decimal = DecimalMark::either;
  std::vector<Fields> rows;
  bool sound = true;  ///< quotes are where they belong
};

/// `said`: by a person.
Sample take_sample(const fs::path& path, TextLines& lines, char separator, std::optional<DecimalMark> said) {
  constexpr std::size_t most_rows = 50;
  constexpr std::size_t least_rows = 3;
  constexpr std::size_t most_bytes = std::size_t{4} << 20U;
  const DecimalMark by_separator = separator == ',' ? DecimalMark::point : DecimalMark::either;
  Sample sample{.separator = separator, .decimal = said.value_or(by_separator), .rows = {}};
  TextFields fields(path, separator);
  lines.rewind();
  std::string_view line;
  std::size_t bytes = 0;
  try {
    for (bool more = read_top(lines, line).found; more; more = lines.next(line)) {
      if (trimmed(line).empty() || (!sample.rows.empty() && is_comment_below_rows(line))) continue;
      bytes += line.size();
      const auto row = fields.split(line, lines);
      sample.rows.emplace_back(row.begin(), row.end());
      if (sample.rows.size() == most_rows || (sample.rows.size() >= least_rows && bytes > most_bytes)) break;
    }
  } catch (const Error&) {  // whoever reads the rows will say what is wrong, if this is the separator
    sample.sound = false;
  }
  return sample;
}

/// Fields of the rows below the first line; 0 if they differ in number.
std::size_t width_of(const Sample& sample) {
  const std::size_t width = sample.rows.back().size();
  const auto below = sample.rows.begin() + (sample.rows.size() > 1 ? 1 : 0);
  return std::all_of(below, sample.rows.end(), [&](const Fields& row) { return row.size() == width; }) ? width : 0;
}

/// How well a separator fits: all rows have as many fields, and most of them are numbers.
std::pair<bool, double> fit_of(const Sample& sample) {
  if (sample.rows.empty()) return {false, -1.0};
  const std::size_t width = width_of(sample);
  const std::size_t first = sample.rows.front().size();
  const bool even = sample.sound && width > 1 && (first == width || first + 1 == width || first == width + 1);
  double numbers = 0;
  double fields = 0;
  for (std::size_t i = sample.rows.size() > 1 ? 1U : 0U; i < sample.rows.size(); ++i) {
    fields += static_cast<double>(sample.rows[i].size());
    numbers += static_cast<double>(std::ranges::count_if(sample.rows[i], [&](const std::string& field) {
      return field_value(field, sample.decimal).kind != Kind::text;
    }));
  }
  const bool separates = first > 1 || (width != 1 && sample.rows.back().size() > 1);
  return {even, separates ? numbers / fields : -1.0};
}

/// Whether each line is as many of these digits as the others are.
bool all_of_digits(const Sample& sample, std::string_view digits) {
  const std::size_t length = sample.rows.front().front().size();
  return length > 1 && std::ranges::all_of(sample.rows, [&](const Fields& row) {
           return row.size() == 1 && row[0].size() == length && row[0].find_first_not_of(digits) == std::string::npos;
         });
}

/// Tabs with nothing between them, and otherwise numbers: whoever takes them for runs of blanks moves the numbers
/// behind them into other columns.
bool has_gaps(const Sample& sample) {
  bool gaps = false;
  for (const Fields& row : sample.rows) {
    for (const std::string& field : row) {
      if (field_value(field, sample.decimal).kind == Kind::text) return false;
      gaps = gaps || field.empty();
    }
  }
  return gaps;
}

/// Lines such as 0,25 and 0,5 and 1,0, or 0,25,0,5 with commas between the numbers as well: numbers from 0 to 1 with
/// commas for their points, much rather than twice as many columns.
bool may_be_decimal_commas(const Sample& sample) {
  if (sample.separator != ',' || sample.rows.empty()) return false;
  std::vector<bool> has_fraction(sample.rows.front().size() / 2, false);
  for (const Fields& row : sample.rows) {
    if (row.size() % 2 != 0 || row.size() != 2 * has_fraction.size()) return false;
    for (std::size_t i = 0; i < row.size(); i += 2) {
      const std::string& whole = row[i];
      const std::string& fraction = row[i + 1];
      if (whole != "0" && whole != "1") return false;
      if (fraction.empty() || fraction.find_first_not_of("0123456789") != std::string::npos) return false;
      const bool zeros = fraction.find_first_not_of('0') == std::string::npos;
      if (whole == "1" && !zeros) return false;
      if (!zeros && fraction != "1") has_fraction[i / 2] = true;
    }
  }
  return std::ranges::find(has_fraction, false) == has_fraction.end();
}

/// Lines such as 0,5, 0,25: numbers, of which some have a comma for their point, where only a comma before a blank
/// separates them.
bool may_separate_by_comma_and_blank(const Sample& sample) {
  if (sample.rows.empty() || width_of(sample) < 2 || sample.rows.front().size() != width_of(sample)) return false;
  bool commas = false;
  for (std::size_t i = sample.rows.size() > 1 ? 1U : 0U; i < sample.rows.size(); ++i) {
    for (const std::string& field : sample.rows[i]) {
      const Kind kind = field_value(field, DecimalMark::either).kind;
      if (kind != Kind::number && kind != Kind::comma_number) return false;
      commas = commas || kind == Kind::comma_number;
    }
  }
  return commas;
}

/// Refuses lines whose commas may separate fields, or be the decimal marks of numbers.
void refuse_doubtful_commas(const fs::path& path, const Sample& best, TextLines& lines) {
  if (best.separator != ',' && best.separator != blanks) return;
  if (may_be_decimal_commas(best)) {
    const Fields& row = best.rows.front();
    if (row.size() > 2)
      refuse_options(path, fmt::format("'{}' is {} with decimal commas or {}: --separator comma if it is {}; for "
                                       "numbers with decimal commas another separator would be right",
                                       fmt::join(row, ","), plural(row.size() / 2, "number"),
                                       plural(row.size(), "column"), plural(row.size(), "column")));
    refuse_options(path,
                   fmt::format("'{},{}' is one number with a decimal comma or two columns: --decimal comma if it is "
                               "one number, --separator comma if it is two columns",
                               row[0], row[1]));
  }
  const Sample other = take_sample(path, lines, comma_blank, std::nullopt);
  if (!may_separate_by_comma_and_blank(other)) return;
  const Fields& row = other.rows.back();
  refuse_options(path, fmt::format("'{}, {}' is two numbers with decimal commas or more columns: --decimal "
                                   "comma if only a comma before a blank separates two columns, --separator comma if "
                                   "each comma does",
                                   row[0], row[1]));
}

/// Where commas are decimal marks, they separate fields as well only if numbers are quoted.
bool has_commas_in_quotes(const Sample& sample) {
  return std::ranges::any_of(sample.rows, [](const Fields& row) {
    return std::ranges::any_of(row, [](const std::string& field) { return field.find(',') != std::string::npos; });
  });
}

/// Names between other separators than the blanks below them, "a,b" above "1 0": how the rows are to be cut is in
/// doubt.
void refuse_names_with_commas(const fs::path& path, const Sample& best) {
  if (best.separator != blanks || best.rows.size() < 2) return;
  for (const std::string& name : best.rows.front()) {
    if (name.find_first_of(",;|") == std::string::npos || field_value(name, best.decimal).kind != Kind::text) continue;
    refuse_options(path, fmt::format("its first line has '{}' and the lines below it have blanks between their fields: "
                                     "one separator in all lines would be right, or --separator blank",
                                     shown_field(name)));
  }
}

/// Numbers such as 007: all may have zeros in front.
bool has_padded_numbers(const Sample& sample) {
  return std::ranges::any_of(sample.rows, [](const Fields& row) {
    return std::ranges::any_of(row, [](const std::string& field) {
      return field.starts_with('0') && field.find_first_not_of("0123456789") == std::string::npos &&
             field.find_first_not_of("01") != std::string::npos;
    });
  });
}

/// Columns of zeros and ones with zeros in front, such as 010: each digit may be a column, and as a number 010 is 10.
void refuse_runs_of_bits(const fs::path& path, const Sample& best) {
  if (has_padded_numbers(best)) return;
  const std::size_t width = width_of(best);
  for (std::size_t column = 0; column < width; ++column) {
    const std::size_t length = best.rows.back()[column].size();
    const auto is_run = [&](const Fields& row) {
      return row.size() == width && row[column].size() == length &&
             row[column].find_first_not_of("01") == std::string::npos;
    };
    const bool bits = length > 1 && std::all_of(best.rows.begin() + 1, best.rows.end(), is_run);
    const bool zero_in_front =
        std::ranges::any_of(best.rows, [&](const Fields& row) { return is_run(row) && row[column].starts_with('0'); });
    if (!bits || !zero_in_front) continue;
    refuse_options(path, fmt::format("column {} has zeros and ones alone, as in '{}': a separator between the digits "
                                     "would be right if each of these is a column, --separator with what stands "
                                     "between the fields if it is a number",
                                     column + 1, best.rows.back()[column]));
  }
}

/// "|---|---|" below the names.
void refuse_markdown(const fs::path& path, const Sample& best) {
  if (best.separator != '|' || best.rows.size() < 2) return;
  const Fields& second = best.rows[1];
  const bool rule =
      std::ranges::all_of(
          second, [](const std::string& field) { return field.find_first_not_of("-: ") == std::string::npos; }) &&
      std::ranges::any_of(second, [](const std::string& field) { return field.find("--") != std::string::npos; });
  if (rule) refuse_import(path, "it is a table of Markdown; lines of names and numbers alone (CSV) would be right");
}

/// The separator that fits best.
Sample best_sample(const fs::path& path, TextLines& lines, std::optional<DecimalMark> decimal) {
  Sample best;
  bool tabs_with_gaps = false;
  std::pair<bool, double> best_fit{false, -1.0};
  const bool decimal_commas = decimal == DecimalMark::said_comma;
  for (const char separator :
       {'\t', ';', decimal_commas ? comma_blank : ',', ',', '|', blanks, doubled_separator(':')}) {
    Sample sample = take_sample(path, lines, separator, decimal);
    if (separator == ',' && decimal_commas && !has_commas_in_quotes(sample)) continue;
    if (separator == '\t') tabs_with_gaps = has_gaps(sample);
    const auto fit = fit_of(sample);
    if (fit <= best_fit) continue;
    best = std::move(sample);
    best_fit = fit;
  }
  if (best.separator == blanks && tabs_with_gaps)
    refuse_options(path,
                   "it has tabs with nothing between them, and lines that differ in their number: --separator tab "
                   "if a value is missing there, --separator blank if tabs are blanks");
  refuse_markdown(path, best);
  if (!decimal) refuse_doubtful_commas(path, best, lines);
  refuse_names_with_commas(path, best);
  if (best_fit.second >= 0.0) {
    refuse_runs_of_bits(path, best);
    return best;
  }
  best = take_sample(path, lines, one_column, decimal);
  if (best.rows.empty()) return best;
  const bool bits = all_of_digits(best, "01");
  if (!bits && best.rows.size() > 1 && all_of_digits(best, "0123456789")) {
    refuse_options(path,
                   "its lines are of digits alone, as many in each: --separator none if each of these is a column, "
                   "--separator comma if each line is one number");
  }
  if (!bits) return best;
  if (std::ranges::none_of(best.rows, [](const Fields& row) { return row[0].front() == '0'; })) {
    refuse_options(path,
                   "its lines are of zeros and ones alone: --separator none if each of these is a column, --separator "
                   "comma if each line is one number");
  }
  return take_sample(path, lines, no_separator, decimal);
}

/// Whole numbers that rise by 1 from 0 or 1 on: names of columns that nobody gave. An empty one may come first.
bool counts_columns(const Fields& fields) {
  std::optional<double> last;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldValue value = field_value(fields[i], DecimalMark::point);
    if (i == 0 && value.kind == Kind::missing) continue;
    if (value.kind != Kind::number || fields[i].find('.') != std::string::npos ||
        (last ? value.number != *last + 1.0 : value.number != 0.0 && value.number != 1.0))
      return false;
    last = value.number;
  }
  return last.has_value();
}

/// What the first line and those below it have in the same column.
struct FirstLine {
  std::size_t names_over_numbers = 0;
  Fields numbers;  ///< of the first line
  std::size_t missing = 0;
  bool differs = true;  ///< all are different texts that are not below them
};

FirstLine compare_first_line(const Sample& sample) {
  FirstLine result;
  const Fields& first = sample.rows.front();
  std::set<std::string> seen;
  for (std::size_t column = 0; column < first.size(); ++column) {
    Kind kind = field_value(first[column], sample.decimal).kind;
    if (kind == Kind::text && looks_like_number(first[column])) kind = Kind::number;
    if (kind == Kind::number || kind == Kind::comma_number) result.numbers.push_back(first[column]);
    if (kind == Kind::missing) ++result.missing;
    std::size_t numbers = 0;
    bool below = false;
    for (std::size_t i = 1; i < sample.rows.size(); ++i) {
      if (column >= sample.rows[i].size()) continue;
      if (field_value(sample.rows[i][column], sample.decimal).kind != Kind::text) ++numbers;
      below = below || sample.rows[i][column] == first[column];
    }
    if (kind == Kind::text && 2 * numbers >= sample.rows.size()) ++result.names_over_numbers;
    if (kind != Kind::text || below || !seen.insert(first[column]).second) result.differs = false;
  }
  return result;
}

/// Below the first line.
bool first_column_counts(const Sample& sample) {
  const auto value = [&](std::size_t row) { return field_value(sample.rows[row].front(), DecimalMark::point); };
  for (std::size_t i = 1; i < sample.rows.size(); ++i) {
    if (value(i).kind != Kind::number || (i > 1 && value(i).number != value(i - 1).number + 1.0)) return false;
  }
  return true;
}

/// At least three numbers that all differ, the smallest larger than all below them: numbers of units, say.
bool stands_above_rows(const Sample& sample) {
  constexpr std::size_t least_rows = 4;
  const Fields& first = sample.rows.front();
  std::set<double> numbers;
  for (const std::string& field : first) numbers.insert(field_value(field, DecimalMark::point).number);
  if (first.size() < 3 || numbers.size() < first.size() || sample.rows.size() < least_rows) return false;
  return std::all_of(sample.rows.begin() + 1, sample.rows.end(), [&](const Fields& row) {
    return std::ranges::all_of(row, [&](const std::string& field) {
      return field_value(field, DecimalMark::point).number < *numbers.begin();
    });
  });
}

/// Numbers that rise by one step, each larger than all below it: years, say.
bool rises_above_rows(const Sample& sample) {
  const Fields& first = sample.rows.front();
  const auto number = [](const std::string& field) { return field_value(field, DecimalMark::point).number; };
  if (first.size() < 3) return false;
  const double step = number(first[1]) - number(first[0]);
  for (std::size_t column = 0; column < first.size(); ++column) {
    if (column > 0 && (step <= 0.0 || number(first[column]) != number(first[column - 1]) + step)) return false;
    for (std::size_t i = 1; i < sample.rows.size(); ++i) {
      if (column >= sample.rows[i].size() || number(sample.rows[i][column]) >= number(first[column])) return false;
    }
  }
  return true;
}

/// One column with 0 above its rows, or two with 0 and 1: as a data frame whose columns have no names is written, or a
/// row. It is no row if it alone has no fractions.
void doubt_few_columns(const fs::path& path, const Sample& sample, std::vector<std::string>& notes) {
  const Fields& first = sample.rows.front();
  if (field_value(first[0], DecimalMark::point).number != 0.0) return;
  const std::string shown = fmt::format("'{}'", fmt::join(first, "' and '"));
  const bool unlike = first.front().find('.') == std::string::npos &&
                      std::all_of(sample.rows.begin() + 1, sample.rows.end(), [](const Fields& row) {
                        return std::ranges::all_of(row, [](const std::string& field) {
                          return field.find_first_of(".,") != std::string::npos;
                        });
                      });
  if (unlike)
    refuse_options(path, fmt::format("its first line, {}, has no fraction, and all numbers below it have one: {}",
                                     shown, two_ways));
  notes.push_back(fmt::format("The first line, {}, was taken for a row; --header if it numbers the columns.", shown));
}

/// "gene,0.1,0.5,1" above "a,0.3,0.2,0.9": a name that names of rows often have, or numbers that rise, which those of
/// rows hardly ever do.
bool may_head_named_rows(const Sample& sample, const FirstLine& line) {
  constexpr std::array<std::string_view, 12> heads = {"gene", "genes",   "sample",  "samples", "name", "names",
                                                      "cell", "species", "subject", "patient", "row",  "user"};
  constexpr std::size_t fewest = 3;
  const Fields& first = sample.rows.front();
  if (line.numbers.size() + 1 != first.size() || line.numbers.size() < fewest ||
      field_value(first[0], sample.decimal).kind != Kind::text)
    return false;
  const auto number = [](const std::string& field) { return field_value(field, DecimalMark::point).number; };
  const bool rise = std::ranges::adjacent_find(line.numbers, [&](const std::string& a, const std::string& b) {
                      return number(a) >= number(b);
                    }) == line.numbers.end();
  return rise || std::ranges::find(heads, plain_name(first[0])) != heads.end();
}

/// ",0.1,0.5" above "0,0.3,0.2": names of columns above an index.
bool may_head_index(const Sample& sample, const FirstLine& line) {
  const Fields& first = sample.rows.front();
  return first.size() > 2 && first.front().empty() && line.numbers.size() + 1 == first.size() &&
         !counts_columns(first) && std::none_of(sample.rows.begin() + 1, sample.rows.end(), [](const Fields& row) {
           return row.front().empty();
         });
}

/// pandas takes a first row for names where nobody says that there are none, and makes them differ: 5, 5.1, 5.2.
bool may_be_names_made_of_a_row(const Sample& sample) {
  const Fields& first = sample.rows.front();
  const auto has_point = [](const std::string& field) { return field.find('.') != std::string::npos; };
  const bool whole_below = std::none_of(sample.rows.begin() + 1, sample.rows.end(),
                                        [&](const Fields& row) { return std::ranges::any_of(row, has_point); });
  const std::set<std::string> names(first.begin(), first.end());
  if (!whole_below || names.size() < first.size() || std::ranges::none_of(first, has_point)) return false;
  return std::ranges::all_of(first, [&](const std::string& field) {
    const std::size_t point = field.rfind('.');
    if (point == std::string::npos) return true;
    const std::string name = field.substr(0, point);
    const std::string count = field.substr(point + 1);
    if (count.empty() || count.front() == '0' || count.find_first_not_of("0123456789") != std::string::npos)
      return false;
    const double before = parse_number(count).value_or(0.0) - 1.0;
    return names.contains(before == 0.0 ? name : fmt::format("{}.{}", name, before));
  });
}

/// Programs have other marks of comments than '#'; as a header such a line would name the columns.
void refuse_comment(const fs::path& path, std::string_view line) {
  for (const std::string_view mark : {"//", "! ", "% ", "; ", "-- "}) {
    const bool names_behind_nothing = mark == "; " && line.find(';', 1) != std::string_view::npos;
    if (line.starts_with(mark) && !names_behind_nothing)
      refuse_import(path, fmt::format("its first line, '{}', looks like a comment: the table without it, or with '#' "
                                      "before it, would be right; --header if it names the columns",
                                      shown_field(line)));
  }
}

/// Why a first line with names above numbers may be a row all the same; null if it is none.
const char* doubt_of_names(const Sample& sample, const FirstLine& line) {
  const Fields& first = sample.rows.front();
  // Few numbers count by chance: "0,n.a.,1" is a row.
  if (!line.numbers.empty() && (line.numbers.size() < 3 || !counts_columns(line.numbers)))
    return "has names and numbers, above columns of numbers";
  if (first.size() > 2 && std::set(first.begin(), first.end()).size() == 1) return "has the same text in all columns";
  return nullptr;
}

/// Why a first line with numbers may be a header all the same; null if it is clear what it is. `quoted`: it is in
/// quotes, and those below it are not.
const char* doubt_of_numbers(const Sample& sample, const FirstLine& line, bool quoted) {
  const Fields& first = sample.rows.front();
  if (line.numbers.empty()) return nullptr;
  if (may_head_named_rows(sample, line)) return "has a name and numbers, above names and numbers";
  if (may_head_index(sample, line)) return "begins with nothing, as names of columns above an index do";
  if (line.numbers.size() < first.size()) return nullptr;
  if (quoted) return "has numbers in quotes, and those below it have none";
  if (may_be_names_made_of_a_row(sample)) return "looks like a row that was made names of columns";
  if (!counts_columns(first) && rises_above_rows(sample)) return "rises from column to column, and above all below it";
  return stands_above_rows(sample) ? "has numbers that are larger than all below it" : nullptr;
}

/// `quoted`: as above.
bool find_header(const fs::path& path, const Sample& sample, bool quoted, std::vector<std::string>& notes) {
  constexpr std::size_t many = 10;
  if (sample.rows.empty() || sample.separator == no_separator) return false;
  const Fields& first = sample.rows.front();
  const FirstLine line = compare_first_line(sample);
  if (sample.rows.size() == 1) return line.differs && line.numbers.empty();
  const auto in_doubt = [&](const char* why) {
    refuse_options(path, fmt::format("its first line {}: {}", why, two_ways));
  };
  const bool names = line.names_over_numbers > 0;
  if (const char* const why = names ? doubt_of_names(sample, line) : doubt_of_numbers(sample, line, quoted))
    in_doubt(why);
  if (names) return true;
  if (line.numbers.empty()) return line.differs;
  // Texts over texts are a row as those below.
  if (line.numbers.size() + line.missing < first.size() || !counts_columns(first)) return false;
  if (line.missing == 0 && first.size() < 3) {
    doubt_few_columns(path, sample, notes);
    return false;
  }
  if (counts_columns(sample.rows[1])) return false;
  const bool sure = line.missing == 0 ? line.numbers.size() >= many : first_column_counts(sample);
  if (!sure) in_doubt("counts the columns");
  notes.emplace_back("The first line counts the columns and was taken for their names; --no-header if it is a row.");
  return true;
}

/// Names of the columns, as many as the rows have fields, if the header is one of those that are not as long.
/// `quoted`: its first line begins with a quote, as those of R do.
void name_columns(const fs::path& path, const Sample& sample, bool quoted, TextLayout& layout) {
  Fields names = sample.rows.front();
  const std::size_t width = width_of(sample);
  layout.columns = names.size();
  if (sample.rows.size() > 1 && names.size() + 1 == width) {
    const auto below = sample.rows.begin() + 1;
    layout.columns = width;
    if (std::all_of(below, sample.rows.end(), [](const Fields& row) { return row.back().empty(); })) {
      names.emplace_back();
    } else {
      // R writes such a table without quotes as well, but a comma may be a decimal one, and a sentence is a comment.
      const bool doubtful = sample.separator == ',' || names.front().find_first_of(" %/") != std::string::npos;
      if (names.size() == 1 && !quoted && doubtful) {
        refuse_import(path, fmt::format("its first line is '{}' and those below have 2 fields: two names, or numbers "
                                        "with a decimal point, would be right",
                                        shown_field(names.front())));
      }
      std::set<std::string> first;
      std::for_each(below, sample.rows.end(), [&](const Fields& row) { first.insert(row.front()); });
      if (first.size() + 1 < sample.rows.size()) {
        refuse_import(path, fmt::format("its header names {} and its rows have {}; as many would be right",
                                        plural(names.size(), "column"), plural(width, "field")));
      }
      names.insert(names.begin(), std::string());
      layout.first_column_names = true;
    }
  } else if (names.size() == width + 1 && names.back().empty()) {
    names.pop_back();
    layout.columns = width;
  }
  layout.names = std::move(names);
}

/// Names in the comment before the rows, as numpy.savetxt writes its header.
void name_by_comment(const fs::path& path, TextLines& lines, TextLayout& layout, const std::string& comment) {
  if (comment.empty() || layout.columns < 2) return;
  TextFields fields(path, layout.separator);
  Fields names;
  try {
    const auto parts = fields.split(comment, lines);
    names.assign(parts.begin(), parts.end());
  } catch (const Error&) {
    return;
  }
  const bool texts = std::ranges::all_of(names, [](const std::string& name) {
    return !name.empty() && field_value(name, DecimalMark::either).kind == Kind::text;
  });
  if (names.size() != layout.columns || !texts) return;
  layout.names = std::move(names);
  layout.notes.emplace_back("The names of the columns are those in the comment before the rows.");
}

}  // namespace

bool is_comment_below_rows(std::string_view line) {
  return line.starts_with("# ");
}

bool first_line(TextLines& lines, std::string_view& line) {
  return read_top(lines, line).found;
}

TextLayout text_layout(const fs::path& path, const TableOptions& options) {
  TextLines lines(path, options.encoding);
  std::string_view line;
  const Top top = read_top(lines, line);
  const bool quoted = line.starts_with('"');
  if (!top.found) refuse_import(path, "it is empty");
  if (!options.header) refuse_comment(path, line);
  const bool alone_quoted = quoted && lines.next(line) && line.find('"') == std::string_view::npos;
  const std::optional<char> separator = options.separator ? options.separator : top.separator;
  const Sample sample =
      separator ? take_sample(path, lines, *separator, options.decimal) : best_sample(path, lines, options.decimal);

  TextLayout layout;
  layout.separator = sample.separator;
  layout.separator_said = separator.has_value();
  layout.decimal = sample.decimal;
  if (sample.rows.empty()) {  // a quote in the first row is wrong: reading it will say so
    layout.columns = 1;
    return layout;
  }
  layout.header = options.header ? *options.header : find_header(path, sample, alone_quoted, layout.notes);
  layout.columns = sample.rows.front().size();
  if (layout.header) {
    name_columns(path, sample, quoted, layout);
  } else if (!options.header) {
    name_by_comment(path, lines, layout, top.last_comment);
  }
  return layout;
}

std::string separator_text(char separator) {
  switch (separator) {
    case blanks:
      return "blanks between the fields";
    case '\t':
      return "tabs between the fields";
    case no_separator:
      return "a character a field";
    case one_column:
      return "one field a line";
    case comma_blank:
      return "', ' between the fields";
    default:
      return fmt::format("'{}' between the fields",
                         std::string(is_doubled(separator) ? 2 : 1, separator_character(separator)));
  }
}

}  // namespace rbmpi
