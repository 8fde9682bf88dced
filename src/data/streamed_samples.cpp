#include "data/streamed_samples.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
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

/// Rows that are read in the order of the file come in blocks of so many.
std::uint64_t rows_in_order(const DatasetInfo& info) {
  constexpr std::uint64_t bytes = std::uint64_t{4} << 20U;
  const std::uint64_t digest_rows = digest_block_rows(info.columns, info.type);
  const std::uint64_t digest_bytes = digest_rows * info.row_bytes();
  return digest_rows * std::max<std::uint64_t>(1, bytes / digest_bytes);
}

/// The rows of the blocks of the digest that `rows` meet.
Shard whole_blocks(const DatasetInfo& info, Shard rows) {
  const std::uint64_t block = digest_block_rows(info.columns, info.type);
  const std::uint64_t first = rows.first / block * block;
  const std::uint64_t end = std::min((rows.first + rows.count + block - 1) / block * block, info.rows);
  return {first, end - first};
}

/// Reads whole blocks of the digest from the file, in a child process.
class FileReader {
 public:
  FileReader(const StreamedFile& file, std::byte* memory) : file_(file), memory_(memory) {}

  /// Reads these rows to `offset` of the memory.
  void read(Shard rows, std::uint64_t offset) {
    if (!reader_) reader_.emplace(open_again(file_.path, file_.info));
    const DatasetInfo& info = file_.info;
    const std::uint64_t row_bytes = info.row_bytes();
    std::byte* const to = memory_ + offset;
    in_whole_chunks(info.sample_chunks, rows, work_at_once, [&](Shard piece) {
      reader_->read_samples(piece.first, piece.count, to + (piece.first - rows.first) * row_bytes);
    });
    file_.version.throw_if_changed();
    check(rows, to);
  }

 private:
  /// What was read is what the digest was formed of. Single rows are not looked at.
  void check(Shard rows, const std::byte* values) const {
    const DatasetInfo& info = file_.info;
    const std::uint64_t block = digest_block_rows(info.columns, info.type);
    const std::uint64_t row_bytes = info.row_bytes();
    for (std::uint64_t first = rows.first; first < rows.first + rows.count; first += block) {
      const std::uint64_t count = std::min(block, info.rows - first);
      if (first % block != 0 || first + count > rows.first + rows.count) return;
      const std::span<const std::byte> bytes(values + (first - rows.first) * row_bytes, count * row_bytes);
      if (checksum(bytes).front() == file_.checksums[first / block]) continue;
      throw Error(Failure::file,
                  fmt::format("rows {} to {} of '{}' (counted from 0) are others on host {} than when the training "
                              "began: every node must read the same file, and nobody may write to it",
                              first, first + count - 1, file_.path.string(), host_name()));
    }
  }

  const StreamedFile& file_;
  std::byte* memory_;
  std::optional<DatasetReader> reader_;
};

class StreamedReader final : public StoredReader<StreamedReader> {
 public:
  /// `memory`: for the blocks.
  StreamedReader(const std::shared_ptr<const StreamedFile>& file, const Rows& rows, const ReaderShare& share,
                 const NodeArena& node, std::span<std::byte> memory, SharedWindow own)
      : StoredReader(rows, file->info.type, file->info.scale),
        file_(file),
        share_(share),
        node_(node),
        own_(std::move(own)),
        memory_(memory.empty() ? own_.bytes() : memory),
        row_bytes_(file->info.row_bytes()),
        block_rows_(memory.empty() ? rows_in_order(file->info) : file->block_rows),
        block_bytes_(streamed_block_bytes(file->info, block_rows_)) {
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
    Shard rows;                 ///< none at first
    std::uint64_t request = 0;  ///< number of the one that reads it
  };

  void fetch() override {
    places_.clear();
    if (count() > 0) {
      order().in_order_of_file() || order().in_blocks() ? fetch_blocks() : fetch_single_rows();
    }
    if (share_.slots > 1) node_.synchronise();
    std::ranges::sort(places_, {}, [](const Place& place) { return place.rows.first; });
  }

  /// The block, of rows counted in the source, from which the row at `position` of an order comes, and the position of
  /// the first that is of another one.
  [[nodiscard]] RowOrder::Block block_at(const RowOrder& order, std::uint64_t position) const {
    const std::uint64_t first = rows().first();
    if (order.in_blocks()) {
      RowOrder::Block block = order.block(position);
      block.rows.first += first;
      return block;
    }
    const std::uint64_t begin = (first + position) / block_rows_ * block_rows_;
    const std::uint64_t end = std::min(begin + block_rows_, file_->info.rows);
    return {.rows = {begin, end - begin}, .end = std::min(end - first, rows().rows)};
  }

  // All ranks of the node go through the same, so all know what lies where; the first of them has it read.
  void fetch_blocks() {
    const std::uint64_t end = position() + count();
    now_needed_.clear();
    std::uint64_t next = position();
    while (next < end) {
      const RowOrder::Block block = block_at(order(), next);
      now_needed_.push_back(block.rows);
      next = block.end;
    }
    std::uint64_t last_request = 0;
    for (const Shard block : now_needed_) {
      const Slot& slot = slot_of(block);
      last_request = std::max(last_request, slot.request);
      places_.push_back({block, memory_of(slot) + (block.first - whole_blocks(file_->info, block).first) * row_bytes_});
    }
    wait_for(last_request);
    const bool epoch_ends = next >= rows().rows;
    const RowOrder coming = epoch_ends ? order().next_epoch() : order();
    const Shard ahead = block_at(coming, epoch_ends ? 0 : next).rows;
    (void)slot_of(ahead);
  }

  /// The slot that has this block, which is asked for if none has.
  const Slot& slot_of(Shard block) {
    const auto same = [&](const Slot& slot) {
      return slot.rows.first == block.first && slot.rows.count == block.count;
    };
    if (const auto found = std::ranges::find_if(slots_, same); found != slots_.end()) return *found;
    // The one that was asked for longest ago, of those that are not needed.
    Slot* free = nullptr;
    for (Slot& slot : slots_) {
      if (slot.rows.count > 0 && std::ranges::find(now_needed_, slot.rows.first, &Shard::first) != now_needed_.end())
        continue;
      if (free == nullptr || slot.request < free->request) free = &slot;
    }
    *free = {block,
             ask(whole_blocks(file_->info, block), static_cast<std::uint64_t>(memory_of(*free) - memory_.data()))};
    return *free;
  }

  /// Rows from all over the file, each by itself; what was in memory is lost.
  void fetch_single_rows() {
    std::ranges::fill(slots_, Slot{});
    std::uint64_t done = 0;
    for_numbers({0, count()}, [&](std::span<const std::uint64_t> numbers, std::uint64_t) {
      for (const std::uint64_t number : numbers) {
        const Shard row{rows().first() + number, 1};
        const std::uint64_t offset = done++ * row_bytes_;
        places_.push_back({row, memory_.data() + offset});
        const std::uint64_t request = ask(row, offset);
        if (request >= at_once) wait_for(request - at_once + 1);
      }
    });
    wait_for(asked_);
  }

  [[nodiscard]] std::byte* memory_of(const Slot& slot) {
    return memory_.data() + static_cast<std::size_t>(&slot - slots_.data()) * block_bytes_;
  }

  /// The number of the request.
  std::uint64_t ask(Shard rows, std::uint64_t offset) {
    if (share_.slot == 0) server().ask({rows.first, rows.count, offset});
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
          [reader = std::make_shared<FileReader>(*file_, memory_.data())](const ChildServer::Request& request) {
            reader->read({request[0], request[1]}, request[2]);
          },
          contained_reading());
    }
    return *server_;
  }

  static constexpr std::uint64_t at_once = ChildServer::most_unanswered / 2;

  std::shared_ptr<const StreamedFile> file_;
  ReaderShare share_;
  const NodeArena& node_;
  SharedWindow own_;
  std::span<std::byte> memory_;
  std::uint64_t row_bytes_;
  std::uint64_t block_rows_;
  std::uint64_t block_bytes_;
  std::vector<Slot> slots_;
  std::vector<Place> places_;      // of the rows that come next, in their order in the file
  std::vector<Shard> now_needed_;  // the blocks of these
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::optional<ChildServer> server_;  // of the first rank of the share
};

class StreamedSource final : public RowSource {
 public:
  StreamedSource(const std::shared_ptr<const StreamedFile>& file, std::span<std::byte> shared)
      : RowSource(file->info.rows, file->info.columns, file->labels), file_(file), shared_(shared) {}

  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& share,
                                                  Workspace& memory) const override {
    if (share.slots > 1 || share.block_rows > 0) {
      return std::make_unique<StreamedReader>(file_, rows, share, memory.node, shared_, SharedWindow());
    }
    const std::uint64_t block = rows_in_order(file_->info);
    const std::uint64_t bytes = streamed_blocks(share.most_rows, block) * streamed_block_bytes(file_->info, block);
    memory.rank.expect(bytes);
    SharedWindow own(Communicator(), bytes, fmt::format("rows of '{}'", file_->path.string()));
    return std::make_unique<StreamedReader>(file_, rows, share, memory.node, std::span<std::byte>(), std::move(own));
  }

 private:
  std::shared_ptr<const StreamedFile> file_;
  std::span<std::byte> shared_;
};

}  // namespace

StreamedBlocks read_blocks(const std::filesystem::path& path, const DatasetInfo& info, Shard blocks) {
  const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
  Samples rows{info.type, nullptr, 0, info.columns, info.scale};
  // Whole chunks of the file, and whole blocks.
  const std::uint64_t at_once = std::max(
      {std::uint64_t{1}, work_at_once / (block_rows * rows.row_bytes()), info.sample_chunks.rows / block_rows});
  StreamedBlocks read{.digests = {}, .checksums = {}, .look = DataLook(info.columns)};
  const DatasetReader reader = open_again(path, info);
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
      read.checksums.push_back(checksum({block.values, block.rows * block.row_bytes()}).front());
    }
  }
  return read;
}

DatasetReader open_again(const std::filesystem::path& path, const DatasetInfo& info) {
  DatasetReader reader(path, Values::in_scale, info.scale_said ? std::optional(info.scale) : std::nullopt);
  const DatasetInfo& now = reader.info();
  if (now.type != info.type || now.rows < info.rows || now.columns != info.columns || now.scale != info.scale ||
      now.has_labels != info.has_labels || now.sparse != info.sparse || now.nonzeros != info.nonzeros) {
    throw Error(Failure::file, fmt::format("'{}' changed while it was read", path.string()));
  }
  return reader;
}

std::uint64_t streamed_block_bytes(const DatasetInfo& info, std::uint64_t block_rows) noexcept {
  const std::uint64_t at_both_ends = 2 * (digest_block_rows(info.columns, info.type) - 1);
  return std::min(block_rows + at_both_ends, info.rows) * info.row_bytes();
}

std::uint64_t streamed_blocks(std::uint64_t most_rows, std::uint64_t block_rows) noexcept {
  return (most_rows + block_rows - 1) / block_rows + 2;
}

Rows rows_of(const std::shared_ptr<const StreamedFile>& file, std::span<std::byte> shared) {
  return Rows(std::make_shared<StreamedSource>(file, shared));
}

}  // namespace rbmpi
