#include "rbmpi/data/dataset_summary.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/dataset_digest.hpp"

namespace rbmpi {
namespace {

// Running figures over the values. Whole numbers add up exactly; the sums of floats are taken row by row, so that the
// error stays small over any number of rows.
struct Figures {
  double minimum = std::numeric_limits<double>::infinity();
  double maximum = -std::numeric_limits<double>::infinity();
  double sum = 0.0;
  std::uint64_t zeros = 0;

  template <typename Value>
  void add_row(const Value* values, std::uint64_t count) {
    Value smallest = values[0];
    Value largest = values[0];
    double row_sum = 0.0;
    std::uint64_t row_zeros = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      smallest = std::min(smallest, values[i]);
      largest = std::max(largest, values[i]);
      row_sum += static_cast<double>(values[i]);
      row_zeros += values[i] == Value{0} ? 1 : 0;
    }
    minimum = std::min(minimum, static_cast<double>(smallest));
    maximum = std::max(maximum, static_cast<double>(largest));
    sum += row_sum;
    zeros += row_zeros;
  }

  void add(const Samples& block) {
    for (std::uint64_t i = 0; i < block.rows; ++i) {
      const std::byte* row = block.row(i);
      switch (block.type) {
        case ElementType::uint8:
          add_row(reinterpret_cast<const std::uint8_t*>(row), block.columns);
          break;
        case ElementType::float32:
          add_row(reinterpret_cast<const float*>(row), block.columns);
          break;
        default:
          add_row(reinterpret_cast<const double*>(row), block.columns);
          break;
      }
    }
  }
};

/// The different ones among many labels, in the memory of a few times these.
class Classes {
 public:
  void add(const std::vector<std::int32_t>& labels) {
    all_.insert(all_.end(), labels.begin(), labels.end());
    if (all_.size() - sorted_ > sorted_) sort();  // so that sorting is seldom, however many differ
  }
  [[nodiscard]] const std::vector<std::int32_t>& sorted() {
    sort();
    return all_;
  }

 private:
  void sort() {
    std::ranges::sort(all_);
    all_.erase(std::unique(all_.begin(), all_.end()), all_.end());
    sorted_ = all_.size();
  }
  std::vector<std::int32_t> all_;
  std::size_t sorted_ = 0;  // of these, from the front
};

}  // namespace

DatasetSummary summarise(const DatasetReader& reader) {
  const DatasetInfo& info = reader.info();
  const Shard all{0, info.rows};
  std::vector<std::byte> memory;
  Samples samples{info.type, nullptr, info.rows, info.columns, info.scale};

  Figures figures;
  const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
  std::vector<Digest> block_digests;
  Sha256 block_hash;
  in_whole_chunks(info.sample_chunks, all, work_of_a_call, [&](Shard piece) {
    throw_if_stopped("reading a dataset");
    memory.resize(std::max(memory.size(), piece.count * samples.row_bytes()));
    samples.values = memory.data();
    reader.read_samples(piece.first, piece.count, memory.data());
    // Pieces are of the file's chunks, and blocks may begin in one and end in the next.
    for (std::uint64_t row = 0; row < piece.count;) {
      const std::uint64_t in_block = (piece.first + row) % block_rows;
      const Samples part = samples.part(row, std::min(block_rows - in_block, piece.count - row));
      figures.add(part);
      block_hash.update({part.values, part.rows * part.row_bytes()});
      row += part.rows;
      if (in_block + part.rows < block_rows && piece.first + row < info.rows) continue;
      block_digests.push_back(block_hash.finish());
      block_hash = Sha256();
    }
  });

  Sha256 labels_hash;
  Classes classes;
  if (info.has_labels) {
    std::vector<std::int32_t> labels;
    in_whole_chunks(info.label_chunks, all, work_of_a_call, [&](Shard piece) {
      throw_if_stopped("reading the labels");
      labels.resize(piece.count);
      reader.read_labels(piece.first, piece.count, labels.data());
      labels_hash.update(std::as_bytes(std::span(labels)));
      classes.add(labels);
    });
  }

  DatasetSummary summary;
  const double values = static_cast<double>(info.rows) * static_cast<double>(info.columns);
  summary.minimum = figures.minimum;
  summary.maximum = figures.maximum;
  summary.mean = figures.sum / values / info.scale;
  summary.zeros = static_cast<double>(figures.zeros) / values;
  std::optional<Digest> labels_digest;
  if (info.has_labels) {
    const std::vector<std::int32_t>& different = classes.sorted();
    summary.labels = LabelSummary{info.rows, different.size(), different.front(), different.back()};
    labels_digest = labels_hash.finish();
  }
  summary.digest = dataset_digest(samples, block_digests, labels_digest);
  return summary;
}

}  // namespace rbmpi
