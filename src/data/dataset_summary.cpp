#include "rbmpi/data/dataset_summary.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/dataset_digest.hpp"

namespace rbmpi {
namespace {

/// And adds them to the hash.
RowWeights read_weights(const DatasetReader& reader, Sha256& hash) {
  const DatasetInfo& info = reader.info();
  RowWeights all;
  std::vector<float> weights;
  in_whole_chunks(info.weight_chunks, {0, info.rows}, work_of_a_call, [&](Shard piece) {
    throw_if_stopped("reading the weights");
    weights.resize(piece.count);
    reader.read_weights(piece.first, piece.count, weights.data());
    hash.update(std::as_bytes(std::span(weights)));
    for (const float weight : weights) all.add(double{weight});
  });
  return all;
}

/// Sums of weight times value / scale, of each column.
class WeightedSums {
 public:
  explicit WeightedSums(const DatasetReader& reader)
      : reader_(reader), sums_(reader.info().columns), values_(reader.info().columns) {}

  /// Those of rows, the first of which has that number in the file.
  void add(std::uint64_t first, const Samples& rows) {
    weights_.resize(rows.rows);
    reader_.read_weights(first, rows.rows, weights_.data());
    for (std::uint64_t row = 0; row < rows.rows; ++row) {
      row_probabilities(rows, rows.row(row), unrounded, values_.data());
      for (std::size_t j = 0; j < sums_.size(); ++j) sums_[j] += double{weights_[row]} * double{values_[j]};
    }
  }

  [[nodiscard]] std::vector<double> means(double sum_of_weights) && {
    if (sum_of_weights == 0) return {};
    for (double& sum : sums_) sum /= sum_of_weights;
    return std::move(sums_);
  }

 private:
  const DatasetReader& reader_;
  std::vector<double> sums_;
  std::vector<Real> values_;
  std::vector<float> weights_;
};

}  // namespace

DatasetSummary summarise(const DatasetReader& reader) {
  const DatasetInfo& info = reader.info();
  const Shard all{0, info.rows};
  std::vector<std::byte> memory;
  Samples samples{info.type, nullptr, info.rows, info.columns, info.scale};
  DatasetSummary summary{
      .look = DataLook(info.columns, DuplicateRows::counted), .weights = {}, .weighted_means = {}, .digest = {}};
  WeightedSums weighted(reader);

  const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
  std::vector<Digest> block_digests;
  Sha256 block_hash;
  in_whole_chunks(info.sample_chunks, all, work_of_a_call, [&](Shard piece) {
    throw_if_stopped("reading a dataset");
    memory.resize(std::max(memory.size(), piece.count * samples.row_bytes()));
    samples.values = memory.data();
    reader.read_samples(piece.first, piece.count, memory.data());
    summary.look.add(samples.part(0, piece.count));
    if (info.has_weights) weighted.add(piece.first, samples.part(0, piece.count));
    // Pieces are of the file's chunks, and blocks may begin in one and end in the next.
    for (std::uint64_t row = 0; row < piece.count;) {
      const std::uint64_t in_block = (piece.first + row) % block_rows;
      const Samples part = samples.part(row, std::min(block_rows - in_block, piece.count - row));
      block_hash.update({part.values, part.rows * part.row_bytes()});
      row += part.rows;
      if (in_block + part.rows < block_rows && piece.first + row < info.rows) continue;
      block_digests.push_back(block_hash.finish());
      block_hash = Sha256();
    }
  });

  Sha256 labels_hash;
  std::vector<std::int32_t> labels;
  in_whole_chunks(info.label_chunks, info.has_labels ? all : Shard(), work_of_a_call, [&](Shard piece) {
    throw_if_stopped("reading the labels");
    labels.resize(piece.count);
    reader.read_labels(piece.first, piece.count, labels.data());
    labels_hash.update(std::as_bytes(std::span(labels)));
    summary.look.add_labels(labels);
  });

  DatasetDigests digests{
      .blocks = std::move(block_digests), .labels = {}, .weights = {}, .colours = colours_text(info)};
  if (info.has_labels) digests.labels = labels_hash.finish();
  if (info.has_weights) {
    Sha256 hash;
    summary.weights = read_weights(reader, hash);
    digests.weights = hash.finish();
    summary.weighted_means = std::move(weighted).means(summary.weights->sum);
  }
  summary.digest = dataset_digest(samples, digests);
  return summary;
}

}  // namespace rbmpi
