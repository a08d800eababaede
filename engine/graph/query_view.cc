#include "engine/graph/query_view.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/schema/catalog.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

absl::Status NoTable(std::string_view kind, std::string_view type_name) {
  return io::DetailedError(
      {.kind = io::ErrorKind::kNotFound, .code = "", .fields = {}},
      io::StrCat("the snapshot has no table of ", kind, " type '", type_name, "'"));
}

class QueryView final : public exec::Snapshot {
 public:
  QueryView(std::shared_ptr<const GraphSnapshot> snapshot,
            std::shared_ptr<topology::TopologyCache> cache)
      : snapshot_(std::move(snapshot)), cache_(std::move(cache)) {}

  const schema::Catalog& catalog() const override { return *snapshot_->catalog(); }

  absl::StatusOr<dataset::DatasetPtr> NodeTable(std::string_view type_name) const override {
    const schema::NodeType* type = catalog().FindNode(type_name);
    const TableEntry* table = type == nullptr ? nullptr : snapshot_->Find(*type);
    return table == nullptr ? NoTable("node", type_name) : snapshot_->OpenTable(*table);
  }

  absl::StatusOr<dataset::DatasetPtr> EdgeTable(std::string_view type_name) const override {
    const schema::EdgeType* type = catalog().FindEdgeExactly(type_name);
    const TableEntry* table = type == nullptr ? nullptr : snapshot_->Find(*type);
    return table == nullptr ? NoTable("edge", type_name) : snapshot_->OpenTable(*table);
  }

  void WillOpen(const std::set<std::string>& node_types,
                const std::set<std::string>& edge_types) const override {
    std::vector<const TableEntry*> tables;
    const auto add = [&](const auto* type) {
      const TableEntry* const table = type == nullptr ? nullptr : snapshot_->Find(*type);
      if (table != nullptr) tables.push_back(table);
    };
    for (const std::string& name : node_types)
      add(catalog().FindNode(name));
    for (const std::string& name : edge_types)
      add(catalog().FindEdgeExactly(name));
    snapshot_->OpenTables(tables).IgnoreError();
  }

  topology::TopologyCache* cache() const override { return cache_.get(); }

 private:
  const std::shared_ptr<const GraphSnapshot> snapshot_;
  const std::shared_ptr<topology::TopologyCache> cache_;
};

}  // namespace

std::shared_ptr<const exec::Snapshot> QueryViewOf(std::shared_ptr<const GraphSnapshot> snapshot,
                                                  std::shared_ptr<topology::TopologyCache> cache) {
  return std::make_shared<QueryView>(std::move(snapshot), std::move(cache));
}

}  // namespace og::engine::graph
