#include "import/fasta.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/alphabet.hpp"
#include "support/gzip.hpp"
#include "support/import_test.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FastaTest : public test::ImportTest {
 protected:
  static Change alphabet(const std::string& letters) {
    return [letters](ImportOptions& options) { options.table.alphabet = letters; };
  }
  static void drop_unknown(ImportOptions& options) { options.table.unknown_letters = UnknownLetters::drop_row; }
};

TEST_F(FastaTest, LettersBecomeTheirPlacesInTheAlphabet) {
  const ImportResult result = imported(">first one\n-ACY\n>second\nWV-D\n");
  EXPECT_THAT(result.kind,
              HasSubstr("2 aligned sequences (FASTA), 4 columns, letters -ACDEFGHIKLMNPQRSTVWY (protein)"));
  EXPECT_THAT(result.notes, IsEmpty());
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 2, 20, 19, 18, 0, 3));
  EXPECT_THAT(names(), ElementsAre("first one", "second"));
  const DatasetInfo info = reader().info();
  EXPECT_EQ(info.colours, 21U);
  EXPECT_EQ(info.alphabet, "-ACDEFGHIKLMNPQRSTVWY");
  EXPECT_EQ(info.type, ElementType::uint8);
  EXPECT_FALSE(info.has_labels);
}

TEST_F(FastaTest, EveryFormOfTheFileGivesTheSame) {
  const std::string plain = ">a\nACDE\n>b\nKLMN\n";
  imported(plain);
  const std::vector<std::uint8_t> colours = bytes();
  for (const std::string& content :
       {test::gzip(plain), std::string(">a\r\nAC\r\nDE\r\n\r\n>b\r\nKLMN\r\n"), std::string("\n>a\nA CDE\n>b\nKL\nMN"),
        std::string("; made by a program\n>a\n;a remark\nACDE\n>b\nKLMN*\n"),
        std::string(">a\nxACD.gE\n>b\nKL..MN\n")}) {
    const ImportResult result = imported(content);
    EXPECT_EQ(bytes(), colours) << content;
    EXPECT_THAT(names(), ElementsAre("a", "b")) << content;
  }
}

TEST_F(FastaTest, InsertionsAreLeftOutAndSaid) {
  EXPECT_THAT(imported(">a\nACde.\n>b\nACg..f\n").notes, ElementsAre(HasSubstr("7 insertions")));
  EXPECT_EQ(reader().info().columns, 2U);
}

TEST_F(FastaTest, TheAlphabetIsFoundOrSaid) {
  const auto letters = [&](const std::string& content, const Change& change = no_change) {
    imported(content, change);
    return reader().info().alphabet;
  };
  EXPECT_EQ(letters(">a\nACGU\n>b\nAC-U\n"), "-ACGU");
  EXPECT_EQ(letters(">a\nACGT\n>b\nAC-A\n"), "-ACGT");
  EXPECT_EQ(letters(">a\nACGG\n>b\nAC-A\n"), "-ACGT") << "neither U nor T";
  EXPECT_EQ(letters(">a\nACGG\n>b\nAC-A\n", alphabet("rna")), "-ACGU");
  EXPECT_EQ(letters(">a\nACGG\n>b\nAC-A\n", alphabet("protein")), "-ACDEFGHIKLMNPQRSTVWY");
  EXPECT_EQ(letters(">a\nHPPH\n>b\nHHPP\n", alphabet("HP")), "HP");
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0, 0, 0, 1, 1));
  refused(Failure::usage, {"U and T", "--alphabet rna"}, ">a\nACUT\n>b\nACGU\n");
  for (const char* none : {"A", "AA", "ab", "A1", "proteins"})
    refused(Failure::usage, {"--alphabet", none, "protein, rna, dna"}, ">a\nAC\n>b\nCA\n", alphabet(none));
}

TEST_F(FastaTest, UnknownLettersBecomeGapsOrTheirSequencesGo) {
  const std::string content = ">a\nAXC\n>b\nKLM\n>c\nBXZ\n";
  EXPECT_THAT(imported(content).notes, ElementsAre(HasSubstr("4 letters ('B', 'X', 'Z') are none of the alphabet")));
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 2, 9, 10, 11, 0, 0, 0));
  imported(content, drop_unknown);
  EXPECT_THAT(bytes(), ElementsAre(9, 10, 11));
  EXPECT_THAT(names(), ElementsAre("b"));
  refused(Failure::usage, {"neither is the gap", "--unknown-letters drop-row"}, ">a\nHPX\n>b\nHPP\n", alphabet("HP"));
  refused(Failure::usage, {"no letter of it is one of HP"}, ">a\nKKX\n>b\nKKK\n", alphabet("HP"));
}

TEST_F(FastaTest, WhatIsNoAlignmentIsRefused) {
  refused(Failure::file, {"'a' (line 1) has 3 columns", "'long one' (line 3) has 4", "as long as each other"},
          ">a\nACD\n>long one\nACDE\n");
  refused(Failure::file, {"'c' (line 5) has 5", "'-' for gaps"}, ">a\nAC.D.\n>b\nA..DE\n>c\nACDEF\n");
  refused(Failure::file, {"the sequence 'b' (line 3) has no letters"}, ">a\nACD\n>b\n>c\nACD\n");
  refused(Failure::file, {"the sequence 'a' (line 1) has lower-case letters alone"}, ">a\nacd\n>b\nacd\n");
  refused(Failure::usage, {"gaps alone"}, ">a\n---\n>b\n---\n");
  refused(Failure::file, {"line 4, of the sequence 'b', has '?'"}, ">a\nACD\n>b\nA?D\n");
}

TEST_F(FastaTest, OptionsOfNumbersDoNotGoWithIt) {
  const std::string content = ">a\nACD\n>b\nKLM\n";
  refused(Failure::usage, {"--scale goes with tables of numbers"}, content,
          [](ImportOptions& options) { options.scale = 2; });
  refused(Failure::usage, {"--map goes with"}, content, [](ImportOptions& options) { options.replaced = {{"A", 1}}; });
  refused(Failure::usage, {"--missing goes with"}, content,
          [](ImportOptions& options) { options.missing = MissingValues::zero; });
  refused(Failure::usage, {"--alphabet and --unknown-letters go with sequences"}, "1,0\n0,1\n", alphabet("rna"));
}

TEST_F(FastaTest, SitesCanBeChosen) {
  imported(">a\nACDE\n>b\nKLMN\n", [](ImportOptions& options) { options.columns = "2-3"; });
  EXPECT_THAT(bytes(), ElementsAre(2, 3, 10, 11));
}  // namespace

TEST(Fasta, IsKnownByItsBeginning) {
  for (const char* text : {">a\nMKV\n", "\n>a\r\n\r\nMKV\r\n", ">a|b c\n-..mkV*\n", ">a\n>b\nMK\n"})
    EXPECT_TRUE(is_fasta(text)) << text;
  for (const char* text : {">1,2\n", ">a\n1,2\n", "a\nMKV\n", ">a", ">id\n0110\n"})
    EXPECT_FALSE(is_fasta(text)) << text;
}

}  // namespace
}  // namespace rbmpi
