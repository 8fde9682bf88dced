#include "rbmpi/data/dataset_file.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/data/sparse_samples.hpp"
#include "rbmpi/storage/atomic_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* samples_name = "/samples";
constexpr const char* labels_name = "/labels";
constexpr const char* weights_name = "/weights";
constexpr const char* row_names_name = "/row_names";
constexpr const char* class_names_name = "/class_names";
constexpr const char* column_names_name = "/column_names";
// Of a sparse dataset, as AnnData and SciPy name them.
constexpr const char* values_name = "/samples/data";
constexpr const char* columns_name = "/samples/indices";
constexpr const char* ends_name = "/samples/indptr";
constexpr const char* unbounded_attribute = "unbounded";
constexpr const char* colours_attribute = "colours";
constexpr const char* alphabet_attribute = "alphabet";
constexpr std::int64_t newest_version = 1;
constexpr std::uint64_t most_columns = std::numeric_limits<std::int32_t>::max();  // what BLAS and MPI can count
constexpr std::uint64_t chunk_bytes = 512U << 10U;

[[noreturn]] void fail(const fs::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("'{}' is not a usable dataset: {}", path.string(), why));
}

std::string shape_text(const std::vector<std::uint64_t>& dimensions) {
  return fmt::format("[{}]", fmt::join(dimensions, " x "));
}

void check_format(const Hdf5File& file) {
  const std::optional<std::string> format = file.text_attribute("/", "format");
  if (format && *format != "rbmpi-dataset")
    fail(file.path(), fmt::format("its format is '{}', and 'rbmpi-dataset' would be right", *format));
  const auto version = file.integers_attribute("/", "format_version");
  if (format && version && (version->size() != 1 || version->front() < 1 || version->front() > newest_version))
    fail(file.path(), fmt::format("its format version is {}, and this program knows 1 to {}", fmt::join(*version, ", "),
                                  newest_version));
}

void check_type(const Hdf5File& file, const char* name, const ArrayInfo& array) {
  if (array.type != ElementType::uint8 && array.type != ElementType::float32 && array.type != ElementType::float64)
    fail(file.path(),
         fmt::format("'{}' holds {}; uint8, float32 or float64 would be right, and rbmpi import makes a dataset of it",
                     name, array.type_name));
}

void check_shape(const Hdf5File& file, const std::vector<std::uint64_t>& shape) {
  if (shape.size() != 2)
    fail(file.path(), fmt::format("'/samples' has {} {}; 2 would be right: [rows x columns]",
                                  plural(shape.size(), "dimension"), shape_text(shape)));
  if (shape[0] == 0) fail(file.path(), "'/samples' has no rows");
  if (shape[1] == 0) fail(file.path(), "'/samples' has no columns");
  if (shape[1] > most_columns)
    fail(file.path(), fmt::format("'/samples' has {} columns; at most {} can be used", shape[1], most_columns));
}

/// What a sparse '/samples' says of itself. That its parts fit together is seen when they are read.
void read_sparse_info(const Hdf5File& file, DatasetInfo& info) {
  const auto shape = file.integers_attribute(samples_name, "shape");
  if (!shape || shape->size() != 2 || std::ranges::any_of(*shape, [](std::int64_t size) { return size < 0; })) {
    fail(file.path(),
         "'/samples' is a group without an attribute 'shape' of rows and columns; an array would be right, "
         "or a sparse matrix (CSR) with 'data', 'indices' and 'indptr'");
  }
  check_shape(file, {shape->begin(), shape->end()});
  const std::optional<std::string> encoding = file.text_attribute(samples_name, "encoding-type");
  if (encoding && *encoding != "csr_matrix") {
    fail(file.path(),
         fmt::format("'/samples' is a '{}'; a 'csr_matrix', which is stored row by row, would be right", *encoding));
  }
  info.sparse = true;
  info.rows = static_cast<std::uint64_t>(shape->front());
  info.columns = static_cast<std::uint64_t>(shape->back());
  const ArrayInfo values = file.array_info(values_name);
  const ArrayInfo columns = file.array_info(columns_name);
  const ArrayInfo ends = file.array_info(ends_name);
  check_type(file, values_name, values);
  if (!columns.integers || !ends.integers || values.dimensions.size() != 1 || columns.dimensions != values.dimensions ||
      ends.dimensions != std::vector<std::uint64_t>{info.rows + 1}) {
    fail(file.path(), fmt::format("'{}' {}, '{}' {} and '{}' {} are no sparse matrix of {} rows: as many integers "
                                  "'indices' as 'data', and one 'indptr' more than rows would be right",
                                  values_name, shape_text(values.dimensions), columns_name,
                                  shape_text(columns.dimensions), ends_name, shape_text(ends.dimensions), info.rows));
  }
  info.type = values.type;
  info.nonzeros = values.dimensions.front();
  // A row takes what its values take, on average.
  const double row_values = static_cast<double>(info.nonzeros) / static_cast<double>(info.rows);
  info.sample_chunks = {
      .rows = 1, .row_work = row_values * (values.chunks.row_work + columns.chunks.row_work) + ends.chunks.row_work};
}

void read_scale(const Hdf5File& file, std::optional<double> asked_for, DatasetInfo& info) {
  const double usual = info.type == ElementType::uint8 ? 255.0 : 1.0;
  const std::optional<double> said = asked_for ? asked_for : file.real_attribute(samples_name, "scale");
  const double scale = said.value_or(usual);
  info.scale_said = said.has_value();
  info.scale = scale;
  if (!is_scale(scale))
    fail(file.path(), fmt::format("the attribute 'scale' of '/samples' is {}; a positive number that single precision "
                                  "can hold would be right",
                                  scale));
}

/// Of values that are colours: how many there are, and their letters.
void read_colours(const Hdf5File& file, DatasetInfo& info) {
  constexpr std::int64_t most = 256;
  const auto colours = file.integers_attribute(samples_name, colours_attribute);
  std::string alphabet = file.text_attribute(samples_name, alphabet_attribute).value_or("");
  if (!colours && alphabet.empty()) return;
  if (!colours || colours->size() != 1 || colours->front() < 2 || colours->front() > most)
    fail(file.path(),
         fmt::format("the attribute 'colours' of '/samples' is {}; their number, from 2 to {}, would be right",
                     colours ? fmt::format("{}", fmt::join(*colours, ", ")) : "not there, though 'alphabet' is", most));
  info.kind = ValueKind::colours;
  info.colours = {.count = static_cast<std::uint64_t>(colours->front()), .alphabet = std::move(alphabet)};
  if (info.type != ElementType::uint8 || info.sparse)
    fail(file.path(), "'/samples' has colours (its attribute 'colours'); an array of uint8 would be right");
  std::string letters = info.colours.alphabet;
  std::ranges::sort(letters);
  if (!letters.empty() &&
      (letters.size() != info.colours.count || std::ranges::adjacent_find(letters) != letters.end() ||
       !std::ranges::all_of(letters, [](char letter) { return letter > ' ' && letter <= '~'; })))
    fail(file.path(), fmt::format("the attribute 'alphabet' of '/samples' is '{}'; {} different letters would be right",
                                  info.colours.alphabet, info.colours.count));
}

void read_kind(const Hdf5File& file, DatasetInfo& info) {
  const auto unbounded = file.integers_attribute(samples_name, unbounded_attribute);
  if (unbounded && *unbounded != std::vector<std::int64_t>{0}) info.kind = ValueKind::numbers;
  read_colours(file, info);
}

std::vector<std::uint64_t> read_picture(const Hdf5File& file, std::uint64_t columns, const char* attribute) {
  const auto shape = file.integers_attribute(samples_name, attribute);
  if (!shape) return {};
  // Factors within [1, columns] cannot overflow: columns is below 2^31.
  const auto fits = [&](std::int64_t side) { return side >= 1 && side <= static_cast<std::int64_t>(columns); };
  if (shape->size() != 2 || !fits(shape->front()) || !fits(shape->back()) ||
      static_cast<std::uint64_t>(shape->front() * shape->back()) != columns)
    fail(
        file.path(),
        fmt::format("the attribute '{}' of '/samples' is ({}); (height, width) with height * width = {} would be right",
                    attribute, fmt::join(*shape, ", "), columns));
  return {static_cast<std::uint64_t>(shape->front()), static_cast<std::uint64_t>(shape->back())};
}

/// Of an array that has one element for each row, if it is there.
std::optional<ArrayInfo> of_each_row(const Hdf5File& file, const char* name, const char* wanted,
                                     bool (*right)(const ArrayInfo&), std::uint64_t rows) {
  if (!file.exists(name)) return std::nullopt;
  const ArrayInfo array = file.array_info(name);
  if (!right(array)) fail(file.path(), fmt::format("'{}' holds {}; {} would be right", name, array.type_name, wanted));
  if (array.dimensions.size() != 1)
    fail(file.path(), fmt::format("'{}' has {}; 1 would be right", name, plural(array.dimensions.size(), "dimension")));
  if (array.dimensions.front() != rows)
    fail(file.path(), fmt::format("'{}' has {} for {} of '/samples'", name, plural(array.dimensions.front(), "value"),
                                  plural(rows, "row")));
  return array;
}

bool has_texts(const ArrayInfo& array) {
  return array.texts;
}

/// A list of names, or nothing if it is not there; `wanted` of them, if that is not 0.
std::vector<std::string> read_names(const Hdf5File& file, const char* name, std::uint64_t wanted) {
  constexpr std::uint64_t most = 1U << 24U;
  if (!file.exists(name)) return {};
  const ArrayInfo array = file.array_info(name);
  const bool list = array.texts && array.dimensions.size() == 1;
  if (!list || array.dimensions.front() > most || (wanted != 0 && array.dimensions.front() != wanted)) {
    fail(file.path(), fmt::format("'{}' holds {} {}; a list of {}texts would be right", name, array.type_name,
                                  shape_text(array.dimensions), wanted == 0 ? "" : fmt::format("{} ", wanted)));
  }
  return file.read_texts(name, 0, array.dimensions.front());
}

/// MATLAB and R store columns one behind the other, so that a file of theirs has the transposed matrix for all others.
void refuse_turned(const Hdf5File& file) {
  const std::string program = turned_by(file, samples_name);
  if (program.empty()) return;
  fail(file.path(), fmt::format("{} wrote its '/samples', with rows and columns exchanged; rbmpi import {} --output "
                                "NEW.h5 makes a dataset of it",
                                program, shell_word(file.path().string())));
}

/// NetCDF's rows may be something else than what is stored.
void refuse_netcdf(const Hdf5File& file) {
  const std::string packing = packing_text(file, samples_name);
  if (!packing.empty())
    fail(file.path(),
         fmt::format("its '/samples' is packed (NetCDF): its values are {}; an array of the values themselves "
                     "would be right",
                     packing));
  const std::vector<double> fills = fill_values(file, samples_name);
  const std::optional<ValidRange> valid = valid_range(file, samples_name);
  if (fills.empty() && !valid) return;
  const std::string what = !fills.empty() ? fmt::format("{} {} for what is missing", fmt::join(fills, " and "),
                                                        fills.size() == 1 ? "stands" : "stand")
                                          : fmt::format("its valid values are {}", valid->text());
  fail(file.path(),
       fmt::format("its '/samples' says that {} (NetCDF); rbmpi import {} --output NEW.h5 makes a dataset of it", what,
                   shell_word(file.path().string())));
}

DatasetInfo read_info(const Hdf5File& file, std::optional<double> scale) {
  check_format(file);
  if (!file.exists(samples_name)) fail(file.path(), "it has no array '/samples'");
  refuse_turned(file);
  DatasetInfo info;
  if (file.is_group(samples_name)) {
    read_sparse_info(file, info);
  } else {
    const ArrayInfo array = file.array_info(samples_name);
    check_type(file, samples_name, array);
    check_shape(file, array.dimensions);
    refuse_netcdf(file);
    info.type = array.type;
    info.rows = array.dimensions[0];
    info.columns = array.dimensions[1];
    info.sample_chunks = array.chunks;
  }
  info.imported = file.text_attribute("/", "format").has_value();
  read_kind(file, info);
  if (info.kind != ValueKind::colours) {
    read_scale(file, scale, info);
  } else if (scale) {
    fail(file.path(), fmt::format("scale = {}: its values are {} colours, and none of them is more than another; no "
                                  "scale would be right",
                                  *scale, info.colours.count));
  } else {
    info.scale = static_cast<double>(info.colours.count - 1);
  }
  info.picture = read_picture(file, info.columns, info.sparse ? "picture" : "shape");
  const auto labels = of_each_row(
      file, labels_name, "integers", [](const ArrayInfo& array) { return array.integers; }, info.rows);
  info.has_labels = labels.has_value();
  if (labels) info.label_chunks = labels->chunks;
  const auto weights = of_each_row(
      file, weights_name, "numbers", [](const ArrayInfo& array) { return array.numbers; }, info.rows);
  info.has_weights = weights.has_value();
  if (weights) info.weight_chunks = weights->chunks;
  info.has_row_names = of_each_row(file, row_names_name, "texts", has_texts, info.rows).has_value();
  info.class_names = read_names(file, class_names_name, 0);
  info.column_names = read_names(file, column_names_name, info.columns);
  info.source = file.text_attribute("/", "source").value_or("");
  return info;
}

// Whether all values are in [lowest, largest]; false for NaN. No early exit: so the compiler makes a vector loop of it.
template <typename Value>
bool all_in_range(const Value* values, std::size_t count, Value lowest, Value largest) {
  unsigned outside = 0;
  for (std::size_t i = 0; i < count; ++i)
    outside |= static_cast<unsigned>(!(values[i] >= lowest)) | static_cast<unsigned>(!(values[i] <= largest));
  return outside == 0;
}

/// The first of the values that is not what a value may be, if there is one.
template <typename Value>
std::optional<std::size_t> first_wrong(const Value* values, std::size_t count, const DatasetInfo& info) {
  // For whole numbers the bound is the scale rounded down; a float32 is compared with the float32 nearest to the scale,
  // which is how a writer would have stored it.
  using Limits = std::numeric_limits<Value>;
  const bool any = info.kind == ValueKind::numbers;
  const Value lowest = any ? Limits::lowest() : Value{0};
  const auto largest =
      any ? Limits::max() : static_cast<Value>(std::min(info.scale, static_cast<double>(Limits::max())));
  if (all_in_range(values, count, lowest, largest)) return std::nullopt;
  const Value* const wrong =
      std::find_if(values, values + count, [&](Value value) { return !(value >= lowest && value <= largest); });
  return static_cast<std::size_t>(wrong - values);
}

std::string right_values(const DatasetInfo& info) {
  switch (info.kind) {
    case ValueKind::numbers:
      return "finite values";
    case ValueKind::colours:
      return fmt::format("colours from 0 to {}", info.colours.count - 1);
    default:
      return fmt::format("values in [0, scale] = [0, {}]", info.scale);
  }
}

/// Throws where values are not amounts, which is what models are of.
void want_amounts(const DatasetInfo& info, const fs::path& path) {
  switch (info.kind) {
    case ValueKind::numbers:
      fail(path,
           fmt::format("its values may be any numbers, as codes are; values in [0, scale] = [0, {}] would be right",
                       info.scale));
    case ValueKind::colours:
      fail(path, fmt::format("its values are colours, letters of sequences, say, and not amounts; values in [0, scale] "
                             "would be right (units with {} colours are not there yet)",
                             info.colours.count));
    default:
      return;
  }
}

/// Checks values of the stored type; place(i) tells the row and the column of value i.
template <typename Place>
void check_range(const void* values, std::size_t count, const DatasetInfo& info, const fs::path& path,
                 const Place& place) {
  const auto check = [&](const auto* typed) {
    const std::optional<std::size_t> wrong = first_wrong(typed, count, info);
    if (!wrong) return;
    const auto [row, column] = place(*wrong);
    fail(path, fmt::format("the value in row {}, column {} (counted from 0) is {}; {} would be right", row, column,
                           typed[*wrong], right_values(info)));
  };
  switch (info.type) {
    case ElementType::uint8:
      return check(static_cast<const std::uint8_t*>(values));
    case ElementType::float32:
      return check(static_cast<const float*>(values));
    default:
      return check(static_cast<const double*>(values));
  }
}

}  // namespace

// Values are divided by the scale in single precision, where it must be neither zero nor infinite.
bool is_scale(double value) noexcept {
  return value >= static_cast<double>(std::numeric_limits<float>::min()) &&
         value <= static_cast<double>(std::numeric_limits<float>::max());
}

bool is_weight(double value) noexcept {
  return value >= 0.0 && value <= static_cast<double>(std::numeric_limits<float>::max());
}

void in_whole_chunks(const RowChunks& chunks, Shard rows, std::uint64_t work, const std::function<void(Shard)>& read) {
  const double chunk_work = static_cast<double>(chunks.rows) * chunks.row_work;
  const auto chunks_at_once =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(work) / chunk_work));
  const std::uint64_t rows_at_once = chunks_at_once * chunks.rows;
  const std::uint64_t last = rows.first + rows.count;
  for (std::uint64_t first = rows.first; first < last;) {
    const std::uint64_t end = std::min((first / rows_at_once + 1) * rows_at_once, last);
    read({first, end - first});
    first = end;
  }
}

/// rhdf5 marks with it that R's missing integer is there, or may be: the smallest of 32 bits.
constexpr const char* r_says_missing = "rhdf5-NA.OK";

std::vector<double> fill_values(const Hdf5File& file, const std::string& array) {
  std::vector<double> values;
  for (const char* const attribute : {"_FillValue", "missing_value"})
    for (const double value : file.reals_attribute(array, attribute).value_or(std::vector<double>()))
      if (!std::isnan(value) && std::ranges::find(values, value) == values.end()) values.push_back(value);
  if (file.integers_attribute(array, r_says_missing)) values.push_back(std::numeric_limits<std::int32_t>::min());
  return values;
}

std::string ValidRange::text() const {
  if (std::isinf(largest)) return fmt::format("at least {}", smallest);
  if (std::isinf(smallest)) return fmt::format("at most {}", largest);
  return fmt::format("from {} to {}", smallest, largest);
}

std::optional<ValidRange> valid_range(const Hdf5File& file, const std::string& array) {
  const std::optional<std::vector<double>> both = file.reals_attribute(array, "valid_range");
  if (both && both->size() != 2)
    fail(file.path(),
         fmt::format("the attribute 'valid_range' of '{}' has {}; the smallest and the largest valid value "
                     "would be right",
                     array, plural(both->size(), "number")));
  if (both) return ValidRange{both->front(), both->back()};
  const std::optional<double> smallest = file.real_attribute(array, "valid_min");
  const std::optional<double> largest = file.real_attribute(array, "valid_max");
  if (!smallest && !largest) return std::nullopt;
  ValidRange range;
  range.smallest = smallest.value_or(range.smallest);
  range.largest = largest.value_or(range.largest);
  return range;
}

std::string turned_by(const Hdf5File& file, const std::string& array) {
  if (file.text_attribute(array, "MATLAB_class")) return "MATLAB";
  // Arrays of AnnData have its order, also where a package of R writes them.
  if (file.text_attribute(array, "encoding-type").value_or("") == "array") return "";
  return file.integers_attribute(array, r_says_missing) ? "R" : "";
}

std::string packing_text(const Hdf5File& file, const std::string& array) {
  const double factor = file.real_attribute(array, "scale_factor").value_or(1.0);
  const double offset = file.real_attribute(array, "add_offset").value_or(0.0);
  return factor == 1.0 && offset == 0.0 ? "" : fmt::format("{} x what is stored + {}", factor, offset);
}

DatasetReader::DatasetReader(const fs::path& path, Values accepted, std::optional<double> scale)
    : file_(Hdf5File::open(path, Reading::in_pieces)), info_(read_info(file_, scale)) {
  if (accepted == Values::amounts) want_amounts(info_, path);
}

void DatasetReader::read_samples(std::uint64_t first, std::uint64_t count, void* values) const {
  if (info_.sparse) {
    const SparseRows rows = read_sparse(first, count);
    to_stored({.type = info_.type,
               .scale = info_.scale,
               .rows = count,
               .columns = info_.columns,
               .ends = rows.ends.data(),
               .units = rows.columns.data(),
               .values = rows.values.data()},
              0, count, static_cast<std::byte*>(values));
    return;
  }
  file_.read_rows(samples_name, info_.type, first, count, values);
  check_range(values, count * info_.columns, info_, path(),
              [&](std::size_t i) { return std::pair(first + i / info_.columns, i % info_.columns); });
}

Hdf5Rows DatasetReader::stored_samples() const {
  return file_.rows(samples_name, info_.type);
}

void DatasetReader::read_labels(std::uint64_t first, std::uint64_t count, std::int32_t* values) const {
  std::vector<std::int64_t> labels(count);
  file_.read_integers(labels_name, first, count, labels.data());
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!std::in_range<std::int32_t>(labels[i]))
      fail(path(),
           fmt::format("the label of row {} (counted from 0) is {}; it does not fit 32 bits", first + i, labels[i]));
    values[i] = static_cast<std::int32_t>(labels[i]);
  }
}

SparseRows DatasetReader::read_sparse(std::uint64_t first, std::uint64_t count) const {
  SparseRows rows;
  std::vector<std::int64_t> ends(count + 1);
  file_.read_integers(ends_name, first, count + 1, ends.data());
  const auto total = static_cast<std::int64_t>(info_.nonzeros);
  for (std::uint64_t i = 0; i <= count; ++i) {
    const std::int64_t before = i > 0 ? ends[i - 1] : first == 0 ? 0 : ends[i];
    if (ends[i] < before || ends[i] > total || (first + i == 0 && ends[i] != 0) ||
        (first + i == info_.rows && ends[i] != total)) {
      fail(path(), fmt::format("'{}' has {} at {} (counted from 0); numbers that rise from 0 to {} would be right",
                               ends_name, ends[i], first + i, total));
    }
  }
  const auto begin = static_cast<std::uint64_t>(ends.front());
  rows.before = begin;
  const auto values = static_cast<std::uint64_t>(ends.back()) - begin;
  rows.ends.resize(count);
  for (std::uint64_t i = 0; i < count; ++i) rows.ends[i] = static_cast<std::uint64_t>(ends[i + 1]) - begin;
  std::vector<std::int64_t> columns(values);
  rows.values.resize(values * element_size(info_.type));
  rows.columns.resize(values);
  if (values > 0) {
    file_.read_integers(columns_name, begin, values, columns.data());
    file_.read_rows(values_name, info_.type, begin, values, rows.values.data());
  }
  const auto width = static_cast<std::int64_t>(info_.columns);
  for (std::uint64_t row = 0, i = 0; row < count; ++row) {
    for (std::int64_t last = -1; i < rows.ends[row]; last = columns[i++]) {
      if (columns[i] <= last || columns[i] >= width) {
        fail(path(),
             fmt::format("the columns of row {} (counted from 0) have {} after {}; numbers that rise from 0 to at "
                         "most {} would be right",
                         first + row, columns[i], last, width - 1));
      }
      rows.columns[i] = static_cast<std::int32_t>(columns[i]);
    }
  }
  check_range(rows.values.data(), values, info_, path(), [&](std::size_t i) {
    const auto row = std::ranges::upper_bound(rows.ends, i) - rows.ends.begin();
    return std::pair(first + static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(rows.columns[i]));
  });
  return rows;
}

void DatasetReader::read_weights(std::uint64_t first, std::uint64_t count, float* values) const {
  std::vector<double> weights(count);
  file_.read_numbers(weights_name, first, count, weights.data());
  for (std::uint64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(weights[i]);
    if (is_weight(weights[i])) continue;
    fail(path(), fmt::format("the weight of row {} (counted from 0) is {}; {}", first + i, weights[i], right_weights));
  }
}

std::vector<std::string> DatasetReader::read_row_names(std::uint64_t first, std::uint64_t count) const {
  return file_.read_texts(row_names_name, first, count);
}

struct DatasetWriter::State {
  std::optional<AtomicFile> target;  // if it is the writer's own
  Hdf5File file;
  DatasetInfo info;
  std::uint64_t rows = 0;
  std::uint64_t nonzeros = 0;
};

namespace {

/// How many rows of so many bytes make a chunk: a good unit to read, and no larger than the whole array, of which so
/// many rows are expected, 0 if unknown.
std::uint64_t chunk_rows(std::uint64_t row_bytes, std::uint64_t expected_rows) {
  const std::uint64_t rows = std::max<std::uint64_t>(1, chunk_bytes / row_bytes);
  return expected_rows > 0 ? std::min(expected_rows, rows) : rows;
}

/// An array of one number for each row, without any yet.
void create_for_each_row(Hdf5File& file, const char* name, ElementType type, std::uint64_t expected_rows) {
  file.create_array(name, type, {0}, {.chunk_rows = chunk_rows(element_size(type), expected_rows), .growing = true});
}

/// The arrays of samples, without rows yet.
void create_samples(Hdf5File& file, const DatasetInfo& info) {
  if (!info.sparse) {
    file.create_array(samples_name, info.type, {0, info.columns},
                      {.chunk_rows = chunk_rows(info.row_bytes(), info.rows), .growing = true});
    return;
  }
  const auto growing = [&](const char* name, ElementType type) {
    file.create_array(name, type, {0}, {.chunk_rows = chunk_bytes / element_size(type), .growing = true});
  };
  file.create_group(samples_name);
  growing(values_name, info.type);
  growing(columns_name, ElementType::int32);
  growing(ends_name, ElementType::int64);
  const std::int64_t begin = 0;
  file.append_rows(ends_name, ElementType::int64, 1, &begin);
  file.set_text_attribute(samples_name, "encoding-type", "csr_matrix");
  file.set_text_attribute(samples_name, "encoding-version", "0.1.0");
}

void write_kind(Hdf5File& file, const DatasetInfo& info) {
  if (info.kind != ValueKind::colours) {
    file.set_real_attribute(samples_name, "scale", info.scale);
    if (info.kind == ValueKind::numbers) file.set_integers_attribute(samples_name, unbounded_attribute, {1});
    return;
  }
  const auto& [count, alphabet] = info.colours;
  file.set_integers_attribute(samples_name, colours_attribute, {static_cast<std::int64_t>(count)});
  if (!alphabet.empty()) file.set_text_attribute(samples_name, alphabet_attribute, alphabet);
}

}  // namespace

DatasetWriter::DatasetWriter(const fs::path& path, const DatasetInfo& info) {
  AtomicFile file(path);
  *this = DatasetWriter(file, info);
  state_->target = std::move(file);
}

DatasetWriter::DatasetWriter(const AtomicFile& file, const DatasetInfo& info) {
  if (info.columns == 0 || info.columns > most_columns)
    fail(file.target(), fmt::format("it would have {} columns; 1 to {} can be used", info.columns, most_columns));
  Hdf5File dataset = Hdf5File::create(file.temporary(), file.target());
  dataset.set_text_attribute("/", "format", "rbmpi-dataset");
  dataset.set_integers_attribute("/", "format_version", {newest_version});
  if (!info.source.empty()) dataset.set_text_attribute("/", "source", info.source);

  create_samples(dataset, info);
  write_kind(dataset, info);
  for (const auto& [name, value] : info.figures) dataset.set_real_attribute(samples_name, name, value);
  if (!info.picture.empty())
    dataset.set_integers_attribute(samples_name, info.sparse ? "picture" : "shape",
                                   {info.picture.begin(), info.picture.end()});
  if (info.has_labels) create_for_each_row(dataset, labels_name, ElementType::int32, info.rows);
  if (info.has_weights) create_for_each_row(dataset, weights_name, ElementType::float32, info.rows);
  if (info.row_name_bytes > 0)
    dataset.create_texts(row_names_name, info.row_name_bytes, chunk_rows(info.row_name_bytes, info.rows));
  if (!info.class_names.empty()) dataset.write_texts(class_names_name, info.class_names);
  if (!info.column_names.empty()) dataset.write_texts(column_names_name, info.column_names);
  state_ = std::make_unique<State>(State{std::nullopt, std::move(dataset), info});
}

DatasetWriter::~DatasetWriter() = default;
DatasetWriter::DatasetWriter(DatasetWriter&&) noexcept = default;
DatasetWriter& DatasetWriter::operator=(DatasetWriter&&) noexcept = default;

void DatasetWriter::append(const DatasetRows& rows) {
  State& state = *state_;
  const DatasetInfo& info = state.info;
  if (rows.count == 0) return;
  if (info.sparse) {
    const std::uint64_t values = rows.ends.back();
    std::vector<std::int64_t> ends(rows.count);
    std::ranges::transform(rows.ends, ends.begin(),
                           [&](std::uint64_t end) { return static_cast<std::int64_t>(state.nonzeros + end); });
    state.file.append_rows(ends_name, ElementType::int64, rows.count, ends.data());
    state.file.append_rows(columns_name, ElementType::int32, values, rows.columns);
    state.file.append_rows(values_name, info.type, values, rows.samples);
    state.nonzeros += values;
  } else {
    state.file.append_rows(samples_name, info.type, rows.count, rows.samples);
  }
  state.rows += rows.count;
  if (info.has_labels) state.file.append_rows(labels_name, ElementType::int32, rows.count, rows.labels);
  if (info.has_weights) state.file.append_rows(weights_name, ElementType::float32, rows.count, rows.weights);
  if (info.row_name_bytes > 0) state.file.append_texts(row_names_name, rows.names);
}

void DatasetWriter::finish() {
  State& state = *state_;
  if (state.info.sparse) {
    state.file.set_integers_attribute(
        samples_name, "shape", {static_cast<std::int64_t>(state.rows), static_cast<std::int64_t>(state.info.columns)});
  }
  state.file.close();
  if (state.target) state.target->commit();
}

void add_weights(const AtomicFile& file, std::span<const float> weights) {
  Hdf5File dataset = Hdf5File::reopen(file.temporary(), file.target());
  create_for_each_row(dataset, weights_name, ElementType::float32, weights.size());
  dataset.append_rows(weights_name, ElementType::float32, weights.size(), weights.data());
  dataset.close();
}

}  // namespace rbmpi
