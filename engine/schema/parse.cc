#include "engine/schema/parse.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "engine/schema/check.h"
#include "engine/schema/peg.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"

namespace og::engine::schema {
namespace {

// The named rules of the grammar that can fail visibly, in its order.
enum Rule : uint8_t {
  kEndOfInput,
  kSchemaDecl,
  kInterfaceDecl,
  kNodeDecl,
  kImplementsClause,
  kEdgeDecl,
  kCardinality,
  kPropDecl,
  kBodyConstraint,
  kConstraintName,
  kConstraintArgs,
  kConstraintArg,
  kRangeBound,
  kTypeRef,
  kCoreType,
  kListType,
  kEnumType,
  kVectorType,
  kEnumValue,
  kBaseType,
  kAnnotation,
  kAnnotationArgs,
  kAnnotationArg,
  kAnnotationKwarg,
  kLiteral,
  kStringLit,
  kFloatLit,
  kInteger,
  kSignedFloat,
  kSignedInteger,
  kBoolLit,
  kTypeName,
  kIdent,
};

constexpr std::string_view kRuleNames[] = {
    "EOI",
    "schema_decl",
    "interface_decl",
    "node_decl",
    "implements_clause",
    "edge_decl",
    "cardinality",
    "prop_decl",
    "body_constraint",
    "constraint_name",
    "constraint_args",
    "constraint_arg",
    "range_bound",
    "type_ref",
    "core_type",
    "list_type",
    "enum_type",
    "vector_type",
    "enum_value",
    "base_type",
    "annotation",
    "annotation_args",
    "annotation_arg",
    "annotation_kwarg",
    "literal",
    "string_lit",
    "float_lit",
    "integer",
    "signed_float",
    "signed_integer",
    "bool_lit",
    "type_name",
    "ident",
};

bool IsEnumChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-';
}

std::optional<uint32_t> ParseUint32(std::string_view digits) {
  const std::optional<uint64_t> value = io::ParseUint64(digits);
  if (!value.has_value() || *value > std::numeric_limits<uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(*value);
}

// One argument of a constraint: which alternative matched, and its text.
struct Argument {
  enum class Kind { kRange, kString, kOtherLiteral, kName } kind = Kind::kName;
  std::string_view text;                 // of a string or a name
  std::vector<std::string_view> bounds;  // of a range, in the order of the text
};

// A pass over the grammar that builds the tree as it goes. Syntax errors win over semantic ones
// wherever they stand, so the first semantic error is kept aside until the text has matched; that
// nothing is built twice follows from the grammar, in which a part that matched and is then given
// up always makes the whole text fail.
class SchemaParser {
 public:
  explicit SchemaParser(std::string_view text) : peg_(text, kRuleNames) {}

  absl::StatusOr<SchemaSource> Parse() {
    peg_.Skip();
    while (Declare()) {
    }
    if (!peg_.Then(kEndOfInput, [&] { return peg_.AtEnd(); })) {
      return peg_.SyntaxError();
    }
    OG_RETURN_IF_ERROR(semantic_error_);
    return std::move(source_);
  }

 private:
  void Fail(std::string_view message) { Fail(SourceError(message)); }
  void Fail(absl::Status error) {
    if (semantic_error_.ok()) {
      semantic_error_ = std::move(error);
    }
  }

  bool Declare() {
    return peg_.Then(kSchemaDecl, [&] {
      return peg_.Rule(kInterfaceDecl, [&] { return Interface(); }) ||
             peg_.Rule(kNodeDecl, [&] { return Node(); }) ||
             peg_.Rule(kEdgeDecl, [&] { return Edge(); });
    });
  }

  bool Interface() {
    InterfaceDecl decl;
    if (!peg_.Literal("interface") || !Name(&decl.name) || !peg_.Token("{")) {
      return false;
    }
    while (PropertyItem(&decl.properties)) {
    }
    if (!peg_.Token("}")) {
      return false;
    }
    source_.declarations.emplace_back(std::move(decl));
    return true;
  }

  bool Node() {
    NodeDecl decl;
    if (!peg_.Literal("node") || !Name(&decl.name)) {
      return false;
    }
    Annotations(&decl.annotations);
    Implements(&decl.implements);
    if (!peg_.Token("{") || !Body(&decl.properties, &decl.constraints)) {
      return false;
    }
    AppendPropertyConstraints(decl.properties, &decl.constraints);
    decl.num_declared_properties = decl.properties.size();
    decl.num_declared_constraints = decl.constraints.size();
    source_.declarations.emplace_back(std::move(decl));
    return true;
  }

  bool Edge() {
    EdgeDecl decl;
    if (!peg_.Literal("edge") || !Name(&decl.name) || !peg_.Token(":") || !Name(&decl.from) ||
        !peg_.Token("->") || !Name(&decl.to)) {
      return false;
    }
    peg_.Then(kCardinality, [&] { return EdgeCardinality(&decl.cardinality); });
    Annotations(&decl.annotations);
    const size_t after = peg_.position();
    if (!peg_.Token("{") || !Body(&decl.properties, &decl.constraints)) {
      peg_.Rewind(after);
    }
    AppendPropertyConstraints(decl.properties, &decl.constraints);
    source_.declarations.emplace_back(std::move(decl));
    return true;
  }

  bool Name(std::string* name) {
    return peg_.Then(kTypeName, [&] {
      const size_t start = peg_.position();
      if (!peg_.TypeName()) {
        return false;
      }
      *name = peg_.From(start);
      return true;
    });
  }

  bool Ident(std::string* name) {
    return peg_.Rule(kIdent, [&] {
      const size_t start = peg_.position();
      if (!peg_.Identifier()) {
        return false;
      }
      *name = peg_.From(start);
      return true;
    });
  }

  bool Implements(std::vector<std::string>* names) {
    return peg_.Then(kImplementsClause, [&] {
      std::string name;
      if (!peg_.Literal("implements") || !Name(&name)) {
        return false;
      }
      names->push_back(name);
      for (;;) {
        const size_t after = peg_.position();
        if (!peg_.Token(",") || !Name(&name)) {
          peg_.Rewind(after);
          return true;
        }
        names->push_back(name);
      }
    });
  }

  bool EdgeCardinality(Cardinality* cardinality) {
    std::string_view min;
    std::string_view max;
    if (!peg_.Literal("@card") || !peg_.Token("(") || !Integer(&min) || !peg_.Token("..")) {
      return false;
    }
    Integer(&max);
    if (!peg_.Token(")")) {
      return false;
    }
    const std::optional<uint32_t> min_value = ParseUint32(min);
    if (!min_value.has_value()) {
      Fail(io::StrCat("invalid cardinality min: ", min));
      return true;
    }
    cardinality->min = *min_value;
    if (!max.empty()) {
      cardinality->max = ParseUint32(max);
      if (!cardinality->max.has_value()) {
        Fail(io::StrCat("invalid cardinality max: ", max));
      } else if (*min_value > *cardinality->max) {
        Fail(
            io::StrCat("cardinality min (", *min_value, ") exceeds max (", *cardinality->max, ")"));
      }
    }
    return true;
  }

  bool Integer(std::string_view* digits) {
    return peg_.Then(kInteger, [&] { return Captured(digits, [&] { return peg_.Digits(); }); });
  }

  template <typename Body>
  bool Captured(std::string_view* text, Body&& body) {
    const size_t start = peg_.position();
    if (!body()) {
      return false;
    }
    *text = peg_.From(start);
    return true;
  }

  // Items up to and with the closing brace.
  bool Body(std::vector<PropertyDecl>* properties, std::vector<Constraint>* constraints) {
    while (PropertyItem(properties) ||
           peg_.Then(kBodyConstraint, [&] { return BodyConstraint(constraints); })) {
    }
    return peg_.Token("}");
  }

  bool PropertyItem(std::vector<PropertyDecl>* properties) {
    return peg_.Then(kPropDecl, [&] {
      PropertyDecl decl;
      if (!Ident(&decl.name) || !peg_.Token(":")) {
        return false;
      }
      if (IsReservedColumn(decl.name)) {
        Fail(io::StrCat("property name '", decl.name, "' is reserved for a ",
                        kReservedColumnReason));
      }
      if (!peg_.Then(kTypeRef, [&] { return TypeRef(&decl.type); })) {
        return false;
      }
      Annotations(&decl.annotations);
      properties->push_back(std::move(decl));
      return true;
    });
  }

  bool TypeRef(PropType* type) {
    const bool matched = peg_.Rule(kCoreType, [&] {
      return peg_.Rule(kListType, [&] { return ListType(type); }) ||
             peg_.Rule(kEnumType, [&] { return EnumType(type); }) ||
             peg_.Rule(kVectorType, [&] { return VectorType(type); }) ||
             peg_.Rule(kBaseType, [&] { return BaseType(type); });
    });
    if (!matched) {
      return false;
    }
    type->nullable = peg_.Token("?");
    return true;
  }

  bool BaseType(PropType* type) {
    // In the order of the grammar: DateTime before Date, of which it is a prefix.
    static constexpr ScalarKind kOrder[] = {
        ScalarKind::kString, ScalarKind::kBlob,     ScalarKind::kBool, ScalarKind::kI32,
        ScalarKind::kI64,    ScalarKind::kU32,      ScalarKind::kU64,  ScalarKind::kF32,
        ScalarKind::kF64,    ScalarKind::kDateTime, ScalarKind::kDate};
    for (const ScalarKind kind : kOrder) {
      if (peg_.Literal(ScalarName(kind))) {
        type->scalar = kind;
        return true;
      }
    }
    return false;
  }

  bool ListType(PropType* type) {
    if (!peg_.Literal("[") || !peg_.Then(kBaseType, [&] { return BaseType(type); }) ||
        !peg_.Token("]")) {
      return false;
    }
    type->list = true;
    if (type->is_blob()) {
      Fail("list of Blob is not supported");
    }
    return true;
  }

  bool EnumType(PropType* type) {
    if (!peg_.Literal("enum") || !peg_.Token("(")) {
      return false;
    }
    std::vector<std::string> values;
    do {
      std::string_view value;
      const bool matched = peg_.Then(kEnumValue, [&] {
        return Captured(&value, [&] {
          bool any = false;
          while (peg_.OneOf(IsEnumChar)) {
            any = true;
          }
          return any;
        });
      });
      if (!matched) {
        return false;
      }
      values.emplace_back(value);
    } while (peg_.Token(","));
    if (!peg_.Token(")")) {
      return false;
    }
    if (!SortUnique(&values)) {
      Fail("enum type cannot include duplicate values");
    }
    type->scalar = ScalarKind::kString;
    type->enum_values = std::move(values);
    return true;
  }

  bool VectorType(PropType* type) {
    std::string_view digits;
    if (!peg_.Literal("Vector") || !peg_.Token("(") || !Integer(&digits) || !peg_.Token(")")) {
      return false;
    }
    type->scalar = ScalarKind::kVector;
    const std::optional<uint32_t> dim = ParseUint32(digits);
    if (!dim.has_value()) {
      Fail("invalid Vector dimension: number too large to fit in target type");
    } else if (*dim == 0) {
      Fail("Vector dimension must be greater than zero");
    } else if (*dim > kMaxVectorDimension) {
      Fail(io::StrCat("Vector dimension ", *dim, " exceeds maximum supported ",
                      kMaxVectorDimension));
    }
    type->vector_dim = dim.value_or(0);
    return true;
  }

  void Annotations(std::vector<Annotation>* annotations) {
    while (peg_.Then(kAnnotation, [&] { return ReadAnnotation(annotations); })) {
    }
  }

  bool ConstraintKeyword(std::string_view* name) {
    return peg_.Rule(kConstraintName, [&] {
      return Captured(name, [&] {
        return peg_.Literal("key") || peg_.Literal("unique") || peg_.Literal("index") ||
               peg_.Literal("range") || peg_.Literal("check");
      });
    });
  }

  bool ReadAnnotation(std::vector<Annotation>* annotations) {
    if (!peg_.Literal("@")) {
      return false;
    }
    peg_.Skip();
    const bool constraint = !peg_.Not([&] {
      std::string_view name;
      return ConstraintKeyword(&name) && peg_.Token("(");
    });
    Annotation annotation;
    peg_.Skip();
    if (constraint || !Ident(&annotation.name)) {
      return false;
    }
    const size_t after = peg_.position();
    if (!peg_.Token("(") ||
        !peg_.Then(kAnnotationArgs, [&] { return AnnotationArgs(&annotation); }) ||
        !peg_.Token(")")) {
      peg_.Rewind(after);
    }
    annotations->push_back(std::move(annotation));
    return true;
  }

  bool AnnotationArgs(Annotation* annotation) {
    std::string_view text;
    const bool matched = peg_.Rule(kAnnotationArg, [&] {
      return Captured(&text, [&] {
        bool string = false;
        std::string name;
        return Literal(&string) || Ident(&name);
      });
    });
    if (!matched) {
      return false;
    }
    annotation->value = Decoded(text);
    for (;;) {
      const size_t after = peg_.position();
      if (!peg_.Token(",") ||
          !peg_.Then(kAnnotationKwarg, [&] { return AnnotationKwarg(annotation); })) {
        peg_.Rewind(after);
        return true;
      }
    }
  }

  bool AnnotationKwarg(Annotation* annotation) {
    std::string key;
    std::string_view value;
    if (!Ident(&key) || !peg_.Token("=")) {
      return false;
    }
    peg_.Skip();
    bool string = false;
    if (!Captured(&value, [&] { return Literal(&string); })) {
      return false;
    }
    annotation->kwargs[key] = Decoded(value);
    return true;
  }

  std::string Decoded(std::string_view literal) {
    absl::StatusOr<std::string> decoded = DecodeStringLiteral(literal);
    if (!decoded.ok()) {
      Fail(decoded.status());
      return std::string();
    }
    return *std::move(decoded);
  }

  bool Literal(bool* string) {
    return peg_.Rule(kLiteral, [&] {
      *string = peg_.Rule(kStringLit, [&] { return peg_.String(); });
      return *string || peg_.Rule(kFloatLit, [&] { return peg_.Decimal(); }) ||
             peg_.Rule(kInteger, [&] { return peg_.Digits(); }) ||
             peg_.Rule(kBoolLit, [&] { return peg_.Literal("true") || peg_.Literal("false"); });
    });
  }

  bool BodyConstraint(std::vector<Constraint>* constraints) {
    std::string_view name;
    std::vector<Argument> arguments;
    if (!peg_.Literal("@")) {
      return false;
    }
    peg_.Skip();
    if (!ConstraintKeyword(&name) || !peg_.Token("(") ||
        !peg_.Then(kConstraintArgs, [&] { return ConstraintArgs(&arguments); }) ||
        !peg_.Token(")")) {
      return false;
    }
    AddConstraint(name, arguments, constraints);
    return true;
  }

  bool ConstraintArgs(std::vector<Argument>* arguments) {
    if (!peg_.Rule(kConstraintArg, [&] { return ConstraintArg(arguments); })) {
      return false;
    }
    for (;;) {
      const size_t after = peg_.position();
      if (!peg_.Token(",") ||
          !peg_.Then(kConstraintArg, [&] { return ConstraintArg(arguments); })) {
        peg_.Rewind(after);
        return true;
      }
    }
  }

  bool ConstraintArg(std::vector<Argument>* arguments) {
    Argument argument;
    bool string = false;
    std::string name;
    if (peg_.Rule(kRangeBound, [&] { return RangeBound(&argument.bounds); })) {
      argument.kind = Argument::Kind::kRange;
    } else if (Captured(&argument.text, [&] { return Literal(&string); })) {
      argument.kind = string ? Argument::Kind::kString : Argument::Kind::kOtherLiteral;
    } else if (!Captured(&argument.text, [&] { return Ident(&name); })) {
      return false;
    }
    arguments->push_back(std::move(argument));
    return true;
  }

  bool RangeBound(std::vector<std::string_view>* bounds) {
    bounds->clear();
    if (SignedNumber(bounds)) {
      if (!peg_.Token("..")) {
        return false;
      }
      const size_t after = peg_.position();
      peg_.Skip();
      if (!SignedNumber(bounds)) {
        peg_.Rewind(after);
      }
      return true;
    }
    if (!peg_.Literal("..")) {
      return false;
    }
    peg_.Skip();
    return SignedNumber(bounds);
  }

  bool SignedNumber(std::vector<std::string_view>* bounds) {
    std::string_view text;
    const bool matched = peg_.Rule(kSignedFloat, [&] {
      return Captured(&text, [&] {
        peg_.Literal("-");
        return peg_.Decimal();
      });
    }) || peg_.Rule(kSignedInteger, [&] {
      return Captured(&text, [&] {
        peg_.Literal("-");
        return peg_.Digits();
      });
    });
    if (matched) {
      bounds->push_back(text);
    }
    return matched;
  }

  std::optional<Bound> ToBound(std::string_view text) {
    if (const std::optional<int64_t> integer = io::ParseInt64(text)) {
      return Bound(*integer);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
      Fail(io::StrCat("invalid constraint bound: ", text));
      return std::nullopt;
    }
    return Bound(value);
  }

  void AddConstraint(std::string_view name, const std::vector<Argument>& arguments,
                     std::vector<Constraint>* constraints) {
    Constraint constraint;
    if (name == "range" || name == "check") {
      const bool range = name == "range";
      if (arguments.size() < 2) {
        Fail(range ? "@range requires property name and bounds: @range(prop, min..max)"
                   : "@check requires property name and pattern: @check(prop, \"regex\")");
        return;
      }
      if (arguments[0].kind != Argument::Kind::kName) {
        Fail("expected property name in constraint");
        return;
      }
      constraint.columns.emplace_back(arguments[0].text);
      if (range) {
        constraint.kind = ConstraintKind::kRange;
        if (arguments[1].kind != Argument::Kind::kRange) {
          Fail("expected range bounds (min..max) in @range constraint");
          return;
        }
        // A lone upper bound is read as the lower one. The persisted IR depends on it.
        constraint.min = ToBound(arguments[1].bounds[0]);
        if (arguments[1].bounds.size() > 1) {
          constraint.max = ToBound(arguments[1].bounds[1]);
        }
      } else {
        constraint.kind = ConstraintKind::kCheck;
        if (arguments[1].kind != Argument::Kind::kString) {
          Fail("expected string argument in constraint");
          return;
        }
        constraint.pattern = Decoded(arguments[1].text);
      }
    } else {
      constraint.kind = name == "key"      ? ConstraintKind::kKey
                        : name == "unique" ? ConstraintKind::kUnique
                                           : ConstraintKind::kIndex;
      for (const Argument& argument : arguments) {
        if (argument.kind != Argument::Kind::kName) {
          Fail("expected property name in constraint");
          return;
        }
        constraint.columns.emplace_back(argument.text);
      }
    }
    constraints->push_back(std::move(constraint));
  }

  Peg peg_;
  SchemaSource source_;
  absl::Status semantic_error_;
};

}  // namespace

absl::StatusOr<SchemaSource> ParseSchema(std::string_view text, SourceMode mode) {
  if (!io::IsUtf8(text)) {
    return CompilerError("parse error", "schema source is not valid UTF-8");
  }
  OG_ASSIGN_OR_RETURN(SchemaSource source, SchemaParser(text).Parse());
  OG_RETURN_IF_ERROR(ResolveInterfaces(&source));
  OG_RETURN_IF_ERROR(CheckAnnotations(source));
  OG_RETURN_IF_ERROR(CheckConstraints(source, mode));
  return source;
}

}  // namespace og::engine::schema
