#include "import/columns.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/shell_word.hpp"

namespace rbmpi {
namespace {

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string known_names(const TableInfo& info) {
  if (info.names.empty()) return "";
  std::vector<std::string> names;
  constexpr std::size_t most = 6;
  const bool few = info.names.size() <= most;
  for (std::size_t i = 0; i < (few ? info.names.size() : 3); ++i) names.push_back(shown_field(info.names[i]));
  std::string text = fmt::format("a name ('{}'", fmt::join(names, "', '"));
  if (!few) text += fmt::format(" ... '{}'", shown_field(info.names.back()));
  return text + "), ";
}

/// What tells a name that is a number from the number of another column.
constexpr std::string_view name_mark = "name:";
constexpr std::string_view number_mark = "number:";

/// Finds columns as people name them.
class ColumnFinder {
 public:
  ColumnFinder(const ImportOptions& options, const TableInfo& info) : options_(options), info_(info) {}

  [[nodiscard]] std::size_t one(const char* option, const std::string& word) const {
    const auto by_name = named(option, word);
    const auto by_number = numbered(word);
    if (by_name && by_number && *by_name != *by_number)
      refuse_options(options_.file,
                     fmt::format("'{}' is the name of column {} and the number of another; for --{} {}{} or {}{} "
                                 "would be right",
                                 word, *by_name + 1, option, name_mark, word, number_mark, word));
    if (by_name) return *by_name;
    if (by_number) return *by_number;
    if (word == "last") return info_.columns - 1;
    if (word.starts_with(name_mark))
      if (const auto column = named(option, word.substr(name_mark.size()))) return *column;
    if (word.starts_with(number_mark))
      if (const auto column = numbered(std::string_view(word).substr(number_mark.size()))) return *column;
    refuse_options(options_.file, fmt::format("it has no column '{}' for --{}; {}a number from 1 to {} or 'last' would "
                                              "be right",
                                              word, option, known_names(info_), info_.columns));
  }

  [[nodiscard]] std::vector<std::size_t> list(const char* option, const std::string& text) const {
    if (const auto column = named(option, text)) return {*column};
    std::vector<std::size_t> columns;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      add(option, text.substr(begin, end - begin), columns);
      begin = end + 1;
    }
    return columns;
  }

 private:
  /// Counted from 1.
  [[nodiscard]] std::optional<std::size_t> numbered(std::string_view word) const {
    const auto number = whole_number(word);
    return number && *number >= 1 && *number <= info_.columns ? std::optional(*number - 1) : std::nullopt;
  }

  [[nodiscard]] std::optional<std::size_t> named(const char* option, const std::string& word) const {
    const auto found = std::ranges::find(info_.names, word);
    if (found == info_.names.end()) return std::nullopt;
    if (std::find(found + 1, info_.names.end(), word) != info_.names.end())
      refuse_options(options_.file,
                     fmt::format("two of its columns are named '{}'; --{} wants the number of one", word, option));
    return static_cast<std::size_t>(found - info_.names.begin());
  }

  void add(const char* option, const std::string& item, std::vector<std::size_t>& columns) const {
    const bool marked = item.starts_with(number_mark);
    const std::string_view range = std::string_view(item).substr(marked ? number_mark.size() : 0);
    const std::size_t dash = range.find('-');
    const bool may_be = dash != std::string_view::npos && dash > 0 && !named(option, item);
    const auto first = may_be ? whole_number(range.substr(0, dash)) : std::nullopt;
    if (!first) return columns.push_back(one(option, item));
    const std::string_view end = range.substr(dash + 1);
    const auto last = end == "last" ? std::optional<std::size_t>(info_.columns) : whole_number(end);
    if (!last || *first < 1 || *last < *first || *last > info_.columns)
      refuse_options(options_.file,
                     fmt::format("--{} has '{}'; a range within 1-{} would be right", option, item, info_.columns));
    const auto named_first = named(option, std::string(range.substr(0, dash)));
    if (!marked && named_first && *named_first != *first - 1)
      refuse_options(options_.file,
                     fmt::format("'{}' in --{} may be names of columns or their numbers: {}{} for the numbers, or the "
                                 "names with commas between them, would be right",
                                 item, option, number_mark, item));
    for (std::size_t column = *first; column <= *last; ++column) columns.push_back(column - 1);
  }

  const ImportOptions& options_;
  const TableInfo& info_;
};

constexpr std::array<std::string_view, 11> label_names = {
    "label", "labels", "class", "classes", "target", "targets", "species", "y", "variety", "category", "digit"};
constexpr std::array<std::string_view, 9> index_names = {"unnamed: 0", "index",     "id",     "rownames", "rowname",
                                                         "row.names",  "row_names", "row_id", "rowid"};

/// Without "id" behind them.
constexpr std::array<std::string_view, 19> entry_names = {
    "user", "customer", "item",   "movie", "book", "product", "row", "column", "col",     "i",
    "j",    "source",   "target", "from",  "to",   "src",     "dst", "node",   "neighbor"};

constexpr std::array<std::string_view, 4> weight_names = {"weight", "weights", "sample_weight", "sample_weights"};

template <std::size_t size>
bool is_one_of(const std::array<std::string_view, size>& names, const std::string& name) {
  return std::ranges::find(names, plain_name(name)) != names.end();
}

/// Whether an option that takes a column or `none` has a column.
bool names_column(const std::string& option) {
  return !option.empty() && option != "none";
}

class UseFinder {
 public:
  UseFinder(const ImportOptions& options, const TableInfo& info)
      : options_(options), info_(info), finder_(options, info) {
    result_.uses.assign(info.columns, Use::value);
    taken_by_.assign(info.names.empty() && info.sparse ? 0 : info.columns, nullptr);
  }

  ColumnUses find() {
    take_options();
    result_.other_labels = info_.has_labels && options_.label_column != "none";
    if (!info_.names.empty() || info_.first_column_names) guess();
    return std::move(result_);
  }

 private:
  void take(const char* option, std::size_t column, Use use) {
    if (!taken_by_.empty()) {
      const char*& before = taken_by_[column];
      if (before != nullptr && before != option)
        refuse_options(options_.file, fmt::format("{} is both in --{} and in --{}; one of them would be right",
                                                  column_text(info_, column), before, option));
      before = option;
    }
    result_.uses[column] = use;
  }

  void take_options() {
    const bool label = names_column(options_.label_column);
    const bool weight = names_column(options_.weight_column);
    const bool name = names_column(options_.name_column);
    if (info_.sparse && (label || !options_.one_hot_labels.empty() || weight || name))
      refuse_options(options_.file, "its rows are sparse, and their columns are values alone");
    if (!options_.columns.empty()) {
      const auto listed = finder_.list("columns", options_.columns);
      result_.uses.assign(info_.columns, Use::dropped);
      for (const std::size_t column : listed) take("columns", column, Use::value);
      result_.values_listed = true;
    }
    if (!options_.drop.empty())
      for (const std::size_t column : finder_.list("drop", options_.drop)) take("drop", column, Use::dropped);
    if (label) {
      if (info_.has_labels)
        refuse_options(options_.file, "its labels are beside its columns; --label-column none leaves them out");
      result_.label = finder_.one("label-column", options_.label_column);
      take("label-column", *result_.label, Use::label);
    }
    if (!options_.one_hot_labels.empty()) {
      if (result_.label) refuse_options(options_.file, "--label-column and --one-hot-labels exclude each other");
      result_.one_hot = finder_.list("one-hot-labels", options_.one_hot_labels);
      for (const std::size_t column : result_.one_hot) take("one-hot-labels", column, Use::one_hot);
    }
    if (weight) {
      result_.weight = finder_.one("weight-column", options_.weight_column);
      take("weight-column", *result_.weight, Use::weight);
    }
    if (name) {
      result_.name = finder_.one("name-column", options_.name_column);
      take("name-column", *result_.name, Use::name);
    }
  }

  [[nodiscard]] bool is_free(std::size_t column) const { return taken_by_[column] == nullptr; }

  // A list of columns decides what is a value, and names decide the rest of what it leaves.
  void guess() {
    if (!result_.label && !result_.other_labels && result_.one_hot.empty() && options_.label_column != "none") {
      result_.label = guess_one("may be the labels by their names", "--label-column says which, or none",
                                [&](std::size_t column) { return is_one_of(label_names, info_.names[column]); });
      result_.label_guessed = result_.label.has_value();
      if (result_.label) result_.uses[*result_.label] = Use::label;
    }
    if (result_.name || options_.name_column == "none") return;
    if (info_.first_column_names && is_free(0)) {
      result_.name = 0;
    } else {
      result_.name = guess_one("may be an index by their names", "--name-column keeps one, --drop leaves out others",
                               [&](std::size_t column) { return is_index(column); });
      result_.name_guessed = result_.name.has_value();
    }
    if (result_.name) result_.uses[*result_.name] = Use::name;
  }

  [[nodiscard]] bool is_index(std::size_t column) const {
    return is_one_of(index_names, info_.names[column]) || (column == 0 && info_.columns > 1 && info_.names[0].empty());
  }

  template <typename Fits>
  std::optional<std::size_t> guess_one(const char* what, const char* remedy, const Fits& fits) const {
    std::optional<std::size_t> found;
    for (std::size_t column = 0; column < info_.names.size(); ++column) {
      if (!is_free(column) || result_.uses[column] == Use::label || !fits(column)) continue;
      if (found)
        refuse_options(options_.file, fmt::format("{} and {} {}: {}", column_text(info_, *found),
                                                  column_text(info_, column), what, remedy));
      found = column;
    }
    return found;
  }

  const ImportOptions& options_;
  const TableInfo& info_;
  ColumnFinder finder_;
  ColumnUses result_;
  std::vector<const char*> taken_by_;  // the option that named each column
};

}  // namespace

std::vector<std::size_t> ColumnUses::values() const {
  std::vector<std::size_t> columns;
  for (std::size_t column = 0; column < uses.size(); ++column)
    if (uses[column] == Use::value) columns.push_back(column);
  return columns;
}

ColumnUses column_uses(const ImportOptions& options, const TableInfo& info) {
  return UseFinder(options, info).find();
}

bool is_name_of_weights(const std::string& name) {
  return is_one_of(weight_names, name);
}

bool are_names_of_entries(const std::vector<std::string>& names) {
  constexpr std::size_t fewest = 2;  // as edges are listed
  constexpr std::size_t most = 4;    // with a value and a time
  if (names.size() < fewest || names.size() > most) return false;
  const auto is_place = [](const std::string& name) {
    std::string plain = plain_name(name);
    std::erase_if(plain, [](char c) { return c == '_' || c == ' ' || c == '.'; });
    if (plain.ends_with("id")) plain.resize(plain.size() - 2);
    while (!plain.empty() && (plain.back() == '1' || plain.back() == '2')) plain.pop_back();
    return std::ranges::find(entry_names, plain) != entry_names.end();
  };
  return is_place(names[0]) && is_place(names[1]);
}

std::string column_text(const TableInfo& info, std::size_t column) {
  std::string text = fmt::format("column {}", column + 1);
  if (column < info.names.size()) text += fmt::format(" ('{}')", shown_field(info.names[column]));
  return text;
}

std::string column_word(const TableInfo& info, std::size_t column) {
  const bool usable = column < info.names.size() && !info.names[column].empty() &&
                      info.names[column].find(',') == std::string::npos &&
                      std::ranges::count(info.names, info.names[column]) == 1;
  const std::string number = fmt::format("{}", column + 1);
  if (!usable) return std::ranges::count(info.names, number) > 0 ? std::string(number_mark) + number : number;
  const std::string name = shown_field(info.names[column]);
  const auto place = whole_number(name);
  const bool is_of_another = place && *place >= 1 && *place <= info.columns && *place != column + 1;
  return shell_word(is_of_another ? std::string(name_mark) + name : name);
}

}  // namespace rbmpi
