#include "rbmpi/storage/byte_source.hpp"

#include <string>

#include <gtest/gtest.h>

#include "support/expect_error.hpp"
#include "support/gzip.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

std::string long_text() {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919) + ",";
  return text;
}

std::string read_all(ByteSource& source) {
  std::string text;
  std::string block(10007, '\0');
  while (const std::size_t count = source.read(std::as_writable_bytes(std::span(block)))) text.append(block, 0, count);
  return text;
}

TEST(ByteSource, PlainAndGzipGiveTheSameBytes) {
  const test::TemporaryFolder folder;
  const std::string text = long_text();
  for (const std::string& content : {text, test::gzip(text)}) {
    ByteSource source(folder.write("a", content));
    EXPECT_GE(source.most_bytes(), text.size());
    EXPECT_EQ(read_all(source), text);
    EXPECT_EQ(source.position(), text.size());
    source.rewind();
    EXPECT_EQ(source.position(), 0U);
    EXPECT_EQ(read_all(source), text);
  }
}

TEST(ByteSource, TheLengthOfAPlainFileIsItsMost) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(ByteSource(folder.write("a", "12345")).most_bytes(), 5U);
  // The best that gzip can do stays below the bound.
  const std::string zeros(10000000, '\0');
  EXPECT_GE(ByteSource(folder.write("b", test::gzip(zeros))).most_bytes(), zeros.size());
}

TEST(ByteSource, AnEmptyFileHasNoBytes) {
  const test::TemporaryFolder folder;
  ByteSource source(folder.write("a", ""));
  EXPECT_EQ(read_all(source), "");
}

TEST(ByteSource, ATruncatedGzipFileIsRefusedWhereverItEnds) {
  const test::TemporaryFolder folder;
  const std::string whole = test::gzip(long_text());
  for (const std::size_t length :
       {std::size_t{2}, std::size_t{5}, std::size_t{11}, whole.size() / 2, whole.size() - 5, whole.size() - 1}) {
    ByteSource source(folder.write("a.gz", whole.substr(0, length)));
    test::expect_error(Failure::file, {"a.gz", "truncated gzip file"}, [&] { static_cast<void>(read_all(source)); });
  }
}

TEST(ByteSource, ADamagedGzipFileIsRefused) {
  const test::TemporaryFolder folder;
  std::string damaged = test::gzip(long_text());
  for (std::size_t i = damaged.size() / 2; i < damaged.size() / 2 + 50; ++i) damaged[i] = 'x';
  ByteSource source(folder.write("a.gz", damaged));
  test::expect_error(Failure::file, {"a.gz", "damaged gzip file"}, [&] { static_cast<void>(read_all(source)); });
}

TEST(ByteSource, FilesThatCannotBeReadAreNamed) {
  const test::TemporaryFolder folder;
  test::expect_error(Failure::file, {"missing", "no such file"}, [&] { ByteSource(folder / "missing"); });
  test::expect_error(Failure::file, {"it is a folder"}, [&] { ByteSource{folder.path()}; });
  test::expect_error(Failure::file, {"not a regular file"}, [] { ByteSource("/dev/null"); });
}

}  // namespace
}  // namespace rbmpi
