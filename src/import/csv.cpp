#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>
#include <functional>
#include <limits>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <csv.h>
#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/storage/byte_source.hpp"
#include "rbmpi/storage/file_version.hpp"

namespace rbmpi {
namespace {

[[noreturn]] void refuse_csv(const CsvImport& import, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot import '{}': {}", import.csv.string(), why));
}

[[noreturn]] void misfit(const CsvImport& import, const std::string& why) {
  throw Error(Failure::usage, fmt::format("cannot import '{}': {}", import.csv.string(), why));
}

/// The fields of a CSV file, one after the other. Knows quotes and lines (counted from 1), not numbers.
class CsvFields {
 public:
  struct Visitor {
    std::function<void(std::string_view text, std::uint64_t line)> field;
    std::function<void(std::uint64_t line)> end_of_row;
  };

  CsvFields(const CsvImport& import, ByteSource& source, Visitor visitor)
      : import_(import), source_(source), visitor_(std::move(visitor)) {
    if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw std::bad_alloc();
  }
  ~CsvFields() { csv_free(&parser_); }
  CsvFields(const CsvFields&) = delete;
  CsvFields& operator=(const CsvFields&) = delete;

  void read_all() {
    std::vector<std::byte> block(std::size_t{1} << 20U);
    for (;;) {
      throw_if_stopped("importing a CSV file");
      const std::size_t count = source_.read(block);
      if (count == 0) break;
      std::string_view text(reinterpret_cast<const char*>(block.data()), count);
      if (source_.position() == count && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
      parse_lines(text);
    }
    if (csv_fini(&parser_, on_field, on_row, this) != 0) unclosed_quote();
    if (problem_) std::rethrow_exception(problem_);
  }

 private:
  // The parser gets one line at a time: it does not count them itself.
  void parse_lines(std::string_view text) {
    while (!text.empty()) {
      const std::size_t newline = text.find('\n');
      const std::string_view part = text.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      parse(part);
      if (newline != std::string_view::npos) ++line_;
      text.remove_prefix(part.size());
    }
  }

  void parse(std::string_view part) {
    const std::size_t parsed = csv_parse(&parser_, part.data(), part.size(), on_field, on_row, this);
    if (problem_) std::rethrow_exception(problem_);
    if (parsed < part.size()) {
      if (csv_error(&parser_) != CSV_EPARSE) throw std::bad_alloc();
      refuse_csv(import_, fmt::format("line {} has a quote in a wrong place", line_));
    }
    if (csv_get_buffer_size(&parser_) > longest_field) unclosed_quote();
  }

  [[noreturn]] void unclosed_quote() const {
    refuse_csv(import_, fmt::format("a quote in line {} is not closed", row_line_));
  }

  // Exceptions must not pass through the C library: they wait here until it has returned.
  template <typename Call>
  void guarded(const Call& call) noexcept {
    if (problem_) return;
    try {
      call();
    } catch (...) {
      problem_ = std::current_exception();
    }
  }

  static void on_field(void* text, std::size_t length, void* self) {
    auto& fields = *static_cast<CsvFields*>(self);
    fields.guarded([&] { fields.visitor_.field({static_cast<const char*>(text), length}, fields.line_); });
  }

  static void on_row(int, void* self) {
    auto& fields = *static_cast<CsvFields*>(self);
    fields.guarded([&] { fields.visitor_.end_of_row(fields.line_); });
    fields.row_line_ = fields.line_ + 1;
  }

  static constexpr std::size_t longest_field = 1U << 20U;

  const CsvImport& import_;
  ByteSource& source_;
  Visitor visitor_;
  csv_parser parser_{};
  std::exception_ptr problem_;
  std::uint64_t line_ = 1;
  std::uint64_t row_line_ = 1;  // where the row that is being read began
};

// What a person should see of a field: short, in one line.
std::string shown(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string result(text.substr(0, longest));
  std::replace_if(
      result.begin(), result.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return text.size() > longest ? result + "..." : result;
}

std::optional<double> to_number(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(begin);
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  return parse_number(text);
}

/// One row of numbers, the label apart.
struct NumberRow {
  std::span<const double> values;
  double label = 0.0;
  std::uint64_t line = 0;
};

/// A CSV file as rows of numbers of equal length. Reads it as often as asked.
class CsvTable {
 public:
  explicit CsvTable(const CsvImport& import) : import_(import), source_(import.csv) {}

  /// Number of values in a row, without the label. Known, as is what follows, after the first `read`.
  [[nodiscard]] std::size_t columns() const noexcept { return width_ - (label_ ? 1 : 0); }
  [[nodiscard]] bool has_labels() const noexcept { return label_.has_value(); }
  /// The first line, if it names the columns.
  [[nodiscard]] const std::vector<std::string>& header() const noexcept { return header_; }
  [[nodiscard]] std::optional<std::size_t> label_index() const noexcept { return label_; }

  /// "line 3, column 7 ('pixel6')" for the value with this index in the row, label not counted.
  [[nodiscard]] std::string place(std::uint64_t line, std::size_t value_index) const {
    return field_place(line, value_index + (label_ && value_index >= *label_ ? 1 : 0));
  }
  [[nodiscard]] std::string label_place(std::uint64_t line) const { return field_place(line, label_.value_or(0)); }

  void read(const std::function<void(const NumberRow&)>& on_row) {
    source_.rewind();
    bool in_header = import_.header;
    header_.clear();
    numbers_.clear();
    CsvFields fields(import_, source_,
                     {[&](std::string_view text, std::uint64_t line) {
                        if (in_header)
                          header_.emplace_back(text);
                        else
                          add_number(text, line);
                      },
                      [&](std::uint64_t line) {
                        if (width_ == 0) begin_table(in_header ? header_.size() : numbers_.size());
                        if (!std::exchange(in_header, false)) on_row(finish_row(line));
                        numbers_.clear();
                      }});
    fields.read_all();
    if (width_ == 0) refuse_csv(import_, "it is empty");
  }

 private:
  [[nodiscard]] std::string field_place(std::uint64_t line, std::size_t field) const {
    std::string text = fmt::format("line {}, column {}", line, field + 1);
    if (field < header_.size()) text += fmt::format(" ('{}')", shown(header_[field]));
    return text;
  }

  void add_number(std::string_view text, std::uint64_t line) {
    const std::optional<double> number = to_number(text);
    if (!number)
      refuse_csv(import_, fmt::format("{} is {}; a number would be right", field_place(line, numbers_.size()),
                                      text.empty() ? "empty" : fmt::format("'{}'", shown(text))));
    numbers_.push_back(*number);
  }

  // The first row decides how long all of them are, and where the label is.
  void begin_table(std::size_t width) {
    width_ = width;
    label_ = find_label();
    if (columns() == 0) misfit(import_, "its only column is the label; no values are left");
  }

  NumberRow finish_row(std::uint64_t line) {
    if (numbers_.size() != width_)
      refuse_csv(import_, fmt::format("line {} has {}; the rows before it have {}", line,
                                      plural(numbers_.size(), "field"), width_));
    NumberRow row;
    row.line = line;
    if (label_) {
      const auto position = numbers_.begin() + static_cast<std::ptrdiff_t>(*label_);
      row.label = *position;
      numbers_.erase(position);
    }
    row.values = numbers_;
    return row;
  }

  [[nodiscard]] std::optional<std::size_t> find_label() const {
    const std::string& wanted = import_.label_column;
    if (wanted.empty()) return std::nullopt;
    const auto found = std::find(header_.begin(), header_.end(), wanted);
    if (found != header_.end()) {
      if (std::find(found + 1, header_.end(), wanted) != header_.end())
        misfit(import_, fmt::format("two of its columns are named '{}'; give the label column's number", wanted));
      return static_cast<std::size_t>(found - header_.begin());
    }
    if (wanted == "last") return width_ - 1;
    std::size_t number = 0;
    const auto [end, problem] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (problem == std::errc() && end == wanted.data() + wanted.size() && number >= 1 && number <= width_)
      return number - 1;
    misfit(import_, fmt::format("it has no label column '{}'; {}a number from 1 to {} or 'last' would be right", wanted,
                                known_names(), width_));
  }

  [[nodiscard]] std::string known_names() const {
    if (header_.empty()) return "";
    std::vector<std::string> names(header_.size());
    std::transform(header_.begin(), header_.end(), names.begin(), [](const std::string& name) { return shown(name); });
    if (names.size() == 1 && names[0].find_first_of(";\t") != std::string::npos)
      return fmt::format("its only column is '{}' (columns are separated by commas), ", names[0]);
    if (names.size() <= 6) return fmt::format("a name ('{}'), ", fmt::join(names, "', '"));
    return fmt::format("a name ('{}', '{}', '{}' ... '{}'), ", names[0], names[1], names[2], names.back());
  }

  const CsvImport& import_;
  ByteSource source_;
  std::size_t width_ = 0;
  std::vector<std::string> header_;
  std::optional<std::size_t> label_;
  std::vector<double> numbers_;  // of the row that is being read
};

/// A value with where it stands.
struct Placed {
  double value = 0.0;
  std::uint64_t line = 0;
  std::size_t index = 0;
};

/// What the first pass finds out.
struct Findings {
  std::uint64_t rows = 0;
  double smallest = std::numeric_limits<double>::infinity();
  Placed largest{-std::numeric_limits<double>::infinity(), 0, 0};
  std::optional<Placed> no_byte;  ///< the first value that is not a whole number in 0..255
};

bool is_byte(double value) noexcept {
  return value >= 0.0 && value <= 255.0 && value == std::floor(value);
}

bool is_label(double value) noexcept {
  return value == std::floor(value) && value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

[[noreturn]] void outside(const CsvImport& import, const CsvTable& table, const Placed& wrong) {
  const std::string range = import.scale ? fmt::format("[0, scale] = [0, {}]", *import.scale) : "[0, scale]";
  refuse_csv(import, fmt::format("{} is {}; values in {} would be right", table.place(wrong.line, wrong.index),
                                 wrong.value, range));
}

Findings examine(const CsvImport& import, CsvTable& table) {
  const double most = import.scale.value_or(std::numeric_limits<double>::infinity());
  Findings findings;
  table.read([&](const NumberRow& row) {
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const Placed here{row.values[i], row.line, i};
      if (here.value < 0.0 || here.value > most) outside(import, table, here);
      if (!findings.no_byte && !is_byte(here.value)) findings.no_byte = here;
      if (here.value > findings.largest.value) findings.largest = here;
      findings.smallest = std::min(findings.smallest, here.value);
    }
    if (table.has_labels() && !is_label(row.label))
      refuse_csv(import, fmt::format("the label in {} is {}; a whole number of 32 bits would be right",
                                     table.label_place(row.line), row.label));
    ++findings.rows;
  });
  if (findings.rows == 0) refuse_csv(import, "it has a header but no rows");
  return findings;
}

ElementType choose_type(const CsvImport& import, const CsvTable& table, const Findings& findings) {
  const ElementType type = import.type.value_or(findings.no_byte ? ElementType::float32 : ElementType::uint8);
  if (type == ElementType::uint8 && findings.no_byte)
    misfit(import, fmt::format("{} is {}, which is no uint8 (a whole number in 0..255); float32 would be right",
                               table.place(findings.no_byte->line, findings.no_byte->index), findings.no_byte->value));
  if (type == ElementType::float32 && findings.largest.value > static_cast<double>(std::numeric_limits<float>::max()))
    misfit(import, fmt::format("{} is {}, which is beyond float32; --type float64 would be right",
                               table.place(findings.largest.line, findings.largest.index), findings.largest.value));
  return type;
}

double choose_scale(const CsvImport& import, const Findings& findings) {
  if (import.scale) return *import.scale;
  if (findings.largest.value <= 1.0) return 1.0;
  if (!findings.no_byte) return 255.0;
  misfit(import,
         fmt::format("its values are from {} to {}, and nothing says which of them means 1.0; --scale {} would be "
                     "right if the largest does",
                     findings.smallest, findings.largest.value, findings.largest.value));
}

void check_picture(const CsvImport& import, std::size_t columns) {
  if (import.picture.empty()) return;
  const std::uint64_t height = import.picture.front();
  const std::uint64_t width = import.picture.back();
  if (import.picture.size() != 2 || height == 0 || columns % height != 0 || columns / height != width)
    misfit(import, fmt::format("its rows have {}, which does not fit the shape {}", plural(columns, "value"),
                               fmt::join(import.picture, "x")));
}

std::vector<std::string> odd_things(const CsvImport& import, const CsvTable& table, const Findings& findings,
                                    const DatasetInfo& info) {
  constexpr double dark = 128.0;
  std::vector<std::string> notes;
  const std::vector<std::string>& names = table.header();
  const auto is_number = [](const std::string& name) { return to_number(name).has_value(); };
  if (!names.empty() && std::all_of(names.begin(), names.end(), is_number))
    notes.emplace_back("the first line looks like numbers and was taken for the header; --no-header if it is a row");
  const auto label = std::find(names.begin(), names.end(), "label");
  if (label != names.end() && table.label_index() != static_cast<std::size_t>(label - names.begin()))
    notes.emplace_back("the column 'label' was taken for values; --label-column label if it holds the labels");
  if (!import.scale && info.scale == 255.0 && findings.largest.value < dark)
    notes.push_back(fmt::format("the largest value is {} and 255 means 1.0; --scale {} if that should mean 1.0",
                                findings.largest.value, findings.largest.value));
  return notes;
}

/// Collects converted rows and writes them a few megabytes at a time.
template <typename Value>
void write_rows(const CsvImport& import, CsvTable& table, const DatasetInfo& info, const FileVersion& version) {
  constexpr std::size_t block_bytes = 4U << 20U;
  const std::size_t block_rows = std::max<std::size_t>(1, block_bytes / (info.columns * sizeof(Value)));
  DatasetWriter writer(import.output, info);
  std::vector<Value> samples;
  std::vector<std::int32_t> labels;
  std::uint64_t rows = 0;
  std::uint64_t written = 0;
  const auto flush = [&] {
    writer.append({.count = rows - written, .samples = samples.data(), .labels = labels.data()});
    written = rows;
    samples.clear();
    labels.clear();
  };
  table.read([&](const NumberRow& row) {
    for (const double value : row.values) {
      // Only a file that changes meanwhile can break what the first pass found.
      if (!(value >= 0.0 && value <= info.scale) || (info.type == ElementType::uint8 && !is_byte(value)))
        refuse_csv(import, "it changed while it was read");
      samples.push_back(static_cast<Value>(value));
    }
    if (info.has_labels) {
      if (!is_label(row.label)) refuse_csv(import, "it changed while it was read");
      labels.push_back(static_cast<std::int32_t>(row.label));
    }
    if (++rows - written == block_rows) flush();
  });
  if (rows != info.rows) refuse_csv(import, "it changed while it was read");
  flush();
  version.throw_if_changed();
  writer.finish();
}

}  // namespace

ImportResult import_csv(const CsvImport& import) {
  const FileVersion version(import.csv);
  CsvTable table(import);
  const Findings findings = examine(import, table);
  check_picture(import, table.columns());

  ImportResult result;
  DatasetInfo& info = result.info;
  info.type = choose_type(import, table, findings);
  info.rows = findings.rows;
  info.columns = table.columns();
  info.scale = choose_scale(import, findings);
  info.picture = import.picture;
  info.has_labels = table.has_labels();
  info.source = import.source.empty() ? import.csv.filename().string() : import.source;
  result.notes = odd_things(import, table, findings, info);

  switch (info.type) {
    case ElementType::uint8:
      write_rows<std::uint8_t>(import, table, info, version);
      break;
    case ElementType::float32:
      write_rows<float>(import, table, info, version);
      break;
    default:
      write_rows<double>(import, table, info, version);
      break;
  }
  return result;
}

}  // namespace rbmpi
