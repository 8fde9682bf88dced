#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "rbmpi/data/row_source.hpp"

namespace rbmpi {

/// A reader of rows that lie in memory, anywhere: some rows are fetched into a cache while another is taken in.
class MemoryReader : public RowReader {
 protected:
  explicit MemoryReader(Rows rows) : RowReader(std::move(rows)) {}

  /// Calls body(i, place(number)) for each row of `rows`, where `number` is that in the source. `place` gives where the
  /// row lies, of which the first `bytes` are fetched.
  template <typename Place, typename Body>
  void for_each_place(Shard rows, std::size_t bytes, const Place& place, const Body& body) const {
    constexpr std::size_t ahead = 12;
    const std::uint64_t first = this->rows().first();
    for_numbers(rows, [&](std::span<const std::uint64_t> numbers, std::uint64_t done) {
      for (std::size_t i = 0; i < numbers.size() + ahead; ++i) {
        if (i < numbers.size()) prefetch(place(first + numbers[i]), bytes);
        if (i >= ahead) body(done + i - ahead, place(first + numbers[i - ahead]));
      }
    });
  }

 private:
  static void prefetch(const void* memory, std::size_t bytes) {
    constexpr std::size_t line = 64;
    for (std::size_t i = 0; i < bytes; i += line) __builtin_prefetch(static_cast<const std::byte*>(memory) + i);
  }
};

/// Rows in memory as a source: `View` is what says where they lie, and `Reader`, made of it and of the rows, reads
/// them.
template <typename Reader, typename View>
class MemorySource final : public RowSource {
 public:
  MemorySource(const View& view, std::uint64_t rows, std::uint64_t columns)
      : RowSource(rows, columns, view.labels), view_(view) {}
  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& /*share*/,
                                                  Workspace& /*memory*/) const override {
    return std::make_unique<Reader>(view_, rows);
  }

 private:
  View view_;
};

}  // namespace rbmpi
