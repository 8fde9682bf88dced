#include "storage/numpy_header.hpp"

#include <charconv>
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
};
constexpr TypeName type_names[] = {
    {"f2", NumpyType::float16, 2}, {"f4", NumpyType::float32, 4}, {"f8", NumpyType::float64, 8},
    {"i1", NumpyType::int8, 1},    {"i2", NumpyType::int16, 2},   {"i4", NumpyType::int32, 4},
    {"i8", NumpyType::int64, 8},   {"u1", NumpyType::uint8, 1},   {"u2", NumpyType::uint16, 2},
    {"u4", NumpyType::uint32, 4},  {"u8", NumpyType::uint64, 8},
};

void take_type(std::string_view type, NumpyHeader& header) {
  for (const TypeName& name : type_names) {
    const char order = type.empty() ? '\0' : type.front();
    // A single byte has no order.
    const bool known = order == '<' || order == '>' || (order == '|' && name.bytes == 1);
    if (!known || type.substr(1) != name.text) continue;
    header.type = name.type;
    header.element_bytes = name.bytes;
    header.big_endian = order == '>';
    return;
  }
  refuse(
      fmt::format("it holds '{}'; floats of 16, 32 or 64 bits or integers would be right (in NumPy, "
                  "array.astype('float32') makes such)",
                  type));
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
      take_type(scanner.text(), header);
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

}  // namespace rbmpi
