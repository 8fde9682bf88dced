#include "import/other_files.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "import/encoding.hpp"
#include "import/field_value.hpp"
#include "import/text_fields.hpp"

namespace rbmpi {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view white_space = " \t\r\n";

/// A kind of file that is known by its first bytes.
struct Mark {
  std::string_view bytes;
  const char* what;
};

constexpr const char* stata =
    "it is a file of Stata's (.dta); export it as CSV there, or pandas.read_stata(...).to_csv(..., index=False) makes "
    "it";
constexpr const char* sas =
    "it is a file of SAS's; export it as CSV there, or pandas.read_sas(...).to_csv(..., index=False) makes it";

constexpr std::array marks = {
    Mark{"%PDF-", "it is a PDF, a page to read; a table as text (CSV) would be right"},
    Mark{"\x89PNG\r\n\x1a\n", "it is a picture (PNG); one table with a row of pixels for each picture would be right"},
    Mark{"\xff\xd8\xff", "it is a picture (JPEG); one table with a row of pixels for each picture would be right"},
    Mark{"GIF8", "it is a picture (GIF); one table with a row of pixels for each picture would be right"},
    Mark{"II*\0"sv, "it is a picture (TIFF); one table with a row of pixels for each picture would be right"},
    Mark{"MM\0*"sv, "it is a picture (TIFF); one table with a row of pixels for each picture would be right"},
    Mark{"BM", "it is a picture (BMP); one table with a row of pixels for each picture would be right"},
    Mark{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an old workbook of Excel (.xls); save it as CSV"},
    Mark{"PAR1", "it is a Parquet file; pandas makes CSV of it: pandas.read_parquet(...).to_csv(..., index=False)"},
    Mark{"ARROW1", "it is an Arrow (Feather) file; pandas makes CSV of it: pandas.read_feather(...).to_csv(...)"},
    Mark{"FEA1", "it is a Feather file; pandas makes CSV of it: pandas.read_feather(...).to_csv(...)"},
    Mark{"SQLite format 3\0"sv, "it is a database (SQLite); export the table as CSV"},
    Mark{"RDX2\n", "it is a file of R's (.RData); write.csv(x, ..., row.names = FALSE) makes CSV of a table"},
    Mark{"RDX3\n", "it is a file of R's (.RData); write.csv(x, ..., row.names = FALSE) makes CSV of a table"},
    Mark{"X\n\0\0\0\2"sv, "it is a file of R's (.rds); write.csv(x, ..., row.names = FALSE) makes CSV of a table"},
    Mark{"X\n\0\0\0\3"sv, "it is a file of R's (.rds); write.csv(x, ..., row.names = FALSE) makes CSV of a table"},
    Mark{"<stata_dta>", stata},
    Mark{"$FL2@(#)", "it is a file of SPSS's (.sav); save it as CSV, or pandas.read_spss(...).to_csv(...) makes it"},
    Mark{"$FL3@(#)", "it is a file of SPSS's (.zsav); save it as CSV, or pandas.read_spss(...).to_csv(...) makes it"},
    Mark{"HEADER RECORD*******LIBRARY HEADER RECORD", sas},
    Mark{"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60"sv, sas},
    Mark{"\x7f"
         "ELF",
         "it is a program"},
    Mark{"Rar!", "it is an archive (RAR); unpack it first"},
    Mark{"7z\xbc\xaf\x27\x1c", "it is an archive (7z); unpack it first"},
};

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::ranges::equal(text.substr(0, word.size()), word, [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         });
}

bool is_zip(std::string_view beginning) {
  return beginning.starts_with("PK\3\4") || beginning.starts_with("PK\5\6");
}

bool is_pickle(std::string_view text) {
  return text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
}

/// Before version 117: the version, the order of bytes, a 1 and a 0.
bool is_old_stata(std::string_view text) {
  return text.size() > 4 && text[0] >= 105 && text[0] <= 115 && (text[1] == 1 || text[1] == 2) && text[2] == 1 &&
         text[3] == 0;
}

/// Five integers in front, of which the first tells types in decimal digits and the last how long the name is that
/// follows, with a zero behind it. Of either byte order.
bool is_matlab_4(std::string_view text) {
  constexpr std::size_t header = 20;
  if (text.size() <= header) return false;
  const auto integer = [&](std::size_t number, bool big) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8U | static_cast<unsigned char>(text[4 * number + (big ? i : 3 - i)]);
    return value;
  };
  const auto is_of_order = [&](bool big) {
    const std::uint32_t type = integer(0, big);
    const std::uint32_t length = integer(4, big);
    const bool known = type / 1000 == (big ? 1 : 0) && type % 1000 / 100 == 0 && type % 100 / 10 <= 5 && type % 10 <= 2;
    if (!known || integer(3, big) > 1 || length < 2 || length > text.size() - header) return false;
    const std::string_view name = text.substr(header, length);
    return name.find('\0') == length - 1 && std::isalpha(static_cast<unsigned char>(name.front())) != 0;
  };
  return is_of_order(false) || is_of_order(true);
}

/// The name of the first element of XML or of a web page, in lower case; empty if the text is neither.
std::string first_element(std::string_view text) {
  // Declarations, processing instructions and comments stand in front.
  while (text.starts_with("<?") || text.starts_with("<!")) {
    const std::string_view end = text.starts_with("<!--") ? "-->" : ">";
    text.remove_prefix(std::min(text.find(end), text.size() - end.size()) + end.size());
    text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
  }
  if (!text.starts_with('<')) return {};
  const std::size_t end = std::min(text.find_first_of(" \t\r\n/>", 1), text.size());
  const std::string_view name = text.substr(1, end - 1);
  const bool is_name = !name.empty() && std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
                       std::ranges::all_of(name, [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == ':' || c == '_' || c == '-' || c == '.';
                       });
  // "<DATE>,<OPEN>" names columns.
  const bool is_field = text.size() > end + 1 && text[end] == '>' &&
                        std::string_view(",;|").find(text[end + 1]) != std::string_view::npos;
  return is_name && !is_field ? plain_name(name) : std::string();
}

std::string xml_or_page(std::string_view text) {
  constexpr std::array<std::string_view, 5> page = {"html", "head", "body", "script", "title"};
  const std::string element = first_element(text);
  if (begins_with_word(text, "<!doctype html") || std::ranges::find(page, element) != page.end())
    return "it is a web page, not a table; the address may want another link, or a login";
  if (element == "table")
    return "it is a table of a web page; pandas makes CSV of it: pandas.read_html(...)[0].to_csv(..., index=False)";
  if (element == "svg") return "it is a picture (SVG); one table with a row of pixels for each picture would be right";
  if (element == "workbook") return "it is a workbook as XML (Excel); save it as CSV";
  if (element == "error") return "it is an error that a server sent instead of the file; the address may want a login";
  if (!element.empty())
    return fmt::format("it is XML, its first element '{}'; a table as text (CSV) would be right", shown_field(element));
  return begins_with_word(text, "<?xml") ? "it is XML; a table as text (CSV) would be right" : "";
}

/// Whether the first line is one such as "[0, 1, 1]" or "[[0 1 1]": numbers in brackets, as lists of Python and prints
/// of arrays have them.
bool has_rows_in_brackets(std::string_view text) {
  constexpr std::string_view between = "[](){},; \t\r\n";
  constexpr std::string_view left_out = "...";  // of a large array
  if (text.find_first_of("[({") != 0) return false;
  // A long line was cut, most likely within a number.
  const std::size_t length = std::min(text.find('\n'), text.find_last_of(between) + 1);
  const std::string_view line = text.substr(0, length);
  bool numbers = false;
  for (std::size_t begin = line.find_first_not_of(between); begin != std::string_view::npos;
       begin = line.find_first_not_of(between, begin)) {
    const std::size_t end = std::min(line.find_first_of(between, begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    if (word != left_out && field_value(word, DecimalMark::point).kind == FieldValue::Kind::text) return false;
    numbers = true;
    begin = end;
  }
  return numbers;
}

/// A list or an object; "[section]" of other texts is neither.
bool is_json(std::string_view text) {
  if (text.starts_with('{')) return true;
  if (!text.starts_with('[')) return false;
  text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
  return text.empty() || std::string_view("[]{\"-0123456789").find(text.front()) != std::string_view::npos;
}

std::string marked_text(std::string_view text) {
  std::string markup = xml_or_page(text);
  if (!markup.empty()) return markup;
  if (text.starts_with("{\\rtf")) return "it is a document (RTF); a table as text (CSV) would be right";
  if (has_rows_in_brackets(text))
    return "it has numbers in brackets, as lists of Python and JSON do; lines of the numbers alone, as "
           "numpy.savetxt(FILE, array, fmt='%g') writes them, would be right";
  if (is_json(text)) return "it is JSON; pandas makes CSV of it: pandas.read_json(...).to_csv(..., index=False)";
  if (text.starts_with("version https://git-lfs"))
    return "it is Git's note of a large file (Git LFS), not the file; 'git lfs pull' fetches it";
  if (text.starts_with("# STOCKHOLM") || begins_with_word(text, "clustal"))
    return "it is an alignment of another format; aligned FASTA would be right, as esl-reformat afa or seqret make it";
  if (begins_with_word(text, "@relation")) return "it is a file of Weka's (ARFF); save it as CSV";
  return {};
}

}  // namespace

std::string document_in_zip(std::string_view beginning) {
  if (!is_zip(beginning)) return {};
  if (beginning.find("[Content_Types].xml") != std::string_view::npos ||
      beginning.find("xl/workbook") != std::string_view::npos)
    return "it is a workbook (.xlsx); save it as CSV";
  if (beginning.find("mimetypeapplication/vnd.oasis") != std::string_view::npos)
    return "it is a document of LibreOffice (.ods); save it as CSV";
  if (beginning.find("data.pkl") != std::string_view::npos)
    return "it is a file of PyTorch's (torch.save); numpy.savez of its arrays would be right";
  if (beginning.find("keras_version") != std::string_view::npos)
    return "it is a network of Keras (.keras), its weights and how it is built, not data";
  return {};
}

std::string other_file(std::string_view beginning) {
  if (beginning.empty()) return "it is empty";
  for (const Mark& mark : marks) {
    if (beginning.starts_with(mark.bytes) && (mark.bytes.size() > 2 || beginning.find('\0') != std::string_view::npos))
      return mark.what;
  }
  if (is_zip(beginning)) {
    const std::string document = document_in_zip(beginning);
    return document.empty() ? "it is a zip archive; unpack it, and import the file with the table" : document;
  }
  if (is_old_stata(beginning)) return stata;
  if (is_pickle(beginning))
    return "it is a pickle of Python's, which may run any program when it is read; numpy.save of the array, or to_csv, "
           "would be right";
  if (beginning.size() > 262 && beginning.substr(257, 5) == "ustar") return "it is an archive (tar); unpack it first";
  if (is_matlab_4(beginning))
    return "it is a file of MATLAB's version 4; one of a later version would be right, as save(FILE, '-v7') of MATLAB "
           "and "
           "scipy.io.savemat write it";
  const std::string encoding = encoding_of(beginning);
  if (encoding == "UTF-8" && beginning.find('\0') != std::string_view::npos)
    return "it is a binary file of a kind that is not known here; a text table, an HDF5 file or NumPy's files would be "
           "right";
  const std::string text = to_utf8(beginning, encoding);
  const std::string_view content =
      std::string_view(text).substr(std::min(text.find_first_not_of(white_space), text.size()));
  if (content.empty()) return "it is empty";
  return marked_text(content);
}

}  // namespace rbmpi
