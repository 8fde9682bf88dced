#include "rbmpi/report/model_figures.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/storage/contained_read.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t rows_at_once = 500;
constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

/// Probabilities of the hidden units, n x H.
void activate_hidden(RbmView<const Real> rbm, ConstMatrixView rows, MatrixView hidden) {
  multiply(rows, rbm.weights, hidden);
  for (std::size_t i = 0; i < rows.rows; ++i)
    activate(hidden.row(i), rbm.hidden_bias.data(), hidden.columns, unrounded);
}

/// What a child process sends: the sizes, then the probabilities.
struct Sizes {
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t rows_in_use = 0;
  std::uint64_t height = 0;  // 0: no pictures
  std::uint64_t width = 0;
};

std::string read_and_pack(const std::filesystem::path& path, std::uint64_t most, std::uint64_t in_use) {
  constexpr std::uint64_t most_bytes = std::uint64_t{128} << 20U;
  const DatasetReader reader(path);
  const DatasetInfo& info = reader.info();
  const std::uint64_t fitting = std::max<std::uint64_t>(1, most_bytes / (info.columns * element_size(info.type)));
  if (in_use == 0 || in_use > info.rows) in_use = info.rows;
  Sizes sizes{.rows = std::min({in_use, most, fitting}), .columns = info.columns, .rows_in_use = in_use};
  if (info.picture.size() == 2 && info.picture[0] * info.picture[1] == info.columns) {
    sizes.height = info.picture[0];
    sizes.width = info.picture[1];
  }
  std::vector<std::byte> raw(sizes.rows * info.columns * element_size(info.type));
  std::uint64_t done = 0;
  for (const RowPiece& piece : spread_pieces(in_use, sizes.rows)) {
    reader.read_samples(piece.first, piece.count, raw.data() + done * info.columns * element_size(info.type));
    done += piece.count;
  }
  const Samples samples{info.type, raw.data(), sizes.rows, info.columns, info.scale};

  std::vector<Real> row(info.columns);
  std::string bytes(sizeof sizes + sizes.rows * info.columns * sizeof(Real), '\0');
  std::memcpy(bytes.data(), &sizes, sizeof sizes);
  for (std::uint64_t i = 0; i < sizes.rows; ++i) {
    row_probabilities(samples, samples.row(i), unrounded, row.data());
    std::memcpy(bytes.data() + sizeof sizes + i * info.columns * sizeof(Real), row.data(), row.size() * sizeof(Real));
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

DataRows read_rows(const std::filesystem::path& path, std::uint64_t most, std::uint64_t in_use) {
  const std::string bytes = read_in_child(path, [&] { return read_and_pack(path, most, in_use); });
  Sizes sizes;
  std::memcpy(&sizes, bytes.data(), sizeof sizes);
  DataRows data{.rows = sizes.rows,
                .columns = sizes.columns,
                .values = AlignedBuffer<Real>(sizes.rows * sizes.columns),
                .rows_in_use = sizes.rows_in_use,
                .picture = {}};
  std::memcpy(data.values.data(), bytes.data() + sizeof sizes, data.values.size() * sizeof(Real));
  if (sizes.height > 0) data.picture = {sizes.height, sizes.width};
  return data;
}

HiddenUse hidden_use(RbmView<const Real> rbm, ConstMatrixView rows) {
  const std::size_t units = rbm.shape().hidden;
  HiddenUse use{.rows = rows.rows,
                .rows_in_use = rows.rows,
                .activity = std::vector<double>(units),
                .by_use = std::vector<std::size_t>(units)};
  AlignedBuffer<Real> buffer(std::min(rows_at_once, rows.rows) * units);
  for (std::size_t begin = 0; begin < rows.rows; begin += rows_at_once) {
    throw_if_stopped("asking the hidden units");
    const std::size_t count = std::min(rows_at_once, rows.rows - begin);
    const MatrixView hidden{buffer.data(), count, units};
    activate_hidden(rbm, {rows.row(begin), count, rows.columns}, hidden);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < units; ++j) use.activity[j] += static_cast<double>(hidden.row(i)[j]);
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
  activate_hidden(rbm, rows, hidden);
  multiply_by_transposed(hidden, rbm.weights, visible);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    activate(visible.row(i), rbm.visible_bias.data(), shape.visible, unrounded);
  }
  return buffer;
}

}  // namespace rbmpi
