#include "data/streamed_samples.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "data/stored_reader.hpp"
#include "rbmpi/core/checksum.hpp"
#include "rbmpi/core/child_process.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/data/dataset_digest.hpp"
#include "rbmpi/parallel/shared_window.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/hdf5_in_use.hpp"

namespace rbmpi {
namespace {

/// What HDF5 is asked for at once, in bytes.
constexpr std::uint64_t work_at_once = std::uint64_t{16} << 20U;

/// Checksums of a block of the digest.
constexpr std::uint64_t most_in_block = 16;

/// Rows that are read in the order of the file come in blocks of so many.
std::uint64_t rows_in_order(const DatasetInfo& info) {
  constexpr std::uint64_t bytes = std::uint64_t{4} << 20U;
  const std::uint64_t digest_rows = digest_block_rows(info.columns, info.type);
  const std::uint64_t digest_bytes = digest_rows * info.row_bytes();
  return digest_rows * std::max<std::uint64_t>(1, bytes / digest_bytes);
}

/// What the child process is to read.
struct Wish {
  Shard rows;
  std::uint64_t offset = 0;  ///< of the memory, where the first of them goes
  /// If there are some: of these rows, only those at these positions of an order that are of the node's share.
  Shard positions;
  RowOrder order = RowOrder(0, /*shuffled=*/false, 0, 0, 0);
};
static_assert(sizeof(Wish) == sizeof(ChildServer::Request));

/// The positions of an order of so many rows that are of the node's share of a batch.
Shard share_of_batch(const ReaderShare& share, std::uint64_t rows, std::uint64_t batch) {
  const std::uint64_t first = batch * share.batch_rows;
  const Shard mine = shard(std::min(share.batch_rows, rows - first), share.node, share.nodes);
  return {first + mine.first, mine.count};
}

/// What is in both.
Shard overlap(Shard one, Shard other) {
  const std::uint64_t first = std::max(one.first, other.first);
  const std::uint64_t end = std::min(one.first + one.count, other.first + other.count);
  return {first, std::max(first, end) - first};
}

/// Reads rows from the file, in a child process.
class FileReader {
 public:
  /// `first`: number in the file of the row that orders call 0.
  FileReader(const StreamedFile& file, const ReaderShare& share, std::uint64_t first, std::byte* memory)
      : file_(file), share_(share), first_(first), checked_(file.info), memory_(memory) {}

  void read(const Wish& wish) {
    if (!reader_) {
      reader_.emplace(open_again(file_.path, file_.info));
      samples_.emplace(reader_->stored_samples());
    }
    const std::uint64_t row_bytes = file_.info.row_bytes();
    for (const Shard rows : wish.positions.count > 0 ? rows_of_share(wish) : std::vector{wish.rows}) {
      std::byte* const to = memory_ + wish.offset + (rows.first - wish.rows.first) * row_bytes;
      const Shard whole = checked_.whole(rows);
      if (whole.count == rows.count) {
        read(rows, to);
        continue;
      }
      others_.resize(whole.count * row_bytes);
      read(whole, others_.data());
      std::memcpy(to, others_.data() + (rows.first - whole.first) * row_bytes, rows.count * row_bytes);
    }
    file_.version.throw_if_changed();
  }

 private:
  void read(Shard rows, std::byte* to) {
    in_whole_chunks(file_.info.sample_chunks, rows, work_at_once, [&](Shard piece) {
      samples_->read(piece.first, piece.count, to + (piece.first - rows.first) * file_.info.row_bytes());
    });
    check(rows, to);
  }

  /// The rows of the node's share, in the order of the file: those that follow each other are one piece.
  [[nodiscard]] std::vector<Shard> rows_of_share(const Wish& wish) const {
    std::vector<std::uint64_t> numbers;
    const std::uint64_t end = wish.positions.first + wish.positions.count;
    for (std::uint64_t batch = wish.positions.first / share_.batch_rows; batch * share_.batch_rows < end; ++batch) {
      const Shard mine = overlap(share_of_batch(share_, wish.order.size(), batch), wish.positions);
      numbers.resize(numbers.size() + mine.count);
      wish.order.rows(mine.first, std::span(numbers).last(mine.count));
    }
    std::ranges::sort(numbers);
    std::vector<Shard> pieces;
    for (const std::uint64_t number : numbers) {
      const std::uint64_t row = first_ + number;
      if (pieces.empty() || pieces.back().first + pieces.back().count != row) pieces.push_back({row, 0});
      ++pieces.back().count;
    }
    return pieces;
  }

  /// What was read is what the digest was formed of, so that its values are what they may be.
  void check(Shard rows, const std::byte* values) const {
    const std::uint64_t row_bytes = file_.info.row_bytes();
    for (std::uint64_t done = 0; done < rows.count;) {
      const std::uint64_t number = checked_.number(rows.first + done);
      const Shard some = checked_.rows(number);
      const std::span<const std::byte> bytes(values + done * row_bytes, some.count * row_bytes);
      done += some.count;
      if (checksum(bytes).front() == file_.checksums[number]) continue;
      file_.version.throw_if_changed();
      throw Error(Failure::file,
                  fmt::format("rows {} to {} of '{}' (counted from 0) are others on host {} than when the training "
                              "began: every node must read the same file, and nobody may write to it",
                              some.first, some.first + some.count - 1, file_.path.string(), host_name()));
    }
  }

  const StreamedFile& file_;
  ReaderShare share_;
  std::uint64_t first_;
  CheckedRows checked_;
  std::byte* memory_;
  std::optional<DatasetReader> reader_;
  std::optional<Hdf5Rows> samples_;  // of it
  std::vector<std::byte> others_;    // rows that are read for their checksum
};

class StreamedReader final : public StoredReader<StreamedReader> {
 public:
  /// `memory`: for blocks of so many rows.
  StreamedReader(const std::shared_ptr<const StreamedFile>& file, const Rows& rows, const ReaderShare& share,
                 const NodeArena& node, std::uint64_t block_rows, std::span<std::byte> memory, SharedWindow own)
      : StoredReader(rows, file->info.type, file->info.scale),
        file_(file),
        share_(share),
        checked_(file->info),
        node_(node),
        own_(std::move(own)),
        memory_(memory.empty() ? own_.bytes() : memory),
        row_bytes_(file->info.row_bytes()),
        block_rows_(block_rows),
        block_bytes_(streamed_block_bytes(file->info, block_rows)),
        may_skip_rows_(share.nodes > 1 && share.batch_rows > 0 && checked_.most_rows() == 1 &&
                       file->info.sample_chunks.single_rows) {
    slots_.resize(memory_.size() / block_bytes_);
    places_.reserve(std::max<std::size_t>(share.most_rows, slots_.size()));
  }

  [[nodiscard]] const std::byte* place(std::uint64_t row) const noexcept {
    // The last one that does not begin behind the row.
    std::size_t i = 0;
    for (std::size_t count = places_.size(); count > 1;) {
      const std::size_t half = count / 2;
      if (places_[i + half].rows.first <= row) i += half;
      count -= half;
    }
    return places_[i].memory + (row - places_[i].rows.first) * row_bytes_;
  }

 private:
  /// Rows that are in memory, and where.
  struct Place {
    Shard rows;
    const std::byte* memory = nullptr;
  };
  /// A block in memory, or on its way there.
  struct Slot {
    Shard rows;                     ///< none at first
    std::uint64_t request = 0;      ///< number of the one that reads it
    std::optional<RowOrder> order;  ///< if it has only the node's share of the batches of this one
  };
  /// A block of rows, counted in the source, and the positions of an order that they have.
  struct Block {
    Shard rows;
    Shard positions;
  };

  void fetch() override {
    places_.clear();
    if (count() == 0) return;
    const std::uint64_t wanted =
        order().in_order_of_file() || order().in_blocks() ? fetch_blocks() : fetch_single_rows();
    // Where all ranks know that the rows are there, they need not meet.
    if (wanted > there_) {
      wait_for(wanted);
      if (share_.slots > 1) node_.synchronise();
      there_ = wanted;
    }
    std::ranges::sort(places_, {}, [](const Place& place) { return place.rows.first; });
  }

  /// That which has the row at `position`.
  [[nodiscard]] Block block_at(const RowOrder& order, std::uint64_t position) const {
    const std::uint64_t first = rows().first();
    if (order.in_blocks()) {
      const RowOrder::Block block = order.block(position);
      return {.rows = {first + block.rows.first, block.rows.count},
              .positions = {block.end - block.rows.count, block.rows.count}};
    }
    const std::uint64_t begin = (first + position) / block_rows_ * block_rows_;
    const Shard rows_here{begin, std::min(block_rows_, file_->info.rows - begin)};
    const Shard used = overlap(rows_here, {first, rows().rows});
    return {.rows = rows_here, .positions = {used.first - first, used.count}};
  }

  /// Whether the rows that come next are of the node's share of a batch.
  [[nodiscard]] bool in_share() const {
    const Shard next{position(), count()};
    return overlap(share_of_batch(share_, rows().rows, position() / share_.batch_rows), next).count == next.count;
  }

  // All ranks of the node go through the same, so all know what lies where; the first of them has it read. Gives the
  // number of the last request that has to be answered.
  std::uint64_t fetch_blocks() {
    const std::uint64_t end = position() + count();
    const bool share_alone = may_skip_rows_ && in_share();
    now_needed_.clear();
    std::uint64_t next = position();
    while (next < end) {
      now_needed_.push_back(block_at(order(), next));
      next = now_needed_.back().positions.first + now_needed_.back().positions.count;
    }
    std::uint64_t last_request = 0;
    for (const Block& block : now_needed_) {
      const Slot& slot = slot_of(block, order(), share_alone);
      last_request = std::max(last_request, slot.request);
      const std::uint64_t before = block.rows.first - checked_.whole(block.rows).first;
      places_.push_back({block.rows, memory_of(slot) + before * row_bytes_});
    }
    const bool epoch_ends = next >= rows().rows;
    const RowOrder coming = epoch_ends ? order().next_epoch() : order();
    (void)slot_of(block_at(coming, epoch_ends ? 0 : next), coming, share_alone);
    return last_request;
  }

  /// The slot that has this block, or the node's share of it, which is asked for if none has.
  const Slot& slot_of(const Block& block, const RowOrder& order, bool share_alone) {
    const auto found = std::ranges::find_if(slots_, [&](const Slot& slot) {
      return slot.rows.first == block.rows.first && slot.rows.count == block.rows.count;
    });
    if (found != slots_.end() && (!found->order || (share_alone && *found->order == order))) return *found;
    // Each row has its place in the slot, so that more of the same block leave those alone that are there.
    Slot& slot = found != slots_.end() ? *found : free_slot();
    const Wish wish{.rows = checked_.whole(block.rows),
                    .offset = static_cast<std::uint64_t>(memory_of(slot) - memory_.data()),
                    .positions = share_alone ? block.positions : Shard(),
                    .order = order};
    slot = {.rows = block.rows, .request = ask(wish), .order = share_alone ? std::optional(order) : std::nullopt};
    return slot;
  }

  /// The slot that was asked for longest ago, of those that are not needed.
  Slot& free_slot() {
    const auto is_needed = [&](const Slot& slot) {
      return std::ranges::any_of(now_needed_, [&](const Block& block) { return block.rows.first == slot.rows.first; });
    };
    Slot* free = nullptr;
    for (Slot& slot : slots_) {
      if (slot.rows.count > 0 && is_needed(slot)) continue;
      if (free == nullptr || slot.request < free->request) free = &slot;
    }
    return *free;
  }

  /// Rows from all over the file, each by itself; what was in memory is lost.
  std::uint64_t fetch_single_rows() {
    std::ranges::fill(slots_, Slot{});
    std::uint64_t done = 0;
    for_numbers({0, count()}, [&](std::span<const std::uint64_t> numbers, std::uint64_t) {
      for (const std::uint64_t number : numbers) {
        const Shard row{rows().first() + number, 1};
        const std::uint64_t offset = done++ * row_bytes_;
        places_.push_back({row, memory_.data() + offset});
        const std::uint64_t request = ask({.rows = row, .offset = offset, .positions = {}, .order = order()});
        if (request >= at_once) wait_for(request - at_once + 1);
      }
    });
    return asked_;
  }

  [[nodiscard]] std::byte* memory_of(const Slot& slot) {
    return memory_.data() + static_cast<std::size_t>(&slot - slots_.data()) * block_bytes_;
  }

  /// The number of the request.
  std::uint64_t ask(const Wish& wish) {
    if (share_.slot == 0) server().ask(std::bit_cast<ChildServer::Request>(wish));
    return ++asked_;
  }
  /// Until a request is answered.
  void wait_for(std::uint64_t request) {
    if (share_.slot > 0) return;
    now_doing("reading the data");
    for (; answered_ < request; ++answered_) server().wait();
  }
  /// The process that reads, from the first request on.
  ChildServer& server() {
    if (!server_) {
      const std::scoped_lock in_use(hdf5_in_use());  // a checkpoint may be on its way
      server_.emplace(
          fmt::format("read '{}'", file_->path.string()),
          [reader = std::make_shared<FileReader>(*file_, share_, rows().first(), memory_.data())](
              const ChildServer::Request& request) { reader->read(std::bit_cast<Wish>(request)); },
          contained_reading());
    }
    return *server_;
  }

  static constexpr std::uint64_t at_once = ChildServer::most_unanswered / 2;

  std::shared_ptr<const StreamedFile> file_;
  ReaderShare share_;
  CheckedRows checked_;
  const NodeArena& node_;
  SharedWindow own_;
  std::span<std::byte> memory_;
  std::uint64_t row_bytes_;
  std::uint64_t block_rows_;
  std::uint64_t block_bytes_;
  bool may_skip_rows_;  // those of other nodes, because rows are large and lie apart
  std::vector<Slot> slots_;
  std::vector<Place> places_;      // of the rows that come next, in their order in the file
  std::vector<Block> now_needed_;  // the blocks of these
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;         // as the first rank of the share knows
  std::uint64_t there_ = 0;            // as all of them know
  std::optional<ChildServer> server_;  // of the first rank of the share
};

class StreamedSource final : public RowSource {
 public:
  StreamedSource(const std::shared_ptr<const StreamedFile>& file, std::span<std::byte> shared, std::size_t ranks)
      : RowSource(file->info.rows, file->info.columns, file->labels), file_(file), shared_(shared), ranks_(ranks) {}

  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& share,
                                                  Workspace& memory) const override {
    // Ranks that do not read together are not in step: one would take the place of rows that another still reads.
    if (share.slots > 1 || (share.block_rows > 0 && ranks_ == 1)) {
      return std::make_unique<StreamedReader>(file_, rows, share, memory.node, file_->block_rows, shared_,
                                              SharedWindow());
    }
    const std::uint64_t block = share.block_rows > 0 ? share.block_rows : rows_in_order(file_->info);
    const std::uint64_t bytes = streamed_blocks(share.most_rows, block) * streamed_block_bytes(file_->info, block);
    memory.rank.expect(bytes);
    SharedWindow own(Communicator(), bytes, fmt::format("rows of '{}'", file_->path.string()));
    return std::make_unique<StreamedReader>(file_, rows, share, memory.node, block, std::span<std::byte>(),
                                            std::move(own));
  }

 private:
  std::shared_ptr<const StreamedFile> file_;
  std::span<std::byte> shared_;
  std::size_t ranks_;
};

}  // namespace

CheckedRows::CheckedRows(const DatasetInfo& info)
    : rows_(info.rows),
      block_rows_(digest_block_rows(info.columns, info.type)),
      at_once_((block_rows_ + most_in_block - 1) / most_in_block),
      in_block_((block_rows_ + at_once_ - 1) / at_once_) {}

Shard CheckedRows::of_blocks(Shard blocks) const noexcept {
  const std::uint64_t first = blocks.first * in_block_;
  return {first, std::min(first + blocks.count * in_block_, count()) - first};
}

Shard CheckedRows::rows(std::uint64_t number) const noexcept {
  const std::uint64_t block = number / in_block_ * block_rows_;
  const std::uint64_t first = block + number % in_block_ * at_once_;
  return {first, std::min({first + at_once_, block + block_rows_, rows_}) - first};
}

Shard CheckedRows::whole(Shard some) const noexcept {
  const std::uint64_t first = rows(number(some.first)).first;
  const Shard last = rows(number(some.first + some.count - 1));
  return {first, last.first + last.count - first};
}

StreamedBlocks read_blocks(const std::filesystem::path& path, const DatasetInfo& info, Shard blocks) {
  const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
  Samples rows{info.type, nullptr, 0, info.columns, info.scale};
  // Whole chunks of the file, and whole blocks.
  const std::uint64_t at_once = std::max(
      {std::uint64_t{1}, work_at_once / (block_rows * rows.row_bytes()), info.sample_chunks.rows / block_rows});
  StreamedBlocks read{.digests = {}, .checksums = {}, .look = DataLook(info.columns)};
  const DatasetReader reader = open_again(path, info);
  const CheckedRows checked(info);
  std::vector<std::byte> memory;
  for (std::uint64_t done = 0; done < blocks.count; done += at_once) {
    throw_if_stopped("reading the data");
    const std::uint64_t first = (blocks.first + done) * block_rows;
    rows.rows = std::min(std::min(at_once, blocks.count - done) * block_rows, info.rows - first);
    memory.resize(std::max(memory.size(), rows.rows * rows.row_bytes()));
    rows.values = memory.data();
    reader.read_samples(first, rows.rows, memory.data());
    for (std::uint64_t row = 0; row < rows.rows; row += block_rows) {
      const Samples block = rows.part(row, std::min(block_rows, rows.rows - row));
      read.look.add(block);
      read.digests.push_back(block_digest(block));
      for (std::uint64_t in_block = 0; in_block < block.rows;) {
        const std::uint64_t some = checked.rows(checked.number(first + row + in_block)).count;
        const Samples together = block.part(in_block, some);
        read.checksums.push_back(checksum({together.values, some * together.row_bytes()}).front());
        in_block += some;
      }
    }
  }
  return read;
}

DatasetReader open_again(const std::filesystem::path& path, const DatasetInfo& info) {
  DatasetReader reader(path, Values::amounts, info.scale_said ? std::optional(info.scale) : std::nullopt);
  const DatasetInfo& now = reader.info();
  if (now.type != info.type || now.rows < info.rows || now.columns != info.columns || now.scale != info.scale ||
      now.has_labels != info.has_labels || now.sparse != info.sparse || now.nonzeros != info.nonzeros) {
    throw Error(Failure::file, fmt::format("'{}' changed while it was read", path.string()));
  }
  return reader;
}

std::uint64_t streamed_block_bytes(const DatasetInfo& info, std::uint64_t block_rows) noexcept {
  const std::uint64_t at_both_ends = 2 * (CheckedRows(info).most_rows() - 1);
  return std::min(block_rows + at_both_ends, info.rows) * info.row_bytes();
}

std::uint64_t streamed_blocks(std::uint64_t most_rows, std::uint64_t block_rows) noexcept {
  return (most_rows + block_rows - 1) / block_rows + 2;
}

Rows rows_of(const std::shared_ptr<const StreamedFile>& file, std::span<std::byte> shared, std::size_t ranks) {
  return Rows(std::make_shared<StreamedSource>(file, shared, ranks));
}

}  // namespace rbmpi
