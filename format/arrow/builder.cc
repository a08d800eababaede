#include "format/arrow/builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "io/base/bits.h"
#include "io/base/check.h"

namespace og::format {
namespace {

size_t Size(int64_t value) {
  return static_cast<size_t>(value);
}

// Offsets as the type stores them.
io::Buffer PackOffsets(const std::vector<int64_t>& offsets, bool large) {
  if (large) return io::Buffer::CopyOf(std::as_bytes(std::span(offsets)));
  OG_CHECK(offsets.back() <= std::numeric_limits<int32_t>::max());
  io::MutableBuffer packed(offsets.size() * 4);
  std::transform(offsets.begin(), offsets.end(), packed.as<int32_t>(),
                 [](int64_t offset) { return static_cast<int32_t>(offset); });
  return std::move(packed).Share();
}

std::shared_ptr<Array> NewArray(const TypePtr& type) {
  auto array = std::make_shared<Array>();
  array->type = type;
  return array;
}

class NullBuilder final : public ArrayBuilder {
 public:
  NullBuilder() : ArrayBuilder(Null()) {}
  void AppendNull() override { ++length_; }
  void AppendSlice(const Array&, int64_t, int64_t length) override { length_ += length; }
  ArrayPtr Finish() override { return NullArray(type_, std::exchange(length_, 0)); }
  size_t MemoryBytes() const override { return 0; }
};

class FixedSizeBinaryBuilder final : public ArrayBuilder {
 public:
  explicit FixedSizeBinaryBuilder(TypePtr type) : ArrayBuilder(std::move(type)) {}
  void AppendNull() override {
    AppendValidity(false);
    const size_t at = bytes_.size();
    bytes_.Resize(at + Size(type_->byte_width));
    std::fill(bytes_.data() + at, bytes_.data() + bytes_.size(), std::byte{0});
  }
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override {
    const size_t width = Size(type_->byte_width);
    AppendValidities(array, offset, length);
    if (length == 0) return;
    bytes_.Append(
        {array.values.data() + Size(array.offset + offset) * width, Size(length) * width});
  }
  ArrayPtr Finish() override {
    auto array = NewArray(type_);
    FinishValidity(*array);
    array->values = std::move(bytes_).Share();
    return array;
  }
  size_t MemoryBytes() const override { return bytes_.size() + validity_.size(); }

 private:
  io::MutableBuffer bytes_;
};

class DictionaryBuilder final : public ArrayBuilder {
 public:
  explicit DictionaryBuilder(TypePtr type)
      : ArrayBuilder(std::move(type)),
        values_(MakeBuilder(type_->value_type)),
        width_(Size(type_->index_type->bit_width() / 8)) {}
  void AppendNull() override {
    AppendValidity(false);
    AppendIndex(0);
  }
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override {
    for (int64_t i = offset; i < offset + length; ++i) {
      if (array.IsNull(i)) {
        AppendNull();
      } else {
        AppendValidity(true);
        AppendIndex(Intern(*array.dictionary, DictionaryIndex(array, i)));
      }
    }
  }
  ArrayPtr Finish() override {
    auto array = NewArray(type_);
    FinishValidity(*array);
    array->values = std::move(indices_).Share();
    array->dictionary = values_->Finish();
    positions_.clear();
    return array;
  }
  size_t MemoryBytes() const override {
    return indices_.size() + values_->MemoryBytes() + validity_.size();
  }

 private:
  void AppendIndex(int64_t index) {
    const int bits = type_->index_type->bit_width();
    OG_CHECK(bits == 64 ||
             index < (int64_t{1} << (type_->index_type->is_signed_integer() ? bits - 1 : bits)));
    indices_.Append({reinterpret_cast<const std::byte*>(&index), width_});
  }

  // The number of `dictionary`'s value i among the values so far.
  int64_t Intern(const Array& dictionary, int64_t i) {
    const DataType& type = *type_->value_type;
    const size_t width = Size(type.bit_width() / 8);
    std::string key;
    if (dictionary.IsNull(i)) {
      key = "n";
    } else if (type.is_variable() || type.id == TypeId::kFixedSizeBinary) {
      key = "v" + std::string(dictionary.StringValue(i));
    } else if (width != 0 && type.id != TypeId::kDictionary) {
      key = "v" + std::string(
                      dictionary.values.view().substr(Size(dictionary.offset + i) * width, width));
    } else {  // nested values are not compared
      values_->AppendSlice(dictionary, i, 1);
      return values_->length() - 1;
    }
    const auto [known, is_new] = positions_.try_emplace(std::move(key), values_->length());
    if (is_new) values_->AppendSlice(dictionary, i, 1);
    return known->second;
  }

  std::unique_ptr<ArrayBuilder> values_;
  size_t width_;
  io::MutableBuffer indices_;
  absl::flat_hash_map<std::string, int64_t> positions_;
};

}  // namespace

void ArrayBuilder::GrowValidity(int64_t length) {
  const size_t old_bytes = validity_.size();
  validity_.Resize(io::BytesForBits(Size(length)));
  std::memset(validity_.data() + old_bytes, 0, validity_.size() - old_bytes);
  if (old_bytes == 0) io::FillBits(validity_.data(), 0, Size(length_), true);
}

void ArrayBuilder::AppendBit(bool valid) {
  GrowValidity(length_ + 1);
  io::WriteBit(validity_.data(), Size(length_), valid);
  ++length_;
  null_count_ += valid ? 0 : 1;
}

void ArrayBuilder::AppendValidities(const Array& array, int64_t offset, int64_t length) {
  if (length == 0) return;
  if (array.null_count == 0) {
    if (validity_.size() != 0) {
      GrowValidity(length_ + length);
      io::FillBits(validity_.data(), Size(length_), Size(length), true);
    }
  } else {
    GrowValidity(length_ + length);
    io::CopyBits(array.validity.data(), Size(array.offset + offset), validity_.data(),
                 Size(length_), Size(length));
    null_count_ += length - static_cast<int64_t>(
                                io::CountSetBits(validity_.data(), Size(length_), Size(length)));
  }
  length_ += length;
}

void ArrayBuilder::FinishValidity(Array& array) {
  array.length = std::exchange(length_, 0);
  array.null_count = std::exchange(null_count_, 0);
  io::Buffer bits = std::move(validity_).Share();
  if (array.null_count != 0) array.validity = std::move(bits);
}

template <typename T>
void FixedBuilder<T>::AppendSlice(const Array& array, int64_t offset, int64_t length) {
  AppendValidities(array, offset, length);
  if (length == 0) return;
  const size_t at = values_.size();
  values_.resize(at + Size(length));
  std::memcpy(static_cast<void*>(values_.data() + at),
              array.values.data() + Size(array.offset + offset) * sizeof(T),
              Size(length) * sizeof(T));
}

template <typename T>
ArrayPtr FixedBuilder<T>::Finish() {
  auto array = NewArray(type_);
  FinishValidity(*array);
  array->values = io::Buffer::CopyOf(std::as_bytes(std::span(values_)));
  values_.clear();
  return array;
}

template class FixedBuilder<int8_t>;
template class FixedBuilder<int16_t>;
template class FixedBuilder<int32_t>;
template class FixedBuilder<int64_t>;
template class FixedBuilder<uint8_t>;
template class FixedBuilder<uint16_t>;
template class FixedBuilder<uint32_t>;
template class FixedBuilder<uint64_t>;
template class FixedBuilder<float>;
template class FixedBuilder<double>;
template class FixedBuilder<std::array<uint64_t, 2>>;
template class FixedBuilder<std::array<uint64_t, 4>>;

void BoolBuilder::AppendBitValue(bool value) {
  const auto at = Size(length_);
  if (at % 8 == 0) {
    bits_.Resize(at / 8 + 1);
    bits_.data()[at / 8] = std::byte{0};
  }
  io::WriteBit(bits_.data(), at, value);
}

void BoolBuilder::AppendSlice(const Array& array, int64_t offset, int64_t length) {
  if (length == 0) return;
  const size_t old_bytes = bits_.size();
  bits_.Resize(io::BytesForBits(Size(length_ + length)));
  std::memset(bits_.data() + old_bytes, 0, bits_.size() - old_bytes);
  io::CopyBits(array.values.data(), Size(array.offset + offset), bits_.data(), Size(length_),
               Size(length));
  AppendValidities(array, offset, length);
}

ArrayPtr BoolBuilder::Finish() {
  auto array = NewArray(type_);
  FinishValidity(*array);
  array->values = std::move(bits_).Share();
  return array;
}

StringBuilder::StringBuilder(TypePtr type) : ArrayBuilder(std::move(type)) {}

void StringBuilder::Reserve(size_t length, size_t bytes) {
  offsets_.reserve(offsets_.size() + length);
  bytes_.Reserve(bytes_.size() + bytes);
}

void StringBuilder::Append(std::string_view value) {
  bytes_.Append(std::as_bytes(std::span(value.data(), value.size())));
  offsets_.push_back(static_cast<int64_t>(bytes_.size()));
  AppendValidity(true);
}

void StringBuilder::AppendNull() {
  offsets_.push_back(offsets_.back());
  AppendValidity(false);
}

void StringBuilder::AppendSlice(const Array& array, int64_t offset, int64_t length) {
  AppendValidities(array, offset, length);
  for (int64_t i = offset; i < offset + length; ++i) {
    if (array.IsValid(i)) {
      const std::string_view value = array.StringValue(i);
      bytes_.Append(std::as_bytes(std::span(value.data(), value.size())));
    }
    offsets_.push_back(static_cast<int64_t>(bytes_.size()));
  }
}

ArrayPtr StringBuilder::Finish() {
  auto array = NewArray(type_);
  FinishValidity(*array);
  array->offsets = PackOffsets(offsets_, type_->has_large_offsets());
  array->values = std::move(bytes_).Share();
  offsets_.assign(1, 0);
  return array;
}

bool StringBuilder::full() const {
  return !type_->has_large_offsets() && bytes_.size() >= kBuilderBytesMax;
}

size_t StringBuilder::MemoryBytes() const {
  return bytes_.size() + offsets_.size() * sizeof(int64_t) + validity_.size();
}

ListBuilder::ListBuilder(TypePtr type)
    : ArrayBuilder(std::move(type)), items_(MakeBuilder(type_->children[0].type)) {}

void ListBuilder::Append() {
  offsets_.push_back(items_->length());
  OG_CHECK(type_->id != TypeId::kFixedSizeList ||
           items_->length() == (length_ + 1) * type_->list_size);
  AppendValidity(true);
}

void ListBuilder::AppendNull() {
  if (type_->id == TypeId::kFixedSizeList) {
    for (int32_t i = 0; i < type_->list_size; ++i)
      items_->AppendNull();
  }
  offsets_.push_back(items_->length());
  AppendValidity(false);
}

void ListBuilder::AppendSlice(const Array& array, int64_t offset, int64_t length) {
  if (array.null_count == 0 && type_->id == TypeId::kFixedSizeList) {
    const int64_t size = type_->list_size;
    items_->AppendSlice(*array.children[0], (array.offset + offset) * size, length * size);
    for (int64_t i = 1; i <= length; ++i)
      offsets_.push_back(offsets_.back() + size);
    AppendValidities(array, offset, length);
    return;
  }
  for (int64_t i = offset; i < offset + length; ++i) {
    if (array.IsNull(i)) {
      AppendNull();
      continue;
    }
    const bool fixed = type_->id == TypeId::kFixedSizeList;
    const int64_t start = fixed ? (array.offset + i) * type_->list_size : array.OffsetAt(i);
    const int64_t count = fixed ? type_->list_size : array.OffsetAt(i + 1) - start;
    items_->AppendSlice(*array.children[0], start, count);
    Append();
  }
}

ArrayPtr ListBuilder::Finish() {
  auto array = NewArray(type_);
  FinishValidity(*array);
  if (type_->id != TypeId::kFixedSizeList) {
    array->offsets = PackOffsets(offsets_, type_->has_large_offsets());
  }
  array->children.push_back(items_->Finish());
  offsets_.assign(1, 0);
  return array;
}

bool ListBuilder::full() const {
  return items_->full() ||
         (!type_->has_large_offsets() && Size(items_->length()) >= kBuilderBytesMax);
}

size_t ListBuilder::MemoryBytes() const {
  return items_->MemoryBytes() + offsets_.size() * sizeof(int64_t) + validity_.size();
}

StructBuilder::StructBuilder(TypePtr type) : ArrayBuilder(std::move(type)) {
  for (const Field& child : type_->children)
    children_.push_back(MakeBuilder(child.type));
}

void StructBuilder::AppendNull() {
  for (const auto& child : children_)
    child->AppendNull();
  AppendValidity(false);
}

void StructBuilder::AppendSlice(const Array& array, int64_t offset, int64_t length) {
  for (size_t i = 0; i < children_.size(); ++i) {
    children_[i]->AppendSlice(*array.children[i], array.offset + offset, length);
  }
  AppendValidities(array, offset, length);
}

ArrayPtr StructBuilder::Finish() {
  auto array = NewArray(type_);
  FinishValidity(*array);
  for (const auto& child : children_)
    array->children.push_back(child->Finish());
  return array;
}

bool StructBuilder::full() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const auto& child) { return child->full(); });
}

size_t StructBuilder::MemoryBytes() const {
  size_t bytes = validity_.size();
  for (const auto& child : children_)
    bytes += child->MemoryBytes();
  return bytes;
}

std::unique_ptr<ArrayBuilder> MakeBuilder(const TypePtr& type) {
  switch (type->id) {
    case TypeId::kNull:
      return std::make_unique<NullBuilder>();
    case TypeId::kBool:
      return std::make_unique<BoolBuilder>();
    case TypeId::kInt8:
      return std::make_unique<FixedBuilder<int8_t>>(type);
    case TypeId::kInt16:
      return std::make_unique<FixedBuilder<int16_t>>(type);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return std::make_unique<FixedBuilder<int32_t>>(type);
    case TypeId::kInt64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return std::make_unique<FixedBuilder<int64_t>>(type);
    case TypeId::kUint8:
      return std::make_unique<FixedBuilder<uint8_t>>(type);
    case TypeId::kUint16:
    case TypeId::kFloat16:
      return std::make_unique<FixedBuilder<uint16_t>>(type);
    case TypeId::kUint32:
      return std::make_unique<FixedBuilder<uint32_t>>(type);
    case TypeId::kUint64:
      return std::make_unique<FixedBuilder<uint64_t>>(type);
    case TypeId::kFloat32:
      return std::make_unique<FixedBuilder<float>>(type);
    case TypeId::kFloat64:
      return std::make_unique<FixedBuilder<double>>(type);
    case TypeId::kDecimal128:
      return std::make_unique<FixedBuilder<std::array<uint64_t, 2>>>(type);
    case TypeId::kDecimal256:
      return std::make_unique<FixedBuilder<std::array<uint64_t, 4>>>(type);
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
      return std::make_unique<StringBuilder>(type);
    case TypeId::kFixedSizeBinary:
      return std::make_unique<FixedSizeBinaryBuilder>(type);
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kFixedSizeList:
    case TypeId::kMap:
      return std::make_unique<ListBuilder>(type);
    case TypeId::kStruct:
      return std::make_unique<StructBuilder>(type);
    case TypeId::kDictionary:
      return std::make_unique<DictionaryBuilder>(type);
  }
  OG_CHECK(false);
  return nullptr;
}

}  // namespace og::format
