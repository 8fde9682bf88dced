#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "import/array_table.hpp"
#include "import/plain_numbers.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// The types of IDX by their codes, the third byte of a file.
struct TypeOfIdx {
  unsigned code;
  NumpyType type;
  const char* name;
};
constexpr std::array<TypeOfIdx, 6> types = {{{0x08, NumpyType::uint8, "uint8"},
                                             {0x09, NumpyType::int8, "int8"},
                                             {0x0b, NumpyType::int16, "int16"},
                                             {0x0c, NumpyType::int32, "int32"},
                                             {0x0d, NumpyType::float32, "float32"},
                                             {0x0e, NumpyType::float64, "float64"}}};

const TypeOfIdx* type_of(unsigned code) {
  for (const TypeOfIdx& type : types) {
    if (type.code == code) return &type;
  }
  return nullptr;
}

/// An array of numbers, big-endian, behind its sizes.
class IdxArray : public ArrayFile {
 public:
  explicit IdxArray(const fs::path& path) : given_(path) {
    ByteSource source(path);
    path_ = source.path();
    const std::uint32_t magic = read_number(source);
    const TypeOfIdx* const type = type_of(magic >> 8U);
    const std::uint32_t dimensions = magic & 0xffU;
    if (type == nullptr || dimensions == 0) {
      refuse_import(path_,
                    fmt::format("its magic number is 0x{:08x}; 0x0000TTNN would be right, with a type TT of 08, 09 "
                                "or 0b to 0e and NN dimensions",
                                magic));
    }
    type_ = type->type;
    StoredArray array{
        .name = path_.filename().string(), .type = type->name, .element = element_of(type_), .numbers = true};
    for (std::uint32_t i = 0; i < dimensions; ++i) array.shape.push_back(read_number(source));
    front_ = source.position();
    check_size(source, array);
    arrays_.push_back(std::move(array));
  }

  [[nodiscard]] const fs::path& path() const override { return path_; }
  [[nodiscard]] std::string kind() const override { return "an IDX file"; }
  [[nodiscard]] const std::vector<StoredArray>& arrays() const override { return arrays_; }
  [[nodiscard]] std::unique_ptr<NumberReader> numbers(const StoredArray& array) const override {
    PlainArray plain{.file = path_, .name = array.name, .type = type_, .big_endian = true};
    set_extents(plain, array);
    const fs::path path = given_;
    const std::uint64_t front = front_;
    const std::uint64_t bytes = plain.elements * size_of(type_);
    return read_plain(
        std::move(plain), [=] { return array_in_order(path, front, bytes); },
        [=] { return array_anywhere(path, front); });
  }
  [[nodiscard]] std::vector<std::string> texts(const StoredArray&, std::uint64_t, std::uint64_t) const override {
    return {};
  }
  /// Bytes are pixels, as those of MNIST are.
  [[nodiscard]] SamplesDescription describe(const StoredArray& samples) const override {
    SamplesDescription said;
    if (type_ == NumpyType::uint8) said.scale = 255.0;
    if (samples.shape.size() == 3) said.picture = {samples.shape[1], samples.shape[2]};
    return said;
  }
  [[nodiscard]] std::vector<std::string> class_names(const StoredArray&) const override { return {}; }
  [[nodiscard]] std::vector<std::string> notes(const StoredArray&) const override { return {}; }

 private:
  static std::uint32_t read_number(ByteSource& source) {
    std::array<std::byte, 4> bytes{};
    if (source.read(bytes) < bytes.size()) {
      refuse_import(source.path(), fmt::format("it ends after {}, within the header of an IDX file",
                                               plural(source.position(), "byte")));
    }
    std::uint32_t number = 0;
    for (const std::byte byte : bytes) number = number << 8U | std::to_integer<std::uint32_t>(byte);
    return number;
  }
  void check_size(const ByteSource& source, const StoredArray& array) const {
    const std::uint64_t held = source.most_bytes() - std::min(source.most_bytes(), front_);
    std::uint64_t wanted = size_of(type_);
    for (const std::uint64_t size : array.shape) {
      if (size == 0) refuse_import(path_, fmt::format("{}: it is empty", in_words(array)));
      if (size > held / wanted) {
        refuse_import(path_, fmt::format("its header claims {}, more than the file holds; it is truncated or damaged",
                                         in_words(array)));
      }
      wanted *= size;
    }
  }

  fs::path given_;
  fs::path path_;
  NumpyType type_ = NumpyType::uint8;
  std::uint64_t front_ = 0;
  std::vector<StoredArray> arrays_;
};

}  // namespace

bool is_idx(std::string_view front) {
  return front.size() >= 4 && front[0] == '\0' && front[1] == '\0' && front[3] != '\0' &&
         type_of(static_cast<unsigned char>(front[2])) != nullptr;
}

std::unique_ptr<Table> open_idx(const fs::path& images, const std::optional<fs::path>& labels) {
  auto file = std::make_unique<IdxArray>(images);
  ChosenArrays chosen{.samples = file->arrays().front(), .labels = {}, .weights = {}, .notes = {}};
  if (chosen.samples.shape.size() < 2) {
    refuse_import(file->path(),
                  fmt::format("{}: it has one dimension, as labels have; images and labels may be swapped",
                              in_words(chosen.samples)));
  }
  std::unique_ptr<IdxArray> labels_file;
  if (labels) {
    labels_file = std::make_unique<IdxArray>(*labels);
    chosen.labels = labels_file->arrays().front();
    if (chosen.labels->shape.size() != 1) {
      refuse_import(labels_file->path(), fmt::format("{}: labels have one dimension; images and labels may be swapped",
                                                     in_words(*chosen.labels)));
    }
  }
  return make_array_table(std::move(file), std::move(chosen), false, std::move(labels_file));
}

}  // namespace rbmpi
