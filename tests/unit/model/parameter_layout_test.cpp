#include "rbmpi/model/parameter_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/model/parameter_file.hpp"
#include "rbmpi/model/rbm.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

TEST(ParameterLayoutTest, ArraysLieOneBehindTheOther) {
  const ParameterLayout layout = rbm_layout({7, 5}, 2);
  ASSERT_EQ(layout.count(), 3U);
  EXPECT_EQ(layout.size(), (RbmShape{7, 5}.parameters()));
  EXPECT_EQ(layout[0].path, "/layer_2/weights");
  EXPECT_EQ(layout.offset(0, 3), 15U);
  EXPECT_EQ(layout.offset(1), 35U);
  EXPECT_EQ(layout.offset(2, 1), 43U);
  EXPECT_TRUE(layout[0].weight_cost);
  EXPECT_FALSE(layout[1].weight_cost);
  EXPECT_EQ(to_text(layout), "/layer_2/weights 7 x 5, /layer_2/visible_bias 7, /layer_2/hidden_bias 5");
  EXPECT_TRUE(layout.same_shapes(rbm_layout({7, 5})));
  EXPECT_FALSE(layout.same_shapes(rbm_layout({5, 7})));
  EXPECT_EQ(ParameterLayout().size(), 0U);
}

TEST(ParameterLayoutTest, AgreesWithTheViewsOfModels) {
  Rbm rbm({7, 5});
  const ParameterLayout of_rbm = rbm_layout(rbm.shape());
  EXPECT_EQ(rbm.view().weights.values, rbm.parameters().data() + of_rbm.offset(0));
  EXPECT_EQ(rbm.view().visible_bias.data(), rbm.parameters().data() + of_rbm.offset(1));
  EXPECT_EQ(rbm.view().hidden_bias.data(), rbm.parameters().data() + of_rbm.offset(2));

  FeedForwardNet net({{4, 3, 2}, {Activation::sigmoid, Activation::softmax}});
  EXPECT_EQ(net.layout().size(), 4U * 3 + 3 + 3 * 2 + 2);
  EXPECT_EQ(net.layer(1).weights.values, net.parameters().data() + 15);
  EXPECT_EQ(net.layer(1).bias.data(), net.parameters().data() + 21);
}

TEST(ParameterLayoutTest, WhatAnOptimizerRemembersIsBesideItsArray) {
  EXPECT_EQ(rbm_layout({2, 3}).of_memory("velocity")[1].path, "/layer_0/velocity/visible_bias");
  const ParameterLayout own({{.path = "weights", .rows = 2}});
  EXPECT_EQ(own.of_memory("velocity")[0].path, "velocity/weights");
  EXPECT_EQ(own.in_group("/parameters")[0].path, "/parameters/weights");
}

class ParameterFileTest : public testing::Test {
 protected:
  void write(const ParameterLayout& layout, std::span<const Real> values) const {
    Hdf5File file = Hdf5File::create(path_);
    write_parameters(file, layout, values);
    file.close();
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "parameters.h5";
  ParameterLayout layout_{{{.path = "/a/weights", .rows = 3, .columns = 1, .is_matrix = true},
                           {.path = "/a/bias", .rows = 2},
                           {.path = "/b/c/weights", .rows = 2, .columns = 2}}};
  std::vector<Real> values_ = {1, 2, 3, 4, 5, 6, 7, 8, 9};
};

TEST_F(ParameterFileTest, EachArrayIsThereByItsPathAndComesBack) {
  write(layout_, values_);
  const Hdf5File file = Hdf5File::open(path_);
  EXPECT_THAT(file.array_info("/a/weights").dimensions, testing::ElementsAre(3, 1));
  EXPECT_THAT(file.array_info("/a/bias").dimensions, testing::ElementsAre(2));
  std::vector<Real> read(values_.size());
  read_parameters(file, layout_, read);
  EXPECT_EQ(read, values_);
  EXPECT_TRUE(holds_parameters(file, layout_, values_));
  for (Real& value : read) {
    value += 1;
    EXPECT_FALSE(holds_parameters(file, layout_, read));
    value -= 1;
  }
}

TEST_F(ParameterFileTest, WhatDoesNotFitIsRefusedByName) {
  write(layout_, values_);
  const Hdf5File file = Hdf5File::open(path_);
  const auto refused = [&](const std::string& path, std::size_t rows, const std::string& why) {
    const ParameterLayout other({{.path = path, .rows = rows}});
    test::expect_error(Failure::file, {path_.string(), path, why}, [&] { check_parameters(file, other); });
  };
  refused("/a/bias", 3, "as float32 [2]; float32 [3] would be right");
  refused("/a/weights", 3, "[3 x 1]; float32 [3] would be right");
  refused("/a/other", 3, "is missing");
}

}  // namespace
}  // namespace rbmpi
