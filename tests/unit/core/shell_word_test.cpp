#include "rbmpi/core/shell_word.hpp"

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(ShellWord, PlainWordsStayAsTheyAre) {
  for (const char* word : {"train", "--epochs=3", "runs/a-1.h5", "1:0.5,6:0.9", "10%", "a@b+c"}) {
    EXPECT_EQ(shell_word(word), word);
  }
}

TEST(ShellWord, OthersAreQuoted) {
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("two words"), "'two words'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  for (const char* word : {"a;b", "a&b", "a|b", "*", "(a", "$HOME", "`a`", "~", "#a", "a\nb", "a\\b"}) {
    EXPECT_EQ(shell_word(word), "'" + std::string(word) + "'");
  }
}

TEST(ShellWord, AShellReadsTheWordBack) {
  const std::string word = "it's 1; 2 & 3 | * (4) $HOME \"5\" \\ `6`";
  std::FILE* const shell = popen(("printf %s " + shell_word(word)).c_str(), "r");
  ASSERT_NE(shell, nullptr);
  std::string answer(200, '\0');
  answer.resize(std::fread(answer.data(), 1, answer.size(), shell));
  EXPECT_EQ(pclose(shell), 0);
  EXPECT_EQ(answer, word);
}

}  // namespace
}  // namespace rbmpi
