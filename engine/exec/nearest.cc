#include "engine/exec/nearest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <variant>

#include "engine/exec/binder.h"
#include "format/arrow/builder.h"
#include "io/base/endian.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::TypeId;
using query::ExprKind;
using query::Literal;
using query::LiteralKind;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

absl::StatusOr<std::vector<float>> TargetOf(const query::Expr& nearest,
                                            const query::ParamValues& params) {
  const query::Expr& expr = nearest.args.front();
  const Literal* value = nullptr;
  if (expr.kind == ExprKind::kLiteral) value = &expr.literal;
  if (expr.kind == ExprKind::kParameter) {
    const auto bound = params.find(expr.variable);
    if (bound == params.end()) {
      return BadRequest(io::StrCat("parameter '", expr.variable, "' not provided"));
    }
    value = &bound->second;
  }
  if (value == nullptr) return BadRequest("nearest query must be a literal or parameter");
  if (value->kind == LiteralKind::kString) {
    return io::UnimplementedError(
        io::StrCat("nearest() on '", nearest.property,
                   "' with a text: there is no embedding provider; give the vector itself"));
  }
  if (value->kind != LiteralKind::kList) return BadRequest("nearest query must be a vector");
  std::vector<float> target;
  target.reserve(value->items.size());
  for (const Literal& item : value->items) {
    if (item.kind == LiteralKind::kInteger) {
      target.push_back(static_cast<float>(item.integer));
    } else if (item.kind == LiteralKind::kFloat) {
      target.push_back(static_cast<float>(item.number));
    } else {
      return BadRequest("nearest query must be a list of numbers");
    }
  }
  return target;
}

bool IsScanned(const query::ReadPlan& plan, std::string_view variable) {
  return std::any_of(plan.pipeline.begin(), plan.pipeline.end(), [&](const query::PlanStep& step) {
    const auto* scan = std::get_if<query::NodeScan>(&step.value);
    return scan != nullptr && scan->variable == variable;
  });
}

// Sums in lanes, so that the compiler may keep them in one register.
float SquaredDistance(std::span<const float> a, const std::byte* b) {
  const auto difference_at = [&](size_t i) {
    return a[i] - io::LoadLe<float>(b + i * sizeof(float));
  };
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float difference = difference_at(i + lane);
      sums[lane] += difference * difference;
    }
  }
  float sum = 0;
  for (; i < a.size(); ++i) {
    const float difference = difference_at(i);
    sum += difference * difference;
  }
  for (const float lane : sums)
    sum += lane;
  return sum;
}

}  // namespace

absl::StatusOr<std::optional<Nearest>> NearestOf(const query::ReadPlan& plan, const Layout& layout,
                                                 const query::ParamValues& params) {
  if (plan.orderings.empty() || plan.orderings[0].expr.kind != ExprKind::kNearest) {
    return std::nullopt;
  }
  const query::Expr& expr = plan.orderings[0].expr;
  Nearest nearest;
  nearest.variable = layout.NumberOf(expr.variable);
  nearest.property = expr.property;
  OG_ASSIGN_OR_RETURN(nearest.target, TargetOf(expr, params));
  nearest.limit = plan.limit.value_or(0);
  nearest.in_scan = IsScanned(plan, expr.variable);
  return std::optional<Nearest>(std::move(nearest));
}

absl::StatusOr<ArrayPtr> DistancesTo(const std::vector<float>& target,
                                     const format::Array& vectors) {
  const format::DataType& type = *vectors.type;
  if (type.id != TypeId::kFixedSizeList || type.children[0].type->id != TypeId::kFloat32) {
    return io::InternalError(io::StrCat("a vector column of type ", type.ToString()));
  }
  if (static_cast<size_t>(type.list_size) != target.size()) {
    return BadRequest(io::StrCat("nearest query has ", target.size(), " elements, the property is ",
                                 "Vector(", type.list_size, ")"));
  }
  const format::Array& items = *vectors.children[0];
  format::FixedBuilder<float> distances(format::Float32());
  for (int64_t row = 0; row < vectors.length; ++row) {
    if (vectors.IsNull(row)) {
      distances.AppendNull();
      continue;
    }
    const int64_t first = items.offset + (vectors.offset + row) * type.list_size;
    const float distance =
        SquaredDistance(target, items.values.data() + static_cast<size_t>(first) * sizeof(float));
    distances.Append(distance == distance ? distance : std::numeric_limits<float>::infinity());
  }
  return distances.Finish();
}

absl::Status NearestRows::Add(const format::Array& vectors,
                              const std::vector<uint64_t>& addresses) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr distances, DistancesTo(nearest_.target, vectors));
  for (int64_t i = 0; i < distances->length; ++i, ++num_rows_) {
    if (distances->IsNull(i)) continue;
    const Candidate candidate{distances->Value<float>(i), num_rows_,
                              addresses[static_cast<size_t>(i)]};
    if (heap_.size() == nearest_.limit) {
      if (heap_.empty() || !(candidate < heap_.front())) continue;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = candidate;
    } else {
      heap_.push_back(candidate);
    }
    std::push_heap(heap_.begin(), heap_.end());
  }
  return absl::OkStatus();
}

std::vector<uint64_t> NearestRows::Finish() {
  std::sort_heap(heap_.begin(), heap_.end());
  std::vector<uint64_t> addresses;
  for (const Candidate& candidate : heap_)
    addresses.push_back(candidate.address);
  return addresses;
}

}  // namespace og::engine::exec
