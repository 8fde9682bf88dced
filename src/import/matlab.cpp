#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "import/array_table.hpp"
#include "import/plain_numbers.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/matlab_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

ElementType element_of_class(const std::string& name) {
  if (name == "uint8") return ElementType::uint8;
  if (name == "single") return ElementType::float32;
  return name == "double" || name == "sparse" ? ElementType::float64 : ElementType::other;
}

class MatlabArrays : public ArrayFile {
 public:
  explicit MatlabArrays(const fs::path& path) : file_(path) {
    for (std::size_t i = 0; i < file_.variables().size(); ++i) {
      const MatlabVariable& variable = file_.variables()[i];
      if (variable.numbers) add_place(variable.name, {i, 0});
      StoredArray array{.name = variable.name,
                        .shape = variable.dimensions,
                        .type = fmt::format("{} (MATLAB)", variable.class_name),
                        .element = element_of_class(variable.class_name),
                        .numbers = variable.numbers && !variable.sparse,
                        .truths = variable.truths,
                        .column_major = true};
      if (variable.dimensions.size() > 2) {
        array.numbers = false;
        array.type += matrix_of_pictures;
      }
      if (variable.numbers && variable.sparse) make_sparse(array, i);
      arrays_.push_back(std::move(array));
    }
  }

  [[nodiscard]] const fs::path& path() const override { return file_.path(); }
  [[nodiscard]] std::string kind() const override { return "a MATLAB file"; }
  [[nodiscard]] const std::vector<StoredArray>& arrays() const override { return arrays_; }

  [[nodiscard]] std::unique_ptr<NumberReader> numbers(const StoredArray& array) const override {
    const Numbers found = places_.at(array.name);
    const std::shared_ptr<const MatlabContent> content = content_of(found.variable);
    const MatlabNumbers place = content->numbers.at(found.part);
    PlainArray plain{.file = file_.path(), .name = array.name, .type = place.type, .big_endian = file_.big_endian()};
    set_extents(plain, array);
    const auto bytes_at = [=, name = array.name, path = file_.path()]() -> BytesAt {
      return [=](std::uint64_t from, std::span<std::byte> bytes) {
        if (!read_at(content->file, place.place + from, bytes)) {
          refuse_import(path, fmt::format("'{}' ends too early", name));
        }
      };
    };
    return read_plain(std::move(plain), bytes_at, bytes_at);
  }
  [[nodiscard]] std::vector<std::string> texts(const StoredArray&, std::uint64_t, std::uint64_t) const override {
    return {};
  }
  [[nodiscard]] SamplesDescription describe(const StoredArray&) const override { return {}; }
  [[nodiscard]] std::vector<std::string> class_names(const StoredArray&) const override { return {}; }
  [[nodiscard]] std::vector<std::string> notes(const StoredArray&) const override { return {}; }

 private:
  /// Where an array is: in which variable, and, of a sparse one, which of its lists it is.
  struct Numbers {
    std::size_t variable = 0;
    std::size_t part = 0;
  };
  void add_place(const std::string& name, Numbers numbers) {
    if (places_.emplace(name, numbers).second) return;
    refuse_import(file_.path(), fmt::format("it has two variables '{}'", name));
  }

  [[nodiscard]] std::shared_ptr<const MatlabContent> content_of(std::size_t variable) const {
    std::shared_ptr<const MatlabContent>& content = contents_[variable];
    if (!content) content = std::make_shared<MatlabContent>(file_.content(file_.variables()[variable]));
    return content;
  }

  /// A sparse matrix has room for more values than it may have.
  void make_sparse(StoredArray& array, std::size_t variable) {
    const std::shared_ptr<const MatlabContent> content = content_of(variable);
    const std::uint64_t columns = array.shape.back();
    const std::uint64_t ends = content->numbers[2].count;
    if (ends != columns + 1) {
      refuse_import(file_.path(), fmt::format("'{}' is damaged: it has {} for {}", array.name, plural(ends, "end"),
                                              plural(columns, "column")));
    }
    for (const std::size_t part : {0U, 1U, 2U}) add_place(fmt::format("{}/{}", array.name, part), {variable, part});
    const StoredPart list{.name = array.name + "/2", .count = columns + 1};
    std::vector<double> last(1);
    numbers(list_of(list))->read(columns, 1, last.data());
    const auto held = static_cast<double>(std::min(content->numbers[0].count, content->numbers[1].count));
    if (!(last[0] >= 1.0 && last[0] <= held)) {
      array.type += last[0] == 0.0 ? " without values" : ", which is damaged";
      return;
    }
    const auto total = static_cast<std::uint64_t>(last[0]);
    array.sparse_of = {{array.name + "/0", total}, {array.name + "/1", total}, list};
    array.by_columns = true;
  }

  MatlabFile file_;
  std::vector<StoredArray> arrays_;
  std::map<std::string, Numbers> places_;
  mutable std::map<std::size_t, std::shared_ptr<const MatlabContent>> contents_;
};

}  // namespace

bool is_matlab(std::string_view front) {
  constexpr std::size_t version = 124;
  if (front.size() < version + 4) return false;
  const std::string_view tail = front.substr(version, 4);
  using namespace std::string_view_literals;
  return tail == "\x00\x01IM"sv || tail == "\x01\x00MI"sv;
}

std::unique_ptr<Table> open_matlab(const fs::path& path, const TableOptions& wishes) {
  return open_array_table(std::make_unique<MatlabArrays>(path), wishes);
}

}  // namespace rbmpi
