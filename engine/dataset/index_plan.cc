#include "engine/dataset/index_plan.h"

#include <algorithm>
#include <set>

#include "engine/dataset/index_coverage.h"
#include "format/table/roaring.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using expr::CompareOp;
using expr::Expr;
using expr::ExprKind;
using expr::ExprPtr;
using format::ArrayPtr;
using format::TypeId;
using index::After;
using index::Before;
using index::SortKey;
using index::ValueSet;

constexpr uint64_t kFragmentsMax = uint64_t{1} << 32;
// The newest form of BTREE index that we know; 1 differs from 0 for older readers only.
constexpr int32_t kBtreeVersionMax = 1;
constexpr int kDepthMax = 200;
// Above this share of a table's rows a scan is quicker than fetching rows one by one.
constexpr double kIndexShareMax = 0.15;
// Few rows are always looked up.
constexpr uint64_t kIndexRowsMin = 16384;

// Lists of values from this length on are taken to name at most so many rows each.
constexpr size_t kLongList = 64;
constexpr uint64_t kRowsPerListed = 16;

struct Node;
using NodePtr = std::unique_ptr<Node>;

// A filter in the terms of indexes.
struct Node {
  enum class Kind : uint8_t { kSet, kAnd, kOr, kOther };
  Kind kind = Kind::kOther;
  // kSet: values of the column of `index`.
  std::shared_ptr<const UsableIndex> index = {};
  std::string column = {};
  ValueSet set = {};
  std::vector<NodePtr> args = {};
  // The condition itself, with NOT where it was negated.
  ExprPtr expr = {};
};

CompareOp Mirrored(CompareOp op) {
  switch (op) {
    case CompareOp::kLt:
      return CompareOp::kGt;
    case CompareOp::kLe:
      return CompareOp::kGe;
    case CompareOp::kGt:
      return CompareOp::kLt;
    case CompareOp::kGe:
      return CompareOp::kLe;
    default:
      return op;
  }
}

ValueSet SetOf(CompareOp op, SortKey key) {
  switch (op) {
    case CompareOp::kEq:
      return ValueSet::Points({std::move(key)});
    case CompareOp::kNe:
      return ValueSet::Points({std::move(key)}).NotNullRest();
    case CompareOp::kLt:
      return ValueSet::Range(index::StartCut(), Before(std::move(key)));
    case CompareOp::kLe:
      return ValueSet::Range(index::StartCut(), After(std::move(key)));
    case CompareOp::kGt:
      return ValueSet::Range(After(std::move(key)), index::EndCut());
    case CompareOp::kGe:
      return ValueSet::Range(Before(std::move(key)), index::EndCut());
  }
  return ValueSet::NotNull();
}

// The text that a LIKE pattern starts with, if it is that and a single % behind it; is_whole: no %.
struct LikePrefix {
  std::string text;
  bool is_whole = false;
};
std::optional<LikePrefix> PrefixOf(std::string_view pattern) {
  LikePrefix prefix;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '_') return std::nullopt;
    if (pattern[i] == '%') {
      if (i + 1 != pattern.size()) return std::nullopt;
      return prefix;
    }
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    prefix.text += pattern[i];
  }
  prefix.is_whole = true;
  return prefix;
}

class Planner {
 public:
  explicit Planner(const DatasetHandle& dataset) : dataset_(dataset) {}

  // `expr`, or its negation, as a tree.
  absl::StatusOr<NodePtr> Convert(const ExprPtr& expr, bool negated, int depth) {
    if (depth > kDepthMax) return Other(expr, negated);
    switch (expr->kind) {
      case ExprKind::kNot:
        return Convert(expr->args[0], !negated, depth + 1);
      case ExprKind::kAnd:
      case ExprKind::kOr:
        return Combine(expr, negated, depth);
      case ExprKind::kCompare:
      case ExprKind::kIn:
      case ExprKind::kIsNull:
      case ExprKind::kStartsWith:
      case ExprKind::kLike:
      case ExprKind::kColumn:
        return Condition(expr, negated);
      default:
        return Other(expr, negated);
    }
  }

 private:
  static NodePtr Other(const ExprPtr& expr, bool negated) {
    auto node = std::make_unique<Node>();
    node->expr = negated ? expr::Not(expr) : expr;
    return node;
  }

  absl::StatusOr<NodePtr> Combine(const ExprPtr& expr, bool negated, int depth) {
    auto node = std::make_unique<Node>();
    node->kind = (expr->kind == ExprKind::kAnd) != negated ? Node::Kind::kAnd : Node::Kind::kOr;
    node->expr = negated ? expr::Not(expr) : expr;
    for (const ExprPtr& arg : expr->args) {
      OG_ASSIGN_OR_RETURN(NodePtr child, Convert(arg, negated, depth + 1));
      // Sets of one column become one.
      const auto same = std::ranges::find_if(node->args, [&](const NodePtr& other) {
        return child->kind == Node::Kind::kSet && other->kind == Node::Kind::kSet &&
               other->index == child->index;
      });
      if (same == node->args.end()) {
        node->args.push_back(std::move(child));
        continue;
      }
      Node& first = **same;
      if (node->kind == Node::Kind::kAnd) {
        first.set = first.set.And(child->set);
        first.expr = expr::And({first.expr, child->expr});
      } else {
        first.set = first.set.Or(child->set);
        first.expr = expr::Or({first.expr, child->expr});
      }
    }
    if (node->args.size() == 1) return std::move(node->args[0]);
    return node;
  }

  absl::StatusOr<NodePtr> Condition(const ExprPtr& expr, bool negated) {
    const Expr* column = expr.get();
    if (expr->kind != ExprKind::kColumn) {
      column = expr->args[0].get();
      if (expr->kind == ExprKind::kCompare && column->kind != ExprKind::kColumn) {
        column = expr->args[1].get();
      }
    }
    if (column->kind != ExprKind::kColumn) return Other(expr, negated);
    OG_ASSIGN_OR_RETURN(const auto found, Index(column->path));
    if (found == nullptr) return Other(expr, negated);
    std::optional<ValueSet> set = SetFor(*expr, *column, *found->type);
    if (!set) return Other(expr, negated);
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::kSet;
    node->index = found;
    node->column = io::Join(column->path, ".");
    node->expr = negated ? expr::Not(expr) : expr;
    if (negated) {
      // IS NULL is never unknown: NOT makes it the values. A comparison with null is always.
      set = IsUnknown(*expr) ? ValueSet() : set->NotNullRest();
    }
    node->set = *std::move(set);
    return node;
  }

  // Whether the condition is unknown for every row.
  static bool IsUnknown(const Expr& expr) {
    if (expr.kind == ExprKind::kIn) return expr.values->null_count != 0;
    return std::ranges::any_of(expr.args, [](const ExprPtr& arg) {
      return arg->kind == ExprKind::kLiteral && arg->values->null_count != 0;
    });
  }

  // `literal` as a key of a column of `type`; nullopt if it cannot be one, null for a null.
  static std::optional<std::optional<SortKey>> KeyOf(const Expr& literal,
                                                     const format::DataType& type) {
    if (literal.kind != ExprKind::kLiteral) return std::nullopt;
    return KeyOf(literal.values, type);
  }
  static std::optional<std::optional<SortKey>> KeyOf(const ArrayPtr& value,
                                                     const format::DataType& type) {
    if (value->IsNull(0)) return std::optional<SortKey>();
    const auto cast = expr::CoerceLiteral(value, std::make_shared<const format::DataType>(type));
    if (!cast.ok() || !(*(*cast)->type == type)) return std::nullopt;
    const auto keys = index::KeysOf(*cast);
    if (!keys.ok() || keys->size() != 1) return std::nullopt;
    return keys->At(0);
  }

  // `values` as `type` where that loses nothing; null where each has to be looked at.
  static ArrayPtr AllCast(const ArrayPtr& values, const format::DataType& type) {
    if (*values->type == type) return values;
    if (!values->type->is_integer() || !type.is_integer()) return nullptr;
    const auto cast = expr::Cast(values, std::make_shared<const format::DataType>(type));
    if (!cast.ok()) return nullptr;
    const auto back = expr::Cast(*cast, values->type);
    return back.ok() && format::Equal(**back, *values) ? *cast : nullptr;
  }

  // The values for which `expr` is true; nullopt if that cannot be said.
  static std::optional<ValueSet> SetFor(const Expr& expr, const Expr& column,
                                        const format::DataType& type) {
    switch (expr.kind) {
      case ExprKind::kColumn:
        if (type.id != TypeId::kBool) return std::nullopt;
        return ValueSet::Points({{1, {}}});
      case ExprKind::kIsNull:
        return ValueSet::Nulls();
      case ExprKind::kCompare: {
        const bool mirrored = expr.args[0].get() != &column;
        const auto key = KeyOf(*expr.args[mirrored ? 0 : 1], type);
        if (!key) return std::nullopt;
        if (!*key) return ValueSet();
        return SetOf(mirrored ? Mirrored(expr.op) : expr.op, **key);
      }
      case ExprKind::kIn: {
        std::vector<SortKey> keys;
        if (const ArrayPtr values = AllCast(expr.values, type); values != nullptr) {
          const auto all = index::KeysOf(values);
          if (!all.ok()) return std::nullopt;
          keys.reserve(all->size());
          for (size_t i = 0; i < all->size(); ++i) {
            keys.push_back(all->At(i));
          }
          return ValueSet::Points(std::move(keys));
        }
        for (int64_t i = 0; i < expr.values->length; ++i) {
          auto key = KeyOf(format::Slice(expr.values, i, 1), type);
          if (!key) return std::nullopt;
          if (*key) keys.push_back(**std::move(key));
        }
        return ValueSet::Points(std::move(keys));
      }
      case ExprKind::kStartsWith:
      case ExprKind::kLike: {
        if (!type.is_variable() || expr.args[1]->kind != ExprKind::kLiteral) return std::nullopt;
        const ArrayPtr& text = expr.args[1]->values;
        if (text->IsNull(0)) return ValueSet();
        if (!text->type->is_variable()) return std::nullopt;
        if (expr.kind == ExprKind::kStartsWith) return ValueSet::Prefix(text->StringValue(0));
        const auto prefix = PrefixOf(text->StringValue(0));
        if (!prefix) return std::nullopt;
        return prefix->is_whole ? ValueSet::Points({{0, prefix->text}})
                                : ValueSet::Prefix(prefix->text);
      }
      default:
        return std::nullopt;
    }
  }

  absl::StatusOr<std::shared_ptr<const UsableIndex>> Index(const std::vector<std::string>& path) {
    const auto known = indexes_.find(path);
    if (known != indexes_.end()) return known->second;
    OG_ASSIGN_OR_RETURN(auto found, FindUsableIndex(dataset_, path));
    indexes_[path] = found;
    return found;
  }

  const DatasetHandle& dataset_;
  std::map<std::vector<std::string>, std::shared_ptr<const UsableIndex>> indexes_;
};

// The most rows that the sets of `node` leave over, or a guess for long lists of values.
uint64_t AtMost(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kOther:
      return UINT64_MAX;
    case Node::Kind::kSet: {
      uint64_t rows = 0;
      for (const IndexSegment& segment : node.index->segments) {
        rows += segment.btree->CountAtMost(node.set);
      }
      // A column of few values has no long lists of them: each value of one names few rows.
      const size_t num_ranges = node.set.ranges().size();
      return num_ranges < kLongList ? rows : std::min(rows, num_ranges * kRowsPerListed);
    }
    case Node::Kind::kAnd: {
      uint64_t rows = UINT64_MAX;
      for (const NodePtr& arg : node.args) {
        rows = std::min(rows, AtMost(*arg));
      }
      return rows;
    }
    case Node::Kind::kOr: {
      uint64_t rows = 0;
      for (const NodePtr& arg : node.args) {
        const uint64_t more = AtMost(*arg);
        rows = more > UINT64_MAX - rows ? UINT64_MAX : rows + more;
      }
      return rows;
    }
  }
  return UINT64_MAX;
}

// Conditions that would have to be searched in full beside much better ones are left to the rest.
void DropWeak(Node& node) {
  for (const NodePtr& arg : node.args) {
    DropWeak(*arg);
  }
  if (node.kind != Node::Kind::kAnd) return;
  constexpr uint64_t kTimesWorse = 8;
  const uint64_t best = AtMost(node);
  for (const NodePtr& arg : node.args) {
    const uint64_t rows = AtMost(*arg);
    if (rows > kIndexRowsMin && rows / kTimesWorse > best) {
      arg->kind = Node::Kind::kOther;
      arg->args.clear();
    }
  }
}

// What a search gives: addresses that hold all rows for which the node is true, and whether they
// hold no others.
struct Found {
  std::vector<uint64_t> addresses;
  ExprPtr rest;
};

class Searcher {
 public:
  Searcher(const DatasetHandle& dataset, std::vector<uint64_t> fragment_ids)
      : dataset_(dataset), fragment_ids_(std::move(fragment_ids)) {}

  // REQUIRES: AtMost(node) is finite.
  absl::StatusOr<Found> Search(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kSet:
        return SearchSet(node);
      case Node::Kind::kAnd:
        return SearchAnd(node);
      default:
        return SearchOr(node);
    }
  }

  const std::string& text() const { return text_; }

 private:
  absl::StatusOr<Found> SearchSet(const Node& node) {
    Found found;
    for (const IndexSegment& segment : node.index->segments) {
      OG_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids,
                          segment.btree->Search(node.set, &dataset_.env().pool()));
      std::vector<uint64_t> covered;
      std::ranges::set_intersection(segment.fragment_ids, fragment_ids_,
                                    std::back_inserter(covered));
      OG_ASSIGN_OR_RETURN(std::vector<uint64_t> addresses,
                          LiveAddresses(dataset_, ids, segment.holds_addresses, covered));
      if (found.addresses.empty()) {
        found.addresses = std::move(addresses);
        continue;
      }
      std::vector<uint64_t> all;
      std::ranges::set_union(found.addresses, addresses, std::back_inserter(all));
      found.addresses = std::move(all);
    }
    text_ += io::StrCat(text_.empty() ? "" : ", ", node.column, " by ", node.index->name, " (",
                        found.addresses.size(), " rows)");
    return found;
  }

  absl::StatusOr<Found> SearchAnd(const Node& node) {
    std::optional<Found> both;
    std::vector<ExprPtr> rest;
    for (const NodePtr& arg : node.args) {
      if (AtMost(*arg) == UINT64_MAX) {
        rest.push_back(arg->expr);
        continue;
      }
      OG_ASSIGN_OR_RETURN(Found found, Search(*arg));
      if (found.rest != nullptr) rest.push_back(std::move(found.rest));
      if (!both) {
        both = std::move(found);
        continue;
      }
      std::vector<uint64_t> common;
      std::ranges::set_intersection(both->addresses, found.addresses, std::back_inserter(common));
      both->addresses = std::move(common);
    }
    both->rest = rest.empty() ? nullptr : expr::And(std::move(rest));
    return *std::move(both);
  }

  absl::StatusOr<Found> SearchOr(const Node& node) {
    Found either;
    bool is_exact = true;
    for (const NodePtr& arg : node.args) {
      OG_ASSIGN_OR_RETURN(Found found, Search(*arg));
      is_exact = is_exact && found.rest == nullptr;
      std::vector<uint64_t> all;
      std::ranges::set_union(either.addresses, found.addresses, std::back_inserter(all));
      either.addresses = std::move(all);
    }
    if (!is_exact) either.rest = node.expr;
    return either;
  }

  const DatasetHandle& dataset_;
  const std::vector<uint64_t> fragment_ids_;
  std::string text_;
};

// The indexes that a search of `node` uses.
void Collect(const Node& node, std::set<const UsableIndex*>& used) {
  if (node.kind == Node::Kind::kSet) used.insert(node.index.get());
  for (const NodePtr& arg : node.args) {
    Collect(*arg, used);
  }
}

}  // namespace

bool IsReadableBtree(const format::IndexMetadata& metadata) {
  return metadata.details && metadata.details->type_url.ends_with(".BTreeIndexDetails") &&
         metadata.index_version.value_or(0) <= kBtreeVersionMax && metadata.fields.size() == 1;
}

absl::StatusOr<std::vector<uint64_t>> LiveCoverage(const format::Manifest& manifest,
                                                   const format::IndexMetadata& metadata) {
  std::vector<uint64_t> live;
  if (metadata.fragment_bitmap.empty()) return live;
  auto covered = format::DecodeRoaring(metadata.fragment_bitmap, kFragmentsMax);
  if (!covered.ok()) {
    return io::Annotate(covered.status(), io::StrCat("coverage of index ", metadata.name));
  }
  for (const uint32_t id : *covered) {
    if (manifest.FindFragment(id) != nullptr) live.push_back(id);
  }
  return live;
}

absl::StatusOr<std::shared_ptr<const index::BtreeIndex>> OpenSegment(
    const DatasetHandle& dataset, const format::IndexMetadata& metadata) {
  const std::string path = io::StrCat("_indices/", metadata.uuid);
  io::Location folder = dataset.branch_root().Child(path);
  if (metadata.base_id) {
    OG_ASSIGN_OR_RETURN(folder, dataset.folders().BelowBase(*metadata.base_id, path));
  }
  index::BtreeOpenOptions options{.memory = dataset.env().memory()};
  for (const format::IndexFile& file : metadata.files) {
    if (file.path == index::kBtreeLookupFile) options.lookup_bytes = file.size_bytes;
    if (file.path == index::kBtreeDataFile) options.data_bytes = file.size_bytes;
  }
  return dataset.session()->OpenBtree(folder, options);
}

absl::StatusOr<std::shared_ptr<const UsableIndex>> FindUsableIndex(
    const DatasetHandle& dataset, const std::vector<std::string>& path) {
  const format::LanceField* field =
      path.empty() ? nullptr : dataset.lance_schema().Find(path.front());
  for (size_t i = 1; i < path.size() && field != nullptr; ++i) {
    field = field->is_struct() ? field->Child(path[i]) : nullptr;
  }
  if (field == nullptr) return std::shared_ptr<const UsableIndex>();
  OG_ASSIGN_OR_RETURN(const format::TypePtr type, format::ArrowTypeOf(*field));
  std::map<std::string, std::shared_ptr<UsableIndex>> by_name;
  for (const format::IndexMetadata& metadata : dataset.manifest().indices) {
    if (!IsReadableBtree(metadata) || metadata.fields.front() != field->id) continue;
    OG_ASSIGN_OR_RETURN(std::vector<uint64_t> covered, LiveCoverage(dataset.manifest(), metadata));
    if (covered.empty()) continue;
    absl::StatusOr<std::shared_ptr<const index::BtreeIndex>> btree = OpenSegment(dataset, metadata);
    if (absl::IsUnimplemented(btree.status())) continue;  // its fragments are scanned
    OG_RETURN_IF_ERROR(btree.status());
    // A column that was cast since has another type; its index went with it, but for one.
    if (!(*(*btree)->type() == *type)) continue;
    std::shared_ptr<UsableIndex>& index = by_name[metadata.name];
    if (index == nullptr) {
      index = std::make_shared<UsableIndex>();
      index->name = metadata.name;
      index->type = type;
    }
    std::vector<uint64_t> all;
    std::ranges::set_union(index->fragment_ids, covered, std::back_inserter(all));
    index->fragment_ids = std::move(all);
    index->segments.push_back({.btree = *std::move(btree),
                               .holds_addresses = HoldsAddresses(metadata),
                               .fragment_ids = std::move(covered)});
  }
  std::shared_ptr<const UsableIndex> best;
  for (const auto& [name, index] : by_name) {
    if (best == nullptr || index->fragment_ids.size() > best->fragment_ids.size()) best = index;
  }
  return best;
}

absl::StatusOr<std::vector<uint64_t>> LiveAddresses(const DatasetHandle& dataset,
                                                    std::span<const uint64_t> ids,
                                                    bool are_addresses,
                                                    std::span<const uint64_t> fragment_ids) {
  std::vector<uint64_t> addresses;
  if (ids.empty()) return addresses;
  if (dataset.manifest().has_stable_row_ids() && !are_addresses) {
    OG_ASSIGN_OR_RETURN(const auto row_ids, dataset.row_id_index());
    for (const uint64_t id : ids) {
      row_ids->AppendCandidates(id, addresses);
    }
    std::ranges::sort(addresses);
  } else {
    if (const auto& moves = dataset.row_moves(); moves != nullptr) {
      addresses = moves->FollowAll(ids);
    } else {
      addresses.assign(ids.begin(), ids.end());
    }
    if (!std::ranges::is_sorted(addresses)) std::ranges::sort(addresses);
  }
  addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
  dataset.PrefetchDeletionsAt(addresses);
  size_t kept = 0;
  for (auto first = addresses.begin(); first != addresses.end();) {
    const uint64_t id = *first >> 32;
    const auto last = std::ranges::upper_bound(first, addresses.end(), id << 32 | UINT32_MAX);
    const format::Fragment* fragment = std::ranges::binary_search(fragment_ids, id)
                                           ? dataset.manifest().FindFragment(id)
                                           : nullptr;
    if (fragment == nullptr) {
      first = last;
      continue;
    }
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, dataset.DeletionsOf(*fragment));
    std::span<const uint32_t> deleted;
    if (deletions != nullptr) deleted = deletions->offsets();
    for (; first != last; ++first) {
      const auto offset = static_cast<uint32_t>(*first);
      while (!deleted.empty() && deleted.front() < offset) {
        deleted = deleted.subspan(1);
      }
      if (offset < fragment->physical_rows && (deleted.empty() || deleted.front() != offset)) {
        addresses[kept++] = *first;
      }
    }
  }
  addresses.resize(kept);
  return addresses;
}

absl::StatusOr<std::shared_ptr<const IndexAnswer>> SearchIndices(const DatasetHandle& dataset,
                                                                 const ExprPtr& filter) {
  const std::shared_ptr<const IndexAnswer> none;
  if (filter == nullptr || std::ranges::none_of(dataset.manifest().indices, IsReadableBtree)) {
    return none;
  }
  Planner planner(dataset);
  OG_ASSIGN_OR_RETURN(const NodePtr node, planner.Convert(filter, false, 0));
  if (AtMost(*node) == UINT64_MAX) return none;
  DropWeak(*node);
  std::set<const UsableIndex*> used;
  Collect(*node, used);
  auto answer = std::make_shared<IndexAnswer>();
  bool is_first = true;
  for (const UsableIndex* index : used) {
    std::vector<uint64_t> common;
    if (is_first) {
      common = index->fragment_ids;
    } else {
      std::ranges::set_intersection(answer->fragment_ids, index->fragment_ids,
                                    std::back_inserter(common));
    }
    answer->fragment_ids = std::move(common);
    is_first = false;
  }
  uint64_t covered_rows = 0;
  for (const uint64_t id : answer->fragment_ids) {
    covered_rows += dataset.manifest().FindFragment(id)->num_rows();
  }
  const uint64_t rows_max = std::max(
      kIndexRowsMin, static_cast<uint64_t>(kIndexShareMax * static_cast<double>(covered_rows)));
  if (covered_rows == 0 || AtMost(*node) > rows_max) return none;
  Searcher searcher(dataset, answer->fragment_ids);
  OG_ASSIGN_OR_RETURN(Found found, searcher.Search(*node));
  answer->rest = std::move(found.rest);
  answer->num_rows = found.addresses.size();
  answer->text = searcher.text();
  for (const uint64_t address : found.addresses) {
    answer->offsets[address >> 32].push_back(address & UINT32_MAX);
  }
  return answer;
}

}  // namespace og::engine::dataset
