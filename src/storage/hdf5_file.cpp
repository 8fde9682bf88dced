#include "rbmpi/storage/hdf5_file.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "storage/file_errors.hpp"
#include "storage/hdf5_arrays.hpp"
#include "storage/hdf5_handle.hpp"
#include "storage/hdf5_links.hpp"
#include "storage/hdf5_types.hpp"
#include "storage/read_account.hpp"
#include "storage/write_driver.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

using hdf5::check;
using hdf5::element_count;
using hdf5::Handle;
using hdf5::open_array;
using hdf5::open_object;

Handle access_list(const fs::path& file) {
  Handle list(check(H5Pcreate(H5P_FILE_ACCESS), "open", file));
  check(H5Pset_file_locking(list.id(), false, true), "open", file);
  return list;
}

// Objects carry no time of creation: the same content gives the same bytes.
Handle creation_list(hid_t kind, const fs::path& file) {
  Handle list(check(H5Pcreate(kind), "write", file));
  check(H5Pset_obj_track_times(list.id(), false), "write", file);
  return list;
}

Handle make_parents_list(const fs::path& file) {
  Handle list(check(H5Pcreate(H5P_LINK_CREATE), "write", file));
  check(H5Pset_create_intermediate_group(list.id(), 1), "write", file);
  return list;
}

// Texts have a fixed length, so that no file of ours has variable-length data, which HDF5 keeps in a heap.
Handle text_type(std::size_t bytes, const fs::path& file) {
  Handle type(check(H5Tcopy(H5T_C_S1), "write", file));
  check(H5Tset_size(type.id(), std::max<std::size_t>(1, bytes)), "write", file);
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "write", file);
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "write", file);
  return type;
}

constexpr std::uint64_t most_numbers = 64;  // in an attribute
constexpr std::uint64_t longest_text = std::uint64_t{1} << 30U;
constexpr std::uint64_t longest_variable_text = std::uint64_t{16} << 20U;

// One text behind `read`, which fills a buffer of the given memory type: HDF5 has two kinds of strings, and the same
// call twice, for arrays and for attributes. Variable-length strings are read as well, because h5py and others write
// texts so unless told otherwise; how long one is, HDF5 says only when it was read.
template <typename Read>
std::string read_string(hid_t file_id, hid_t type, hid_t space, const std::string& name, const fs::path& file,
                        ReadAccount* account, const Read& read) {
  if (H5Tcommitted(type) != 0 || H5Tget_class(type) != H5T_STRING)
    fail_to_read(file, fmt::format("'{}' is not a text", name));
  if (element_count(space, file) != 1) fail_to_read(file, fmt::format("'{}' is not a single text", name));
  if (check(H5Tis_variable_str(type), "read", file) > 0) {
    char* value = nullptr;
    check(read(type, &value), "read", file);
    const std::unique_ptr<char, decltype(&H5free_memory)> owner(value, H5free_memory);
    const std::size_t length = value != nullptr ? ::strnlen(value, longest_variable_text + 1) : 0;
    if (length > longest_variable_text)
      fail_to_read(file, fmt::format("'{}' has more than {}", name, human_bytes(longest_variable_text)));
    if (account != nullptr) account->add(name, length, length);
    return {value, length};
  }
  hsize_t file_length = 0;
  check(H5Fget_filesize(file_id, &file_length), "read", file);
  const std::size_t length = H5Tget_size(type);
  if (length > std::min<std::uint64_t>(longest_text, file_length))
    fail_to_read(file, fmt::format("'{}' claims a text of {}", name, human_bytes(length)));
  if (account != nullptr) account->add(name, length, length);
  std::string text(length, '\0');
  check(read(type, text.data()), "read", file);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

// An open attribute with its type and space, or nothing if the object has no attribute of that name.
struct Attribute {
  Handle id;
  Handle type;
  Handle space;
};

std::optional<Attribute> open_attribute(hid_t file_id, const std::string& name, const std::string& attribute,
                                        const fs::path& file) {
  const Handle object = open_object(file_id, name, "read", file);
  if (check(H5Aexists(object.id(), attribute.c_str()), "read", file) == 0) return std::nullopt;
  Handle id(check(H5Aopen(object.id(), attribute.c_str(), H5P_DEFAULT), "read", file));
  Handle type(check(H5Aget_type(id.id()), "read", file));
  Handle space(check(H5Aget_space(id.id()), "read", file));
  return Attribute{std::move(id), std::move(type), std::move(space)};
}

void write_attribute(hid_t file_id, const std::string& name, const std::string& attribute, hid_t stored,
                     hid_t in_memory, hid_t space, const void* value, const fs::path& file) {
  const Handle object = open_object(file_id, name, "write", file);
  if (check(H5Aexists(object.id(), attribute.c_str()), "write", file) > 0)
    check(H5Adelete(object.id(), attribute.c_str()), "write", file);
  Handle id(check(H5Acreate2(object.id(), attribute.c_str(), stored, space, H5P_DEFAULT, H5P_DEFAULT), "write", file));
  check(H5Awrite(id.id(), in_memory, value), "write", file);
  check(id.close(), "write", file);
}

/// The text in `bytes`, up to the first null byte.
std::string up_to_null(const char* bytes, std::size_t length) {
  return {bytes, ::strnlen(bytes, length)};
}

Handle scalar_space(const fs::path& file) {
  return Handle(check(H5Screate(H5S_SCALAR), "write", file));
}

}  // namespace

Hdf5File::Hdf5File(std::int64_t id, fs::path path, std::unique_ptr<ReadAccount> account,
                   std::unique_ptr<int> problem) noexcept
    : id_(id), path_(std::move(path)), account_(std::move(account)), problem_(std::move(problem)) {}

Hdf5File::~Hdf5File() {
  if (id_ >= 0) H5Fclose(id_);
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      path_(std::exchange(other.path_, {})),
      account_(std::move(other.account_)),
      problem_(std::move(other.problem_)) {}

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  Hdf5File moved(std::move(other));
  std::swap(id_, moved.id_);
  std::swap(path_, moved.path_);
  std::swap(account_, moved.account_);
  std::swap(problem_, moved.problem_);
  return *this;
}

namespace {

/// What a file is that is no HDF5 file, as far as its first bytes tell, and what to do about it.
const char* what_it_is(const fs::path& path) {
  const std::string front = first_bytes(path, 6);
  if (front == "\x93NUMPY") {
    return "it is a NumPy array (.npy), not an HDF5 file; in Python, h5py.File('a.h5', 'w')['samples'] = "
           "numpy.load('a.npy') makes a dataset of it (models are imported from .npz files)";
  }
  if (front.starts_with("PK\x03\x04")) {
    return "it is a zip archive, such as NumPy's .npz files, not an HDF5 file; rbmpi import-model makes a model of "
           "one, "
           "and in Python, h5py.File('a.h5', 'w')['samples'] = numpy.load('a.npz')[NAME] a dataset";
  }
  return "it is not an HDF5 file";
}

}  // namespace

Hdf5File Hdf5File::open(const fs::path& path, Reading reading, const fs::path& named) {
  hdf5::keep_quiet();
  const fs::path& shown = named.empty() ? path : named;
  if (first_bytes(path, 1).empty()) fail_to_read(shown, "it is empty, not an HDF5 file");
  if (check(H5Fis_hdf5(path.c_str()), "read", shown) == 0) fail_to_read(shown, what_it_is(path));
  std::error_code gone;
  const std::uintmax_t length = fs::file_size(path, gone);
  if (gone) fail_to_read(shown, gone.message());
  const Handle access = access_list(shown);
  return {check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "read", shown), shown,
          std::make_unique<ReadAccount>(shown, length, reading), nullptr};
}

template <typename Open>
Hdf5File Hdf5File::for_writing(const fs::path& path, const fs::path& named, const Open& open) {
  hdf5::keep_quiet();
  const fs::path& shown = named.empty() ? path : named;
  const Handle access = access_list(shown);
  auto problem = std::make_unique<int>(0);
  check(use_write_driver(access.id(), problem.get()), "write", shown);
  const hid_t id = open(access.id(), shown);
  if (id < 0 && *problem != 0) fail_to_write(shown, error_text(*problem));
  check(id, "write", shown);
  *problem = 0;  // HDF5 first tries to open what is not there yet
  return {id, shown, nullptr, std::move(problem)};
}

Hdf5File Hdf5File::create(const fs::path& path, const fs::path& named, std::uint64_t user_block) {
  return for_writing(path, named, [&](hid_t access, const fs::path& shown) {
    const Handle creation(check(H5Pcreate(H5P_FILE_CREATE), "write", shown));
    check(H5Pset_userblock(creation.id(), user_block), "write", shown);
    return H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access);
  });
}

Hdf5File Hdf5File::reopen(const fs::path& path, const fs::path& named) {
  return for_writing(path, named,
                     [&](hid_t access, const fs::path&) { return H5Fopen(path.c_str(), H5F_ACC_RDWR, access); });
}

void Hdf5File::check_written() const {
  if (problem_ && *problem_ != 0) fail_to_write(path_, error_text(*problem_));
}

bool Hdf5File::exists(const std::string& name) const {
  return hdf5::find_object(id_, name, path_);
}

bool Hdf5File::is_group(const std::string& name) const {
  return H5Iget_type(open_object(id_, name, "read", path_).id()) == H5I_GROUP;
}

std::vector<std::string> Hdf5File::names(const std::string& group) const {
  constexpr std::size_t most = 100000;
  if (!exists(group)) fail_to_read(path_, fmt::format("there is no '{}'", group));
  if (!is_group(group)) fail_to_read(path_, fmt::format("'{}' is not a group", group));
  const Handle object = open_object(id_, group, "read", path_);
  struct Found {
    std::vector<std::string> names;
    hsize_t bytes_left = 0;  // a name that is there many times may be stored once
  } found;
  check(H5Fget_filesize(id_, &found.bytes_left), "read", path_);
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
    auto& [names, bytes_left] = *static_cast<Found*>(data);
    const std::string_view text(name);
    if (names.size() == most || text.size() > bytes_left) return 1;
    bytes_left -= text.size();
    names.emplace_back(text);
    return 0;
  };
  if (check(H5Literate(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &found), "read", path_) > 0 &&
      found.names.size() < most) {
    fail_to_read(path_, fmt::format("the names in '{}' are longer than the file", group));
  }
  return std::move(found.names);
}

ArrayOutline Hdf5File::outline(const std::string& name) const {
  const Handle array = open_object(id_, name, "read", path_);
  if (H5Iget_type(array.id()) != H5I_DATASET) fail_to_read(path_, fmt::format("'{}' is not an array", name));
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  const Handle space(check(H5Dget_space(array.id()), "read", path_));
  ArrayOutline outline = hdf5::describe_type(type.id());
  outline.name = name;
  const std::vector<hsize_t> dimensions = hdf5::extent(space.id(), path_);
  outline.dimensions.assign(dimensions.begin(), dimensions.end());
  return outline;
}

std::vector<ArrayOutline> Hdf5File::arrays() const {
  constexpr std::size_t most_objects = 10000;
  constexpr int most_groups = 8;  // one within the other; and a group may be within itself
  std::vector<ArrayOutline> found;
  std::size_t objects = 0;
  const std::function<void(const std::string&, int)> list = [&](const std::string& group, int depth) {
    for (const std::string& name : names(group.empty() ? "/" : group)) {
      const std::string path = fmt::format("{}/{}", group, name);
      if (++objects > most_objects) fail_to_read(path_, fmt::format("it has more than {} objects", most_objects));
      H5L_info_t link{};
      check(H5Lget_info(id_, path.c_str(), &link, H5P_DEFAULT), "read", path_);
      if (link.type != H5L_TYPE_HARD) continue;
      const H5I_type_t kind = H5Iget_type(open_object(id_, path, "read", path_).id());
      if (kind == H5I_DATASET) found.push_back(outline(path));
      if (kind == H5I_GROUP && depth < most_groups) list(path, depth + 1);
    }
  };
  list("", 1);
  return found;
}

ArrayInfo Hdf5File::array_info(const std::string& name) const {
  if (!exists(name)) fail_to_read(path_, fmt::format("it has no array '{}'", name));
  const Handle array = open_array(id_, name, path_);
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  const hdf5::Sizes sizes = hdf5::checked_sizes(id_, array.id(), name, path_);
  ArrayInfo info;
  const ArrayOutline outline = hdf5::describe_type(type.id());
  info.type = outline.type;
  info.type_name = outline.type_name;
  info.integers = outline.integers;
  info.numbers = outline.numbers;
  info.truths = outline.truths;
  info.texts = outline.texts;
  info.dimensions.assign(sizes.dimensions.begin(), sizes.dimensions.end());
  info.chunks = hdf5::row_chunks(sizes);
  info.chunk_bytes = sizes.chunk_bytes;
  info.stored_bytes = sizes.stored_bytes;
  if (account_) account_->add(name, sizes.stored_bytes, std::max(sizes.claimed_bytes, sizes.chunk_bytes));
  return info;
}

void Hdf5File::read_rows(const std::string& name, ElementType type, std::uint64_t first, std::uint64_t count,
                         void* values) const {
  rows(name, type).read(first, count, values);
}

struct Hdf5Rows::Open {
  ArrayInfo info;
  hid_t type;
  Handle array;
  fs::path file;
};

Hdf5Rows::Hdf5Rows(std::unique_ptr<Open> open) noexcept : open_(std::move(open)) {}
Hdf5Rows::~Hdf5Rows() = default;
Hdf5Rows::Hdf5Rows(Hdf5Rows&&) noexcept = default;
Hdf5Rows& Hdf5Rows::operator=(Hdf5Rows&&) noexcept = default;

void Hdf5Rows::read(std::uint64_t first, std::uint64_t count, void* values) const {
  hdf5::read_rows(open_->array.id(), open_->type, open_->info, first, count, values, open_->file);
}

Hdf5Rows Hdf5File::rows(const std::string& name, ElementType type) const {
  ArrayInfo info = array_info(name);
  if (!hdf5::same_or_wider(info.type, type))
    fail_to_read(path_, fmt::format("'{}' holds {}, not {}", name, info.type_name, element_name(type)));
  Handle array = hdf5::open_for_rows(id_, name, info, path_);
  return Hdf5Rows(std::make_unique<Hdf5Rows::Open>(
      Hdf5Rows::Open{std::move(info), hdf5::native_type(type), std::move(array), path_}));
}

void Hdf5File::read_integers(const std::string& name, std::uint64_t first, std::uint64_t count,
                             std::int64_t* values) const {
  const ArrayInfo info = array_info(name);
  if (!info.integers) fail_to_read(path_, fmt::format("'{}' holds {}, not integers", name, info.type_name));
  hdf5::read_selected(id_, name, H5T_NATIVE_INT64, info, first, count, values, path_);
}

void Hdf5File::read_numbers(const std::string& name, std::uint64_t first, std::uint64_t count, double* values) const {
  hdf5::read_numbers(id_, name, hdf5::Along::rows, array_info(name), first, count, values, path_);
}

void Hdf5File::read_numbers_across(const std::string& name, std::uint64_t first, std::uint64_t count,
                                   double* values) const {
  hdf5::read_numbers(id_, name, hdf5::Along::last_dimension, array_info(name), first, count, values, path_);
}

std::string Hdf5File::read_text(const std::string& name) const {
  if (!exists(name)) fail_to_read(path_, fmt::format("it has no text '{}'", name));
  const Handle array = open_array(id_, name, path_);
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  const Handle space(check(H5Dget_space(array.id()), "read", path_));
  static_cast<void>(hdf5::checked_sizes(id_, array.id(), name, path_));
  return read_string(id_, type.id(), space.id(), name, path_, account_.get(), [&](hid_t memory_type, void* buffer) {
    return H5Dread(array.id(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
  });
}

std::vector<std::string> Hdf5File::read_texts(const std::string& name, std::uint64_t first, std::uint64_t count) const {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  const ArrayInfo info = array_info(name);
  if (!info.texts || info.dimensions.size() != 1)
    fail_to_read(path_, fmt::format("'{}' holds {}, not a list of texts", name, info.type_name));
  const Handle array = open_array(id_, name, path_);
  const Handle type(check(H5Dget_type(array.id()), "read", path_));
  std::vector<std::string> texts;
  texts.reserve(count);
  // Some at a time: those of variable length are in memory of the library's.
  constexpr std::uint64_t at_once = 4096;
  const bool variable = check(H5Tis_variable_str(type.id()), "read", path_) > 0;
  const std::size_t length = H5Tget_size(type.id());
  if (!variable && length > longest)
    fail_to_read(path_, fmt::format("'{}' has texts of {}, more than 1 MiB", name, human_bytes(length)));
  std::uint64_t total = 0;
  for (std::uint64_t done = 0; done < count; done += at_once) {
    const std::uint64_t some = std::min(at_once, count - done);
    if (variable) {
      std::vector<char*> found(some, nullptr);
      hdf5::read_selected(id_, name, type.id(), info, first + done, some, found.data(), path_);
      // HDF5 takes memory for each of them.
      std::vector<std::unique_ptr<char, decltype(&H5free_memory)>> owners;
      owners.reserve(some);
      for (char* const text : found) owners.emplace_back(text, H5free_memory);
      for (const char* const text : found) texts.push_back(text == nullptr ? "" : up_to_null(text, longest));
    } else {
      std::string found(some * length, '\0');
      hdf5::read_selected(id_, name, type.id(), info, first + done, some, found.data(), path_);
      for (std::uint64_t i = 0; i < some; ++i) texts.push_back(up_to_null(found.data() + i * length, length));
    }
    for (std::uint64_t i = 0; i < some; ++i) total += texts[done + i].size();
    if (total > longest_text) fail_to_read(path_, fmt::format("'{}' has more than 1 GiB of texts", name));
  }
  return texts;
}

void Hdf5File::create_group(const std::string& name) {
  const Handle links = make_parents_list(path_);
  const Handle creation = creation_list(H5P_GROUP_CREATE, path_);
  Handle group(check(H5Gcreate2(id_, name.c_str(), links.id(), creation.id(), H5P_DEFAULT), "write", path_));
  check(group.close(), "write", path_);
  check_written();
}

namespace {

Handle create(hid_t file_id, const std::string& name, hid_t stored, const std::vector<std::uint64_t>& dimensions,
              const ArrayLayout& layout, const fs::path& file) {
  const std::vector<hsize_t> now(dimensions.begin(), dimensions.end());
  std::vector<hsize_t> largest = now;
  if (layout.growing && !largest.empty()) largest.front() = H5S_UNLIMITED;
  const Handle space(check(H5Screate_simple(static_cast<int>(now.size()), now.data(), largest.data()), "write", file));

  const Handle links = make_parents_list(file);
  const Handle creation = creation_list(H5P_DATASET_CREATE, file);
  if (layout.chunk_rows > 0) {
    std::vector<hsize_t> chunk = now;
    chunk.front() = layout.chunk_rows;
    check(H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()), "write", file);
    if (layout.deflate > 0) check(H5Pset_deflate(creation.id(), static_cast<unsigned>(layout.deflate)), "write", file);
  }
  return Handle(check(H5Dcreate2(file_id, name.c_str(), stored, space.id(), links.id(), creation.id(), H5P_DEFAULT),
                      "write", file));
}

/// Extends a growing array by `count` rows. The first of the new ones.
std::uint64_t extend(hid_t file_id, const std::string& name, std::uint64_t count, const fs::path& file) {
  Handle array(check(H5Dopen2(file_id, name.c_str(), H5P_DEFAULT), "write", file));
  const Handle space(check(H5Dget_space(array.id()), "write", file));
  std::vector<hsize_t> dimensions = hdf5::extent(space.id(), file);
  const std::uint64_t rows = dimensions.at(0);
  dimensions.front() += count;
  check(H5Dset_extent(array.id(), dimensions.data()), "write", file);
  check(array.close(), "write", file);
  return rows;
}

void write_selected(hid_t file_id, const std::string& name, hid_t in_memory, std::uint64_t first, std::uint64_t count,
                    const void* values, const fs::path& file) {
  if (count == 0) return;
  Handle array(check(H5Dopen2(file_id, name.c_str(), H5P_DEFAULT), "write", file));
  const hdf5::RowSelection rows = hdf5::select_rows(array.id(), first, count, "write", file);
  check(H5Dwrite(array.id(), in_memory, rows.in_memory.id(), rows.in_file.id(), H5P_DEFAULT, values), "write", file);
  check(array.close(), "write", file);
}

}  // namespace

void Hdf5File::create_array(const std::string& name, ElementType type, const std::vector<std::uint64_t>& dimensions,
                            const ArrayLayout& layout) {
  Handle array = rbmpi::create(id_, name, hdf5::stored_type(type), dimensions, layout, path_);
  check(array.close(), "write", path_);
  check_written();
}

void Hdf5File::create_texts(const std::string& name, std::size_t bytes, std::uint64_t chunk_rows) {
  const Handle type = text_type(bytes, path_);
  Handle array = rbmpi::create(id_, name, type.id(), {0}, {.chunk_rows = chunk_rows, .growing = true}, path_);
  check(array.close(), "write", path_);
  check_written();
}

void Hdf5File::append_texts(const std::string& name, std::span<const std::string> texts) {
  if (texts.empty()) return;
  const std::uint64_t first = extend(id_, name, texts.size(), path_);
  const Handle array(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), "write", path_));
  const Handle type(check(H5Dget_type(array.id()), "write", path_));
  const std::size_t bytes = H5Tget_size(type.id());
  std::string values(texts.size() * bytes, '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() > bytes) {
      fail_to_write(path_, fmt::format("a text of '{}' has {} bytes, more than the {} of the array", name,
                                       texts[i].size(), bytes));
    }
    std::ranges::copy(texts[i], values.begin() + static_cast<std::ptrdiff_t>(i * bytes));
  }
  write_selected(id_, name, type.id(), first, texts.size(), values.data(), path_);
  check_written();
}

void Hdf5File::write_texts(const std::string& name, std::span<const std::string> texts) {
  std::size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  create_texts(name, longest, texts.size());
  append_texts(name, texts);
}

void Hdf5File::write_rows(const std::string& name, ElementType type, std::uint64_t first, std::uint64_t count,
                          const void* values) {
  write_selected(id_, name, hdf5::native_type(type), first, count, values, path_);
  check_written();
}

void Hdf5File::append_rows(const std::string& name, ElementType type, std::uint64_t count, const void* values) {
  write_rows(name, type, extend(id_, name, count, path_), count, values);
}

void Hdf5File::write_text(const std::string& name, const std::string& text) {
  const Handle type = text_type(text.size(), path_);
  const Handle space = scalar_space(path_);
  const Handle links = make_parents_list(path_);
  const Handle creation = creation_list(H5P_DATASET_CREATE, path_);
  Handle array(check(H5Dcreate2(id_, name.c_str(), type.id(), space.id(), links.id(), creation.id(), H5P_DEFAULT),
                     "write", path_));
  check(H5Dwrite(array.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.c_str()), "write", path_);
  check(array.close(), "write", path_);
  check_written();
}

std::optional<std::string> Hdf5File::text_attribute(const std::string& name, const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  return read_string(id_, found->type.id(), found->space.id(), fmt::format("{}@{}", name, attribute), path_,
                     account_.get(),
                     [&](hid_t memory_type, void* buffer) { return H5Aread(found->id.id(), memory_type, buffer); });
}

std::optional<double> Hdf5File::real_attribute(const std::string& name, const std::string& attribute) const {
  const std::optional<std::vector<double>> values = reals_attribute(name, attribute);
  if (!values) return std::nullopt;
  if (values->size() != 1)
    fail_to_read(path_, fmt::format("the attribute '{}' of '{}' is not a number", attribute, name));
  return values->front();
}

std::optional<std::vector<double>> Hdf5File::reals_attribute(const std::string& name,
                                                             const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  const std::optional<std::uint64_t> count = element_count(found->space.id(), path_);
  if (!hdf5::is_standard_number(found->type.id()) || !count || *count > most_numbers)
    fail_to_read(path_, fmt::format("the attribute '{}' of '{}' is not a number, nor a list of at most {}", attribute,
                                    name, most_numbers));
  std::vector<double> values(*count);
  if (*count > 0) check(H5Aread(found->id.id(), H5T_NATIVE_DOUBLE, values.data()), "read", path_);
  return values;
}

std::optional<std::vector<std::int64_t>> Hdf5File::integers_attribute(const std::string& name,
                                                                      const std::string& attribute) const {
  const std::optional<Attribute> found = open_attribute(id_, name, attribute, path_);
  if (!found) return std::nullopt;
  if (H5Tcommitted(found->type.id()) != 0 || !hdf5::is_standard_integer(found->type.id()))
    fail_to_read(path_, fmt::format("the attribute '{}' of '{}' does not hold integers", attribute, name));
  const std::optional<std::uint64_t> count = element_count(found->space.id(), path_);
  if (!count || *count > most_numbers)
    fail_to_read(path_,
                 fmt::format("the attribute '{}' of '{}' has more than {} integers", attribute, name, most_numbers));
  std::vector<std::int64_t> values(*count);
  if (*count > 0) check(H5Aread(found->id.id(), H5T_NATIVE_INT64, values.data()), "read", path_);
  return values;
}

void Hdf5File::set_text_attribute(const std::string& name, const std::string& attribute, const std::string& text) {
  constexpr std::size_t longest = 60000;  // HDF5 keeps an attribute in a header of at most 64 KiB
  if (text.size() > longest) {
    fail_to_write(path_, fmt::format("the attribute '{}' of '{}' would have {} bytes; at most {} would be right",
                                     attribute, name, text.size(), longest));
  }
  const Handle type = text_type(text.size(), path_);
  const Handle space = scalar_space(path_);
  write_attribute(id_, name, attribute, type.id(), type.id(), space.id(), text.c_str(), path_);
}

void Hdf5File::set_real_attribute(const std::string& name, const std::string& attribute, double value) {
  const Handle space = scalar_space(path_);
  write_attribute(id_, name, attribute, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space.id(), &value, path_);
}

void Hdf5File::set_integers_attribute(const std::string& name, const std::string& attribute,
                                      const std::vector<std::int64_t>& values) {
  const hsize_t count = values.size();
  const Handle space =
      count == 1 ? scalar_space(path_) : Handle(check(H5Screate_simple(1, &count, nullptr), "write", path_));
  write_attribute(id_, name, attribute, H5T_STD_I64LE, H5T_NATIVE_INT64, space.id(), values.data(), path_);
}

void Hdf5File::close() {
  check(H5Fclose(std::exchange(id_, -1)), problem_ ? "write" : "read", path_);
  check_written();
}

std::string Hdf5File::library_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

void refuse(const Hdf5File& file, const std::string& what) {
  throw Error(Failure::file, fmt::format("'{}' {}", file.path().string(), what));
}

}  // namespace rbmpi
