#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/workspace.hpp"

namespace rbmpi {

class RowReader;
class RowSource;

/// How many rows a reader is told at a time, and by whom: the ranks of a node that read the same ones together, or one
/// alone.
struct ReaderShare {
  std::size_t most_rows = 0;
  std::size_t slots = 1;         ///< ranks of the node
  std::size_t slot = 0;          ///< number of this rank among them
  std::uint64_t block_rows = 0;  ///< rows of a block of the orders that it is told (RowOrder); 0: not in blocks
  /// If not 0, what it is told are parts of a node's share of the batches of so many rows that an order is taken in. So
  /// rows of other nodes need not be read ahead; it may be told others none the less.
  std::uint64_t batch_rows = 0;
  int nodes = 1;
  int node = 0;
};

/// Data: consecutive rows of a source. A small value; the source, or the memory of the samples, must live on.
struct Rows {
  /// No rows.
  Rows();
  /// Samples in memory. Defined in data/samples.cpp, beside their reader.
  Rows(const Samples& samples);  // NOLINT(google-explicit-constructor): what data mostly are
  /// All rows of a source.
  Rows(const RowSource& source);  // NOLINT(google-explicit-constructor): as samples
  Rows(const RowSource&& source) = delete;
  /// The same of a source that lives as long as they do.
  explicit Rows(std::shared_ptr<const RowSource> source);

  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  const std::int32_t* labels = nullptr;  ///< the class of each row, or nothing
  const float* weights = nullptr;        ///< the weight of each row, at least 0, or nothing: each has weight 1

  /// The rows [first, first + count).
  [[nodiscard]] Rows part(std::uint64_t first, std::uint64_t count) const;
  /// Local. Takes what it reads with from `memory`, which must stay where it is.
  [[nodiscard]] std::unique_ptr<RowReader> reader(const ReaderShare& share, Workspace& memory) const;
  /// Number in the source of the first row.
  [[nodiscard]] std::uint64_t first() const noexcept { return first_; }

 private:
  std::shared_ptr<const RowSource> source_;
  std::uint64_t first_ = 0;
};

/// Where rows of data come from: memory (data/samples.hpp), a layer below (evaluate/stack_features.hpp). One file each.
class RowSource {
 public:
  RowSource(std::uint64_t rows, std::uint64_t columns, const std::int32_t* labels,
            const float* weights = nullptr) noexcept
      : rows_(rows), columns_(columns), labels_(labels), weights_(weights) {}
  virtual ~RowSource() = default;

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::uint64_t columns() const noexcept { return columns_; }
  [[nodiscard]] const std::int32_t* labels() const noexcept { return labels_; }
  [[nodiscard]] const float* weights() const noexcept { return weights_; }
  /// Local. A reader of `rows`, which are a part of this source.
  [[nodiscard]] virtual std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& share,
                                                          Workspace& memory) const = 0;

 private:
  std::uint64_t rows_;
  std::uint64_t columns_;
  const std::int32_t* labels_;
  const float* weights_;
};

/// Reads rows: it is told which ones come next, and then reads any of these, by their numbers among them, in blocks: as
/// numbers (probabilities) or drawn as bits. Each row has the same bits whatever rows are read together, by whom.
class RowReader {
 public:
  virtual ~RowReader() = default;

  /// Collective over the ranks of the share, on all threads, without allocation. The rows at the positions
  /// [first, first + count) of an order, at most `most_rows`, come next. Those before must not be read any more, by
  /// any of the ranks.
  void next(const RowOrder& order, std::uint64_t first, std::uint64_t count);
  /// The same for the rows [first, first + count).
  void next(std::uint64_t first, std::uint64_t count) {
    next(RowOrder(rows_.rows, /*shuffled=*/false, 0, 0, 0), first, count);
  }

  // Local, on the calling thread, without allocation.

  /// probabilities [rows.count x columns] = those of some of these rows, rounded for exact sums.
  virtual void read(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const = 0;
  /// The same in double precision, as they are.
  virtual void read(Shard rows, BasicMatrixView<double> probabilities) const = 0;
  /// The probabilities of some units of some of these rows, the first unit a multiple of 16, and a draw with each:
  /// bits, the first that of the first of these units. Row i of `rows` is drawn with the numbers of row i of `draws`.
  virtual void draw(Shard rows, Shard units, ProbabilityRounding rounding, const Draws& draws, Phase phase,
                    MatrixView probabilities, BitMatrixView states) const = 0;
  /// labels[i] = that of row i of `rows`, where there are labels.
  void read_labels(Shard rows, std::span<std::int32_t> labels) const;
  /// weights[i] = that of row i of `rows`.
  void read_weights(Shard rows, std::span<Real> weights) const;

  /// Local, on all threads. As `read`.
  void read_on_all_threads(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const;

 protected:
  explicit RowReader(Rows rows);
  /// What `next` does: the rows are at [position(), position() + count()) of order().
  virtual void fetch() {}

  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }
  [[nodiscard]] const RowOrder& order() const noexcept { return order_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Calls body(numbers, done) for `rows` some at a time: their numbers among the reader's rows, and how many were
  /// before them.
  template <typename Body>
  void for_numbers(Shard rows, const Body& body) const {
    constexpr std::size_t at_once = 128;
    std::uint64_t memory[at_once];  // NOLINT(cppcoreguidelines-pro-type-member-init): written at once
    for (std::uint64_t done = 0; done < rows.count; done += at_once) {
      const std::span<std::uint64_t> numbers(memory, std::min<std::uint64_t>(at_once, rows.count - done));
      order_.rows(position_ + rows.first + done, numbers);
      body(std::span<const std::uint64_t>(numbers), done);
    }
  }

 private:
  Rows rows_;
  RowOrder order_;
  std::uint64_t position_ = 0;
  std::uint64_t count_ = 0;
};

/// Consecutive rows, some at a time, for one rank alone and in memory of its own. Stays where it is.
class RowBlocks {
 public:
  /// `rows` in blocks of at most `most_rows`.
  RowBlocks(const Rows& rows, std::size_t most_rows) : reader_(rows.reader({.most_rows = most_rows}, memory_)) {}
  RowBlocks(const RowBlocks&) = delete;
  RowBlocks& operator=(const RowBlocks&) = delete;

  /// Local, on all threads, without allocation. The rows [first, first + count), to be read until the next call.
  const RowReader& next(std::uint64_t first, std::uint64_t count) {
    reader_->next(first, count);
    return *reader_;
  }
  /// The same for the rows at these positions of an order.
  const RowReader& next(const RowOrder& order, std::uint64_t first, std::uint64_t count) {
    reader_->next(order, first, count);
    return *reader_;
  }

 private:
  Workspace memory_;
  std::unique_ptr<RowReader> reader_;
};

}  // namespace rbmpi
