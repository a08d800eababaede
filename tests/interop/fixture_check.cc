#include "tests/interop/fixture_check.h"

#include <optional>

#include "cli/lance_tool/schema_json.h"
#include "format/arrow/json.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/sha256.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "tests/support/temp_dir.h"

namespace og::tests {
namespace {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::ScanOptions;
using io::JsonValue;

// The text of a JSON value, members in name order, to compare documents.
void Normalize(const JsonValue& value, std::string& out) {
  switch (value.kind()) {
    case JsonValue::Kind::kObject: {
      std::map<std::string, const JsonValue*> members;
      for (const auto& [name, member] : value.members()) {
        if (name != "ARROW:extension:metadata") {  // pyarrow hides it where it knows the type
          members[name] = &member;
        }
      }
      out += '{';
      for (const auto& [name, member] : members) {
        io::AppendJsonString(out, name);
        out += ':';
        Normalize(*member, out);
        out += ',';
      }
      out += '}';
      return;
    }
    case JsonValue::Kind::kArray:
      out += '[';
      for (const JsonValue& item : value.items()) {
        Normalize(item, out);
        out += ',';
      }
      out += ']';
      return;
    case JsonValue::Kind::kString:
      io::AppendJsonString(out, value.string());
      return;
    case JsonValue::Kind::kNull:
      out += "null";
      return;
    case JsonValue::Kind::kBool:
      out += *value.AsBool() ? "true" : "false";
      return;
    default:
      out += io::StrCat(*value.AsDouble());
  }
}

std::string Text(const JsonValue* value) {
  std::string out;
  if (value != nullptr) {
    Normalize(*value, out);
  }
  return out;
}

// Checks one version, collecting what differs.
class VersionCheck {
 public:
  VersionCheck(const JsonValue& expected, CaseResult& result, std::string where)
      : expected_(expected), result_(result), where_(std::move(where)) {}

  void Fail(std::string_view what) { result_.failures.push_back(io::StrCat(where_, ": ", what)); }

  void Same(std::string_view what, std::string_view got, std::string_view wanted) {
    if (got != wanted) {
      Fail(io::StrCat(what, " is ", got.substr(0, 600), ", expected ", wanted.substr(0, 600)));
    }
  }

  absl::Status Run(const Dataset& dataset) {
    Same("num_rows", io::StrCat(dataset.num_rows()),
         io::StrCat(expected_.Find("num_rows")->AsUint64().value_or(UINT64_MAX)));
    Same("max_field_id", io::StrCat(dataset.manifest().max_field_id()),
         io::StrCat(expected_.Find("max_field_id")->AsInt64().value_or(-2)));
    CheckSchema(dataset);
    CheckFragments(dataset);
    return CheckRows(dataset);
  }

 private:
  void CheckSchema(const Dataset& dataset) {
    io::JsonWriter json;
    cli::WriteSchemaJson(*dataset.schema(), json);
    const auto ours = JsonValue::Parse(json.text());
    const JsonValue* wanted = expected_.Find("schema");
    Same("schema fields", Text(ours->Find("fields")), Text(wanted->Find("fields")));
    Same("schema metadata", Text(ours->Find("metadata")), Text(wanted->Find("metadata")));
  }

  void CheckFragments(const Dataset& dataset) {
    const auto& fragments = expected_.Find("fragments")->items();
    Same("number of fragments", io::StrCat(dataset.manifest().fragments.size()),
         io::StrCat(fragments.size()));
    for (size_t i = 0; i < fragments.size() && i < dataset.manifest().fragments.size(); ++i) {
      const format::Fragment& ours = dataset.manifest().fragments[i];
      Same("fragment id", io::StrCat(ours.id), io::StrCat(*fragments[i].Find("id")->AsUint64()));
      Same("physical rows", io::StrCat(ours.physical_rows),
           io::StrCat(*fragments[i].Find("physical_rows")->AsUint64()));
      Same("deletions", io::StrCat(ours.num_deleted_rows()),
           io::StrCat(*fragments[i].Find("num_deletions")->AsUint64()));
    }
  }

  absl::Status CheckRows(const Dataset& dataset) {
    const bool stable = dataset.manifest().has_stable_row_ids();
    ScanOptions options;
    options.with_row_id = true;
    options.with_row_address = true;
    options.with_created_at_version = stable;
    options.with_last_updated_at_version = stable;
    OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
    const size_t num_stored = stream->schema()->fields.size() - (stable ? 4 : 2);
    io::Sha256Hasher rows;
    std::vector<std::unique_ptr<io::Sha256Hasher>> columns;
    std::vector<uint64_t> nulls(num_stored, 0);
    for (size_t i = 0; i < stream->schema()->fields.size(); ++i) {
      columns.push_back(std::make_unique<io::Sha256Hasher>());
    }
    while (true) {
      OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, stream->Next());
      if (!batch) {
        break;
      }
      for (const format::ArrayPtr& column : batch->columns) {
        OG_RETURN_IF_ERROR(format::Validate(*column));
      }
      for (int64_t row = 0; row < batch->num_rows; ++row) {
        std::string line = "{";
        for (size_t i = 0; i < batch->columns.size(); ++i) {
          std::string value;
          format::AppendJsonValue(*batch->columns[i], row, value);
          columns[i]->Update(value + "\n");
          if (i < num_stored) {
            if (i > 0) {
              line += ',';
            }
            format::AppendJsonString(stream->schema()->fields[i].name, line);
            line += ':';
            line += value;
            nulls[i] += batch->columns[i]->IsNull(row) ? 1 : 0;
          }
        }
        rows.Update(line + "}\n");
      }
    }
    Same("rows_sha256", io::HexBytes(rows.Finish()), expected_.Find("rows_sha256")->string());
    for (size_t i = 0; i < num_stored; ++i) {
      const std::string& name = stream->schema()->fields[i].name;
      const JsonValue* column = expected_.Find("columns")->Find(name);
      if (column == nullptr) {
        Fail(io::StrCat("unexpected column ", name));
        continue;
      }
      Same(io::StrCat("column ", name), io::HexBytes(columns[i]->Finish()),
           column->Find("sha256")->string());
    }
    Same("row_ids", io::HexBytes(columns[num_stored]->Finish()),
         expected_.Find("row_ids")->Find("sha256")->string());
    Same("row_addresses", io::HexBytes(columns[num_stored + 1]->Finish()),
         expected_.Find("row_addresses")->Find("sha256")->string());
    if (const JsonValue* versions = expected_.Find("row_versions"); versions != nullptr && stable) {
      for (size_t i = 0; i < 2; ++i) {
        const std::string& name = stream->schema()->fields[num_stored + 2 + i].name;
        const JsonValue* wanted = versions->Find(name);
        if (wanted != nullptr) {
          Same(name, io::HexBytes(columns[num_stored + 2 + i]->Finish()),
               wanted->is_string() ? wanted->string() : wanted->Find("sha256")->string());
        }
      }
    }
    return absl::OkStatus();
  }

  const JsonValue& expected_;
  CaseResult& result_;
  const std::string where_;
};

}  // namespace

absl::StatusOr<io::Location> RelocatingEnv::Resolve(std::string_view uri) {
  return uri.starts_with(from_) ? base_.Resolve(to_ + std::string(uri.substr(from_.size())))
                                : base_.Resolve(uri);
}

CaseResult CheckCase(io::Env& env, const std::string& folder) {
  CaseResult result;
  const auto expected = JsonValue::Parse(ReadFile(folder + "/expected.json"));
  if (!expected.ok()) {
    result.failures.push_back(
        io::StrCat(folder, "/expected.json: ", io::Message(expected.status())));
    return result;
  }
  const JsonValue* mount = expected->Find("mount");
  RelocatingEnv relocating(env, mount != nullptr && mount->is_string() ? mount->string() : "\n",
                           folder);
  for (const JsonValue& version : expected->Find("versions")->items()) {
    ++result.num_versions;
    engine::dataset::OpenOptions options;
    options.version = version.Find("version")->AsUint64();
    options.branch = version.Find("branch")->string();
    VersionCheck check(version, result,
                       io::StrCat("version ", *options.version, " of ",
                                  options.branch.empty() ? "main" : options.branch));
    const auto root = env.Resolve(folder + "/data.lance");
    const auto dataset = Dataset::Open(relocating, *root, options);
    if (!dataset.ok()) {
      check.Fail(io::Message(dataset.status()));
      continue;
    }
    if (const absl::Status status = check.Run(**dataset); !status.ok()) {
      check.Fail(io::Message(status));
    }
  }
  return result;
}

}  // namespace og::tests
