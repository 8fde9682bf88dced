// Input: an HDF5 file, read as a dataset.

#include <algorithm>
#include <cmath>
#include <vector>

#include "fuzz/contained.hpp"
#include "fuzz/support.hpp"
#include "rbmpi/data/dataset_file.hpp"

namespace {

using namespace rbmpi;

template <typename Value>
void read_rows(const DatasetReader& reader, std::uint64_t rows) {
  constexpr Value untouched{77};
  const DatasetInfo& info = reader.info();
  const std::size_t total = rows * info.columns;
  std::vector<Value> values(total + 1, untouched);
  reader.read_samples(info.rows - rows, rows, values.data());
  fuzz::promise(values.back() == untouched, "nothing is written beyond the rows that were asked for");
  values.pop_back();
  for (const Value value : values) {
    const auto number = static_cast<double>(static_cast<float>(value));
    fuzz::promise(number >= 0.0 && number <= static_cast<double>(static_cast<float>(info.scale)),
                  fmt::format("{} is in [0, {}]", number, info.scale));
  }
}

void read_dataset(const std::filesystem::path& path) {
  constexpr std::uint64_t most_bytes = 1U << 20U;
  const DatasetReader reader(path);
  const DatasetInfo& info = reader.info();
  fuzz::promise(info.rows > 0 && info.columns > 0, "a dataset has rows and columns");
  fuzz::promise(is_scale(info.scale), "a dataset has a usable scale");
  fuzz::promise(info.picture.empty() || (info.picture.size() == 2 && info.picture[0] * info.picture[1] == info.columns),
                "a picture has as many values as a row");
  const std::uint64_t rows = std::min(info.rows, most_bytes / (info.columns * element_size(info.type)));
  if (info.type == ElementType::uint8) read_rows<std::uint8_t>(reader, rows);
  if (info.type == ElementType::float32) read_rows<float>(reader, rows);
  if (info.type == ElementType::float64) read_rows<double>(reader, rows);
  std::vector<std::int32_t> labels(info.has_labels ? rows : 0);
  if (info.has_labels) reader.read_labels(info.rows - rows, rows, labels.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Containment containment;
  const std::filesystem::path path = fuzz::input_file("input.h5", {data, size});
  (void)containment.accepted([&] { read_dataset(path); });
  return 0;
}
