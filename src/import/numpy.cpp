#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "import/array_table.hpp"
#include "import/encoding.hpp"
#include "import/plain_numbers.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/byte_source.hpp"
#include "rbmpi/storage/npz_file.hpp"
#include "rbmpi/storage/numpy_header.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/temporary_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

StoredArray stored_array(std::string name, const NumpyHeader& header) {
  return {.name = std::move(name),
          .shape = header.shape,
          .type = header.type_name,
          .element = header.numbers ? element_of(header.type) : ElementType::other,
          .numbers = header.numbers,
          .truths = header.numbers && header.type == NumpyType::boolean,
          .texts = header.texts != '\0',
          .column_major = header.column_major && header.shape.size() > 1};
}

PlainArray plain_array(const fs::path& path, const StoredArray& array, const NumpyHeader& header) {
  PlainArray plain{.file = path, .name = array.name, .type = header.type, .big_endian = header.big_endian};
  set_extents(plain, array);
  return plain;
}

/// A text without the zeros behind it.
std::string text_of(std::span<const std::byte> bytes, const NumpyHeader& header) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (header.texts == 'U') text = to_utf8(text, header.big_endian ? "UTF-32BE" : "UTF-32LE");
  text.resize(text.find_last_not_of('\0') + 1);
  return name_in_utf8(text);
}

/// Texts [first, first + count) of an array whose bytes `read` gives.
std::vector<std::string> texts_of(const BytesAt& read, const NumpyHeader& header, std::uint64_t first,
                                  std::uint64_t count) {
  std::vector<std::string> texts;
  std::vector<std::byte> bytes(header.element_bytes);
  for (std::uint64_t i = first; i < first + count; ++i) {
    read(i * bytes.size(), bytes);
    texts.push_back(text_of(bytes, header));
  }
  return texts;
}

/// Some of the methods of a file of NumPy's.
class NumpyFile : public ArrayFile {
 public:
  [[nodiscard]] const std::vector<StoredArray>& arrays() const override { return arrays_; }
  [[nodiscard]] SamplesDescription describe(const StoredArray&) const override { return {}; }
  [[nodiscard]] std::vector<std::string> class_names(const StoredArray&) const override { return {}; }
  [[nodiscard]] std::vector<std::string> notes(const StoredArray&) const override { return {}; }

 protected:
  std::vector<StoredArray> arrays_;
};

class NpyArray : public NumpyFile {
 public:
  explicit NpyArray(const fs::path& path) : given_(path) {
    ByteSource source(path);
    path_ = source.path();
    try {
      header_ = read_numpy_header([&](std::span<std::byte> bytes) {
        if (source.read(bytes) < bytes.size()) throw std::invalid_argument("it ends within its header");
      });
      if (!header_.numbers && header_.texts == '\0') throw std::invalid_argument(no_numbers(header_));
      front_ = source.position();
      check_size(source);
    } catch (const std::invalid_argument& problem) {
      refuse_import(path_, problem.what());
    }
    arrays_.push_back(stored_array(path_.filename().string(), header_));
  }

  [[nodiscard]] const fs::path& path() const override { return path_; }
  [[nodiscard]] std::string kind() const override { return "a NumPy array"; }
  [[nodiscard]] std::unique_ptr<NumberReader> numbers(const StoredArray& array) const override {
    const fs::path path = given_;
    const std::uint64_t front = front_;
    const std::uint64_t bytes = bytes_;
    return read_plain(
        plain_array(path_, array, header_), [=] { return array_in_order(path, front, bytes); },
        [=] { return array_anywhere(path, front); });
  }
  [[nodiscard]] std::vector<std::string> texts(const StoredArray&, std::uint64_t first,
                                               std::uint64_t count) const override {
    return texts_of(array_in_order(given_, front_, bytes_), header_, first, count);
  }

 private:
  /// To the byte, if that can be known.
  void check_size(const ByteSource& source) {
    const std::uint64_t most = source.most_bytes() - front_;
    if (!source.packed()) {
      bytes_ = checked_elements(header_, most) * header_.element_bytes;
      return;
    }
    bytes_ = header_.element_bytes;
    for (const std::uint64_t extent : header_.shape) {
      if (extent == 0) throw std::invalid_argument("it is empty");
      if (extent > most / bytes_) throw std::invalid_argument("its header claims more than the file can hold");
      bytes_ *= extent;
    }
  }

  fs::path given_;
  fs::path path_;
  NumpyHeader header_;
  std::uint64_t front_ = 0;
  std::uint64_t bytes_ = 0;
};

class NpzArrays : public NumpyFile {
 public:
  explicit NpzArrays(const fs::path& path) : path_(path), file_(std::make_shared<NpzFile>(path)) {
    for (const std::string& name : file_->names()) arrays_.push_back(stored_array(name, file_->stream(name).header()));
    find_sparse();
  }

  [[nodiscard]] const fs::path& path() const override { return path_; }
  [[nodiscard]] std::string kind() const override { return "a NumPy archive (.npz)"; }
  [[nodiscard]] std::unique_ptr<NumberReader> numbers(const StoredArray& array) const override {
    const std::shared_ptr<NpzFile> file = file_;
    const std::string name = array.name;
    return read_plain(
        plain_array(path_, array, file->stream(name).header()), [=] { return in_order(file, name); },
        [=, path = path_] { return anywhere(*file, name, path); });
  }
  [[nodiscard]] std::vector<std::string> texts(const StoredArray& array, std::uint64_t first,
                                               std::uint64_t count) const override {
    return texts_of(in_order(file_, array.name), file_->stream(array.name).header(), first, count);
  }

 private:
  static BytesAt in_order(const std::shared_ptr<NpzFile>& file, const std::string& name) {
    const auto stream = std::make_shared<NpzStream>(file->stream(name));
    const auto done = std::make_shared<std::uint64_t>(0);
    return [=](std::uint64_t place, std::span<std::byte> bytes) {
      if (place < *done) *stream = file->stream(name), *done = 0;
      std::vector<std::byte> skipped;
      for (; *done < place; *done += skipped.size()) {
        skipped.resize(std::min<std::uint64_t>(place - *done, std::uint64_t{1} << 16U));
        stream->read(skipped);
      }
      stream->read(bytes);
      *done += bytes.size();
    };
  }
  static BytesAt anywhere(const NpzFile& file, const std::string& name, const fs::path& path) {
    NpzStream stream = file.stream(name);
    const auto copy = std::make_shared<Descriptor>(temporary_copy(path, [&](std::span<std::byte> bytes) {
      const std::size_t some = std::min<std::uint64_t>(bytes.size(), stream.left());
      if (some > 0) stream.read(bytes.first(some));
      return some;
    }));
    return [=](std::uint64_t place, std::span<std::byte> bytes) {
      if (!read_at(*copy, place, bytes)) refuse_import(path, fmt::format("'{}' ends too early", name));
    };
  }

  [[nodiscard]] const StoredArray* find(const char* name) const {
    const auto found = std::ranges::find(arrays_, name, &StoredArray::name);
    return found == arrays_.end() ? nullptr : &*found;
  }

  /// What scipy.sparse.save_npz writes is one matrix.
  void find_sparse() {
    const StoredArray* const format = find("format");
    const StoredArray* const shape = find("shape");
    if (format == nullptr || shape == nullptr || !format->texts || !format->shape.empty()) return;
    const std::string form = texts(*format, 0, 1).front();
    const StoredArray* const data = find("data");
    const StoredArray* const indices = find("indices");
    const StoredArray* const ends = find("indptr");
    const auto is_list = [](const StoredArray* array) {
      return array != nullptr && array->numbers && array->shape.size() == 1 && array->shape.front() > 0;
    };
    if ((form != "csr" && form != "csc") || !is_list(data) || !is_list(indices) || !is_list(ends)) {
      refuse_import(path_,
                    fmt::format("it is a sparse matrix of SciPy in the form '{}'{}; one that is not empty, by rows, "
                                "as scipy.sparse.save_npz(FILE, matrix.tocsr()) writes it, would be right",
                                form, is_list(data) ? "" : " without values"));
    }
    StoredArray matrix{.name = "matrix", .type = fmt::format("sparse {}", data->type), .element = data->element};
    matrix.truths = data->truths;
    matrix.shape = shape_of_sparse(*shape);
    matrix.by_columns = form == "csc";
    matrix.sparse_of = {
        {data->name, data->shape.front()}, {indices->name, indices->shape.front()}, {ends->name, ends->shape.front()}};
    const std::uint64_t lines = matrix.by_columns ? matrix.shape.back() : matrix.shape.front();
    if (data->shape != indices->shape || ends->shape.front() - 1 != lines) {
      refuse_import(
          path_, fmt::format("its arrays {}, {} and {} are no sparse matrix of {}", in_words(*data), in_words(*indices),
                             in_words(*ends), plural(lines, matrix.by_columns ? "column" : "row")));
    }
    arrays_ = {std::move(matrix)};
  }

  [[nodiscard]] std::vector<std::uint64_t> shape_of_sparse(const StoredArray& shape) const {
    std::vector<double> sizes(2);
    constexpr double most = 2147483647.0;
    const bool two = shape.numbers && shape.shape == std::vector<std::uint64_t>{2};
    if (two) numbers(shape)->read(0, 2, sizes.data());
    const auto right = [](double size) { return size >= 1 && size <= most; };
    if (!two || !std::ranges::all_of(sizes, right)) {
      refuse_import(path_, fmt::format("'shape' of its sparse matrix is {}; two sizes of at least 1 would be right",
                                       two ? fmt::format("{} x {}", sizes[0], sizes[1]) : in_words(shape)));
    }
    return {static_cast<std::uint64_t>(sizes[0]), static_cast<std::uint64_t>(sizes[1])};
  }

  fs::path path_;
  std::shared_ptr<NpzFile> file_;
};

}  // namespace

bool is_npy(std::string_view front) {
  return front.starts_with("\x93NUMPY");
}

bool is_npz(std::string_view front) {
  constexpr std::size_t name_length = 26;  // where the local header of a zip archive has it, low byte first
  constexpr std::size_t name = 30;
  if (!front.starts_with("PK\x03\x04") || front.size() < name) return false;
  const auto byte = [&](std::size_t place) {
    return static_cast<std::size_t>(static_cast<unsigned char>(front[place]));
  };
  return front.substr(name, byte(name_length) + 256 * byte(name_length + 1)).ends_with(".npy");
}

std::unique_ptr<Table> open_npy(const fs::path& path, const TableOptions& wishes) {
  auto file = std::make_unique<NpyArray>(path);
  TableOptions of_file = wishes;
  of_file.array.clear();  // there is just one
  of_file.labels.clear();
  ChosenArrays chosen = choose_arrays(*file, of_file);
  std::unique_ptr<NpyArray> labels;
  if (!wishes.labels.empty() && wishes.labels != "none") {
    labels = std::make_unique<NpyArray>(wishes.labels);
    chosen.labels = labels->arrays().front();
  }
  return make_array_table(std::move(file), std::move(chosen), wishes.transpose, std::move(labels));
}

std::unique_ptr<Table> open_npz(const fs::path& path, const TableOptions& wishes) {
  return open_array_table(std::make_unique<NpzArrays>(path), wishes);
}

}  // namespace rbmpi
