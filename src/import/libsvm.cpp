#include "import/libsvm.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "import/text_fields.hpp"
#include "import/text_lines.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

/// The next word of a line, which it is taken off; empty at the end.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view between = " \t";
  line.remove_prefix(std::min(line.find_first_not_of(between), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(between));
  line.remove_prefix(word.size());
  return word;
}

/// A line without its comment, "# ...".
std::string_view content_of(std::string_view line) {
  return trimmed(line.substr(0, line.find('#')));
}

std::optional<double> signed_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  return parse_number(text);
}

struct Pair {
  std::uint32_t index = 0;
  double value = 0.0;
};

std::optional<Pair> pair_of(std::string_view word) {
  Pair pair;
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + colon, pair.index);
  if (problem != std::errc() || end != word.data() + colon) return std::nullopt;
  const std::string_view value = word.substr(colon + 1);
  if (const auto number = signed_number(value)) {
    pair.value = *number;
  } else if (!value.empty() && is_missing(value)) {
    pair.value = std::numeric_limits<double>::quiet_NaN();
  } else {
    return std::nullopt;
  }
  return pair;
}

bool is_labels(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789+-.eE,") == std::string_view::npos;
}

/// Whether the line is one of the format, and whether it has pairs.
std::pair<bool, bool> looks_like_it(std::string_view line) {
  if (!is_labels(take_word(line))) return {false, false};
  bool pairs = false;
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    if (!word.starts_with("qid:") && !pair_of(word)) return {false, false};
    pairs = true;
  }
  return {true, pairs};
}

class LibsvmTable : public Table {
 public:
  LibsvmTable(const std::filesystem::path& path, const TableOptions& options)
      : path_(path), lines_(path, options.encoding) {
    const bool labels_wanted = options.labels != "none";
    examine();
    if (labels_wanted && labels_count_pairs_ && info_.rows > 2 && most_pairs_ > fewest_pairs_)
      refuse_options(path_,
                     "the label of each row is the number of its pairs, as in documents of LDA-C: --label-column none "
                     "leaves it out");
  }

  [[nodiscard]] const TableInfo& info() const override { return info_; }

  void read(const std::function<void(const TableRow&)>& on_row) override {
    lines_.rewind();
    TableRow row;
    for (std::string_view line; lines_.next(line);) {
      std::string_view content = content_of(line);
      if (line.find("indices are zero-based") != std::string_view::npos && line.starts_with('#')) zero_based_ = true;
      if (content.empty()) continue;
      row.line = lines_.number();
      row.label = label_of(take_word(content));
      read_pairs(content);
      row.columns = columns_;
      row.values = values_;
      if (*row.label != static_cast<double>(pairs_)) labels_count_pairs_ = false;
      fewest_pairs_ = std::min(fewest_pairs_, pairs_);
      most_pairs_ = std::max(most_pairs_, pairs_);
      on_row(row);
      ++row.number;
    }
  }

 private:
  // No file can prove how many columns it has: an index costs it no more than its digits.
  static constexpr std::uint32_t most_columns = 1U << 24U;

  [[noreturn]] void refuse_here(const std::string& why) const {
    refuse_import(path_, fmt::format("line {} {}", lines_.number(), why));
  }

  [[nodiscard]] double label_of(std::string_view word) const {
    if (word.find(',') != std::string_view::npos)
      refuse_here(fmt::format("has several labels, '{}'; one of each row would be right", shown_field(word)));
    const auto label = signed_number(word);
    if (!label)
      refuse_here(fmt::format("begins with '{}'; a label, which is a number, would be right", shown_field(word)));
    return *label;
  }

  void read_pairs(std::string_view content) {
    columns_.clear();
    values_.clear();
    pairs_ = 0;
    std::optional<std::uint32_t> last;
    for (std::string_view word = take_word(content); !word.empty(); word = take_word(content)) {
      if (word.starts_with("qid:")) refuse_here("has a query (qid:), which rankings have; rows without would be right");
      const auto pair = pair_of(word);
      if (!pair) refuse_here(fmt::format("has '{}'; index:value would be right", shown_field(word)));
      if (last && pair->index <= *last)
        refuse_here(fmt::format("has the index {} after {}; indices that rise would be right", pair->index, *last));
      if (pair->index > most_columns)
        refuse_here(fmt::format("has the index {}; at most {} can be used", pair->index, most_columns));
      last = pair->index;
      ++pairs_;
      smallest_ = std::min(smallest_, pair->index);
      if (pair->index < base_ || (info_.columns > 0 && pair->index - base_ >= info_.columns))
        refuse_import(path_, "it changed while it was read");
      if (pair->value == 0.0) continue;
      columns_.push_back(pair->index - base_);
      values_.push_back(pair->value);
    }
    if (last) largest_ = std::max(largest_, *last);
  }

  void examine() {
    read([&](const TableRow&) { ++info_.rows; });
    if (info_.rows == 0) refuse_import(path_, "it has no rows");
    if (smallest_ > largest_) refuse_import(path_, "its rows have labels and no values");
    base_ = smallest_ == 0 || zero_based_ ? 0 : 1;  // scikit-learn says so in a comment
    info_.columns = largest_ + 1 - base_;
    info_.kind =
        fmt::format("a table of index:value (LIBSVM), {}, indices from {}", plural(info_.columns, "column"), base_);
    info_.sparse = true;
    info_.has_labels = true;
  }

  std::filesystem::path path_;
  TextLines lines_;
  TableInfo info_;
  std::uint32_t base_ = 0;                                              // the index of the first column
  std::uint32_t smallest_ = std::numeric_limits<std::uint32_t>::max();  // index in the file
  std::uint32_t largest_ = 0;
  bool zero_based_ = false;
  // Of pairs in a row.
  std::uint64_t pairs_ = 0;
  std::uint64_t fewest_pairs_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t most_pairs_ = 0;
  bool labels_count_pairs_ = true;
  std::vector<std::uint32_t> columns_;
  std::vector<double> values_;
};

}  // namespace

bool is_libsvm(std::string_view beginning) {
  constexpr std::size_t most_lines = 20;
  const bool cut_off = beginning.size() >= beginning_bytes;
  std::string text = to_utf8(beginning, encoding_of(beginning));
  std::string_view rest = text;
  bool pairs = false;
  std::size_t lines = 0;
  while (!rest.empty() && lines < most_lines) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos && cut_off && lines > 0) break;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = content_of(line);
    if (line.empty()) continue;
    if (end == std::string_view::npos && cut_off) line = line.substr(0, line.find_last_of(" \t"));
    const auto [is, has_pairs] = looks_like_it(line);
    if (!is) return false;
    pairs = pairs || has_pairs;
    ++lines;
  }
  return pairs;
}

std::unique_ptr<Table> open_libsvm(const std::filesystem::path& path, const TableOptions& options) {
  return std::make_unique<LibsvmTable>(path, options);
}

}  // namespace rbmpi
