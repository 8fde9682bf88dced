#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "import/array_table.hpp"
#include "import/encoding.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/unpacked_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// Numbers of one array.
class Hdf5Numbers : public NumberReader {
 public:
  Hdf5Numbers(const Hdf5File& file, std::string name)
      : file_(file), name_(std::move(name)), chunks_(file.array_info(name_).chunks) {}

  void read(std::uint64_t first, std::uint64_t count, double* values) override {
    file_.read_numbers(name_, first, count, values);
  }
  void read_across(std::uint64_t first, std::uint64_t count, double* values) override {
    file_.read_numbers_across(name_, first, count, values);
  }
  [[nodiscard]] std::uint64_t unit(bool across) const override { return across ? chunks_.last_extent : chunks_.rows; }

 private:
  const Hdf5File& file_;
  std::string name_;
  RowChunks chunks_;
};

/// The group in which an array lies, "/" being one.
std::string folder_of(const std::string& name) {
  return name.substr(0, std::max<std::size_t>(1, name.rfind('/')));
}

std::string in_folder(const std::string& folder, const std::string& name) {
  return folder == "/" ? folder + name : fmt::format("{}/{}", folder, name);
}

/// The group `name` is a sparse matrix, or a column of categories, of which the arrays below are parts.
class Hdf5Arrays : public ArrayFile {
 public:
  explicit Hdf5Arrays(const fs::path& path) : unpacked_(path), file_(open(unpacked_)) {
    std::map<std::string, std::set<std::string>> groups;
    for (const ArrayOutline& outline : file_.arrays()) {
      // What MATLAB keeps for itself.
      if (outline.name.starts_with("/#")) continue;
      arrays_.push_back(stored(outline));
      groups[folder_of(outline.name)].insert(outline.name.substr(outline.name.rfind('/') + 1));
    }
    std::vector<StoredArray> found;
    for (const auto& group : groups) {
      const auto has = [&](const char* name) { return group.second.contains(name); };
      std::optional<StoredArray> whole;
      if (has("data") && has("indices") && has("indptr")) whole = sparse(group.first);
      if (has("data") && has("ir") && has("jc")) whole = sparse_of_matlab(group.first);
      if (has("codes") && has("categories")) whole = categories(group.first);
      if (!whole) continue;
      std::erase_if(arrays_, [&](const StoredArray& array) { return is_part(array.name, group.first); });
      found.push_back(std::move(*whole));
    }
    std::ranges::move(found, std::back_inserter(arrays_));
  }

  /// Of a file that has no other table.
  void refuse_incomplete() const {
    const bool others = std::ranges::any_of(arrays_, [](const StoredArray& array) {
      return !array.sparse_of.empty() || (array.shape.size() > 1 && std::ranges::min(array.shape) > 1);
    });
    if (!incomplete_.empty() && !others) refuse_import(path(), incomplete_);
  }

  /// What Keras writes of a network is as good as never meant as data.
  void refuse_weights_of_keras() const {
    const bool of_keras =
        file_.text_attribute("/", "keras_version") || file_.exists("/model_weights") ||
        std::ranges::any_of(arrays_, [](const StoredArray& array) {
          return array.name.ends_with("/vars/0") &&
                 (array.name.starts_with("/layers/") || array.name.starts_with("/_layer_checkpoint_dependencies/"));
        });
    if (!of_keras) return;
    refuse_import(path(),
                  "it has the weights of a network of Keras, not data; --array NAME takes one of its arrays as data "
                  "all the same");
  }

  [[nodiscard]] const fs::path& path() const override { return file_.path(); }
  [[nodiscard]] std::string kind() const override { return matlab_ ? "a MATLAB file (version 7.3)" : "an HDF5 file"; }
  [[nodiscard]] const std::vector<StoredArray>& arrays() const override { return arrays_; }
  [[nodiscard]] std::unique_ptr<NumberReader> numbers(const StoredArray& array) const override {
    return std::make_unique<Hdf5Numbers>(file_, is_categories(array) ? in_folder(array.name, "codes") : array.name);
  }
  [[nodiscard]] std::vector<std::string> texts(const StoredArray& array, std::uint64_t first,
                                               std::uint64_t count) const override {
    return texts_in_utf8(array.name, first, count);
  }

  [[nodiscard]] SamplesDescription describe(const StoredArray& samples) const override {
    SamplesDescription said;
    refuse_packed(samples);
    if (samples.sparse_of.empty()) {
      said.missing = fill_values(file_, samples.name);
      said.valid = valid_range(file_, samples.name);
    }
    if (samples.name == "/samples") describe_dataset(samples, said);
    if (cells_.contains(samples.name)) {
      for (const char* const names : {"features/name", "gene_names", "genes"}) {
        said.column_names = list_of_texts(in_folder(samples.name, names), samples.shape.back());
        if (!said.column_names.empty()) break;
      }
      said.row_names = stored_texts(in_folder(samples.name, "barcodes"));
    } else if (samples.name == "/") {
      said.column_names = list_of_texts("/column_names", samples.shape.back());
      said.row_names = stored_texts("/row_names");
    }
    // AnnData keeps the names of columns in the group `var` and of rows in `obs`, and says there in which array of it.
    const bool raw = samples.name == "/raw/X";
    if (samples.name == "/X" || samples.name.starts_with("/layers/") || raw) {
      said.column_names = list_of_texts(index_of(raw ? "/raw/var" : "/var"), samples.shape.back());
      said.row_names = stored_texts(index_of("/obs"));
    }
    return said;
  }

  [[nodiscard]] std::vector<std::string> class_names(const StoredArray& labels) const override {
    return is_categories(labels) ? list_of_texts(in_folder(labels.name, "categories"), 0) : std::vector<std::string>();
  }

  [[nodiscard]] std::vector<std::string> notes(const StoredArray& samples) const override {
    if (cells_.contains(samples.name)) return {"A row is a cell, with a column for each gene (10x Genomics)."};
    if (squares_.contains(samples.name))
      return {
          "The matrix is square, and nothing says whether it is stored by rows or by columns; rows were taken. "
          "--transpose if it is by columns."};
    const bool turned = matlab_ || samples.type.ends_with("(R)");
    if (!turned || !samples.sparse_of.empty() || samples.shape.size() != 2) return {};
    return {fmt::format("The matrix is read as {} shows it, {} x {}.", matlab_ ? "MATLAB" : "R",
                        samples.column_major ? samples.shape.front() : samples.shape.back(),
                        samples.column_major ? samples.shape.back() : samples.shape.front())};
  }

 private:
  void refuse_packed(const StoredArray& samples) const {
    if (!samples.sparse_of.empty()) return;
    const std::string packing = packing_text(file_, samples.name);
    if (packing.empty()) return;
    refuse_import(path(),
                  fmt::format("{} is packed (NetCDF): its values are {}; an array of the values themselves would "
                              "be right",
                              in_words(samples), packing));
  }

  static Hdf5File open(const UnpackedFile& unpacked) {
    std::optional<Hdf5File> file;
    unpacked.by_name([&](const fs::path& path) { file = Hdf5File::open(path, Reading::in_pieces, unpacked.name()); });
    return std::move(*file);
  }
  /// Whether an array belongs to the matrix or the categories that a group is. Beside those that are in no group there
  /// may be others, such as labels.
  static bool is_part(const std::string& array, const std::string& group) {
    static const std::set<std::string> parts = {"/data",     "/indices", "/indptr",     "/shape",
                                                "/format",   "/ir",      "/jc",         "/codes",
                                                "/barcodes", "/genes",   "/gene_names", "/categories"};
    return folder_of(array) == group && (group != "/" || parts.contains(array));
  }
  static bool is_categories(const StoredArray& array) { return array.type == "categories"; }

  StoredArray stored(const ArrayOutline& outline) {
    StoredArray array{.name = outline.name,
                      .shape = outline.dimensions,
                      .type = outline.texts ? "texts" : outline.type_name,
                      .element = outline.type,
                      .numbers = outline.numbers,
                      .truths = outline.truths,
                      .texts = outline.texts};
    const std::string program = turned_by(file_, outline.name);
    if (program.empty() || (program == "R" && outline.dimensions.size() < 2)) return array;
    matlab_ = matlab_ || program == "MATLAB";
    const std::string kind = class_of_matlab(outline.name).value_or(array.type);
    array.type = fmt::format("{} ({})", kind, program);
    array.column_major = true;
    std::ranges::reverse(array.shape);
    // Characters are stored as numbers, and an empty array as its shape.
    if (kind == "char" || kind == "cell" || file_.integers_attribute(outline.name, "MATLAB_empty")) {
      array.numbers = false;
    }
    if (kind == "logical") array.truths = array.numbers;
    // MATLAB's first index runs fastest, in a picture as well: [height x width x N].
    if (array.shape.size() > 2) {
      array.numbers = false;
      array.type += matrix_of_pictures;
    }
    return array;
  }

  [[nodiscard]] std::optional<std::string> class_of_matlab(const std::string& name) const {
    return file_.text_attribute(name, "MATLAB_class");
  }

  /// What a sparse matrix says of how it is stored, "csr" or "csc" in front; empty if it says nothing.
  [[nodiscard]] std::string format_of(const std::string& group) const {
    for (const char* const attribute : {"encoding-type", "h5sparse_format", "format"}) {
      const std::optional<std::string> format = file_.text_attribute(group, attribute);
      if (format) return *format;
    }
    const std::string name = in_folder(group, "format");
    if (!file_.exists(name) || file_.is_group(name)) return {};
    const ArrayOutline outline = file_.outline(name);
    return outline.texts && outline.dimensions.empty() ? file_.read_text(name) : std::string();
  }

  /// CSR or CSC as AnnData, h5sparse and 10x Genomics write it, or as SciPy's .npz names it.
  [[nodiscard]] std::optional<StoredArray> sparse(const std::string& group) {
    std::optional<StoredArray> matrix = made_of(group, {"data", "indices", "indptr"});
    if (!matrix) return std::nullopt;
    std::optional<std::vector<std::int64_t>> shape = file_.integers_attribute(group, "shape");
    if (!shape) shape = file_.integers_attribute(group, "h5sparse_shape");
    const std::string shape_array = in_folder(group, "shape");
    if (!shape && file_.exists(shape_array)) {
      const ArrayOutline outline = file_.outline(shape_array);
      if (outline.integers && outline.dimensions == std::vector<std::uint64_t>{2}) {
        shape.emplace(2);
        file_.read_integers(shape_array, 0, 2, shape->data());
      }
    }
    if (!shape || shape->size() != 2 || std::ranges::min(*shape) < 0) {
      incomplete_ = fmt::format(
          "'data', 'indices' and 'indptr' of the group '{}' are of a sparse matrix that does not say its shape; an "
          "attribute or array 'shape' of the group, [rows, columns], would be right",
          group);
      return std::nullopt;
    }
    matrix->shape = {static_cast<std::uint64_t>(shape->front()), static_cast<std::uint64_t>(shape->back())};
    const std::string format = format_of(group);
    const std::uint64_t lines = matrix->sparse_of[2].count - 1;
    // 10x Genomics: genes x cells, by columns, with a barcode for each cell, which is what a row is to others.
    if (is_list_of_texts(in_folder(group, "barcodes"), lines) && lines == matrix->shape.back()) {
      std::ranges::reverse(matrix->shape);
      cells_.insert(group);
      return fitting(std::move(*matrix));
    }
    if (format.empty() && matrix->shape.front() == matrix->shape.back()) squares_.insert(group);
    matrix->by_columns = format.starts_with("csc") || (!format.starts_with("csr") && lines != matrix->shape.front());
    return fitting(std::move(*matrix));
  }

  [[nodiscard]] std::optional<StoredArray> sparse_of_matlab(const std::string& group) {
    const auto rows = file_.integers_attribute(group, "MATLAB_sparse");
    std::optional<StoredArray> matrix = made_of(group, {"data", "ir", "jc"});
    if (!rows || rows->size() != 1 || rows->front() < 0 || !matrix) return std::nullopt;
    matrix->shape = {static_cast<std::uint64_t>(rows->front()), matrix->sparse_of[2].count - 1};
    matrix->by_columns = true;
    matrix->truths = class_of_matlab(group) == "logical";
    matlab_ = true;
    return fitting(std::move(*matrix));
  }

  /// A column of AnnData: the places of its values in a list of texts.
  [[nodiscard]] std::optional<StoredArray> categories(const std::string& group) const {
    const ArrayOutline codes = file_.outline(in_folder(group, "codes"));
    const ArrayOutline names = file_.outline(in_folder(group, "categories"));
    if (!codes.integers || codes.dimensions.size() != 1 || !names.texts || names.dimensions.size() != 1) {
      return std::nullopt;
    }
    return StoredArray{.name = group, .shape = codes.dimensions, .type = "categories", .numbers = true};
  }

  /// Of lists of numbers, the first of which has the values; nothing, if they are something else.
  [[nodiscard]] std::optional<StoredArray> made_of(const std::string& group,
                                                   const std::vector<const char*>& parts) const {
    StoredArray matrix{.name = group};
    for (const char* const part : parts) {
      const ArrayOutline outline = file_.outline(in_folder(group, part));
      if (!outline.numbers || outline.dimensions.size() != 1 || outline.dimensions.front() == 0) return std::nullopt;
      if (matrix.sparse_of.empty()) {
        matrix.type = "sparse " + outline.type_name;
        matrix.element = outline.type;
        matrix.truths = outline.truths;
      }
      matrix.sparse_of.push_back({outline.name, outline.dimensions.front()});
    }
    return matrix;
  }

  /// Nothing, if the sizes of the parts do not fit.
  [[nodiscard]] std::optional<StoredArray> fitting(StoredArray matrix) {
    const std::vector<StoredPart>& parts = matrix.sparse_of;
    const std::uint64_t lines = matrix.by_columns ? matrix.shape.back() : matrix.shape.front();
    if (parts[0].count == parts[1].count && parts[2].count - 1 == lines) return matrix;
    incomplete_ = fmt::format(
        "the group '{}' has a sparse matrix [{}] with {} values, {} places of them and {} ends of lines; as many "
        "values "
        "as places, and one end more than {}, would be right",
        matrix.name, fmt::join(matrix.shape, " x "), parts[0].count, parts[1].count, parts[2].count,
        plural(lines, matrix.by_columns ? "column" : "row"));
    return std::nullopt;
  }

  /// What a dataset of rbmpi (docs/formats.md) says.
  void describe_dataset(const StoredArray& samples, SamplesDescription& said) const {
    said.scale = file_.real_attribute(samples.name, "scale");
    const auto picture = file_.integers_attribute(samples.name, samples.sparse_of.empty() ? "shape" : "picture");
    if (picture && picture->size() == 2 && std::ranges::min(*picture) > 0 && samples.shape.size() == 2 &&
        std::ranges::max(*picture) <= static_cast<std::int64_t>(samples.shape.back()) &&
        static_cast<std::uint64_t>(picture->front()) * static_cast<std::uint64_t>(picture->back()) ==
            samples.shape.back()) {
      said.picture.assign(picture->begin(), picture->end());
    }
    said.column_names = list_of_texts("/column_names", samples.shape.back());
    said.class_names = list_of_texts("/class_names", 0);
    said.row_names = stored_texts("/row_names");
  }

  [[nodiscard]] std::vector<std::string> texts_in_utf8(const std::string& name, std::uint64_t first,
                                                       std::uint64_t count) const {
    std::vector<std::string> texts = file_.read_texts(name, first, count);
    std::ranges::transform(texts, texts.begin(), name_in_utf8);
    return texts;
  }

  /// `wanted` texts, of any number if that is 0; none, if there is no such array.
  [[nodiscard]] std::vector<std::string> list_of_texts(const std::string& name, std::uint64_t wanted) const {
    constexpr std::uint64_t most = 1U << 24U;
    const std::optional<StoredArray> list = stored_texts(name);
    if (!list) return {};
    const std::uint64_t count = list->shape.front();
    if (count > most || (wanted != 0 && count != wanted)) return {};
    return texts_in_utf8(name, 0, count);
  }

  /// The array with the names of a table of AnnData; one that is not there if there is no such table.
  [[nodiscard]] std::string index_of(const std::string& table) const {
    const bool is_table = file_.exists(table) && file_.is_group(table);
    return table + "/" + (is_table ? file_.text_attribute(table, "_index").value_or("_index") : "_index");
  }

  /// A list of texts of that name, if there is one.
  [[nodiscard]] std::optional<StoredArray> stored_texts(const std::string& name) const {
    if (!file_.exists(name) || file_.is_group(name)) return std::nullopt;
    const ArrayOutline outline = file_.outline(name);
    if (!outline.texts || outline.dimensions.size() != 1) return std::nullopt;
    return StoredArray{.name = name, .shape = outline.dimensions, .type = "texts", .texts = true};
  }

  [[nodiscard]] bool is_list_of_texts(const std::string& name, std::uint64_t wanted) const {
    const std::optional<StoredArray> list = stored_texts(name);
    return list && list->shape.front() == wanted;
  }

  UnpackedFile unpacked_;
  Hdf5File file_;
  std::vector<StoredArray> arrays_;
  std::set<std::string> cells_;    // sparse matrices of cells
  std::set<std::string> squares_;  // sparse matrices that may be stored by columns
  std::string incomplete_;         // why a sparse matrix that is there cannot be read, or nothing
  bool matlab_ = false;
};

}  // namespace

bool is_hdf5(std::string_view front) {
  using namespace std::string_view_literals;
  constexpr std::string_view mark = "\x89HDF\r\n\x1a\n"sv;
  if (front.starts_with(mark)) return true;
  for (std::size_t place = 512; place < front.size(); place *= 2) {
    if (front.substr(place).starts_with(mark)) return true;
  }
  return false;
}

std::unique_ptr<Table> open_hdf5(const fs::path& path, const TableOptions& wishes) {
  auto file = std::make_unique<Hdf5Arrays>(path);
  if (wishes.array.empty()) file->refuse_weights_of_keras();
  file->refuse_incomplete();
  return open_array_table(std::move(file), wishes);
}

}  // namespace rbmpi
