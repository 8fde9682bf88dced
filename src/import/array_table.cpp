#include "import/array_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

constexpr std::uint64_t most_columns = std::numeric_limits<std::int32_t>::max();
constexpr const char* doing = "reading the rows of an array";

std::uint64_t row_size(const StoredArray& array, const std::filesystem::path& path) {
  std::uint64_t size = 1;
  for (std::size_t i = 1; i < array.shape.size(); ++i) {
    if (__builtin_mul_overflow(size, array.shape[i], &size)) size = std::numeric_limits<std::uint64_t>::max();
  }
  if (size == 0) refuse_import(path, fmt::format("{}: its rows are empty", in_words(array)));
  if (size > most_columns) {
    refuse_import(path, fmt::format("{}: its rows have {}; at most {} can be used", in_words(array),
                                    plural(size, "value"), most_columns));
  }
  return size;
}

/// The same array with rows for columns.
StoredArray transposed(StoredArray array) {
  std::ranges::reverse(array.shape);
  array.column_major = !array.column_major;
  array.by_columns = !array.by_columns;
  return array;
}

/// The rows of a dense array, which are asked for in rising order: a block of them in memory.
class DenseRows {
 public:
  DenseRows(const ArrayFile& file, const StoredArray& array)
      : path_(file.path()),
        rows_(array.shape.front()),
        columns_(row_size(array, file.path())),
        across_(array.column_major),
        reader_(file.numbers(array)) {
    // Across, each block goes through the whole array, so it is larger.
    const std::uint64_t budget = (across_ ? std::uint64_t{128} << 20U : std::uint64_t{16} << 20U) / sizeof(double);
    constexpr std::uint64_t most_of_unit = (std::uint64_t{1} << 30U) / sizeof(double);
    const std::uint64_t unit = std::max<std::uint64_t>(1, reader_->unit(across_));
    block_rows_ = std::max<std::uint64_t>(1, budget / columns_);
    if (unit <= most_of_unit / columns_) block_rows_ = std::max<std::uint64_t>(1, block_rows_ / unit) * unit;
    block_rows_ = std::min(block_rows_, rows_);
    if (across_ && array.shape.size() > 2) find_places(array.shape);
  }

  [[nodiscard]] std::uint64_t columns() const noexcept { return columns_; }

  /// Valid until the next call.
  [[nodiscard]] std::span<const double> row(std::uint64_t number) {
    if (number < first_ || number >= first_ + count_) read(number / block_rows_ * block_rows_);
    return std::span(block_).subspan((number - first_) * columns_, columns_);
  }

 private:
  void read(std::uint64_t first) {
    throw_if_stopped(doing);
    first_ = first;
    count_ = std::min(block_rows_, rows_ - first);
    block_.resize(count_ * columns_);
    if (!across_) {
      reader_->read(first, count_, block_.data());
      return;
    }
    across_block_.resize(block_.size());
    reader_->read_across(first, count_, across_block_.data());
    for (std::uint64_t column = 0; column < columns_; ++column) {
      const std::uint64_t place = places_.empty() ? column : places_[column];
      const double* const values = across_block_.data() + column * count_;
      for (std::uint64_t row = 0; row < count_; ++row) block_[row * columns_ + place] = values[row];
    }
  }

  /// Where in a row what follows in the file in the order of the first index belongs, the last index being fastest.
  void find_places(const std::vector<std::uint64_t>& shape) {
    const std::size_t rank = shape.size();
    places_.resize(columns_);
    std::vector<std::uint64_t> strides(rank, 1);
    for (std::size_t i = rank - 1; i-- > 0;) strides[i] = strides[i + 1] * shape[i + 1];
    std::vector<std::uint64_t> index(rank, 0);
    for (std::uint64_t& place : places_) {
      place = 0;
      for (std::size_t i = 1; i < rank; ++i) place += index[i] * strides[i];
      for (std::size_t i = 1; i < rank && ++index[i] == shape[i]; ++i) index[i] = 0;
    }
  }

  std::filesystem::path path_;
  std::uint64_t rows_;
  std::uint64_t columns_;
  bool across_;
  std::unique_ptr<NumberReader> reader_;
  std::uint64_t block_rows_ = 1;
  std::uint64_t first_ = 0;
  std::uint64_t count_ = 0;
  std::vector<double> block_;
  std::vector<double> across_block_;
  std::vector<std::uint64_t> places_;
};

/// A value of a sparse row.
struct Entry {
  std::uint32_t column = 0;
  double value = 0.0;
};

/// A sparse matrix as it is stored: lines, each with the places in it that are not 0.
class SparseLines {
 public:
  SparseLines(const ArrayFile& file, const StoredArray& matrix, std::uint64_t lines, std::uint64_t places)
      : path_(file.path()),
        name_(matrix.name),
        lines_(lines),
        places_(places),
        total_(matrix.sparse_of[0].count),
        values_(file, list_of(matrix.sparse_of[0])),
        indices_(file, list_of(matrix.sparse_of[1])),
        ends_(file, list_of(matrix.sparse_of[2])) {}

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

  /// Gives the entries of one line after the other, in the order of their places and without zeros.
  template <typename OnLine>
  void for_each(const OnLine& on_line) {
    std::vector<Entry> entries;
    std::uint64_t begin = end_of(0, 0);
    if (begin != 0) refuse(fmt::format("its ends begin with {}; 0 would be right", begin));
    for (std::uint64_t line = 0; line < lines_; ++line) {
      const std::uint64_t end = end_of(line + 1, begin);
      entries.clear();
      bool rising = true;
      for (std::uint64_t i = begin; i < end; ++i) {
        const std::uint32_t place = place_of(i);
        rising = rising && (entries.empty() || entries.back().column < place);
        entries.push_back({place, values_.row(i)[0]});
      }
      if (!rising) sort(entries, line);
      std::erase_if(entries, [](const Entry& entry) { return entry.value == 0.0; });
      on_line(line, std::as_const(entries));
      begin = end;
    }
    if (begin != total_) {
      refuse(fmt::format("its ends come to {} for {}", begin, plural(total_, "value")));
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    refuse_import(path_, fmt::format("'{}' is no sound sparse matrix: {}", name_, why));
  }
  [[nodiscard]] std::uint64_t end_of(std::uint64_t line, std::uint64_t before) {
    const double end = ends_.row(line)[0];
    if (end >= static_cast<double>(before) && end <= static_cast<double>(total_) && end == std::floor(end)) {
      return static_cast<std::uint64_t>(end);
    }
    refuse(fmt::format("its end {} (counted from 0) is {}; whole numbers that rise to {} would be right", line, end,
                       total_));
  }
  [[nodiscard]] std::uint32_t place_of(std::uint64_t i) {
    const double place = indices_.row(i)[0];
    if (place >= 0.0 && place < static_cast<double>(places_) && place == std::floor(place)) {
      return static_cast<std::uint32_t>(place);
    }
    refuse(fmt::format("value {} (counted from 0) has the index {}; whole numbers from 0 to {} would be right", i,
                       place, places_ - 1));
  }
  void sort(std::vector<Entry>& entries, std::uint64_t line) const {
    std::ranges::sort(entries, {}, &Entry::column);
    const auto twice = std::ranges::adjacent_find(entries, {}, &Entry::column);
    if (twice == entries.end()) return;
    refuse(
        fmt::format("line {} (counted from 0) has two values at {}; one, as sum_duplicates() of SciPy makes it, "
                    "would be right",
                    line, twice->column));
  }

  std::filesystem::path path_;
  std::string name_;
  std::uint64_t lines_;
  std::uint64_t places_;
  std::uint64_t total_;
  DenseRows values_;
  DenseRows indices_;
  DenseRows ends_;
};

/// Texts of one array, in rising order: a block of them in memory.
class Texts {
 public:
  Texts(const ArrayFile& file, const StoredArray& array) : file_(file), array_(array) {}
  [[nodiscard]] const std::string& at(std::uint64_t number) {
    constexpr std::uint64_t at_once = 16384;
    if (number < first_ || number >= first_ + texts_.size()) {
      first_ = number / at_once * at_once;
      texts_ = file_.texts(array_, first_, std::min(at_once, array_.shape.front() - first_));
    }
    return texts_.at(number - first_);
  }

 private:
  const ArrayFile& file_;
  const StoredArray& array_;
  std::uint64_t first_ = 0;
  std::vector<std::string> texts_;
};

/// The labels of rows, one after the other.
class Labels {
 public:
  Labels(const ArrayFile& file, const StoredArray& array)
      : file_(file),
        array_(array),
        categories_(file.class_names(array).size()),
        missing_(file.describe(array).missing) {
    if (array.texts) {
      texts_.emplace(file, array);
    } else {
      numbers_.emplace(file, array);
    }
  }

  void fill(TableRow& row) {
    if (texts_) {
      row.label_text = texts_->at(row.number);
      return;
    }
    const std::span<const double> values = numbers_->row(row.number);
    const bool missing = values.size() == 1 && std::ranges::find(missing_, values[0]) != missing_.end();
    if (missing || (categories_ > 0 && values[0] == -1.0)) {  // pandas has no category for what is missing
      row.label.reset();
    } else if (categories_ > 0 && values[0] >= static_cast<double>(categories_)) {
      refuse(row.number, fmt::format("is {}; the place of one of its {} categories, from 0, would be right", values[0],
                                     categories_));
    } else if (values.size() > 1) {
      row.label = place_of_one(values, row.number);
    } else if (std::isfinite(values[0]) && values[0] == std::floor(values[0])) {
      row.label = values[0];
    } else {
      refuse(row.number, fmt::format("is {}; whole numbers would be right", values[0]));
    }
  }

 private:
  [[noreturn]] void refuse(std::uint64_t row, const std::string& why) const {
    refuse_import(file_.path(),
                  fmt::format("the label of row {} (counted from 0) in {} {}; --labels NAME takes others, "
                              "--labels none leaves them out",
                              row, in_words(array_), why));
  }
  [[nodiscard]] double place_of_one(std::span<const double> values, std::uint64_t row) const {
    const auto one = std::ranges::find(values, 1.0);
    const auto zeros = std::ranges::count(values, 0.0);
    if (one != values.end() && zeros + 1 == static_cast<std::ptrdiff_t>(values.size())) {
      return static_cast<double>(one - values.begin());
    }
    refuse(row, "is several numbers, not a single 1 among zeros; a whole number for each row would be right");
  }

  const ArrayFile& file_;
  const StoredArray& array_;
  std::size_t categories_;  // 0: its numbers are no places in a list of names
  std::vector<double> missing_;
  std::optional<DenseRows> numbers_;
  std::optional<Texts> texts_;
};

class ArrayTable : public Table {
 public:
  ArrayTable(std::unique_ptr<ArrayFile> file, ChosenArrays chosen, bool transpose,
             std::unique_ptr<ArrayFile> labels_file)
      : file_(std::move(file)), labels_file_(std::move(labels_file)), arrays_(std::move(chosen)) {
    info_.notes = std::move(arrays_.notes);
    const SamplesDescription said = file_->describe(arrays_.samples);
    if (transpose) transpose_samples();
    describe_samples(said, transpose);
    if (arrays_.labels) describe_labels();
    if (!arrays_.labels && !transpose) note_other_direction();
    if (arrays_.weights) check_weights(transpose);
  }

  [[nodiscard]] const TableInfo& info() const override { return info_; }

  void read(const std::function<void(const TableRow&)>& on_row) override {
    std::optional<Labels> labels;
    std::optional<DenseRows> weights;
    std::optional<Texts> names;
    if (arrays_.labels) labels.emplace(labels_file(), *arrays_.labels);
    if (arrays_.weights) weights.emplace(*file_, *arrays_.weights);
    if (row_names_) names.emplace(*file_, *row_names_);
    const auto finish = [&](TableRow& row) {
      if (names) row.name = names->at(row.number);
      if (!list_of_row_names_.empty()) row.name = list_of_row_names_[row.number];
      if (labels) labels->fill(row);
      if (weights) row.weight = weight_of(weights->row(row.number)[0], row.number);
      on_row(row);
    };
    if (!info_.sparse) {
      DenseRows samples(*file_, arrays_.samples);
      for (std::uint64_t number = 0; number < info_.rows; ++number) {
        TableRow row;
        row.number = number;
        row.values = samples.row(number);
        finish(row);
      }
    } else if (arrays_.samples.by_columns) {
      read_by_columns(finish);
    } else {
      std::vector<std::uint32_t> columns;
      std::vector<double> values;
      SparseLines(*file_, arrays_.samples, info_.rows, info_.columns)
          .for_each([&](std::uint64_t number, const std::vector<Entry>& entries) {
            columns.clear();
            values.clear();
            for (const Entry& entry : entries) {
              columns.push_back(entry.column);
              values.push_back(entry.value);
            }
            TableRow row;
            row.number = number;
            row.columns = columns;
            row.values = values;
            finish(row);
          });
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { refuse_import(file_->path(), why); }
  [[nodiscard]] const ArrayFile& labels_file() const { return labels_file_ ? *labels_file_ : *file_; }

  void transpose_samples() {
    if (arrays_.samples.shape.size() != 2) {
      refuse(fmt::format("{}: --transpose is for matrices, of two dimensions", in_words(arrays_.samples)));
    }
    info_.notes.push_back(fmt::format("The columns of {} are the samples.", in_words(arrays_.samples)));
    arrays_.samples = transposed(std::move(arrays_.samples));
  }

  /// `said` of the samples as they are stored.
  void describe_samples(const SamplesDescription& said, bool transpose) {
    const StoredArray& samples = arrays_.samples;
    if (samples.shape.front() == 0) refuse(fmt::format("{}: it has no rows", in_words(samples)));
    info_.kind = file_->kind();
    info_.rows = samples.shape.front();
    info_.columns = row_size(samples, file_->path());
    take_names(said, transpose);
    info_.picture = said.picture.empty() || transpose ? picture_of(samples.shape) : said.picture;
    info_.type = samples.truths ? ElementType::uint8 : samples.element;
    if (info_.type == ElementType::int32 || info_.type == ElementType::int64) info_.type = ElementType::other;
    info_.scale = said.scale;
    info_.missing = said.missing;
    info_.valid = said.valid;
    if (!said.missing.empty())
      info_.notes.push_back(fmt::format("{} says that {} {} for what is missing.", in_words(samples),
                                        fmt::join(said.missing, " and "),
                                        said.missing.size() == 1 ? "stands" : "stand"));
    if (samples.truths && !info_.scale) info_.scale = 1.0;
    info_.sparse = !samples.sparse_of.empty();
    info_.class_names = said.class_names;
    for (const std::string& note : file_->notes(samples)) info_.notes.push_back(note);
  }

  /// Those of the other direction if the columns are the samples.
  void take_names(const SamplesDescription& said, bool transpose) {
    const std::uint64_t named = said.row_names ? said.row_names->shape.front() : 0;
    if (!transpose) {
      if (said.column_names.size() == info_.columns) info_.names = said.column_names;
      if (named == info_.rows) row_names_ = said.row_names;
    } else {
      if (said.column_names.size() == info_.rows) list_of_row_names_ = said.column_names;
      if (named == info_.columns) info_.names = file_->texts(*said.row_names, 0, named);
    }
    info_.has_names = row_names_.has_value() || !list_of_row_names_.empty();
  }

  /// Without labels nothing tells along which index the samples lie but that there are most often more of them than of
  /// anything else.
  void note_other_direction() {
    const std::vector<std::uint64_t>& shape = arrays_.samples.shape;
    if (info_.sparse) return;
    if (shape.size() == 2 && shape.back() > shape.front() && info_.picture.empty()) {
      info_.notes.push_back(fmt::format("{} has more columns than rows; --transpose if its columns are the samples.",
                                        in_words(arrays_.samples)));
    }
    constexpr std::uint64_t many = 4;
    const bool square = shape.size() > 2 && shape[0] == shape[1];
    if (shape.size() > 2 && shape.back() > (square ? 1 : many) * *std::max_element(shape.begin(), shape.end() - 1)) {
      info_.notes.push_back(
          fmt::format("The samples of {} are along its first index; if they are along its last, "
                      "numpy.moveaxis(a, -1, 0) puts it in front.",
                      in_words(arrays_.samples)));
    }
  }

  /// [N, height, width], with one channel before or behind.
  static std::vector<std::uint64_t> picture_of(const std::vector<std::uint64_t>& shape) {
    std::vector<std::uint64_t> sides(shape.begin() + 1, shape.end());
    if (sides.size() == 3 && sides.back() == 1) sides.pop_back();
    if (sides.size() == 3 && sides.front() == 1) sides.erase(sides.begin());
    if (sides.size() != 2 || std::ranges::min(sides) == 1) return {};
    return sides;
  }

  void describe_labels() {
    StoredArray& labels = *arrays_.labels;
    const std::filesystem::path& path = labels_file().path();
    const bool one_each = labels.shape.size() == 1 || (labels.shape.size() == 2 && std::ranges::min(labels.shape) == 1);
    const bool may_be = labels.texts ? labels.shape.size() == 1 : labels.numbers && labels.sparse_of.empty();
    if (!may_be || labels.shape.empty() || labels.shape.size() > 2) {
      refuse_import(path, fmt::format("{}: a list of numbers or texts, one for each row, or rows of a single 1 among "
                                      "zeros, would be right for labels",
                                      in_words(labels)));
    }
    // A row of labels lies as a column of them does.
    if (one_each && labels.shape.size() == 2 && labels.shape.front() == 1 && info_.rows != 1)
      labels = transposed(labels);
    if (labels.shape.front() != info_.rows) refuse_number_of_labels(labels, path);
    info_.has_labels = true;
    if (info_.class_names.empty()) info_.class_names = labels_file().class_names(labels);
    if (!one_each) {
      info_.notes.push_back(
          fmt::format("A label is the place, from 0, of the single 1 in a row of {}.", in_words(labels)));
    }
  }

  [[noreturn]] void refuse_number_of_labels(const StoredArray& labels, const std::filesystem::path& path) const {
    const StoredArray& samples = arrays_.samples;
    const bool across = samples.shape.size() == 2 && samples.shape.back() == labels.shape.front();
    refuse_import(path, fmt::format("{} has {} for the {} of {}{}", in_words(labels),
                                    plural(labels.shape.front(), "label"), plural(info_.rows, "row"), in_words(samples),
                                    across ? "; are its columns the samples? --transpose reads it so"
                                           : "; --labels NAME takes others, --labels none leaves them out"));
  }

  /// Weights that nobody asked for: those that fit neither rows nor columns are of something else.
  void check_weights(bool transpose) {
    StoredArray& weights = *arrays_.weights;
    if (weights.shape.size() == 2 && weights.shape.front() == 1) weights = transposed(weights);
    if (weights.shape.front() == info_.rows) {
      info_.has_weights = true;
      info_.notes.push_back(fmt::format("The weights of the rows are {}.", in_words(weights)));
      return;
    }
    const std::vector<std::uint64_t>& samples = arrays_.samples.shape;
    if (samples.size() == 2 && samples.back() > 1 && samples.back() == weights.shape.front()) {
      refuse(fmt::format(
          "{} has as many values as {} has columns, not rows: are its columns the samples? {} reads it so; "
          "--weight-column none leaves the weights out",
          in_words(weights), in_words(arrays_.samples), transpose ? "An import without --transpose" : "--transpose"));
    }
    info_.notes.push_back(fmt::format("{} is not used: it has {} for {}.", in_words(weights),
                                      plural(weights.shape.front(), "value"), plural(info_.rows, "row")));
    arrays_.weights.reset();
  }

  [[nodiscard]] double weight_of(double weight, std::uint64_t row) const {
    if (is_weight(weight)) return weight;
    refuse(fmt::format("the weight of row {} (counted from 0) in {} is {}; {}", row, in_words(*arrays_.weights), weight,
                       right_weights));
  }

  /// Sparse rows out of sparse columns, all in memory.
  template <typename Finish>
  void read_by_columns(const Finish& finish) {
    SparseLines lines(*file_, arrays_.samples, info_.columns, info_.rows);
    // Rows without values are not in the file.
    constexpr std::uint64_t always_allowed = std::uint64_t{1} << 24U;
    if (info_.rows > always_allowed && info_.rows / 100 > lines.total()) {
      refuse(fmt::format("{} claims many more rows than its {}", in_words(arrays_.samples),
                         plural(lines.total(), "value")));
    }
    const std::uint64_t wanted =
        lines.total() * (sizeof(double) + sizeof(std::uint32_t)) + info_.rows * sizeof(std::uint64_t);
    if (wanted > available_memory() / 2) {
      refuse(
          fmt::format("{} is stored by columns (CSC), and not enough memory is available to turn it ({}); stored by "
                      "rows (CSR) it can be read",
                      in_words(arrays_.samples), human_bytes(wanted)));
    }
    // How many values there are up to the end of each row.
    std::vector<std::uint64_t> ends(info_.rows, 0);
    lines.for_each([&](std::uint64_t, const std::vector<Entry>& entries) {
      for (const Entry& entry : entries) ++ends[entry.column];
    });
    std::uint64_t sum = 0;
    for (std::uint64_t& end : ends) end = std::exchange(sum, sum + end);
    std::vector<std::uint32_t> columns(sum);
    std::vector<double> values(sum);
    SparseLines(*file_, arrays_.samples, info_.columns, info_.rows)
        .for_each([&](std::uint64_t column, const std::vector<Entry>& entries) {
          for (const Entry& entry : entries) {
            const std::uint64_t place = ends[entry.column]++;
            columns[place] = static_cast<std::uint32_t>(column);
            values[place] = entry.value;
          }
        });
    for (std::uint64_t number = 0, begin = 0; number < info_.rows; begin = ends[number++]) {
      TableRow row;
      row.number = number;
      row.columns = std::span(columns).subspan(begin, ends[number] - begin);
      row.values = std::span(values).subspan(begin, ends[number] - begin);
      finish(row);
    }
  }

  std::unique_ptr<ArrayFile> file_;
  std::unique_ptr<ArrayFile> labels_file_;
  ChosenArrays arrays_;
  TableInfo info_;
  std::optional<StoredArray> row_names_;
  std::vector<std::string> list_of_row_names_;  // if they are in memory already
};

}  // namespace

StoredArray list_of(const StoredPart& part) {
  return {.name = part.name, .shape = {part.count}, .type = "numbers", .numbers = true};
}

std::unique_ptr<Table> make_array_table(std::unique_ptr<ArrayFile> file, ChosenArrays chosen, bool transpose,
                                        std::unique_ptr<ArrayFile> labels_file) {
  return std::make_unique<ArrayTable>(std::move(file), std::move(chosen), transpose, std::move(labels_file));
}

std::unique_ptr<Table> open_array_table(std::unique_ptr<ArrayFile> file, const TableOptions& wishes) {
  ChosenArrays chosen = choose_arrays(*file, wishes);
  return make_array_table(std::move(file), std::move(chosen), wishes.transpose);
}

}  // namespace rbmpi
