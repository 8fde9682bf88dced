#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iconv.h>

#include "import/encoding.hpp"
#include "import/field_value.hpp"
#include "support/gzip.hpp"
#include "support/import_test.hpp"

namespace rbmpi {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class TextTableTest : public test::ImportTest {
 protected:
  static Change separated_by(char separator) {
    return [separator](ImportOptions& options) { options.table.separator = separator; };
  }
  static Change header(bool is) {
    return [is](ImportOptions& options) { options.table.header = is; };
  }
};

std::string utf16(std::u16string_view text, bool little) {
  std::string bytes = little ? "\xff\xfe" : "\xfe\xff";
  for (const char16_t unit : text) {
    const char high = static_cast<char>(unit >> 8U);
    const char low = static_cast<char>(unit & 0xffU);
    bytes += little ? low : high;
    bytes += little ? high : low;
  }
  return bytes;
}

TEST_F(TextTableTest, EveryFormOfTheFileGivesTheSame) {
  const std::string plain = "a,b,c\n1,2,250\n4,5,6\n";
  for (const std::string& content :
       {plain, test::gzip(plain), std::string("a,b,c\r\n1,2,250\r\n4,5,6\r\n"), std::string("a,b,c\n1,2,250\n4,5,6"),
        std::string("a,b,c\r1,2,250\r4,5,6\r"),
        std::string("\xef\xbb\xbf"
                    "a,b,c\n1,2,250\n4,5,6\n\n\n"),
        std::string("\"a\",\"b, \"\"c\nd\",c\n\"1\",2,250\n4,5,6\n"), std::string("a,b,c\n +1 ,2.0,\t2.5e2\n4 , 5,6\n"),
        std::string("a;b;c\n1;2;250\n4;5;6\n"), std::string("a\tb\tc\n1\t2\t250\n4\t5\t6\n"),
        std::string("a b  c \n1  2 250\n 4\t5   6\n"), std::string("sep=;\na;b;c\n1;2;250\n4;5;6\n"),
        std::string("# made\n\n# once\na,b,c\n1,2,250\n4,5,6\n"),
        std::string("\"a\" \"b\"  \"c\"\n\"1\" 2 \"250\"\n4 5 6\n"),
        std::string("gr\xf6\xdf"
                    "e,b,c\n1,2,250\n4,5,6\n"),
        utf16(u"größe,😀,c\n1,2,250\n4,5,6\n", true), utf16(u"größe;b;c\r\n1;2;250\r\n4;5;6\r\n", false)}) {
    imported(content);
    EXPECT_THAT(bytes(), ElementsAre(1, 2, 250, 4, 5, 6)) << content;
    EXPECT_EQ(reader().info().column_names.size(), 3U) << content;
  }
}

TEST_F(TextTableTest, NamesAreInUtf8) {
  imported(utf16(u"größe,😀\n1,250\n", true));
  EXPECT_THAT(reader().info().column_names, ElementsAre("größe", "😀"));
  refused(Failure::file, {"UTF-16", "middle of a character"}, utf16(u"a,b\n1,2\n", true) + "x");
}

TEST_F(TextTableTest, LonelyHalvesOfPairsAreNoCharacters) {
  refused(Failure::file, {"line 2", "no character of UTF-16LE"},
          utf16(std::u16string{u'a', u'\n', u'b', 0xdc00, u'c', u'\n', u'1', u'\n'}, true));
  EXPECT_EQ(to_utf8(utf16(std::u16string{u'a', 0xd800, u'b'}, true), "UTF-16LE"), "a");
}

/// A text in another encoding; the literals of this file are UTF-8.
std::string in(const char* encoding, std::string text) {
  iconv_t converter = iconv_open(encoding, "UTF-8");
  std::string result(4 * text.size(), '\0');
  char* from = text.data();
  char* to = result.data();
  std::size_t left = text.size();
  std::size_t room = result.size();
  EXPECT_EQ(iconv(converter, &from, &left, &to, &room), 0U) << encoding;
  iconv_close(converter);
  result.resize(result.size() - room);
  return result;
}

TEST_F(TextTableTest, LettersThatAreNoUtf8AreToldOf) {
  const std::string text = "größe,Ende€\n1,255\n4,5\n";
  EXPECT_TRUE(imported(text).notes.empty());
  EXPECT_THAT(imported(in("windows-1252", text)).notes,
              ElementsAre(AllOf(HasSubstr("line 1"), HasSubstr("Windows-1252"), HasSubstr("--encoding"))));
  EXPECT_THAT(reader().info().column_names, ElementsAre("größe", "Ende€"));
  // A line of UTF-8 stays what it is, whatever others are.
  EXPECT_THAT(imported("x,größe,class\n1,255,f\xfcnf\n4,5,neun\n").notes, Contains(HasSubstr("line 2")));
  EXPECT_THAT(reader().info().column_names, ElementsAre("x", "größe"));
  EXPECT_THAT(reader().info().class_names, ElementsAre("fünf", "neun"));
  // Bytes that are no character in Windows-1252 either.
  refused(Failure::usage, {"line 1", "neither UTF-8 nor Windows-1252", "--encoding"}, "\x8d\xb0,b\n1,255\n4,5\n");
}

TEST_F(TextTableTest, EncodingsThatAreSaid) {
  const auto says = [](const char* encoding) {
    return [=](ImportOptions& options) { options.table.encoding = encoding; };
  };
  const std::pair<const char*, std::string> texts[] = {
      {"gb18030", "大小,二\n1,255\n4,5\n"},  {"shift_jis", "表,能|\n1,255\n4,5\n"},
      {"koi8-r", "размер,б\n1,255\n4,5\n"},  {"windows-1250", "żółć,b\n1,255\n4,5\n"},
      {"utf-8", "größe,b\n1,255\n4,5\n"},    {"utf-16be", "größe,b\n1,255\n4,5\n"},
      {"utf-32le", "größe,b\n1,255\n4,5\n"},
  };
  for (const auto& [encoding, text] : texts) {
    EXPECT_TRUE(imported(in(encoding, text), says(encoding)).notes.empty()) << encoding;
    const std::string head = text.substr(0, text.find('\n'));
    EXPECT_THAT(reader().info().column_names,
                ElementsAre(head.substr(0, head.find(',')), head.substr(head.find(',') + 1)))
        << encoding;
    EXPECT_THAT(bytes(), ElementsAre(1, 255, 4, 5)) << encoding;
  }
  refused(Failure::usage, {"no encoding 'klingon'", "--encoding"}, "1,2\n", says("klingon"));
  refused(Failure::file, {"line 1", "no character of utf-8"}, "\xe9,b\n0,1\n", says("utf-8"));
  refused(Failure::file, {"line 3", "no character of utf-8"}, "a,b\n1,2\n3,\xff\n", says("utf-8"));
}

TEST_F(TextTableTest, TextsHaveNoZeros) {
  refused(Failure::file, {"zeros among its characters, read as UTF-16LE"},
          utf16(std::u16string{u'a', 0, u';', u'b', u'\n', u'1', u';', u'0', u'\n'}, true));
  std::string rows;
  for (int i = 0; i < 40000; ++i) rows += "0,1\n";  // beyond what tells texts from other files
  refused(Failure::file, {"zeros among its characters, read as UTF-8"}, rows + std::string("x\0y,1\n", 6));
}

TEST_F(TextTableTest, Utf32WithAMark) {
  for (const char* encoding : {"UTF-32LE", "UTF-32BE"}) {
    imported(in(encoding,
                "\xef\xbb\xbf"
                "größe,b\n1,250\n4,5\n"));
    EXPECT_THAT(reader().info().column_names, ElementsAre("größe", "b")) << encoding;
  }
}

TEST_F(TextTableTest, TheSeparatorThatGivesMostNumbersIsTaken) {
  EXPECT_THAT(imported("0,5;1\n0,25;0\n").notes, ElementsAre(HasSubstr("decimal points")));
  EXPECT_THAT(samples<float>(), ElementsAre(0.5F, 1.0F, 0.25F, 0.0F));
  imported("0,5 1\n0,25 0\n");
  EXPECT_THAT(samples<float>(), ElementsAre(0.5F, 1.0F, 0.25F, 0.0F));
  imported("1, 2, 250\n4, 5,6\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 2, 250, 4, 5, 6));
  imported("1|250\n3|4\n", separated_by('|'));
  EXPECT_THAT(bytes(), ElementsAre(1, 250, 3, 4));
  imported("first name,b\n1,250\n3,4\n");
  EXPECT_THAT(reader().info().column_names, ElementsAre("first name", "b"));
}

TEST_F(TextTableTest, SeparatorsMayBeDoubled) {
  EXPECT_THAT(imported("1::2::250\n4::5::6\n").kind, HasSubstr("'::' between the fields, 3 columns"));
  EXPECT_THAT(bytes(), ElementsAre(1, 2, 250, 4, 5, 6));
  imported("a::\"b::c\"::d:e\n1 :: 2::250\n4::5::6\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 2, 250, 4, 5, 6));
  EXPECT_THAT(reader().info().column_names, ElementsAre("a", "b::c", "d:e"));
  imported("a\xe2\xba\xba||b|c\n1||250\n4||6\n", separated_by(doubled_separator('|')));
  EXPECT_THAT(bytes(), ElementsAre(1, 250, 4, 6));
  EXPECT_THAT(reader().info().column_names, ElementsAre("a\xe2\xba\xba", "b|c"));
  refused(Failure::usage, {"every second of its columns is empty", "'||'"}, "1||0\n0||1\n");
}

TEST_F(TextTableTest, OtherSeparatorsAreProposed) {
  for (const auto& [content, option] : {std::pair{"0:1:1\n1:0:1\n", "--separator : "},
                                        {"a~b\n0.5~1\n1~0\n", "--separator '~' "},
                                        {"0^1\n1^0\n", "--separator '^' "},
                                        {"0$$1$$1\n1$$0$$1\n", "--separator '$$' "}})
    refused(Failure::file, {"a number would be right; ", option}, content);
  refused(Failure::file, {"it is a column of texts"}, "ab:c\nd:e\nf:g\nh:i\n");
  imported("0^1\n1^0\n", separated_by('^'));
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0));
}

TEST_F(TextTableTest, CommasAndPointsDoNotMix) {
  refused(Failure::file, {"line 1, column 1 is '0,5'", "line 2, column 2 is '0.5'", "decimal point"},
          "0,5;1\n0,25;0.5\n");
  refused(Failure::file, {"line 2, column 1 ('a') is '1,5'", "number"}, "a,b\n\"1,5\",2\n");
}

TEST_F(TextTableTest, TheFirstLineIsAHeaderIfItNamesNumbers) {
  const auto rows = [&](const std::string& content, const Change& change = no_change) {
    imported(content, change);
    return reader().info().rows;
  };
  EXPECT_EQ(rows("a,b\n1,250\n"), 1U);
  EXPECT_EQ(rows("1,2\n3,250\n"), 2U);
  EXPECT_EQ(rows("1,2\n3,250\n", header(true)), 1U);
  EXPECT_EQ(rows("7,250\n3,4\n", header(false)), 2U);
  EXPECT_EQ(rows("label,0,1,2\n9,8,0,250\n"), 1U) << "names that count";
  EXPECT_EQ(rows("0,1,2,3,4,5,6,7,8,9\n1,0,1,0,1,0,1,0,1,1\n"), 1U) << "many names that count";
  EXPECT_EQ(rows(",0,1,2\n7,1,0,1\n8,1,1,1\n"), 2U) << "an index and names that count";
  refused(Failure::usage, {"first line counts the columns", "--header", "--no-header"}, "0,1,2\n1,0,1\n");
  refused(Failure::usage, {"first line rises", "--header", "--no-header"}, "1990,1991,1992\n3,5,2\n");
  EXPECT_EQ(rows("90,100,110\n3,5,120\n"), 2U) << "a row that rises by chance";
  refused(Failure::usage, {"first line has names and numbers", "--header", "--no-header"}, "n.d.,3,8\n1,0,1\n2,2,2\n");
  refused(Failure::file, {"line 1, column 1 is 'a'", "number"}, "a,b\n1,2\n", header(false));
}

TEST_F(TextTableTest, NamesStandInAComment) {
  const ImportResult result = imported("# u v\n1 255\n3 4\n");
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("comment")));
  EXPECT_THAT(reader().info().column_names, ElementsAre("u", "v"));
  imported("# made by hand\n1 255\n3 4\n");
  EXPECT_TRUE(reader().info().column_names.empty());
}

TEST_F(TextTableTest, RsHeaderIsOneNameShort) {
  EXPECT_THAT(imported("\"x\",\"z\"\n\"r1\",1,255\n\"r2\",3,4\n").notes, ElementsAre(HasSubstr("as R writes it")));
  EXPECT_THAT(bytes(), ElementsAre(1, 255, 3, 4));
  EXPECT_THAT(names(), ElementsAre("r1", "r2"));
  EXPECT_THAT(reader().info().column_names, ElementsAre("x", "z"));
  refused(Failure::file, {"header names 2 columns and its rows have 3 fields"}, "x,z\n1,1,255\n1,3,4\n");
}

TEST_F(TextTableTest, WhatExcelLeavesAtTheEndIsLeftOut) {
  EXPECT_THAT(imported("a,b,\n1,255,\n3,4,\n,,\n,,\n").notes,
              ElementsAre(HasSubstr("2 rows of separators"), HasSubstr("1 column at the end")));
  EXPECT_THAT(bytes(), ElementsAre(1, 255, 3, 4));
  imported("a,b\n1,255,\n3,4,\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 255, 3, 4));
  imported("a,b,\n1,255\n3,4\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 255, 3, 4));
  imported("1\t255\t\n3\t4\t\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 255, 3, 4));
  refused(Failure::file, {"2 of its values are missing", "line 3"}, "a,b\n1,255\n,\n3,4\n");
  EXPECT_THAT(imported("a,b\n1,255\n\n3,4\n").notes, ElementsAre(HasSubstr("1 empty line between")));
}

TEST_F(TextTableTest, ZerosAndOnesNeedNoSeparator) {
  const ImportResult result = imported("0110\n1001\n0000\n");
  EXPECT_THAT(result.kind, HasSubstr("a character a field"));
  EXPECT_EQ(reader().info().columns, 4U);
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0));
  refused(Failure::usage, {"zeros and ones alone", "--separator none", "--separator comma"}, "10\n11\n");
  imported("10\n11\n", separated_by(','));
  EXPECT_THAT(bytes(), ElementsAre(10, 11));
  imported("10\n11\n", separated_by('\0'));
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 1, 1));
  std::string long_text = "0110\n";
  for (int i = 0; i < 100; ++i) long_text += "1001\n";
  refused(Failure::file, {"line 102 has 3 characters; the rows before it have 4"}, long_text + "100\n");
}

TEST_F(TextTableTest, RunsOfBitsBetweenBlanksAreNoNumbers) {
  for (const char* content : {"0110 1\n1001 0\n", "010 1\n100 0\n", "1,01\n0,10\n", "x y\n0 10\n1 01\n"})
    refused(Failure::usage, {"zeros and ones alone", "a separator between the digits"}, content);
  imported("010 1\n100 0\n", separated_by(' '));
  EXPECT_THAT(bytes(), ElementsAre(10, 1, 100, 0));
  imported("000,2\n007,0\n");
  EXPECT_THAT(bytes(), ElementsAre(0, 2, 7, 0));
}

TEST_F(TextTableTest, AHeaderSeparatesAsItsRowsDo) {
  refused(Failure::usage, {"its first line has 'a,b'", "--separator blank"}, "a,b\n1 0,1\n0 0,5\n");
  refused(Failure::usage, {"its first line has 'a;b'"}, "a;b c\n1 0\n0 1\n");
}

TEST_F(TextTableTest, CommasMayBeDecimalMarksInAllColumns) {
  refused(Failure::usage, {"'0,25,0,5' is 2 numbers with decimal commas or 4 columns", "--separator comma"},
          "0,25,0,5\n1,0,0,125\n0,5,1,00\n");
  imported("0,25,0,5\n1,0,0,125\n0,5,1,00\n", [](ImportOptions& options) {
    options.table.separator = ',';
    options.scale = 255;
  });
  EXPECT_EQ(reader().info().columns, 4U);
  EXPECT_EQ(imported("0,1,0,1\n1,0,0,1\n").info.columns, 4U);
  EXPECT_EQ(imported("0,25,3,5\n1,0,0,125\n").info.columns, 4U);
}  // namespace

TEST_F(TextTableTest, ALineOfSizesIsNoRow) {
  refused(Failure::usage, {"'3' and '2'", "rows and columns", "--no-header"}, "3 2\n1 0\n0 1\n1 1\n");
  refused(Failure::usage, {"'4' and '4' and '3'", "entries", "--no-header"}, "4 4 3\n1 1 1\n2 4 1\n3 2 1\n");
  imported("3 2\n1 0\n0 1\n1 1\n", header(false));
  EXPECT_EQ(reader().info().rows, 4U);
  imported("3 1\n1 2\n0 1\n1 1\n");
  EXPECT_EQ(reader().info().rows, 4U);
}

TEST_F(TextTableTest, ReturnsMayStandBehindTheNewLine) {
  imported("a,b\n\r0,1\n\r1,0\n\r");
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(reader().info().column_names, ElementsAre("a", "b"));
}

TEST_F(TextTableTest, LinesOfDigitsAreAskedAbout) {
  for (const char* content : {"012\n110\n221\n", "01\n12\n21\n", "23\n45\n"})
    refused(Failure::usage, {"digits alone", "--separator none", "--separator comma"}, content);
  imported("012\n121\n", separated_by('\0'));
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 2, 1, 2, 1));
  EXPECT_EQ(imported("age\n23\n45\n").info.rows, 2U);
}

TEST_F(TextTableTest, NamesAndNumbersAboveNamedRowsAreInDoubt) {
  for (const char* content : {"gene,0.1,0.5,1.0\na,0.3,0.2,0.9\nb,0.4,0.1,0.8\n", "x,10,20,30\na,3,2,9\nb,4,1,8\n",
                              "sample,1,0,1\na,0,1,1\nb,1,1,0\n"})
    refused(Failure::usage, {"a name and numbers", "--header", "--no-header"}, content);
  imported("gene,0.1,0.5,1.0\na,0.3,0.2,0.9\nb,0.4,0.1,0.8\n", header(true));
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  EXPECT_EQ(imported("x,1,0,1\na,0,1,1\nb,1,1,0\n").info.rows, 3U);
}

TEST_F(TextTableTest, NumbersThatNameColumnsAreInDoubt) {
  refused(Failure::usage, {"begins with nothing", "--header"}, ",0.1,0.5,1.0\n0,0.3,0.2,0.9\n1,0.4,0.1,0.8\n");
  refused(Failure::usage, {"in quotes", "--header"}, "\"17\",\"23\",\"99\"\n12,200,3\n7,5,250\n");
  refused(Failure::usage, {"made names of columns", "--no-header"}, "0,0.1,0.2,1\n1,1,0,0\n0,1,0,1\n1,0,0,1\n");
  refused(Failure::usage, {"made names of columns"}, "5,0,0.1,0.2,18\n3,0,0,7,200\n1,0,9,250,0\n");
  EXPECT_EQ(imported("0,0.1,0.2,1\n1,1,0,0\n0,1,0,0.5\n").info.rows, 3U);
  EXPECT_EQ(imported("\"1\",\"0\"\n\"0\",\"1\"\n").info.rows, 2U);
}

TEST_F(TextTableTest, FractionsOfAFirstRowAreNoNamesOfColumns) {
  EXPECT_EQ(imported("0.0,1.0\n1.0,1.0\n0.0,0.0\n").info.rows, 3U);
  EXPECT_EQ(imported("0.0,1.0,2.0\n1.0,2.0,0.0\n2.0,1.0,0.0\n").info.rows, 3U);
}

TEST_F(TextTableTest, CommentsAboveAndBelow) {
  for (const char* mark : {"// made", "! made", "; made", "% made"})
    refused(Failure::file, {"its first line, '", "looks like a comment"}, std::string(mark) + "\n0.5 1 1\n0.25 0 1\n");
  EXPECT_THAT(imported("1,0,1\n0,1,1\n# end\n").notes, ElementsAre(HasSubstr("1 comment ('# ...')")));
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 1, 0, 1, 1));
}

TEST_F(TextTableTest, MarkdownIsNamed) {
  refused(Failure::file, {"Markdown"}, "| a | b |\n|---|:-:|\n| 1 | 0 |\n");
}

TEST_F(TextTableTest, OneColumnIsEnough) {
  imported("a\n0\n1\n");
  EXPECT_THAT(bytes(), ElementsAre(0, 1));
  imported("0.5\n1\n");
  EXPECT_THAT(samples<float>(), ElementsAre(0.5F, 1.0F));
}

TEST_F(TextTableTest, RaggedRowsAreNamedByLine) {
  refused(Failure::file, {"line 3 has 1 field;", "have 2"}, "a,b\n1,2\n3\n");
  refused(Failure::file, {"line 4 has 3 fields", "have 2"}, "a,b\n1,2\n\n3,4,5\n");
  refused(Failure::file, {"line 2 has 1 field;", "have 2"}, "a,b\n1\n");
  refused(Failure::file, {"line 4 has 1 field;"}, "\"a\n\",b\n1,2\n3\n");
}

TEST_F(TextTableTest, DamagedFilesAreRefused) {
  refused(Failure::file, {"truncated gzip"}, test::gzip("a,b\n1,2\n").substr(0, 20));
  refused(Failure::file, {"quote in line 2 is not closed"}, "a,b\n\"1,2\n3,4\n");
  refused(Failure::file, {"quote in line 2 is not closed"}, "a,b\n\"1,2\n" + std::string(3000000, '1'));
  refused(Failure::file, {"line 2 has a quote in a wrong place"}, "a,b\n1\"2,2\n");
}

TEST_F(TextTableTest, FilesWithoutRowsAreRefused) {
  refused(Failure::file, {"it is empty"}, "");
  refused(Failure::file, {"it is empty"}, "\n\n");
  refused(Failure::file, {"no rows"}, "a,b\n", header(true));
}

TEST(FieldValueTest, KindsOfFields) {
  using Kind = FieldValue::Kind;
  const auto kind = [](const char* text) { return field_value(text, DecimalMark::either).kind; };
  for (const char* text : {"0", "255", "007", "+1", "-1", "1e3", ".5", "5.", "0.1", "123456"})
    EXPECT_EQ(kind(text), Kind::number) << text;
  for (const char* text : {"0,5", "-1,25", "+1,0e3"}) EXPECT_EQ(kind(text), Kind::comma_number) << text;
  for (const char* text : {"", "NA", "nan", "?", ".", "NULL", "N/A"}) EXPECT_EQ(kind(text), Kind::missing) << text;
  for (const char* text : {"true", "FALSE", "Yes", "no"}) EXPECT_EQ(kind(text), Kind::boolean) << text;
  for (const char* text :
       {"0110", "inf", "-inf", "1e999", "0x10", "1 2", "--1", "+-1", "1;2", "+", "1,2,3", "1.5,2", ",", "5,", "cat"})
    EXPECT_EQ(kind(text), Kind::text) << text;
  EXPECT_EQ(field_value("0,5", DecimalMark::point).kind, Kind::text);
  EXPECT_EQ(field_value("-1,25", DecimalMark::either).number, -1.25);
  EXPECT_EQ(field_value("007", DecimalMark::point).number, 7.0);
}

TEST(FieldValueTest, WhereTheDecimalMarkIsSaidTheOtherIsBetweenThousands) {
  using Kind = FieldValue::Kind;
  const std::pair<const char*, double> numbers[] = {
      {"0,5", 0.5},  {"1.234", 1234}, {"-1.234.567,25", -1234567.25}, {"1.000,5e3", 1.0005e6}, {"12.345", 12345},
      {"1e3", 1000}, {"7", 7}};
  for (const auto& [text, number] : numbers) {
    EXPECT_EQ(field_value(text, DecimalMark::said_comma).number, number) << text;
    std::string other = text;
    for (char& c : other) c = c == '.' ? ',' : c == ',' ? '.' : c;
    EXPECT_EQ(field_value(other, DecimalMark::said_point).number, number) << other;
  }
  for (const char* text : {"0.5", "1.23", "1234.567", "0.123", "1.234.56", "1,234.5", "1,2,3", ".123", "1.234e1.5",
                           "1.2345", "1..234", "1.234."})
    EXPECT_EQ(field_value(text, DecimalMark::said_comma).kind, Kind::text) << text;
  EXPECT_EQ(field_value(std::string(100, '1').c_str(), DecimalMark::said_comma).kind, Kind::text);
}

TEST_F(TextTableTest, Utf16WithoutAMark) {
  EXPECT_EQ(encoding_of(utf16(u"1,2", true).substr(2)), "UTF-16LE");
  EXPECT_EQ(encoding_of(utf16(u"a\t2\r\n", false).substr(2)), "UTF-16BE");
  // Most letters are Latin, not all.
  for (const bool little : {true, false}) {
    imported(utf16(u"größe,размер,一一\n1,250,0\n4,5,6\n", little).substr(2));
    EXPECT_THAT(reader().info().column_names, ElementsAre("größe", "размер", "一一"));
  }
  for (const std::string& text : {std::string("1,2\n"), std::string("\0", 1), std::string("1\0", 2),
                                  std::string("\1\0\2\0", 4), std::string("1\0\0\0", 4), std::string("1\0002\0003", 5)})
    EXPECT_EQ(encoding_of(text), text.size() == 5 ? "UTF-16LE" : "UTF-8") << text;
}

TEST_F(TextTableTest, CommentsBelowTheRowsAreNoRows) {
  for (const std::string& end : {std::string("# end\n"), std::string("# made by x, y\n# twice\n\n")}) {
    EXPECT_THAT(imported("a,b,c\n1,2,255\n4,5,6\n" + end).notes, ElementsAre(HasSubstr("below the first row")));
    EXPECT_THAT(bytes(), ElementsAre(1, 2, 255, 4, 5, 6));
    // What is in doubt without them is so with them.
    refused(Failure::usage, {"decimal comma", "two columns"}, "0,25\n0,5\n0,75\n1,0\n" + end);
    refused(Failure::usage, {"column 1 has zeros and ones alone"}, "010 110\n110 010\n011 111\n" + end);
    imported("10\n11\n01\n" + end);
    EXPECT_THAT(bytes(), ElementsAre(1, 0, 1, 1, 0, 1));
  }
  refused(Failure::file, {"line 3 is a comment", "rows stand below it"}, "a,b\n1,2\n# a comment\n3,4\n");
  refused(Failure::file, {"line 2 is a comment", "or a row"}, "name,1,0\n# 2,0,1\n# 3,1,1\n");
  refused(Failure::file, {"line 2 is a comment", "or a row"}, "name 1 0\n# 0 1\n");
}

TEST_F(TextTableTest, LinesThatOnlyLookLikeMarkdownOrComments) {
  imported("1|0\n|\n0|1\n", [](ImportOptions& options) { options.missing = MissingValues::zero; });
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 0, 0, 0, 1));
  imported("; a; b\n1; 0; 1\n0; 1; 1\n");
  EXPECT_EQ(reader().info().columns, 2U);
  refused(Failure::file, {"looks like a comment", "--header"}, "; a comment\n1;0\n0;1\n");
}  // namespace rbmpi

TEST_F(TextTableTest, FieldsThatStandBelowEachOther) {
  imported("2 1  3\n4 5  6\n10 0 0\n");
  imported("1 1\n0  1\n 0 0\n");
  refused(Failure::usage, {"in 3 columns", "2 fields", "--separator blank"}, "1    2\n3 4\n  5  6\n");
  imported("1    2\n3 4\n  5  6\n", separated_by(' '));
  imported("x    y    z\n 0.5   1  0.5\n0.25   0  1\n");
  imported("1\t2\n3  4\n5       6\n");
}

}  // namespace
}  // namespace rbmpi
