// Makes a data set with a history of every kind of commit, and says what each version holds, for
// read_tables.py to compare; or checks what the real library made of it afterwards.
//
//   write_tables write FOLDER    makes FOLDER/t.lance and FOLDER/expected.jsonl, one object a line:
//                                {"branch", "version", "rows": [[id, age, _rowid, _rowaddr,
//                                created, updated], ...]}
//   write_tables check FOLDER    compares FOLDER/t.lance with FOLDER/changed.jsonl of that form
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "engine/dataset/dataset.h"
#include "engine/dataset/refs.h"
#include "format/arrow/builder.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"

namespace og {
namespace {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;

format::SchemaPtr TheSchema() {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{.name = "id",
                     .type = format::Utf8(),
                     .nullable = false,
                     .metadata = {{"lance-schema:unenforced-primary-key", "true"}}},
                    {.name = "age", .type = format::Int64(), .nullable = true, .metadata = {}}};
  return schema;
}

// Rows first .. first + count, "r0007" with age 7 * factor.
std::unique_ptr<format::BatchStream> Rows(int64_t first, int64_t count, int64_t factor) {
  format::StringBuilder ids(format::Utf8());
  format::FixedBuilder<int64_t> ages(format::Int64());
  for (int64_t i = first; i < first + count; ++i) {
    ids.Append(io::StrCat("r", io::ZeroPadded(static_cast<uint64_t>(i), 4)));
    if (i % 11 == 0) {
      ages.AppendNull();
    } else {
      ages.Append(i * factor);
    }
  }
  return format::MakeStream(
      TheSchema(),
      {{.schema = TheSchema(), .num_rows = count, .columns = {ids.Finish(), ages.Finish()}}});
}

// One line for the version that `dataset` is.
absl::StatusOr<std::string> Describe(const Dataset& dataset) {
  engine::dataset::ScanOptions options;
  options.with_row_id = true;
  options.with_row_address = true;
  options.with_created_at_version = true;
  options.with_last_updated_at_version = true;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, format::Collect(*stream));
  io::JsonWriter json;
  json.BeginObject();
  json.Key("branch");
  dataset.branch().empty() ? json.Null() : json.String(dataset.branch());
  json.Key("version");
  json.Uint(dataset.version());
  json.Key("rows");
  json.BeginArray();
  for (int64_t i = 0; i < rows.num_rows; ++i) {
    json.BeginArray();
    json.String(rows.columns[0]->StringValue(i));
    rows.columns[1]->IsNull(i) ? json.Null() : json.Int(rows.columns[1]->Value<int64_t>(i));
    for (size_t column = 2; column < 6; ++column) {
      json.Uint(rows.columns[column]->Value<uint64_t>(i));
    }
    json.EndArray();
  }
  json.EndArray();
  json.EndObject();
  return std::move(json).Finish();
}

class History {
 public:
  explicit History(const std::string& folder) : out_(folder + "/expected.jsonl") {}

  absl::StatusOr<DatasetPtr> Commit(
      const DatasetPtr& dataset, const absl::StatusOr<engine::dataset::StagedTransaction>& staged) {
    OG_RETURN_IF_ERROR(staged.status());
    OG_ASSIGN_OR_RETURN(DatasetPtr next, dataset->CommitExact(*staged));
    OG_RETURN_IF_ERROR(Note(*next));
    return next;
  }

  absl::Status Note(const Dataset& dataset) {
    OG_ASSIGN_OR_RETURN(const std::string line, Describe(dataset));
    out_ << line << "\n";
    return absl::OkStatus();
  }

 private:
  std::ofstream out_;
};

absl::StatusOr<engine::dataset::StagedTransaction> Upsert(const Dataset& dataset, int64_t first,
                                                          int64_t count, int64_t factor) {
  const auto rows = Rows(first, count, factor);
  engine::dataset::MergeRequest request;
  request.key_column = "id";
  request.rows = rows.get();
  OG_ASSIGN_OR_RETURN(engine::dataset::StagedMerge merge, dataset.StageMerge(request));
  return std::move(merge.staged);
}

absl::StatusOr<engine::dataset::StagedTransaction> DeleteEvery(const Dataset& dataset,
                                                               uint64_t step) {
  std::vector<uint64_t> offsets;
  for (uint64_t i = 0; i < dataset.num_rows(); i += step) {
    offsets.push_back(i);
  }
  engine::dataset::TakeOptions options;
  options.with_row_address = true;
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, dataset.TakeOffsets(offsets, options));
  std::vector<uint64_t> addresses;
  for (int64_t i = 0; i < rows.num_rows; ++i) {
    addresses.push_back(rows.columns[2]->Value<uint64_t>(i));
  }
  return dataset.StageDelete(addresses, "every so many rows", {});
}

absl::Status Write(io::Env& env, const std::string& folder) {
  History history(folder);
  OG_ASSIGN_OR_RETURN(const io::Location root, env.Resolve(folder + "/t.lance"));
  const auto rows = Rows(0, 12000, 3);
  engine::dataset::CreateOptions options;
  options.write.max_rows_per_file = 5000;
  OG_ASSIGN_OR_RETURN(const auto create,
                      Dataset::StageCreate(env, root, TheSchema(), rows.get(), options));
  OG_ASSIGN_OR_RETURN(DatasetPtr table, Dataset::CommitCreate(env, root, create));
  OG_RETURN_IF_ERROR(history.Note(*table));
  const auto more = Rows(12000, 40, 3);
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, table->StageAppend(*more, {})));
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, Upsert(*table, 11990, 100, 5)));
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, DeleteEvery(*table, 7)));
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, DeleteEvery(*table, 2)));  // to a bitmap
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, Upsert(*table, 0, 3000, 9)));
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, table->StageRestore(3, {})));
  OG_ASSIGN_OR_RETURN(table, history.Commit(table, Upsert(*table, 20000, 5, 1)));
  OG_RETURN_IF_ERROR(engine::dataset::CreateTag(*table, "v8"));
  OG_ASSIGN_OR_RETURN(DatasetPtr dev, engine::dataset::CreateBranch(*table, "dev", {}));
  OG_RETURN_IF_ERROR(history.Note(*dev));
  OG_ASSIGN_OR_RETURN(dev, history.Commit(dev, DeleteEvery(*dev, 3)));
  OG_ASSIGN_OR_RETURN(dev, history.Commit(dev, Upsert(*dev, 5, 50, 2)));
  OG_ASSIGN_OR_RETURN(const DatasetPtr child, engine::dataset::CreateBranch(*dev, "feature/x", {}));
  OG_RETURN_IF_ERROR(history.Note(*child));
  OG_RETURN_IF_ERROR(history.Commit(child, Upsert(*child, 30000, 3, 2)).status());
  const auto last = Rows(0, 30, 2);
  OG_ASSIGN_OR_RETURN(table,
                      history.Commit(table, table->StageOverwrite(TheSchema(), last.get(), {})));
  return history.Commit(table, Upsert(*table, 25, 10, 4)).status();
}

absl::Status Check(io::Env& env, const std::string& folder) {
  OG_ASSIGN_OR_RETURN(const io::Location root, env.Resolve(folder + "/t.lance"));
  std::ifstream expected(folder + "/changed.jsonl");
  std::string line;
  size_t versions = 0;
  while (std::getline(expected, line)) {
    std::istringstream parts(line);
    engine::dataset::OpenOptions options;
    uint64_t version = 0;
    parts >> version;
    std::string wanted;
    std::getline(parts >> std::ws, wanted);
    options.version = version;
    OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, Dataset::Open(env, root, options));
    OG_ASSIGN_OR_RETURN(const std::string found, Describe(*dataset));
    if (found != wanted) {
      return io::DataLossError(io::StrCat("version ", version, " differs:\n", found.substr(0, 400),
                                          "\n", wanted.substr(0, 400)));
    }
    ++versions;
  }
  return versions > 0 ? absl::OkStatus() : io::NotFoundError("no versions to check");
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: write_tables write|check FOLDER\n";
    return 2;
  }
  const absl::Status status = std::string_view(argv[1]) == "check"
                                  ? og::Check(og::io::RealEnv(), argv[2])
                                  : og::Write(og::io::RealEnv(), argv[2]);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}
