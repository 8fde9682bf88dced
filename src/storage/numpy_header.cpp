#include "rbmpi/storage/numpy_header.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rbmpi {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(what);
}

/// Reads the little of Python's notation that there is in a header.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void want(char wanted) {
    if (!take(wanted)) refuse(fmt::format("its header is no dictionary: '{}' is missing", wanted));
  }
  [[nodiscard]] std::string_view text() {
    skip_blanks();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    const std::size_t end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      refuse("its header has no text in quotes where one belongs; of the types, plain numbers are read");
    const std::string_view found = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return found;
  }
  [[nodiscard]] bool truth() {
    skip_blanks();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    refuse("its header has neither True nor False for 'fortran_order'");
  }
  [[nodiscard]] std::uint64_t number() {
    skip_blanks();
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (problem != std::errc()) refuse("its header has a shape that is no tuple of whole numbers of 64 bits");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  /// Whether a list, as the type of records is, was taken.
  [[nodiscard]] bool take_list() {
    skip_blanks();
    if (!rest_.starts_with('[')) return false;
    int depth = 0;
    char quote = '\0';
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char letter = rest_[i];
      if (quote != '\0') {
        if (letter == quote) quote = '\0';
      } else if (letter == '\'' || letter == '"') {
        quote = letter;
      } else if (letter == '[') {
        ++depth;
      } else if (letter == ']' && --depth == 0) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    refuse("its header has a list without an end");
  }
  [[nodiscard]] bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

 private:
  void skip_blanks() {
    const std::size_t first = rest_.find_first_not_of(" \n\t");
    rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
  }
  std::string_view rest_;
};

std::vector<std::uint64_t> parse_shape(Scanner& scanner) {
  constexpr std::size_t most_dimensions = 32;  // NumPy's own limit
  std::vector<std::uint64_t> shape;
  scanner.want('(');
  while (!scanner.take(')')) {
    shape.push_back(scanner.number());
    if (shape.size() > most_dimensions) refuse("its header has a shape of more than 32 dimensions");
    if (scanner.take(',')) continue;
    scanner.want(')');
    break;
  }
  return shape;
}

struct TypeName {
  std::string_view text;  ///< behind the order of the bytes
  NumpyType type;
  std::size_t bytes;
  const char* name;
};
constexpr TypeName type_names[] = {
    {"b1", NumpyType::boolean, 1, "bool"},    {"f2", NumpyType::float16, 2, "float16"},
    {"f4", NumpyType::float32, 4, "float32"}, {"f8", NumpyType::float64, 8, "float64"},
    {"i1", NumpyType::int8, 1, "int8"},       {"i2", NumpyType::int16, 2, "int16"},
    {"i4", NumpyType::int32, 4, "int32"},     {"i8", NumpyType::int64, 8, "int64"},
    {"u1", NumpyType::uint8, 1, "uint8"},     {"u2", NumpyType::uint16, 2, "uint16"},
    {"u4", NumpyType::uint32, 4, "uint32"},   {"u8", NumpyType::uint64, 8, "uint64"},
};

/// What is no number, in words.
std::string name_of_other(std::string_view type) {
  const char kind = type.size() > 1 ? type[1] : '\0';
  if (kind == 'O') return "Python objects";
  if (kind == 'c') return "complex numbers";
  if (kind == 'M' || kind == 'm') return "times";
  if (kind == 'V') return "records";
  return fmt::format("'{}'", type);
}

/// Texts, of bytes or of Unicode, all of one length.
void take_texts(std::string_view type, NumpyHeader& header) {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  const std::string_view digits = type.substr(2);
  std::size_t length = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (problem != std::errc() || end != digits.data() + digits.size() || length > longest) {
    refuse(fmt::format("it holds '{}', which no .npy file of ours has; texts of at most 1 MiB would be right", type));
  }
  header.texts = type[1];
  header.element_bytes = type[1] == 'U' ? 4 * length : length;
  header.type_name = "texts";
}

void take_type(std::string_view type, NumpyHeader& header) {
  const char order = type.empty() ? '\0' : type.front();
  header.big_endian = order == '>';
  for (const TypeName& name : type_names) {
    // A single byte has no order.
    const bool known = order == '<' || order == '>' || (order == '|' && name.bytes == 1);
    if (!known || type.substr(1) != name.text) continue;
    header.type = name.type;
    header.type_name = name.name;
    header.element_bytes = name.bytes;
    return;
  }
  header.numbers = false;
  header.element_bytes = 0;
  header.type_name = name_of_other(type);
  const bool known = order == '<' || order == '>' || order == '|';
  if (known && type.size() > 2 && (type[1] == 'U' || type[1] == 'S')) take_texts(type, header);
}

}  // namespace

std::string numpy_header(const std::vector<std::uint64_t>& shape) {
  constexpr std::size_t prefix = 10;
  constexpr std::size_t alignment = 64;
  std::string text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                                 fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  text.append(alignment - (prefix + text.size() + 1) % alignment, ' ');
  text += '\n';
  std::string header = "\x93NUMPY\x01";
  header += '\0';
  header += static_cast<char>(text.size() & 0xFFU);
  header += static_cast<char>(text.size() >> 8U);
  return header + text;
}

NumpyHeader parse_numpy_header(std::string_view text) {
  NumpyHeader header;
  std::set<std::string_view> seen;
  Scanner scanner(text);
  scanner.want('{');
  while (!scanner.take('}')) {
    const std::string_view key = scanner.text();
    if (!seen.insert(key).second) refuse(fmt::format("its header has '{}' twice", key));
    scanner.want(':');
    if (key == "descr") {
      if (scanner.take_list()) {
        header.numbers = false;
        header.element_bytes = 0;
        header.type_name = "records";
      } else {
        take_type(scanner.text(), header);
      }
    } else if (key == "fortran_order") {
      header.column_major = scanner.truth();
    } else if (key == "shape") {
      header.shape = parse_shape(scanner);
    } else {
      refuse(fmt::format("its header has a key '{}' that no .npy file has", key));
    }
    if (scanner.take(',')) continue;
    scanner.want('}');
    break;
  }
  if (seen.size() != 3) refuse("its header lacks one of 'descr', 'fortran_order' and 'shape'");
  if (!scanner.at_end()) refuse("its header goes on behind its dictionary");
  return header;
}

NumpyHeader read_numpy_header(const std::function<void(std::span<std::byte>)>& read) {
  constexpr std::size_t longest = std::size_t{1} << 16U;
  std::array<unsigned char, 8> magic{};
  read(std::as_writable_bytes(std::span(magic)));
  if (std::memcmp(magic.data(), "\x93NUMPY", 6) != 0) refuse("it does not begin as an .npy file does");
  const unsigned version = magic[6];
  if (version < 1 || version > 3) refuse(fmt::format("it is of version {} of .npy; 1 to 3 are known", version));
  std::array<unsigned char, 4> bytes{};
  read(std::as_writable_bytes(std::span(bytes)).first(version == 1 ? 2 : 4));
  const std::size_t length =
      bytes[0] | std::size_t{bytes[1]} << 8U | std::size_t{bytes[2]} << 16U | std::size_t{bytes[3]} << 24U;
  if (length > longest) refuse(fmt::format("it claims a header of {} bytes", length));
  std::string text(length, '\0');
  read(std::as_writable_bytes(std::span(text)));
  return parse_numpy_header(text);
}

std::uint64_t checked_elements(const NumpyHeader& header, std::uint64_t bytes) {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : header.shape) {
    if (extent == 0) refuse("it is empty");
    if (__builtin_mul_overflow(count, extent, &count)) count = std::numeric_limits<std::uint64_t>::max();
  }
  std::uint64_t wanted = 0;
  if (__builtin_mul_overflow(count, std::uint64_t{header.element_bytes}, &wanted) || wanted != bytes) {
    refuse(fmt::format("its shape [{}] of {} does not fit its {} bytes", fmt::join(header.shape, " x "),
                       header.type_name, bytes));
  }
  return count;
}

std::string no_numbers(const NumpyHeader& header) {
  return fmt::format(
      "it holds {}; floats of 16, 32 or 64 bits or integers would be right (in NumPy, "
      "array.astype('float32') makes such)",
      header.type_name);
}

}  // namespace rbmpi
