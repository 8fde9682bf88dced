#include "rbmpi/report/model_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/held_out_rows.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/storage/contained_read.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t rows_at_once = 500;

/// Means of the hidden units, n x H.
void activate_hidden(const UnitWeights& layer, ConstMatrixView rows, MatrixView hidden) {
  multiply(rows, layer.weights, hidden);
  for (std::size_t i = 0; i < rows.rows; ++i) layer.units.unit->mean(layer.units, unrounded, hidden.row(i));
}

/// What a child process sends: the sizes, then numbers, labels and weights (if there are any) and probabilities of the
/// rows.
struct Sizes {
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t rows_in_use = 0;
  std::uint64_t labels = 0;   // as many as rows, or none
  std::uint64_t weights = 0;  // likewise
  std::uint64_t height = 0;   // 0: no pictures
  std::uint64_t width = 0;
};

/// The place and number of the rows that are selected.
RowPiece selected_rows(const RowSelection& selection, std::uint64_t rows) {
  const std::uint64_t in_use = selection.in_use == 0 ? rows : std::min(selection.in_use, rows);
  const auto held_out =
      std::min(static_cast<std::uint64_t>(std::llround(selection.held_out * static_cast<double>(in_use))), in_use);
  const std::uint64_t before = in_use - held_out;
  const RowPiece piece = selection.validation_rows ? RowPiece{before, held_out} : RowPiece{0, before};
  return piece.count > 0 ? piece : RowPiece{0, in_use};
}

/// The numbers of the rows that are shown: some of the selected ones, from all over them.
std::vector<std::uint64_t> numbers_of_rows(const DatasetReader& reader, const RowSelection& selection,
                                           const RowPiece& selected, std::uint64_t count) {
  std::vector<std::uint64_t> numbers;
  for (const RowPiece& piece : spread_pieces(selected.count, count)) {
    for (std::uint64_t i = 0; i < piece.count; ++i) numbers.push_back(selected.first + piece.first + i);
  }
  if (!selection.drawn_with || !selection.validation_rows) return numbers;
  const std::uint64_t in_use = selected.first + selected.count;
  std::vector<std::int32_t> labels(reader.info().has_labels ? in_use : 0);
  if (!labels.empty()) reader.read_labels(0, in_use, labels.data());
  const std::vector<std::uint64_t> drawn = draw_held_out_rows(in_use, labels, selected.count, *selection.drawn_with);
  for (std::uint64_t& number : numbers) number = drawn[number - selected.first];
  return numbers;
}

/// Calls body(i, piece) for the runs of consecutive numbers: piece, which begins with numbers[i].
template <typename Body>
void for_runs(std::span<const std::uint64_t> numbers, const Body& body) {
  for (std::size_t begin = 0; begin < numbers.size();) {
    std::size_t end = begin + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    body(begin, RowPiece{numbers[begin], end - begin});
    begin = end;
  }
}

template <typename Value>
void append(std::string& bytes, std::span<const Value> values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

/// Without weights, or where rows that are taken have none, they are left alike.
void scale_to_mean_one(std::vector<float>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(sum > 0)) return weights.clear();
  for (float& weight : weights) weight = static_cast<float>(weight / sum * static_cast<double>(weights.size()));
}

std::string read_and_pack(const std::filesystem::path& path, std::uint64_t most, const RowSelection& selection) {
  constexpr std::uint64_t most_bytes = std::uint64_t{128} << 20U;
  const DatasetReader reader(path, Values::amounts, selection.scale);
  const DatasetInfo& info = reader.info();
  const std::size_t row_bytes = info.row_bytes();
  const RowPiece selected = selected_rows(selection, info.rows);
  Sizes sizes{.rows = std::min({selected.count, most, std::max<std::uint64_t>(1, most_bytes / row_bytes)}),
              .columns = info.columns,
              .rows_in_use = selected.count};
  if (info.has_labels) sizes.labels = sizes.rows;
  if (info.has_weights) sizes.weights = sizes.rows;
  if (info.picture.size() == 2 && info.picture[0] * info.picture[1] == info.columns) {
    sizes.height = info.picture[0];
    sizes.width = info.picture[1];
  }
  std::vector<std::byte> raw(sizes.rows * row_bytes);
  const std::vector<std::uint64_t> numbers = numbers_of_rows(reader, selection, selected, sizes.rows);
  std::vector<std::int32_t> labels(sizes.labels);
  std::vector<float> weights(sizes.weights);
  for_runs(numbers, [&](std::size_t i, const RowPiece& piece) {
    reader.read_samples(piece.first, piece.count, raw.data() + i * row_bytes);
    if (info.has_labels) reader.read_labels(piece.first, piece.count, labels.data() + i);
    if (info.has_weights) reader.read_weights(piece.first, piece.count, weights.data() + i);
  });
  const Samples samples{info.type, raw.data(), sizes.rows, info.columns, info.scale};

  std::string bytes;
  bytes.reserve(sizeof sizes + sizes.rows * (sizeof(std::uint64_t) + sizeof(std::int32_t) + sizeof(float) +
                                             info.columns * sizeof(Real)));
  append(bytes, std::span<const Sizes>(&sizes, 1));
  append(bytes, std::span<const std::uint64_t>(numbers));
  append(bytes, std::span<const std::int32_t>(labels));
  append(bytes, std::span<const float>(weights));
  std::vector<Real> row(info.columns);
  for (std::uint64_t i = 0; i < sizes.rows; ++i) {
    row_probabilities(samples, samples.row(i), unrounded, row.data());
    append(bytes, std::span<const Real>(row));
  }
  return bytes;
}

}  // namespace

std::vector<RowPiece> spread_pieces(std::uint64_t all, std::uint64_t count) {
  constexpr std::uint64_t most_pieces = 200;
  if (count >= all) return {{0, all}};
  const std::uint64_t number = std::min(count, most_pieces);
  // floor(i * all / count) without overflow.
  const auto place = [&](std::uint64_t i) { return all / count * i + all % count * i / count; };
  std::vector<RowPiece> pieces;
  for (std::uint64_t piece = 0; piece < number; ++piece) {
    const std::uint64_t begin = piece * count / number;
    pieces.push_back({place(begin), (piece + 1) * count / number - begin});
  }
  return pieces;
}

Samples DataRows::samples() const noexcept {
  return {.type = ElementType::float32,
          .values = reinterpret_cast<const std::byte*>(values.data()),
          .rows = rows,
          .columns = columns,
          .scale = 1,
          .labels = labels.empty() ? nullptr : labels.data()};
}

DataRows read_rows(const std::filesystem::path& path, std::uint64_t most, const RowSelection& selection) {
  const std::string bytes = read_in_child(path, [&] { return read_and_pack(path, most, selection); });
  const char* next = bytes.data();
  const auto take = [&]<typename Value>(std::span<Value> values) {
    if (values.empty()) return;  // they have no address
    std::memcpy(values.data(), next, values.size_bytes());
    next += values.size_bytes();
  };
  Sizes sizes;
  take(std::span(&sizes, 1));
  DataRows data{.rows = sizes.rows,
                .columns = sizes.columns,
                .values = AlignedBuffer<Real>(sizes.rows * sizes.columns),
                .labels = std::vector<std::int32_t>(sizes.labels),
                .weights = std::vector<float>(sizes.weights),
                .numbers = std::vector<std::uint64_t>(sizes.rows),
                .rows_in_use = sizes.rows_in_use,
                .picture = {}};
  take(std::span(data.numbers));
  take(std::span(data.labels));
  take(std::span(data.weights));
  scale_to_mean_one(data.weights);
  take(data.values.span());
  if (sizes.height > 0) data.picture = {sizes.height, sizes.width};
  return data;
}

HiddenUse hidden_use(const UnitWeights& layer, ConstMatrixView rows, std::span<const float> weights) {
  const std::size_t units = layer.units.count;
  HiddenUse use{.rows = rows.rows,
                .rows_in_use = rows.rows,
                .activity = std::vector<double>(units),
                .by_use = std::vector<std::size_t>(units)};
  AlignedBuffer<Real> buffer(std::min(rows_at_once, rows.rows) * units);
  for (std::size_t begin = 0; begin < rows.rows; begin += rows_at_once) {
    throw_if_stopped("asking the hidden units");
    const std::size_t count = std::min(rows_at_once, rows.rows - begin);
    const MatrixView hidden{buffer.data(), count, units};
    activate_hidden(layer, {rows.row(begin), count, rows.columns}, hidden);
    for (std::size_t i = 0; i < count; ++i) {
      const double weight = weights.empty() ? 1.0 : double{weights[begin + i]};
      for (std::size_t j = 0; j < units; ++j) use.activity[j] += weight * static_cast<double>(hidden.row(i)[j]);
    }
  }
  for (double& activity : use.activity) activity /= static_cast<double>(rows.rows);
  std::iota(use.by_use.begin(), use.by_use.end(), std::size_t{0});
  std::ranges::stable_sort(use.by_use, std::greater(), [&](std::size_t unit) { return use.activity[unit]; });
  return use;
}

AlignedBuffer<Real> mean_reconstructions(RbmView<const Real> rbm, ConstMatrixView rows) {
  const RbmShape shape = rbm.shape();
  AlignedBuffer<Real> hidden_buffer(rows.rows * shape.hidden);
  AlignedBuffer<Real> buffer(rows.rows * shape.visible);
  const MatrixView hidden{hidden_buffer.data(), rows.rows, shape.hidden};
  const MatrixView visible{buffer.data(), rows.rows, shape.visible};
  activate_hidden(hidden_weights(rbm), rows, hidden);
  multiply_by_transposed(hidden, rbm.weights, visible);
  for (std::size_t i = 0; i < rows.rows; ++i) rbm.visible_unit->mean(rbm.visible_units(), unrounded, visible.row(i));
  return buffer;
}

}  // namespace rbmpi
