// Ranking by distance against a sort of all distances.
#include "engine/exec/nearest.h"

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/exec/execute.h"
#include "engine/exec/memory_dataset.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "engine/schema/catalog.h"
#include "format/arrow/builder.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::StatusIs;

constexpr uint32_t kDimension = 19;  // more than one group of lanes, and a rest

struct Point {
  std::string id;
  int32_t group = 0;
  std::optional<std::vector<float>> at;
};

ArrayPtr VectorsOf(const std::vector<Point>& points) {
  format::FixedBuilder<float> items(format::Float32());
  format::BoolBuilder known;
  for (const Point& point : points) {
    known.Append(point.at.has_value());
    for (uint32_t i = 0; i < kDimension; ++i)
      items.Append(point.at.has_value() ? (*point.at)[i] : 0);
  }
  auto vectors = std::make_shared<format::Array>();
  vectors->type = format::FixedSizeListOf(format::Float32(), kDimension);
  vectors->length = std::ssize(points);
  vectors->validity = known.Finish()->values;
  vectors->null_count = std::count_if(points.begin(), points.end(),
                                      [](const Point& point) { return !point.at.has_value(); });
  vectors->children = {items.Finish()};
  return vectors;
}

ArrayPtr TextsOf(const std::vector<std::string>& texts) {
  format::StringBuilder builder(format::Utf8());
  for (const std::string& text : texts)
    builder.Append(text);
  return builder.Finish();
}

format::RecordBatch BatchOf(std::vector<std::pair<std::string, ArrayPtr>> columns) {
  auto schema = std::make_shared<format::Schema>();
  format::RecordBatch batch{nullptr, columns.front().second->length, {}};
  for (auto& [name, column] : columns) {
    schema->fields.push_back({name, column->type, true, {}});
    batch.columns.push_back(std::move(column));
  }
  batch.schema = std::move(schema);
  return batch;
}

class NearestTest : public testing::Test {
 protected:
  NearestTest() {
    catalog_ =
        schema::CatalogFromText(io::StrCat("node Point { slug: String @key group: I32 at: Vector(",
                                           kDimension, ")? }\n", "edge Next: Point -> Point"))
            .value();
  }

  // Edges lead from each point to the one behind it.
  void SetPoints(const std::vector<Point>& points) {
    points_ = points;
    format::FixedBuilder<int32_t> groups(format::Int32());
    std::vector<std::string> ids;
    for (const Point& point : points) {
      ids.push_back(point.id);
      groups.Append(point.group);
    }
    snapshot_ = std::make_unique<MemorySnapshot>(catalog_);
    snapshot_->SetNodes("Point",
                        BatchOf({{"id", TextsOf(ids)},
                                 {"at", VectorsOf(points)},
                                 {"group", groups.Finish()},
                                 {"slug", TextsOf(ids)}}),
                        7);
    const std::vector<std::string> from(ids.begin(), ids.end() - 1);
    const std::vector<std::string> to(ids.begin() + 1, ids.end());
    snapshot_->SetEdges(
        "Next", BatchOf({{"id", TextsOf(from)}, {"src", TextsOf(from)}, {"dst", TextsOf(to)}}), 7);
  }

  absl::StatusOr<std::vector<std::string>> Run(const std::string& source,
                                               const query::ParamValues& params) {
    OG_ASSIGN_OR_RETURN(const query::QueryFile file, query::ParseQueryFile(source));
    OG_ASSIGN_OR_RETURN(const query::CheckedQuery checked,
                        query::CheckQuery(*catalog_, file.queries[0]));
    OG_ASSIGN_OR_RETURN(const query::ReadPlan plan, query::PlanRead(*catalog_, checked));
    OG_ASSIGN_OR_RETURN(const QueryResult result,
                        ExecutePlan(budget_, *snapshot_, plan, params, {}));
    std::vector<std::string> rows;
    for (const format::RecordBatch& batch : result.batches) {
      for (int64_t i = 0; i < batch.num_rows; ++i)
        rows.emplace_back(batch.columns[0]->StringValue(i));
    }
    return rows;
  }

  double Distance(size_t point, const std::vector<float>& target) const {
    double sum = 0;
    for (uint32_t k = 0; k < kDimension; ++k) {
      const double difference = double{(*points_[point].at)[k]} - double{target[k]};
      sum += difference * difference;
    }
    return sum;
  }
  double DistanceOf(const std::string& id, const std::vector<float>& target) const {
    for (size_t i = 0; i < points_.size(); ++i) {
      if (points_[i].id == id) return Distance(i, target);
    }
    return -1;
  }

  // Ids of the points that `keep` accepts, by distance and then by row.
  template <typename Keep>
  std::vector<std::string> ByDistance(const std::vector<float>& target, size_t limit,
                                      const Keep& keep) const {
    std::vector<std::pair<double, size_t>> order;
    for (size_t i = 0; i < points_.size(); ++i) {
      if (points_[i].at.has_value() && keep(i)) order.emplace_back(Distance(i, target), i);
    }
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), limit));
    std::vector<std::string> ids;
    for (const auto& [distance, i] : order)
      ids.push_back(points_[i].id);
    return ids;
  }

  static query::ParamValues Target(const std::vector<float>& target) {
    std::vector<query::Literal> items;
    for (const float value : target)
      items.push_back(query::Literal::Float(double{value}));
    return {{"q", query::Literal::List(std::move(items))}};
  }

  schema::CatalogPtr catalog_;
  std::vector<Point> points_;
  std::unique_ptr<MemorySnapshot> snapshot_;
  std::shared_ptr<io::MemoryBudget> budget_ = io::MemoryBudget::NewRoot("test", uint64_t{1} << 30);
};

// Small integers, so that sums are exact in floats and ties are frequent.
std::vector<float> RandomVector(std::mt19937_64& random) {
  std::vector<float> vector(kDimension);
  for (float& value : vector)
    value = static_cast<float>(random() % 4);
  return vector;
}

TEST_F(NearestTest, RandomPoints) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 40; ++round) {
    std::vector<Point> points(2 + random() % 60);
    for (size_t i = 0; i < points.size(); ++i) {
      points[i].id = io::StrCat("p", i);
      points[i].group = static_cast<int32_t>(random() % 3);
      if (random() % 8 != 0) points[i].at = RandomVector(random);
    }
    SetPoints(points);
    const std::vector<float> target = RandomVector(random);
    const size_t limit = random() % 12;
    const std::string type = io::StrCat("$q: Vector(", kDimension, ")");
    const std::string rank = io::StrCat("order { nearest($p.at, $q) } limit ", limit, " }");
    const auto everywhere =
        Run(io::StrCat("query f(", type, ") { match { $p: Point } ", "return { $p } ", rank),
            Target(target));
    ASSERT_THAT(everywhere, tests::IsOk());
    EXPECT_EQ(*everywhere, ByDistance(target, limit, [](size_t) { return true; }));

    const auto filtered = Run(io::StrCat("query f(", type, ") { match { $p: Point { group: 1 } } ",
                                         "return { $p } ", rank),
                              Target(target));
    ASSERT_THAT(filtered, tests::IsOk());
    EXPECT_EQ(*filtered, ByDistance(target, limit, [&](size_t i) { return points[i].group == 1; }));

    // Of the points that a traversal finds, those that follow a point of group 1.
    const auto reached =
        Run(io::StrCat("query f(", type, ") { match { $o: Point { group: 1 } $o next $p } ",
                       "return { $p } ", rank),
            Target(target));
    ASSERT_THAT(reached, tests::IsOk());
    const auto follows = [&](size_t i) { return i > 0 && points[i - 1].group == 1; };
    std::vector<std::pair<double, std::string>> order;
    for (size_t i = 0; i < points.size(); ++i) {
      if (points[i].at.has_value() && follows(i))
        order.emplace_back(Distance(i, target), points[i].id);
    }
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), limit));
    ASSERT_EQ(reached->size(), order.size());
    for (size_t i = 0; i < order.size(); ++i)
      EXPECT_EQ(DistanceOf((*reached)[i], target), order[i].first);
  }
}

TEST_F(NearestTest, ATraversalKeepsTheOrderOfTheScan) {
  std::vector<Point> points;
  for (int i = 0; i < 5; ++i) {
    points.push_back({io::StrCat("p", i), 0, std::vector<float>(kDimension, float(10 - i))});
  }
  SetPoints(points);
  const auto rows = Run(io::StrCat("query f($q: Vector(", kDimension,
                                   ")) { match { $p: Point $p next $n } return { $n } ",
                                   "order { nearest($p.at, $q) } limit 3 }"),
                        Target(std::vector<float>(kDimension, 0)));
  ASSERT_THAT(rows, tests::IsOk());
  EXPECT_THAT(*rows, ElementsAre("p4", "p3"));  // p4 is the nearest one and has no successor
}

TEST_F(NearestTest, Refusals) {
  SetPoints({{"a", 0, std::nullopt}, {"b", 0, std::nullopt}});
  const std::string source =
      io::StrCat("query f($q: Vector(", kDimension, ")) { match { $p: Point } return { $p } ",
                 "order { nearest($p.at, $q) } limit 3 }");
  EXPECT_THAT(Run(source, {}), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("parameter 'q' not provided")));
  EXPECT_THAT(Run(source, Target({1, 2})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has 2 elements")));
  EXPECT_THAT(Run(source, {{"q", query::Literal::Null()}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be a vector")));
  EXPECT_THAT(Run("query f() { match { $p: Point } return { $p } "
                  "order { nearest($p.at, \"a text\") } limit 3 }",
                  {}),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("embedding provider")));
}

}  // namespace
}  // namespace og::engine::exec
