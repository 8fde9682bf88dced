#include "rbmpi/data/data_look.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

/// Rows as vectors of values, all of one type.
template <typename Value>
struct Table {
  static ElementType type() {
    return std::is_same_v<Value, std::uint8_t> ? ElementType::uint8
           : std::is_same_v<Value, float>      ? ElementType::float32
                                               : ElementType::float64;
  }
  std::uint64_t columns = 0;
  std::vector<Value> values = {};
  std::vector<std::int32_t> labels = {};

  [[nodiscard]] std::uint64_t rows() const { return values.size() / columns; }
  [[nodiscard]] Samples samples() const {
    return {type(),      reinterpret_cast<const std::byte*>(values.data()), rows(), columns,
            /*scale=*/1, labels.empty() ? nullptr : labels.data()};
  }
  [[nodiscard]] DataLook look(DuplicateRows duplicates = DuplicateRows::counted) const {
    DataLook look(columns, duplicates);
    look.add(samples());
    return look;
  }
};

/// A table of `rows` x `columns` with value(i, j).
template <typename Value>
Table<Value> table(std::uint64_t rows, std::uint64_t columns,
                   const std::function<double(std::uint64_t, std::uint64_t)>& value) {
  Table<Value> made{.columns = columns};
  for (std::uint64_t i = 0; i < rows; ++i) {
    for (std::uint64_t j = 0; j < columns; ++j) made.values.push_back(static_cast<Value>(value(i, j)));
  }
  return made;
}

std::vector<std::string> kinds(const std::vector<Finding>& findings) {
  std::vector<std::string> names;
  for (const Finding& finding : findings) names.emplace_back(name_of(finding.kind));
  return names;
}

template <typename Value>
DatasetInfo info_of(const Table<Value>& table) {
  DatasetInfo info;
  info.type = Table<Value>::type();
  info.rows = table.rows();
  info.columns = table.columns;
  info.scale = info.type == ElementType::uint8 ? 255 : 1;
  info.scale_said = false;
  return info;
}

template <typename Value>
std::vector<Finding> found(const Table<Value>& table, const std::function<void(DatasetInfo&)>& change = nullptr) {
  DatasetInfo info = info_of(table);
  if (change) change(info);
  return findings(table.look(), info, "a b.h5");
}

/// What makes a pseudo-random, harmless value of each place: 0 to `most`.
double noise(std::uint64_t i, std::uint64_t j, std::uint64_t most) {
  return static_cast<double>((i * 7919 + j * 104729 + i * i * (j + 3) * 31) % 1009 % (most + 1));
}

// Plain loops over all values, as the definitions say.
template <typename Value>
void expect_figures(const Table<Value>& table, const DataLook& look) {
  double sum = 0;
  double zeros = 0;
  std::set<std::vector<Value>> different;
  std::uint64_t constant_rows = 0;
  for (std::uint64_t j = 0; j < table.columns; ++j) {
    ColumnLook column;
    for (std::uint64_t i = 0; i < table.rows(); ++i) {
      const auto value = static_cast<double>(table.values[i * table.columns + j]);
      column.smallest = std::min(column.smallest, value);
      column.largest = std::max(column.largest, value);
      column.sum += value;
      if (value != 0) ++column.nonzero;
      column.whole = column.whole && value == std::floor(value);
    }
    const ColumnLook& seen = look.columns().at(j);
    EXPECT_EQ(seen.smallest, column.smallest) << j;
    EXPECT_EQ(seen.largest, column.largest) << j;
    EXPECT_NEAR(seen.sum, column.sum, 1e-9) << j;
    EXPECT_EQ(seen.nonzero, column.nonzero) << j;
    EXPECT_EQ(seen.whole, column.whole) << j;
    sum += column.sum;
    zeros += static_cast<double>(table.rows() - column.nonzero);
  }
  for (std::uint64_t i = 0; i < table.rows(); ++i) {
    const auto* row = table.values.data() + i * table.columns;
    different.emplace(row, row + table.columns);
    if (std::set<Value>(row, row + table.columns).size() == 1) ++constant_rows;
  }
  EXPECT_EQ(look.rows(), table.rows());
  EXPECT_NEAR(look.mean(), sum / static_cast<double>(table.values.size()), 1e-9);
  EXPECT_DOUBLE_EQ(look.zeros(), zeros / static_cast<double>(table.values.size()));
  EXPECT_EQ(look.constant_rows(), constant_rows);
  EXPECT_EQ(look.duplicate_rows(), table.rows() - different.size());
}

TEST(DataLookTest, FiguresAreThoseOfTheValues) {
  // More rows than bytes are added up in 16 bits, and all of the largest value.
  const auto bytes = table<std::uint8_t>(1000, 19, [](auto i, auto j) { return j == 3 ? 255 : noise(i, j, 255); });
  expect_figures(bytes, bytes.look());
  const auto floats = table<float>(70, 5, [](auto i, auto j) { return j == 2 ? noise(i, j, 1) : noise(i, j, 8) / 8; });
  expect_figures(floats, floats.look());
  const auto doubles = table<double>(70, 4, [](auto i, auto j) { return noise(i % 30, j, 3) - 1.5; });
  expect_figures(doubles, doubles.look());
  const auto few = table<std::uint8_t>(300, 2, [](auto i, auto j) { return noise(i, j, 1); });
  expect_figures(few, few.look());
  EXPECT_GT(few.look().duplicate_rows(), 290U);
}

TEST(DataLookTest, LooksAtPartsMergeToTheLookAtAll) {
  auto rows = table<std::uint8_t>(41, 7, [](auto i, auto j) -> double {
    constexpr double step[] = {1, 5, 3, 0};
    if (j == 4) return static_cast<double>(i < 20 ? 2 * i : 2 * i + 1);   // not even, where two parts meet
    if (j == 5) return static_cast<double>(i == 40 ? 0 : i);              // not even, at the end
    if (j == 6) return static_cast<double>(i < 20 ? 2 * i : 3 * i - 20);  // not even: one step, then another
    return step[j] * static_cast<double>(i) + 7;
  });
  for (std::uint64_t i = 0; i < rows.rows(); ++i) rows.labels.push_back(i < 20 ? 5 : i < 30 ? -2 : 9);
  const DataLook all = rows.look();
  EXPECT_THAT(all.counting_columns(), ElementsAre(0, 1, 2));
  EXPECT_TRUE(all.labels().sorted_by_class());
  for (const std::vector<std::uint64_t>& ends : std::vector<std::vector<std::uint64_t>>{
           {41}, {1, 41}, {20, 41}, {1, 2, 41}, {0, 1, 2, 3, 4, 41}, {40, 40, 41}}) {
    DataLook merged(rows.columns, DuplicateRows::counted);
    std::uint64_t first = 0;
    for (const std::uint64_t end : ends) {
      DataLook part(rows.columns, DuplicateRows::counted);
      part.add(rows.samples().part(first, end - first));
      merged.merge(part);
      first = end;
    }
    expect_figures(rows, merged);
    EXPECT_EQ(merged.counting_columns(), all.counting_columns());
    EXPECT_EQ(merged.columns()[1].step, 5);
    EXPECT_EQ(merged.two_valued(), all.two_valued());
    EXPECT_EQ(merged.labels().classes(), all.labels().classes());
    EXPECT_TRUE(merged.labels().sorted_by_class());
  }
}

TEST(DataLookTest, RowsWithMissingValues) {
  const double missing = std::numeric_limits<double>::quiet_NaN();
  DataLook look(4);
  for (int i = 0; i < 10; ++i) {
    look.add(std::vector<double>{double(i), i == 4 ? missing : double(i), i == 4 ? missing : 3.0, 0.5});
  }
  EXPECT_THAT(look.counting_columns(), ElementsAre(0));
  EXPECT_THAT(look.constant_columns(), ElementsAre(3)) << "what is missing is another value";
  EXPECT_EQ(look.missing(), 2U);
  EXPECT_EQ(look.columns()[1].sum, 41);
  EXPECT_TRUE(look.columns()[2].whole);
  EXPECT_DOUBLE_EQ(look.mean(), (45 + 41 + 27 + 5) / 38.0);
  EXPECT_DOUBLE_EQ(look.zeros(), 2 / 40.0);
}

TEST(DataLookTest, ColumnsThatCountTheRows) {
  const auto counts = [](std::uint64_t rows, double first, double step) {
    return table<double>(rows, 2, [&](auto i, auto j) { return j == 0 ? noise(i, j, 5) : first + step * double(i); })
        .look()
        .counting_columns();
  };
  EXPECT_THAT(counts(8, 0, 1), ElementsAre(1));
  EXPECT_THAT(counts(8, 1000, -3), ElementsAre(1));
  EXPECT_THAT(counts(8, 0.5, 0.25), ElementsAre(1));
  EXPECT_THAT(counts(7, 0, 1), IsEmpty()) << "too few to tell";
  EXPECT_THAT(counts(8, 5, 0), IsEmpty()) << "constant";
  auto broken = table<float>(100, 1, [](auto i, auto) { return double(i); });
  broken.values.back() = 0;
  EXPECT_THAT(broken.look().counting_columns(), IsEmpty());
}

TEST(DataLookTest, KindsOfValues) {
  const auto two = [](const std::vector<float>& values) { return Table<float>{.columns = 1, .values = values}.look(); };
  EXPECT_TRUE(two({0, 1, 0}).two_valued());
  EXPECT_TRUE(two({0, 0.5F, 0.5F}).two_valued());
  EXPECT_FALSE(two({0, 0.5F, 1}).two_valued());
  EXPECT_FALSE(two({0, 0, 0}).two_valued());
  EXPECT_FALSE(two({-1, 0, 1}).two_valued());
  EXPECT_TRUE(two({-1, 0, 16777216}).whole());
  EXPECT_FALSE(two({-1, 0, 0.5F}).whole());
  EXPECT_TRUE((Table<std::uint8_t>{.columns = 1, .values = {0, 255, 0}}.look().two_valued()));
  EXPECT_FALSE((Table<std::uint8_t>{.columns = 1, .values = {0, 255, 254}}.look().two_valued()));
}

TEST(DataLookTest, LabelsAreCounted) {
  test::Random random(3);
  std::map<std::int32_t, std::uint64_t> wanted;
  LabelLook look;
  for (int block = 0; block < 9; ++block) {
    std::vector<std::int32_t> labels(3001);
    for (std::int32_t& label : labels) {
      label = static_cast<std::int32_t>(random.reals(1, -2000, 2000).front());
      ++wanted[label];
    }
    look.add(labels);
  }
  EXPECT_EQ(look.rows(), 27009U);
  const auto classes = look.classes();
  EXPECT_EQ((std::map<std::int32_t, std::uint64_t>(classes.begin(), classes.end())), wanted);
}

TEST(DataLookTest, SortedByClass) {
  const auto sorted = [](const std::vector<std::int32_t>& labels) {
    LabelLook look;
    look.add(labels);
    return look.sorted_by_class();
  };
  EXPECT_TRUE(sorted({0, 0, 1, 1, 2}));
  EXPECT_TRUE(sorted({7, 7, -1, 3}));
  EXPECT_FALSE(sorted({0, 0, 1, 1, 0}));
  EXPECT_FALSE(sorted({0, 0, 0})) << "one class";
  EXPECT_FALSE(sorted({0, 1, 2})) << "numbers of rows";
  EXPECT_FALSE(sorted({}));
}

TEST(DataLookTest, DuplicatesAreCountedOnlyIfWanted) {
  const auto rows = table<std::uint8_t>(9, 2, [](auto i, auto j) { return noise(i % 3, j, 200); });
  EXPECT_EQ(rows.look().duplicate_rows(), 6U);
  const DataLook other = rows.look(DuplicateRows::ignored);
  EXPECT_FALSE(other.counts_duplicates());
  EXPECT_EQ(other.duplicate_rows(), 0U);
}

TEST(FindingsTest, NobodySaysWhatMeansOne) {
  const auto bits = table<std::uint8_t>(20, 3, [](auto i, auto j) { return noise(i, j, 1); });
  const std::vector<Finding> all = found(bits);
  ASSERT_THAT(kinds(all), ElementsAre("scale-unsaid", "duplicate-rows"));
  EXPECT_EQ(all.front().severity, Severity::error);
  EXPECT_THAT(all.front().text,
              AllOf(HasSubstr("zeros and ones (uint8)"), HasSubstr("1/255 = 0.0039"), HasSubstr("--scale 1 if 1 means"),
                    HasSubstr("--scale 255 if 255 does"), HasSubstr("rbmpi import 'a b.h5' --scale 1")));
  const auto largest = [](std::uint64_t most, const std::function<void(DatasetInfo&)>& change = nullptr) {
    auto rows = table<std::uint8_t>(1009, 3, [&](auto i, auto j) { return noise(i, j % 2, most); });
    rows.values[0] = static_cast<std::uint8_t>(most);
    rows.values[2] = 0;
    const std::vector<Finding> all = found(rows, change);
    return all.empty() ? std::string() : name_of(all.front().kind);
  };
  EXPECT_EQ(largest(127), "scale-unsaid");
  EXPECT_EQ(largest(128), "duplicate-rows");
  EXPECT_EQ(largest(16), "scale-unsaid");
  EXPECT_EQ(largest(16, [](DatasetInfo& info) { info.scale_said = true; }), "far-below-scale");
  EXPECT_EQ(largest(127, [](DatasetInfo& info) { info.scale_said = true; }), "far-below-scale");
  EXPECT_EQ(largest(128, [](DatasetInfo& info) { info.scale_said = true; }), "duplicate-rows");
  const auto said_16 = [](DatasetInfo& info) { info.scale_said = true, info.scale = 16; };
  EXPECT_EQ(largest(16, said_16), "duplicate-rows");
  EXPECT_EQ(largest(8, said_16), "duplicate-rows") << "half of it";
  EXPECT_EQ(largest(7, said_16), "far-below-scale");
  const auto any = [](DatasetInfo& info) { info.kind = ValueKind::numbers, info.scale_said = true; };
  EXPECT_EQ(largest(7, any), "duplicate-rows") << "any numbers have no scale";
}

TEST(FindingsTest, ValuesFarBelowTheScale) {
  const auto rows = table<float>(20, 3, [](auto i, auto j) { return noise(i, j, 1000) / 4096; });
  const std::vector<Finding> all = found(rows);
  ASSERT_THAT(kinds(all), ElementsAre("far-below-scale"));
  EXPECT_EQ(all.front().severity, Severity::note);
  EXPECT_THAT(all.front().text, AllOf(HasSubstr("its largest value is 0.24"), HasSubstr("1 means 1.0")));
}

TEST(FindingsTest, CountingColumns) {
  const auto rows =
      table<double>(20, 3, [](auto i, auto j) { return j == 1 ? 100 + double(i) : 100 + noise(i, j, 100); });
  std::vector<Finding> all = found(rows, [](DatasetInfo& info) { info.scale = 200; });
  ASSERT_THAT(kinds(all), ElementsAre("counting-column"));
  EXPECT_EQ(all.front().severity, Severity::error);
  EXPECT_THAT(all.front().text, AllOf(HasSubstr("column 2 (counted from 1) numbers the rows (100, 101, 102, ...)"),
                                      HasSubstr("rbmpi import 'a b.h5' --drop 2 --output NEW.h5")));
  all = found(rows, [](DatasetInfo& info) {
    info.scale = 200;
    info.column_names = {"a", "row id", "c"};
  });
  EXPECT_THAT(all.front().text,
              AllOf(HasSubstr("column 2 (counted from 1), 'row id', numbers"), HasSubstr("--drop 'row id'")));
  all = found(rows, [](DatasetInfo& info) {
    info.scale = 200;
    info.imported = true;
  });
  ASSERT_THAT(kinds(all), ElementsAre("counting-column"));
  EXPECT_EQ(all.front().severity, Severity::note);
}

TEST(FindingsTest, Constants) {
  const auto some = table<std::uint8_t>(20, 4, [](auto i, auto j) { return j < 2 ? 200 : noise(i, j, 255); });
  std::vector<Finding> all = found(some);
  ASSERT_THAT(kinds(all), ElementsAre("constant-columns"));
  EXPECT_EQ(all.front().severity, Severity::information);
  EXPECT_THAT(all.front().text, HasSubstr("2 of 4 columns have"));
  all = found(table<std::uint8_t>(20, 4, [](auto, auto j) { return double(200 + j); }));
  ASSERT_THAT(kinds(all), ElementsAre("all-rows-equal"));
  EXPECT_EQ(all.front().severity, Severity::note);
  EXPECT_THAT(kinds(found(table<std::uint8_t>(1, 4, [](auto, auto j) { return double(200 + j); }))), IsEmpty())
      << "one row";
}

TEST(FindingsTest, RowsSortedByClass) {
  auto rows = table<std::uint8_t>(6, 2, [](auto i, auto j) { return 200 + noise(i, j, 50); });
  rows.labels = {0, 0, 1, 1, 2, 2};
  const std::vector<Finding> all = found(rows);
  ASSERT_THAT(kinds(all), ElementsAre("sorted-by-class"));
  EXPECT_THAT(all.front().text, HasSubstr("validation-rows = sample"));
  rows.labels = {0, 1, 0, 1, 2, 2};
  EXPECT_THAT(kinds(found(rows)), IsEmpty());
}

TEST(FindingsTest, ListsOfEntries) {
  // Users and films of which there are a few, and stars.
  const auto stars = [](std::uint64_t i, std::uint64_t j) -> double {
    const std::uint64_t row[] = {i * i % 50, 100 + i * 7 % 40, 1 + i % 5, 900000000 + i * i};
    return static_cast<double>(row[j]);
  };
  const auto may_be = [&](const std::function<double(std::uint64_t, std::uint64_t)>& value, std::uint64_t columns) {
    const auto rows = table<double>(60, columns, value);
    return may_be_entries(rows.look().columns(), rows.rows());
  };
  EXPECT_TRUE(may_be(stars, 3));
  EXPECT_TRUE(may_be(stars, 4)) << "and times";
  EXPECT_TRUE(may_be(stars, 2)) << "edges between users and films";
  EXPECT_FALSE(may_be([&](auto i, auto j) { return j == 1 ? 1.0 + static_cast<double>(i % 5) : stars(i, j); }, 2))
      << "few amounts";
  EXPECT_FALSE(may_be([&](auto i, auto j) { return j == 1 ? static_cast<double>(i * 7) : stars(i, j); }, 2))
      << "none comes again";
  EXPECT_FALSE(may_be([&](auto i, auto j) { return j == 3 ? 1.0 : stars(i, j); }, 4)) << "no times";
  EXPECT_FALSE(may_be([&](auto i, auto j) { return stars(i, j) + (j == 0 ? 0.5 : 0.0); }, 3)) << "no whole numbers";
  EXPECT_FALSE(may_be([&](auto i, auto j) { return stars(i, j) + (j == 2 ? 10.0 : 0.0); }, 3)) << "no stars";
  EXPECT_FALSE(may_be([&](auto i, auto j) { return j == 2 ? 1.0 : stars(i * 100, j) * 100; }, 3))
      << "nothing comes again";
  EXPECT_FALSE(may_be([](auto i, auto j) { return static_cast<double>((i * i + j) % 5); }, 3)) << "all are small";
}

TEST(FindingsTest, TheWorstComesFirst) {
  const auto rows = table<std::uint8_t>(20, 2, [](auto i, auto j) { return j == 0 ? 3 : double(i); });
  const std::vector<Finding> all = found(rows);
  EXPECT_THAT(kinds(all), ElementsAre("scale-unsaid", "counting-column", "constant-columns"));
}

}  // namespace
}  // namespace rbmpi
