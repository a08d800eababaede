// The stored contract: what is written, and that no disagreement between its three objects passes.
#include "engine/schema/contract.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

#include "engine/schema/identity.h"
#include "engine/schema/parse.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "tests/support/seed.h"

namespace og::engine::schema {
namespace {

constexpr std::string_view kDomain = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
constexpr std::string_view kSource =
    "interface Named { label: String @index }\n"
    "node Actor @description(\"who\") implements Named { code: String @key\n"
    "  kind: enum(solo, band)? note: String? vec: Vector(2)? @embed(note, model=\"m1\")\n"
    "  size: I32?\n @range(size, 1..) }\n"
    "edge Follows: Actor -> Actor @card(0..3) { @unique(src, dst) }\n";

SchemaContract Contract() {
  absl::StatusOr<SchemaContract> contract = NewContract(kSource, kDomain);
  EXPECT_TRUE(contract.ok()) << contract.status().message();
  return *std::move(contract);
}

void Replace(std::string* text, std::string_view from, std::string_view to) {
  const size_t at = text->find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text->replace(at, from.size(), to);
}

std::string OpenError(const SchemaContract& contract) {
  return std::string(io::Message(OpenContract(contract).status()));
}

TEST(SchemaContractTest, RoundTrip) {
  const SchemaContract contract = Contract();
  EXPECT_EQ(contract.source, kSource);
  const auto ir = OpenContract(contract);
  ASSERT_TRUE(ir.ok()) << ir.status().message();
  EXPECT_EQ(ir->next_identity_id, 13u);
  EXPECT_EQ(PrettyIrJson(*ir), contract.ir_json);
  // Golden hashes of omnigraph-compiler 0.10.0 (languages.md 4.4).
  EXPECT_EQ(contract.state_json,
            "{\n  \"format_version\": 2,\n  \"schema_shape_hash\": "
            "\"sha256:e449410fa59e18dde5b5955e50414f4961773348f396e1d7cd9ed3ab9860b29d\",\n"
            "  \"schema_ir_hash\": "
            "\"sha256:8420d68abad98f72f15d272e6e5ee666a8ac4cdca381bc62c41c5a43e83213d0\",\n"
            "  \"schema_identity_version\": 2,\n"
            "  \"schema_identity_domain\": \"01ARZ3NDEKTSV4RRFFQ69G5FAV\"\n}");
}

TEST(SchemaContractTest, ReformattedIrIsTheSameContract) {
  SchemaContract contract = Contract();
  contract.ir_json = CompactIrJson(*OpenContract(contract));
  EXPECT_TRUE(OpenContract(contract).ok());
}

TEST(SchemaContractTest, PatternsThatNobodyCouldCheck) {
  const auto created = [](std::string_view pattern) {
    return NewContract(io::StrCat("node A { a: String\n @check(a, \"", pattern, "\") }"), kDomain)
        .status();
  };
  EXPECT_TRUE(created("^[a-z]+$").ok());
  EXPECT_EQ(io::Message(created("\\\\bfoo")),
            "@check on A.a: pattern '\\bfoo': word boundaries (\\b) are not supported");
  // As in the reference, what is no pattern at all is found by the first write.
  EXPECT_TRUE(created("(").ok());
}

TEST(SchemaContractTest, RefusesDisagreement) {
  const auto expect_refused = [](const SchemaContract& contract, std::string_view part) {
    const std::string error = OpenError(contract);
    EXPECT_TRUE(error.starts_with("schema evolution is locked down in phase 1: ")) << error;
    EXPECT_TRUE(error.ends_with("; manual coordination is required")) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  SchemaContract contract = Contract();
  contract.source += "node Extra {}";
  expect_refused(contract, "no longer matches the accepted schema state");
  contract = Contract();
  contract.source = "// a comment changes nothing\n" + contract.source;
  EXPECT_TRUE(OpenContract(contract).ok());
  contract = Contract();
  Replace(&contract.ir_json, "\"who\"", "\"what\"");
  expect_refused(contract, "accepted schema IR hashes to");
  contract = Contract();
  Replace(&contract.state_json, "\"format_version\": 2", "\"format_version\": 3");
  expect_refused(contract, "format 3");
  contract = Contract();
  Replace(&contract.state_json, "identity_version\": 2", "identity_version\": 1");
  expect_refused(contract, "identity version 1");
  contract = Contract();
  Replace(&contract.state_json, "5FAV", "5FAW");
  expect_refused(contract, "identity domain");
  contract = Contract();
  Replace(&contract.ir_json, "\"ir_version\": 2", "\"ir_version\": 3");
  expect_refused(contract, "'ir_version' is 3");
  contract = Contract();
  contract.ir_json.resize(contract.ir_json.size() / 2);
  expect_refused(contract, "_schema.ir.json is invalid");
}

TEST(SchemaIrTest, RefusesBrokenRules) {
  const SchemaIr valid = *ParseIr(Contract().ir_json);
  const auto error_of = [&](auto&& change) {
    SchemaIr ir = valid;
    change(ir);
    const absl::Status status = ParseIr(CompactIrJson(ir)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    return std::string(io::Message(status));
  };
  const std::string prefix = "invalid accepted SchemaIR: ";
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.next_identity_id = 12; }),
            prefix + "next_identity_id 12 does not exceed allocated id 12");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.edges[0].type_id = 2; }),
            prefix + "identity value 2 is reused by 'node type 'Actor'' and 'edge type 'Follows''");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.edges[0].type_id = 0; }),
            prefix + "edge type 'Follows' has identity 0");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.edges[0].to.type_name = "Band"; }),
            prefix + "type reference name/id mismatch for 'Band'");
  EXPECT_EQ(error_of([](SchemaIr& ir) {
              std::swap(ir.nodes[0].properties[0], ir.nodes[0].properties[1]);
            }),
            prefix + "properties of 'Actor' are not sorted and unique");
  EXPECT_EQ(error_of([](SchemaIr& ir) {
              std::swap(ir.nodes[0].constraints[0], ir.nodes[0].constraints[1]);
            }),
            prefix + "constraints for 'Actor' are not sorted and unique");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.nodes[0].properties[2].satisfies.clear(); }),
            prefix + "injected node property 'Actor.label' has no interface provenance");
  EXPECT_EQ(
      error_of([](SchemaIr& ir) { ir.nodes[0].implements.clear(); }),
      prefix + "node property 'Actor.label' satisfies an interface the node does not implement");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.nodes[0].annotations[0].name = "key"; }),
            prefix + "typed annotation @key leaked into opaque annotations for 'Actor'");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.nodes[0].constraints[0].fields.clear(); }),
            prefix + "constraint of 'Actor' has 0 fields");
  EXPECT_EQ(error_of([](SchemaIr& ir) { ir.identity_domain = "01arz3ndektsv4rrffq69g5fav"; }),
            "invalid schema identity domain: '01arz3ndektsv4rrffq69g5fav' is not a canonical "
            "uppercase ULID");
}

TEST(SchemaIrTest, MutilatedDocumentsAreRefusedOrValid) {
  const std::string json = Contract().ir_json;
  std::mt19937_64 random(tests::Seed());
  for (int i = 0; i < 2000; ++i) {
    std::string text = json;
    const size_t at = random() % text.size();
    if (random() % 2 == 0) {
      text.erase(at, 1 + random() % 20);
    } else {
      text[at] = "0129{}[]\",:ntf "[random() % 15];
    }
    const absl::StatusOr<SchemaIr> ir = ParseIr(text);
    if (ir.ok()) {
      EXPECT_EQ(*ParseIr(CompactIrJson(*ir)), *ir);
    } else {
      EXPECT_EQ(ir.status().code(), absl::StatusCode::kDataLoss);
    }
  }
}

TEST(SchemaIdentityTest, WarnsOfHintsWithoutEffect) {
  const auto shape = CompileShape(*ParseSchema("node A @rename_from(\"Old\") { x: I32? }"));
  const auto first = InitializeIr(kDomain, *shape);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->warnings.size(), 1u);
  EXPECT_EQ(RenameWarningName(first->warnings[0].kind), "inert_initialization_rename_hint");
  EXPECT_EQ(first->warnings[0].entity, "node:A");
  const auto second = ResolveIr(first->ir, *shape);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->warnings.size(), 1u);
  EXPECT_EQ(RenameWarningName(second->warnings[0].kind), "ignored_exact_match_rename_hint");
  EXPECT_EQ(second->ir, first->ir);
}

}  // namespace
}  // namespace og::engine::schema
