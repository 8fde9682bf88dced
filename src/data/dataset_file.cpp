#include "rbmpi/data/dataset_file.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/atomic_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* samples_name = "/samples";
constexpr const char* labels_name = "/labels";
constexpr const char* unbounded_attribute = "unbounded";
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

void check_samples(const Hdf5File& file, const ArrayInfo& array) {
  const std::vector<std::uint64_t>& shape = array.dimensions;
  if (array.type != ElementType::uint8 && array.type != ElementType::float32 && array.type != ElementType::float64)
    fail(file.path(), fmt::format("'/samples' holds {}; uint8, float32 or float64 would be right", array.type_name));
  if (shape.size() != 2)
    fail(file.path(), fmt::format("'/samples' has {} {}; 2 would be right: [rows x columns]",
                                  plural(shape.size(), "dimension"), shape_text(shape)));
  if (shape[0] == 0) fail(file.path(), "'/samples' has no rows");
  if (shape[1] == 0) fail(file.path(), "'/samples' has no columns");
  if (shape[1] > most_columns)
    fail(file.path(), fmt::format("'/samples' has {} columns; at most {} can be used", shape[1], most_columns));
}

double read_scale(const Hdf5File& file, ElementType type) {
  const double usual = type == ElementType::uint8 ? 255.0 : 1.0;
  const double scale = file.real_attribute(samples_name, "scale").value_or(usual);
  if (!is_scale(scale))
    fail(file.path(), fmt::format("the attribute 'scale' of '/samples' is {}; a positive number that single precision "
                                  "can hold would be right",
                                  scale));
  return scale;
}

std::vector<std::uint64_t> read_picture(const Hdf5File& file, std::uint64_t columns) {
  const auto shape = file.integers_attribute(samples_name, "shape");
  if (!shape) return {};
  // Factors within [1, columns] cannot overflow: columns is below 2^31.
  const auto fits = [&](std::int64_t side) { return side >= 1 && side <= static_cast<std::int64_t>(columns); };
  if (shape->size() != 2 || !fits(shape->front()) || !fits(shape->back()) ||
      static_cast<std::uint64_t>(shape->front() * shape->back()) != columns)
    fail(file.path(),
         fmt::format("the attribute 'shape' of '/samples' is ({}); (height, width) with height * width = {} "
                     "would be right",
                     fmt::join(*shape, ", "), columns));
  return {static_cast<std::uint64_t>(shape->front()), static_cast<std::uint64_t>(shape->back())};
}

std::optional<RowChunks> check_labels(const Hdf5File& file, std::uint64_t rows) {
  if (!file.exists(labels_name)) return std::nullopt;
  const ArrayInfo array = file.array_info(labels_name);
  if (!array.integers) fail(file.path(), fmt::format("'/labels' holds {}; integers would be right", array.type_name));
  if (array.dimensions.size() != 1)
    fail(file.path(), fmt::format("'/labels' has {}; 1 would be right", plural(array.dimensions.size(), "dimension")));
  if (array.dimensions.front() != rows)
    fail(file.path(), fmt::format("'/labels' has {} for {} of '/samples'", plural(array.dimensions.front(), "value"),
                                  plural(rows, "row")));
  return array.chunks;
}

DatasetInfo read_info(const Hdf5File& file) {
  check_format(file);
  if (!file.exists(samples_name)) fail(file.path(), "it has no array '/samples'");
  const ArrayInfo array = file.array_info(samples_name);
  check_samples(file, array);
  DatasetInfo info;
  info.type = array.type;
  info.rows = array.dimensions[0];
  info.columns = array.dimensions[1];
  info.scale = read_scale(file, info.type);
  info.picture = read_picture(file, info.columns);
  const auto unbounded = file.integers_attribute(samples_name, unbounded_attribute);
  info.unbounded = unbounded && *unbounded != std::vector<std::int64_t>{0};
  const std::optional<RowChunks> label_chunks = check_labels(file, info.rows);
  info.has_labels = label_chunks.has_value();
  info.label_chunks = label_chunks.value_or(RowChunks());
  info.source = file.text_attribute("/", "source").value_or("");
  info.sample_chunks = array.chunks;
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

template <typename Value>
void check_range(const Value* values, std::uint64_t first, std::uint64_t count, const DatasetInfo& info,
                 const fs::path& path) {
  const std::size_t total = count * info.columns;
  // For whole numbers the bound is the scale rounded down; a float32 is compared with the float32 nearest to the scale,
  // which is how a writer would have stored it.
  using Limits = std::numeric_limits<Value>;
  const Value lowest = info.unbounded ? Limits::lowest() : Value{0};
  const auto largest =
      info.unbounded ? Limits::max() : static_cast<Value>(std::min(info.scale, static_cast<double>(Limits::max())));
  if (all_in_range(values, total, lowest, largest)) return;
  const Value* wrong =
      std::find_if(values, values + total, [&](Value value) { return !(value >= lowest && value <= largest); });
  const auto index = static_cast<std::uint64_t>(wrong - values);
  fail(path, fmt::format("the value in row {}, column {} (counted from 0) is {}; {} would be right",
                         first + index / info.columns, index % info.columns, *wrong,
                         info.unbounded ? "finite values" : fmt::format("values in [0, scale] = [0, {}]", info.scale)));
}

}  // namespace

// Values are divided by the scale in single precision, where it must be neither zero nor infinite.
bool is_scale(double value) noexcept {
  return value >= static_cast<double>(std::numeric_limits<float>::min()) &&
         value <= static_cast<double>(std::numeric_limits<float>::max());
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

DatasetReader::DatasetReader(const fs::path& path, Values accepted)
    : file_(Hdf5File::open(path, Reading::in_pieces)), info_(read_info(file_)) {
  if (!info_.unbounded || accepted == Values::any) return;
  fail(path, fmt::format("its values may be any numbers, as codes are; values in [0, scale] = [0, {}] would be right",
                         info_.scale));
}

void DatasetReader::read_samples(std::uint64_t first, std::uint64_t count, void* values) const {
  file_.read_rows(samples_name, info_.type, first, count, values);
  switch (info_.type) {
    case ElementType::uint8:
      return check_range(static_cast<const std::uint8_t*>(values), first, count, info_, path());
    case ElementType::float32:
      return check_range(static_cast<const float*>(values), first, count, info_, path());
    default:
      return check_range(static_cast<const double*>(values), first, count, info_, path());
  }
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

struct DatasetWriter::State {
  AtomicFile target;
  Hdf5File file;
  DatasetInfo info;
};

DatasetWriter::DatasetWriter(const fs::path& path, const DatasetInfo& info) {
  if (info.columns == 0 || info.columns > most_columns)
    fail(path, fmt::format("it would have {} columns; 1 to {} can be used", info.columns, most_columns));
  AtomicFile target(path);
  Hdf5File file = Hdf5File::create(target.temporary(), target.target());
  file.set_text_attribute("/", "format", "rbmpi-dataset");
  file.set_integers_attribute("/", "format_version", {newest_version});
  if (!info.source.empty()) file.set_text_attribute("/", "source", info.source);

  // A chunk is a good unit to read, and no larger than the whole array.
  const std::uint64_t expected_rows = info.rows > 0 ? info.rows : std::numeric_limits<std::uint64_t>::max();
  const auto chunk_rows = [&](std::uint64_t row_bytes) {
    return std::min(expected_rows, std::max<std::uint64_t>(1, chunk_bytes / row_bytes));
  };
  file.create_array(samples_name, info.type, {0, info.columns},
                    {.chunk_rows = chunk_rows(info.columns * element_size(info.type)), .growing = true});
  file.set_real_attribute(samples_name, "scale", info.scale);
  if (info.unbounded) file.set_integers_attribute(samples_name, unbounded_attribute, {1});
  if (!info.column_names.empty()) file.set_text_attribute(samples_name, "column_names", info.column_names);
  for (const auto& [name, value] : info.figures) file.set_real_attribute(samples_name, name, value);
  if (!info.picture.empty())
    file.set_integers_attribute(samples_name, "shape", {info.picture.begin(), info.picture.end()});
  if (info.has_labels) {
    file.create_array(labels_name, ElementType::int32, {0},
                      {.chunk_rows = chunk_rows(element_size(ElementType::int32)), .growing = true});
  }
  state_ = std::make_unique<State>(State{std::move(target), std::move(file), info});
}

DatasetWriter::~DatasetWriter() = default;
DatasetWriter::DatasetWriter(DatasetWriter&&) noexcept = default;
DatasetWriter& DatasetWriter::operator=(DatasetWriter&&) noexcept = default;

void DatasetWriter::append(std::uint64_t count, const void* samples, const std::int32_t* labels) {
  state_->file.append_rows(samples_name, state_->info.type, count, samples);
  if (state_->info.has_labels) state_->file.append_rows(labels_name, ElementType::int32, count, labels);
}

void DatasetWriter::finish() {
  state_->file.close();
  state_->target.commit();
}

}  // namespace rbmpi
