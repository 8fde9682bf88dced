#include "rbmpi/storage/byte_source.hpp"

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <archive.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "rbmpi/storage/unpacked_file.hpp"
#include "support/expect_error.hpp"
#include "support/gzip.hpp"
#include "support/packed.hpp"
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

TEST(ByteSource, EveryPackingGivesTheSameBytes) {
  const test::TemporaryFolder folder;
  const std::string text = long_text();
  const std::vector<std::pair<std::string, std::string>> files = {
      {"bzip2", test::packed(ARCHIVE_FILTER_BZIP2, text)},
      {"xz", test::packed(ARCHIVE_FILTER_XZ, text)},
      {"zstd", test::packed(ARCHIVE_FILTER_ZSTD, text)},
      {"xz in gzip", test::gzip(test::packed(ARCHIVE_FILTER_XZ, text))},
      {"zip", test::archive_of(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {{"a.csv", text}})},
      {"zip of a Mac",
       test::archive_of(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {{"a.csv", text}, {"__MACOSX/._a.csv", "?"}})},
      {"tar", test::archive_of(ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, {{"a.csv", text}})},
      {"tar.gz", test::gzip(test::archive_of(ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_NONE, {{"a.csv", text}}))},
      {"tar.xz", test::archive_of(ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_XZ, {{"a.csv", text}})},
      {"zip in gzip", test::gzip(test::archive_of(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {{"a.csv", text}}))},
  };
  for (const auto& file : files) {
    SCOPED_TRACE(file.first);
    ByteSource source(folder.write("a", file.second));
    EXPECT_TRUE(source.packed());
    EXPECT_GE(source.most_bytes(), text.size());
    for (int time = 0; time < 2; ++time) {
      EXPECT_EQ(read_all(source), text);
      EXPECT_EQ(source.position(), text.size());
      source.rewind();
      EXPECT_EQ(source.position(), 0U);
    }
  }
  EXPECT_FALSE(ByteSource(folder.write("a", text)).packed());
  EXPECT_TRUE(ByteSource(folder.write("a", test::gzip(text))).packed());
}

TEST(ByteSource, NothingThatAFormatCanHoldIsBeyondItsMost) {
  const test::TemporaryFolder folder;
  const std::string zeros(50000000, '\0');
  for (const int filter : {ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD}) {
    ByteSource source(folder.write("a", test::packed(filter, zeros)));
    EXPECT_GE(source.most_bytes(), zeros.size());
    EXPECT_EQ(read_all(source).size(), zeros.size());
  }
}

TEST(ByteSource, WhatOnlyBeginsAsAnArchiveIsPlain) {
  const test::TemporaryFolder folder;
  for (const std::string text : {"BZh9,1,2\n", "BZhang,3\n4,5\n"}) {
    ByteSource source(folder.write("a", text));
    EXPECT_EQ(read_all(source), text);
  }
}

TEST(ByteSource, AnArchiveOfSeveralFilesIsRefusedWithTheirNames) {
  const test::TemporaryFolder folder;
  for (const int format : {ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_TAR}) {
    const char* const kind = format == ARCHIVE_FORMAT_ZIP ? "a zip archive" : "a tar archive";
    test::Members members = {{"a.csv", "1"}, {"b.csv", "2"}};
    test::expect_error(Failure::file, {"a.zip", kind, "several files: 'a.csv', 'b.csv'; one of them, unpacked"}, [&] {
      ByteSource(folder.write("a.zip", test::archive_of(format, ARCHIVE_FILTER_NONE, members)));
    });
    for (const char* const name : {"c", "d", "e", "f"}) members.emplace_back(name, "3");
    test::expect_error(Failure::file, {"'a.csv', 'b.csv', 'c', 'd', 'e' and more"}, [&] {
      ByteSource(folder.write("a.zip", test::archive_of(format, ARCHIVE_FILTER_NONE, members)));
    });
  }
  test::expect_error(Failure::file, {"a zip archive without a file in it"}, [&] {
    ByteSource(folder.write("a.zip", test::archive_of(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {})));
  });
  const std::string twice = test::packed(ARCHIVE_FILTER_ZSTD, test::packed(ARCHIVE_FILTER_XZ, "1,2"));
  test::expect_error(Failure::file, {"packed more than once"}, [&] { ByteSource(folder.write("a", twice)); });
}

/// Whether all of the file was read as `text`; if not, it was refused in words.
bool read_as(const std::filesystem::path& file, const std::string& text) {
  try {
    ByteSource source(file);
    const std::string found = read_all(source);
    EXPECT_EQ(found, text);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::file);
    EXPECT_NE(std::string(error.what()).find("'" + file.string() + "'"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("damaged"), std::string::npos) << error.what();
    return false;
  }
}

TEST(ByteSource, TruncatedAndDamagedArchivesAreNeverTakenForOthers) {
  const test::TemporaryFolder folder;
  const std::string text = long_text();
  const std::vector<std::pair<std::string, std::string>> files = {
      {"bzip2", test::packed(ARCHIVE_FILTER_BZIP2, text)},
      {"xz", test::packed(ARCHIVE_FILTER_XZ, text)},
      {"zip", test::archive_of(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {{"a.csv", text}})},
      {"tar.xz", test::archive_of(ARCHIVE_FORMAT_TAR, ARCHIVE_FILTER_XZ, {{"a.csv", text}})},
  };
  for (const auto& file : files) {
    SCOPED_TRACE(file.first);
    const std::string& whole = file.second;
    for (const std::size_t length : {std::size_t{40}, whole.size() / 3, whole.size() / 2, whole.size() - 300}) {
      EXPECT_FALSE(read_as(folder.write("a", whole.substr(0, length)), text)) << length;
    }
    for (std::size_t place = 100; place < whole.size() - 300; place += whole.size() / 17) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(damaged[place] ^ 1);
      EXPECT_FALSE(read_as(folder.write("a", damaged), text)) << place;
    }
  }
}

/// Standard input, as long as it lives, is a file or what comes out of a pipe.
class StandardInput {
 public:
  explicit StandardInput(int file) : before_(::dup(STDIN_FILENO)) { ::dup2(file, STDIN_FILENO); }
  ~StandardInput() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  int before_;
};

// The program reads its standard input once, so this is all in one test.
TEST(ByteSource, StandardInputIsReadAsOftenAsWanted) {
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  const std::string packed = test::gzip("1,2\n3,4\n");
  ASSERT_EQ(::write(ends[1], packed.data(), packed.size()), static_cast<ssize_t>(packed.size()));
  ::close(ends[1]);
  const StandardInput input(ends[0]);
  ::close(ends[0]);
  for (int time = 0; time < 2; ++time) {
    ByteSource source("-");
    EXPECT_EQ(source.path(), "standard input");
    EXPECT_EQ(read_all(source), "1,2\n3,4\n");
  }
  const UnpackedFile unpacked("-");
  EXPECT_EQ(unpacked.name(), "standard input");
  EXPECT_EQ(test::content(unpacked.path()), "1,2\n3,4\n");
}

TEST(UnpackedFile, IsTheFileItselfIfThatIsPlain) {
  const test::TemporaryFolder folder;
  const std::filesystem::path plain = folder.write("a", "12345");
  EXPECT_EQ(UnpackedFile(plain).path(), plain);
  const UnpackedFile unpacked(folder.write("b", test::packed(ARCHIVE_FILTER_ZSTD, "12345")));
  EXPECT_EQ(unpacked.name(), folder / "b");
  EXPECT_NE(unpacked.path(), unpacked.name());
  EXPECT_EQ(test::content(unpacked.path()), "12345");
  EXPECT_EQ(test::content(unpacked.path()), "12345") << "from the first byte, each time";
}

TEST(UnpackedFile, SaysWhichFolderHasNoRoom) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.write("a.xz", test::packed(ARCHIVE_FILTER_XZ, "12345"));
  const char* const before = std::getenv("TMPDIR");
  const std::optional<std::string> kept = before == nullptr ? std::nullopt : std::optional<std::string>(before);
  ::setenv("TMPDIR", (folder / "missing").c_str(), 1);
  test::expect_error(Failure::file, {"a.xz", "missing", "No such file", "TMPDIR names another folder"},
                     [&] { UnpackedFile{file}; });
  kept ? ::setenv("TMPDIR", kept->c_str(), 1) : ::unsetenv("TMPDIR");
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

TEST(ByteSource, PackedFilesThatWereJoinedAreReadToTheLast) {
  const test::TemporaryFolder folder;
  const std::string zeros(1024, '\0');  // as tapes fill their blocks up
  ByteSource gzip(folder.write("a.gz", test::gzip("1,2\n") + test::gzip("") + test::gzip("3,4\n") + zeros));
  EXPECT_EQ(read_all(gzip), "1,2\n3,4\n");
  gzip.rewind();
  EXPECT_EQ(read_all(gzip), "1,2\n3,4\n");
  for (const int filter : {ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD}) {
    ByteSource source(folder.write("a", test::packed(filter, "1,2\n") + test::packed(filter, "3,4\n")));
    EXPECT_EQ(read_all(source), "1,2\n3,4\n") << filter;
  }
}

TEST(ByteSource, BytesBehindAPackedFileAreNotPassedOver) {
  const test::TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> files = {
      {"gzip", test::gzip("1,2\n")},
      {"bzip2", test::packed(ARCHIVE_FILTER_BZIP2, "1,2\n")},
      {"xz", test::packed(ARCHIVE_FILTER_XZ, "1,2\n")},
      {"zstd", test::packed(ARCHIVE_FILTER_ZSTD, "1,2\n")},
      {"xz in gzip", test::gzip(test::packed(ARCHIVE_FILTER_XZ, "1,2\n") + "3,4\n")},
  };
  for (const auto& [kind, whole] : files) {
    for (const std::string& more : {std::string("3,4\n"), std::string("\0\0\0003,4\n", 7), std::string(300000, '3')}) {
      SCOPED_TRACE(kind + " and " + more.substr(0, 7));
      const std::filesystem::path file = folder.write("a", kind == "xz in gzip" ? whole : whole + more);
      test::expect_error(Failure::file, {"'" + file.string() + "'"}, [&] {
        ByteSource source(file);
        static_cast<void>(read_all(source));
      });
    }
  }
  ByteSource behind_zeros(folder.write("b.gz", test::gzip("1,2\n") + std::string(600000, '\0') + "3"));
  test::expect_error(Failure::file, {"more in it behind the end of its gzip data"},
                     [&] { static_cast<void>(read_all(behind_zeros)); });
}

TEST(ByteSource, ArchivesThatWereJoinedAreRefused) {
  const test::TemporaryFolder folder;
  const auto archive = [](int format, const std::string& name) {
    return test::archive_of(format, ARCHIVE_FILTER_NONE, {{name, "1,2\n"}});
  };
  for (const int format : {ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_TAR}) {
    const std::string first = archive(format, "a.csv");
    for (const std::string& joined : {first + archive(format, "b.csv"), first + std::string(600, 'x')}) {
      const std::filesystem::path file = folder.write("a", joined);
      test::expect_error(Failure::file, {"'" + file.string() + "'"}, [&] {
        ByteSource source(file);
        static_cast<void>(read_all(source));
      });
    }
    ByteSource alone(folder.write("a", first));
    EXPECT_EQ(read_all(alone), "1,2\n");
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
