// What tests of the load share: a catalog from a schema text, an input from a text, the rows that
// came out by table.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/load/graph_batch.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"
#include "io/env/env.h"
#include "io/env/real_env.h"

namespace og::engine::graph {

// A text as the input of a load, handed out in pieces of at most `read_bytes`.
class TextSource final : public ByteSource {
 public:
  TextSource(std::string_view text, size_t read_bytes) : text_(text), read_bytes_(read_bytes) {}
  absl::StatusOr<size_t> Read(std::byte* out, size_t capacity) override {
    const size_t size = std::min({capacity, read_bytes_, text_.size() - at_});
    std::memcpy(out, text_.data() + at_, size);
    at_ += size;
    return size;
  }
  uint64_t size() const override { return text_.size(); }
  std::string_view name() const override { return "test"; }

 private:
  const std::string_view text_;
  const size_t read_bytes_;
  size_t at_ = 0;
};

class LoadTest : public ::testing::Test {
 protected:
  explicit LoadTest(std::string_view schema) {
    auto catalog = schema::CatalogFromText(schema);
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    catalog_ = *catalog;
  }

  // Reads `input`; the error text, or "" if it was accepted.
  std::string Read(std::string_view input) {
    batches_.clear();
    num_batches_ = 0;
    TextSource source(input, read_bytes_);
    const absl::Status status =
        ReadGraphBatch(io::RealEnv(), *catalog_, source, options_, [this](TableBatch batch) {
          ++num_batches_;
          batches_[std::string(batch.table_key)].push_back(std::move(batch.rows));
          return absl::OkStatus();
        });
    return std::string(status.message());
  }

  // All rows of a table; empty if it got none.
  format::RecordBatch Rows(const std::string& table_key) {
    return batches_[table_key].empty() ? format::RecordBatch()
                                       : format::Concat(batches_[table_key]);
  }

  schema::CatalogPtr catalog_;
  GraphBatchOptions options_;
  size_t read_bytes_ = size_t{1} << 20;
  std::map<std::string, std::vector<format::RecordBatch>> batches_;
  int num_batches_ = 0;
};

}  // namespace og::engine::graph
